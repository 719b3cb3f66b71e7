"""Bring drafts in from a file of JSON lines, the same way as the API does."""

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from rest_framework.exceptions import APIException, ValidationError

from jarvish_regen.access.models import Firm, Membership, Role
from jarvish_regen.access.policy import Viewer
from jarvish_regen.api.parsers import read_json
from jarvish_regen.api.replies import misshapen, refusal, shaped
from jarvish_regen.content.api.serializers import DraftSerializer
from jarvish_regen.content.services import receive_drafts
from jarvish_regen.errors import JarvishError

LINE_MAX_BYTES: Final = 1_000_000
_SAID_EVERY_LINES: Final = 25


class _Undo(Exception):  # noqa: N818  # the way out of a rehearsal
    """Leave the transaction of a dry run without keeping anything."""


class Command(BaseCommand):
    """Import drafts. Running it again changes nothing for lines with an external id."""

    help = (
        "Import drafts from JSON lines with the fields of POST /api/v1/content. "
        "Example: manage.py import_content drafts.jsonl --firm asha-funds. Exit codes: 0 all in, 1 some lines "
        "refused, 2 wrong usage."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.jsonl")
        parser.add_argument(
            "--firm", metavar="SLUG", help="whose drafts these are; needed when there are several firms"
        )
        parser.add_argument("--json", action="store_true", help="print the figures and refused lines as JSON")
        parser.add_argument("--dry-run", action="store_true", help="check every line and keep nothing")

    def handle(self, *args: object, file: Path, firm: str | None, json: bool, dry_run: bool, **options: object) -> None:
        viewer = _viewer_of(firm)
        counts: Counter[str] = Counter()
        refused: list[dict[str, Any]] = []
        try:
            with file.open("rb") as lines:
                if dry_run:
                    _rehearse(lines, viewer, counts, refused)
                else:
                    _take_in(lines, viewer, counts, refused)
        except OSError as error:
            raise CommandError(f"cannot read {file}: {error.strerror}", returncode=2) from error
        self._say(counts, refused, as_json=json, dry_run=dry_run)
        if refused:
            sys.exit(1)

    def _say(self, counts: Counter[str], refused: list[dict[str, Any]], *, as_json: bool, dry_run: bool) -> None:
        figures = {name: counts[name] for name in ("created", "known", "refused")}
        if as_json:
            self.stdout.write(json.dumps({**figures, "dry_run": dry_run, "errors": refused}, ensure_ascii=False))
            return
        for entry in refused:
            for error in entry["errors"]:
                where = f" {error['field']}:" if error["field"] else ""
                self.stderr.write(f"line {entry['line']}:{where} {error['detail']}")
        kept = " (dry run: nothing kept)" if dry_run else ""
        self.stdout.write(f"{figures['created']} created, {figures['known']} known, {figures['refused']} refused{kept}")


def _viewer_of(slug: str | None) -> Viewer:
    firms = list(Firm.objects.filter(slug=slug) if slug else Firm.objects.all()[:2])
    if len(firms) != 1:
        known = ", ".join(Firm.objects.order_by("slug").values_list("slug", flat=True)[:20]) or "none yet"
        raise CommandError(f"name one firm with --firm; there are: {known}", returncode=2)
    admin = Membership.objects.filter(firm=firms[0], role=Role.FIRM_ADMIN).order_by("id").first()
    if admin is None:
        raise CommandError(f"{firms[0].slug} has no administrator in whose name drafts could come in", returncode=2)
    return Viewer(admin.user_id, firms[0].id, Role.FIRM_ADMIN)


def _rehearse(lines: Iterator[bytes], viewer: Viewer, counts: Counter[str], refused: list[dict[str, Any]]) -> None:
    try:
        with transaction.atomic():
            _take_in(lines, viewer, counts, refused)
            raise _Undo
    except _Undo:
        return


def _take_in(lines: Iterator[bytes], viewer: Viewer, counts: Counter[str], refused: list[dict[str, Any]]) -> None:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        status, errors = _take_line(line, viewer)
        counts[status] += 1
        if errors:
            refused.append({"line": number, "errors": errors})
        if sys.stderr.isatty() and number % _SAID_EVERY_LINES == 0:
            sys.stderr.write(f"\r{number} lines …")
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")


def _take_line(line: bytes, viewer: Viewer) -> tuple[str, list[dict[str, Any]]]:
    given: Any = None
    try:
        if len(line) > LINE_MAX_BYTES:
            return "refused", [
                {
                    "field": None,
                    "detail": f"The line has {len(line)} bytes; at most {LINE_MAX_BYTES} are taken.",
                    "code": "too_large",
                }
            ]
        given = read_json(line)
        arrival = receive_drafts(viewer=viewer, drafts=[DraftSerializer.draft(shaped(DraftSerializer, given))])[0]
    except ValidationError as error:
        return "refused", misshapen(error, given)["errors"]
    except JarvishError as error:
        return "refused", refusal(error)["errors"]
    except APIException as error:
        return "refused", [{"field": None, "detail": str(error.detail), "code": "parse_error"}]
    return arrival.status, refusal(arrival.error)["errors"] if arrival.error else []
