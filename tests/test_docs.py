"""The documents say what the code does: a page that lies fails here."""

import re
from pathlib import Path

import pytest

from jarvish_regen.journal.services import DomainEvent, listeners

ROOT = Path(__file__).resolve().parent.parent
LOOP = (ROOT / "docs/loop.md").read_text(encoding="utf-8")


def _all_events(base: type[DomainEvent] = DomainEvent) -> set[type[DomainEvent]]:
    return {found for event in base.__subclasses__() for found in ({event} | _all_events(event))}


def test_loop_page_lists_every_event_and_no_other() -> None:
    listed = set(re.findall(r"^\| \d \| `([a-z.]+)`", LOOP, re.MULTILINE))

    assert listed == {event.kind for event in _all_events()}


def test_loop_page_names_everybody_who_listens() -> None:
    rows = dict(re.findall(r"^\| \d \| `([a-z.]+)` \|.*?\|(.*)\|$", LOOP, re.MULTILINE))

    for event, names in listeners().items():
        for name in names:
            assert name in rows[event.kind]


@pytest.mark.parametrize(
    "page", sorted(path.relative_to(ROOT).as_posix() for path in [ROOT / "README.md", *ROOT.glob("docs/*.md")])
)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    path = ROOT / page
    broken = [
        link
        for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text(encoding="utf-8"))
        if not (path.parent / link).exists()
    ]

    assert broken == []


def test_publishers_named_on_the_loop_page_exist() -> None:
    from importlib import import_module

    for name in re.findall(r"^\| \d \| `[a-z.]+` \| `([a-z_.]+)` \|", LOOP, re.MULTILINE):
        module, _, function = name.rpartition(".")
        target = import_module(name) if function == "services" else getattr(import_module(module), function)
        assert target is not None
