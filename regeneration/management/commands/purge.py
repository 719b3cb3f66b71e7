"""Forget kept answers, of a firm, a prompt version, a rule pack or all, and pages at the CDN."""

import json
import uuid
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from jarvish_regen.access.models import Firm
from regeneration.cache import answer_cache
from regeneration.cache.pages import PagePurgeError, PagesPurged, purge_pages


class Command(BaseCommand):
    help = (
        "Forget kept answers. Other processes forget theirs within a second. "
        "Example: ./jarvish manage purge --prompt-version 7 --dry-run"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--firm", metavar="SLUG", help="only this firm's, by its short name or id")
        parser.add_argument("--prompt-version", metavar="VERSION", help="only those made with this prompt version")
        parser.add_argument("--pack", metavar="SHA256", help="only those checked against this rule pack")
        parser.add_argument("--all", action="store_true", help="everything; said, so that nobody does it by omission")
        parser.add_argument("--pages", action="store_true", help="the public pages at the CDN too")
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = [options["firm"], options["prompt_version"], options["pack"]]
        if not any(chosen) and not options["all"] and not options["pages"]:
            raise CommandError("Say what to forget: --firm, --prompt-version, --pack, --pages or --all.", returncode=2)
        if options["all"] and any(chosen):
            raise CommandError("--all forgets everything; leave out what narrows it.", returncode=2)
        figures: dict[str, Any] = {"dry_run": options["dry_run"]}
        if any(chosen) or options["all"]:
            purged = answer_cache().purge(
                firm_id=_firm_id(options["firm"]) if options["firm"] else None,
                prompt_version=options["prompt_version"],
                pack_sha256=options["pack"],
                dry_run=options["dry_run"],
            )
            figures |= {"answers": purged.shared, "reached": purged.is_reached}
        if options["pages"]:
            pages = _pages(dry_run=options["dry_run"])
            figures |= {"pages": pages.pages, "pages_sent": pages.is_sent}
        if options["json"]:
            self.stdout.write(json.dumps(figures))
        else:
            self.stdout.write("  ".join(f"{name} {value}" for name, value in figures.items()))
        if figures.get("reached") is False:
            raise CommandError("Valkey is away: nothing was forgotten.", returncode=1)


def _pages(*, dry_run: bool) -> PagesPurged:
    try:
        return purge_pages(tags=settings.CDN_PAGE_TAGS, dry_run=dry_run)
    except PagePurgeError as error:
        raise CommandError(f"{error}: {', '.join(error.given)}", returncode=1) from error


def _firm_id(given: str) -> uuid.UUID:
    firm = Firm.objects.filter(slug=given).first()
    if firm is not None:
        return firm.id
    try:
        return Firm.objects.get(id=uuid.UUID(given)).id
    except (ValueError, Firm.DoesNotExist) as error:
        raise CommandError(f"There is no firm {given!r}.", returncode=2) from error
