"""Report how far the quality score is to be trusted."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from regeneration.fallbacks.confidence import HISTORY_DAYS
from regeneration.reliability import ENOUGH, graded_verdicts, reliability


class Command(BaseCommand):
    """Print the reliability curve of the quality score: grades against answers approved as they stood."""

    help = "Report how grades compare with what was approved. Example: manage.py quality_report --days 30 --json"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=HISTORY_DAYS, help="how far back (default: %(default)s)")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: object, **options: Any) -> None:
        found = reliability(graded_verdicts(timezone.now() - timedelta(days=options["days"])))
        if options["json"]:
            bins = [{**asdict(one), "share": round(one.share, 4)} for one in found.bins]
            figures = {**asdict(found), "bins": bins, "is_enough": found.is_enough, "enough": ENOUGH}
            self.stdout.write(json.dumps(figures))
            return
        if not found.is_enough:
            self.stdout.write(
                f"{found.count} verdicts in {options['days']} days: too few to say how far the score can be trusted "
                f"({ENOUGH} are the least)."
            )
        self.stdout.write("grade     answers  approved as they stood (90 % interval)")
        for one in found.bins:
            share = f"{one.share:6.1%} ({one.share_low:.0%} to {one.share_high:.0%})" if one.count else "     –"
            self.stdout.write(f"{one.low:3d}-{one.high:3d}  {one.count:8d}  {share}")
        if found.brier is not None and found.calibration_error is not None:
            self.stdout.write(f"Brier score {found.brier:.3f}, calibration error {found.calibration_error:.3f}.")
