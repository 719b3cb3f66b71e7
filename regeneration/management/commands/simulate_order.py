"""Try an order of fallback rungs on history."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from jarvish_regen.errors import JarvishError
from regeneration.fallbacks.simulation import SIMULATED_SINCE_DAYS, draft_order, simulate_order
from regeneration.models import FailureReason


class Command(BaseCommand):
    """Draft an order, replay it on stored attempts beside the live one, and print both. It does not go live."""

    help = (
        "Simulate an order of rungs on stored attempts. Example: "
        "manage.py simulate_order timeout repair similar template library default --days 14 --json"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reason", choices=FailureReason.values)
        parser.add_argument("rungs", nargs="+", help="best first")
        parser.add_argument("--days", type=int, default=SIMULATED_SINCE_DAYS)
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: object, **options: Any) -> None:
        try:
            order = draft_order(reason=options["reason"], rungs=options["rungs"])
            figures = simulate_order(order=order, since=timezone.now() - timedelta(days=options["days"]))
        except JarvishError as error:
            raise CommandError(error.detail, returncode=2) from error
        if options["json"]:
            self.stdout.write(json.dumps({"id": str(order.id), **figures}, ensure_ascii=False))
            return
        self.stdout.write(
            f"{figures['attempts']} attempts since {figures['since']}, {figures['changed']} answered otherwise."
        )
        for name in ("this", "live"):
            one = figures[name]
            self.stdout.write(
                f"{name}: {one['used_as_stood']} of {one['judged']} winners used as they stood ({one['share']:.1%}); "
                f"by rung {one['by_rung']}, {one['without_answer']} without an answer"
            )
