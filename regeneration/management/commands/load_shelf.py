"""Put the shipped templates, library and defaults into the database."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from regeneration.fallbacks.files import ShelfFileError
from regeneration.fallbacks.loading import load_files


class Command(BaseCommand):
    """Load what the files have and the database has not; migrating does the same."""

    help = "Load the shipped templates, library texts, safe defaults and orders. Example: manage.py load_shelf --json"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: object, **options: Any) -> None:
        try:
            loaded = load_files()
        except ShelfFileError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(asdict(loaded)))
        else:
            self.stdout.write(f"{loaded.written} rows written, {loaded.retired} taken out of use.")
