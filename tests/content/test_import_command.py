"""`manage.py import_content` as an operator runs it: a process, a file, an exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from jarvish_regen.content.models import ContentItem
from tests.factories import FAULTY_TEXT, FLAWLESS_TEXT, AdvisorProfileFactory, MembershipFactory

# The process is another one: it sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def slug(tmp_path: Path) -> str:
    """Return the short name of a firm with an advisor, and lay a file of its drafts into tmp_path."""
    profile = AdvisorProfileFactory()
    MembershipFactory(firm=profile.firm)
    good = {"channel": "whatsapp", "language": "en", "advisor_email": profile.user.email}
    lines = [
        json.dumps({**good, "text": FAULTY_TEXT, "external_id": "crm-1"}),
        json.dumps({**good, "text": FLAWLESS_TEXT, "external_id": "crm-2", "channel": "email"}),
        "",
        json.dumps({**good, "text": FLAWLESS_TEXT, "external_id": "crm-3", "channel": "fax"}),
        '{"text": "cut off',
        json.dumps({**good, "text": "नियमित बचत कीजिए।", "external_id": "crm-4", "language": "hi"}, ensure_ascii=False),
        json.dumps({**good, "text": FLAWLESS_TEXT, "external_id": "crm-5", "advisor_email": "nobody@firm.example"}),
    ]
    (tmp_path / "mixed.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "good.jsonl").write_text("\n".join((lines[0], lines[1], lines[5])), encoding="utf-8")
    return profile.firm.slug


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, on this test's database."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    return subprocess.run(
        [sys.executable, settings.BASE_DIR / "manage.py", "import_content", *map(str, arguments)],
        env={**os.environ, "DATABASE_URL": database.geturl()},
        capture_output=True,
        text=True,
        check=False,
    )


def figures(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the one line of JSON that a run prints."""
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_a_file_with_bad_lines_comes_in_as_far_as_it_is_good(slug: str, tmp_path: Path) -> None:
    ended = run(tmp_path / "mixed.jsonl", "--firm", slug, "--json")

    said = figures(ended)
    assert ended.returncode == 1
    assert (said["created"], said["known"], said["refused"], said["dry_run"]) == (3, 0, 3, False)
    assert [entry["line"] for entry in said["errors"]] == [4, 5, 7]
    channel, _cut_off, advisor = (entry["errors"][0] for entry in said["errors"])
    assert (channel["field"], channel["given"], "whatsapp" in channel["allowed"]) == ("channel", "fax", True)
    assert advisor["field"] == "advisor_email"
    stored = ContentItem.objects.order_by("external_id").values_list("external_id", "state")
    assert list(stored) == [("crm-1", "in_review"), ("crm-2", "in_review"), ("crm-4", "in_review")]


def test_the_same_file_twice_is_known_the_second_time(slug: str, tmp_path: Path) -> None:
    first = run(tmp_path / "good.jsonl", "--firm", slug, "--json")
    second = run(tmp_path / "good.jsonl", "--firm", slug, "--json")

    assert (first.returncode, second.returncode) == (0, 0)
    assert figures(first) == {"created": 3, "known": 0, "refused": 0, "dry_run": False, "errors": []}
    assert figures(second) == {"created": 0, "known": 3, "refused": 0, "dry_run": False, "errors": []}
    assert ContentItem.objects.count() == 3


def test_for_people_refused_lines_are_named_and_no_file_is_wrong_usage(slug: str, tmp_path: Path) -> None:
    mixed = run(tmp_path / "mixed.jsonl", "--firm", slug)
    missing = run(tmp_path / "nothing.jsonl", "--firm", slug)

    assert (mixed.returncode, mixed.stdout.strip()) == (1, "3 created, 0 known, 3 refused")
    assert [line.split(":")[0] for line in mixed.stderr.splitlines() if line.startswith("line ")] == [
        "line 4",
        "line 5",
        "line 7",
    ]
    assert missing.returncode == 2
    assert "Traceback" not in missing.stderr
    assert "nothing.jsonl" in missing.stderr
