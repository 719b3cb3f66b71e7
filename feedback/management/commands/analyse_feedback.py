"""Analyse the messages of a JSON lines file."""

import json
import os
import sys
import tempfile
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from feedback.analysis.artefact import ArtefactError
from feedback.analysis.batch import analyse_lines

_EXAMPLE = """
example:
  ./jarvish manage analyse_feedback --input notes.jsonl --output analyses.jsonl

input, one object a line:
  {"id": "a1", "text": "disclaimer gayab hai", "category": "compliance_violation"}
  category is what the person picked; it may be missing or null; unknown fields are ignored.
output, one object a line:
  {"id": "a1", "primary_category": "compliance_violation", "categories": [{"code", "probability"}],
   "issues": [{"code", "span", "probability"}], "sentiment": "negative", "sentiment_score": -0.9,
   "emotion": "concerned", "urgency": "medium", "language": "hinglish", "confident": true}

exit codes:
  0 all lines analysed
  1 some lines could not be read (the others are written)
  2 wrong usage (nothing is written)
"""


class Command(BaseCommand):
    """Read messages, write what they mean."""

    help = "Analyse the messages of a JSON lines file."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own declaration is not a ClassVar

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, epilog=_EXAMPLE, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--input", required=True, type=Path, help="JSON lines to analyse")
        parser.add_argument(
            "--output", required=True, type=Path, help="where the results go; replaced only when all is written"
        )
        parser.add_argument("--json", action="store_true", help="print the summary as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        source: Path = options["input"]
        target: Path = options["output"]
        if not source.is_file():
            raise CommandError(f"there is no file {source}", returncode=2)
        if not target.parent.is_dir():
            raise CommandError(f"there is no folder {target.parent}", returncode=2)
        if target.is_dir() or (target.exists() and target.samefile(source)):
            raise CommandError(f"{target} cannot be the output", returncode=2)
        is_terminal = sys.stderr.isatty() and not options["json"]

        def progress(count: int) -> None:
            if is_terminal:
                self.stderr.write(f"\r{count:,} analysed", ending="")
                self.stderr.flush()

        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        written = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out, source.open(encoding="utf-8") as lines:
                summary = analyse_lines(lines, out.write, progress=progress)
            written.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o644)
            written.replace(target)
        except UnicodeDecodeError as error:
            raise CommandError(f"{source} is not UTF-8: {error.reason}", returncode=2) from error
        except (OSError, ArtefactError) as error:
            raise CommandError(str(error), returncode=2) from error
        finally:
            written.unlink(missing_ok=True)
        if is_terminal:
            self.stderr.write("\r", ending="")
        for bad in summary.bad_lines:
            self.stderr.write(str(bad))
        if options["json"]:
            self.stdout.write(json.dumps({
                "analysed": summary.analysed,
                "confident": summary.confident,
                "bad_lines": [
                    {"line": bad.line, "field": bad.field, "given": bad.given, "allowed": bad.allowed}
                    for bad in summary.bad_lines
                ],
            }))  # fmt: skip
        else:
            self.stdout.write(f"{summary.analysed:,} analysed, {summary.confident:,} of them sure")
        if summary.bad_lines:
            raise CommandError(f"{len(summary.bad_lines)} of the lines could not be analysed", returncode=1)
