"""Go back to the model that was in use before."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jarvish_regen.errors import ConflictError
from learning.lifecycle.trial import roll_back


class Command(BaseCommand):
    help = (
        "Put the model that reads feedback in use again that the present one replaced. Processes follow within 10 "
        'seconds. Example: ./jarvish manage rollback_model --reason "calls every Marathi note a tone problem". '
        "Exit codes: 0 done, 1 there is none to go back to, 2 wrong usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", required=True, help="why; kept with the model")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["reason"].strip():
            raise CommandError("Say why.", returncode=2)
        try:
            version = roll_back(reason=options["reason"])
        except ConflictError as error:
            raise CommandError(str(error.detail), returncode=1) from error
        if options["json"]:
            self.stdout.write(json.dumps({"model": version.name, "state": version.state, "why": version.why}))
        else:
            self.stdout.write(f"{version.name} is in use")
