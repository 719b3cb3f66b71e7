"""Check texts of a JSON lines file against the compliance rules."""

import json
import os
import sys
import tempfile
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jarvish_regen.content.compliance.batch import check_lines
from jarvish_regen.content.compliance.pack import PackError

_EXAMPLE = """
example:
  ./jarvish manage check_content --input drafts.jsonl --output findings.jsonl

input, one object a line:
  {"id": "a1", "text": "Start a SIP.", "channel": "whatsapp", "language": "en",
   "registrant_type": "MFD", "registration_no": "ARN-123456"}
  registration_no may be null; content_class is derived from the text when it is missing;
  unknown fields are ignored. Lines with a label ("compliant": true or false, "violations": [{"code"}])
  are also counted: recall and false alarms, by language, origin and code (all with --json).
output, one object a line:
  {"id": "a1", "compliant": false, "risk_score": 65, "band": "amber",
   "findings": [{"rule", "code", "severity", "span", "start", "end", "message"}]}

exit codes:
  0 all lines checked
  1 some lines could not be read (the others are written)
  2 wrong usage (nothing is written)
"""


class Command(BaseCommand):
    """Read texts, write findings."""

    help = "Check texts of a JSON lines file against the compliance rules."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own declaration is not a ClassVar

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, epilog=_EXAMPLE, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--input", required=True, type=Path, help="JSON lines to check")
        parser.add_argument(
            "--output", required=True, type=Path, help="where the results go; replaced only when all is written"
        )
        parser.add_argument(
            "--profile", choices=["core", "strict"], default="core", help="which rules apply (default: core)"
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
            if is_terminal and count % 20 == 0:
                self.stderr.write(f"\r{count:,} checked", ending="")
                self.stderr.flush()

        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        written = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out, source.open(encoding="utf-8") as lines:
                summary = check_lines(lines, out.write, profile=options["profile"], progress=progress)
            written.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o644)
            written.replace(target)
        except UnicodeDecodeError as error:
            raise CommandError(f"{source} is not UTF-8: {error.reason}", returncode=2) from error
        except (OSError, PackError) as error:
            raise CommandError(str(error), returncode=2) from error
        finally:
            written.unlink(missing_ok=True)
        if is_terminal:
            self.stderr.write("\r", ending="")
        for bad in summary.bad_lines:
            self.stderr.write(str(bad))
        if options["json"]:
            self.stdout.write(json.dumps({
                "checked": summary.checked,
                "compliant": summary.compliant,
                "bands": summary.bands,
                "bad_lines": [{"line": bad.line, "reason": bad.reason} for bad in summary.bad_lines],
                "profile": options["profile"],
                "pack_version": summary.pack_version,
                "pack_sha256": summary.pack_sha256,
                "figures": summary.figures,
            }))  # fmt: skip
        else:
            bands = ", ".join(f"{count} {band}" for band, count in summary.bands.items())
            self.stdout.write(
                f"{summary.checked:,} checked: {summary.compliant:,} compliant ({bands}); profile {options['profile']}"
            )
            if summary.figures:
                for name in ("recall", "false_alarms"):
                    figure: Any = summary.figures[name]
                    low, high = figure["interval"] or (0.0, 1.0)
                    self.stdout.write(
                        f"{name.replace('_', ' ')} {figure['hits']} of {figure['total']} ({low:.2f} to {high:.2f})"
                    )
        if summary.bad_lines:
            raise CommandError(f"{len(summary.bad_lines)} of the lines could not be checked", returncode=1)
