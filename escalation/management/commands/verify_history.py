"""Check that the record holds."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand

from escalation.history import verify


class Command(BaseCommand):
    """Exit 0 when every promise holds on the stored record, 1 when one does not."""

    help = (
        "Check the stored record: the audit chain is gapless and unchanged, every draft's state is legal and "
        "explained, no attempt wrote twice, what was accepted has settled.\n\n"
        "Example: manage.py verify_history --json"
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print it as JSON")
        parser.add_argument("--running", action="store_true", help="work goes on: attempts may still be open")

    def handle(self, *args: object, **options: Any) -> None:
        verdict = verify(is_quiet=not options["running"])
        if options["json"]:
            self.stdout.write(json.dumps(verdict.as_json(), ensure_ascii=False, indent=2))
        else:
            self.stdout.write(
                f"{verdict.items} drafts, {verdict.versions} versions, {verdict.attempts} attempts, "
                f"{verdict.audit_entries} audit entries, {verdict.events} events"
            )
            for violation in verdict.violations:
                self.stdout.write(f"  {violation.promise}: {violation.subject}: {violation.problem}")
            self.stdout.write(
                "The record holds." if not verdict.violations else f"{len(verdict.violations)} violations."
            )
        if verdict.violations:
            raise SystemExit(1)
