"""Drafts from a file: the same checks as over the API, a line number for whatever is wrong."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jarvish_regen.content.models import ContentItem
from tests.factories import FAULTY_TEXT, AdvisorProfileFactory, FirmFactory, MembershipFactory

pytestmark = pytest.mark.django_db


def _import(*arguments: object) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("import_content", *map(str, arguments), stdout=out, stderr=err)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def _file(tmp_path: Path, *lines: Any) -> tuple[Path, str]:
    profile = AdvisorProfileFactory()
    MembershipFactory(firm=profile.firm)
    path = tmp_path / "drafts.jsonl"
    good = {
        "text": FAULTY_TEXT,
        "channel": "whatsapp",
        "language": "en",
        "external_id": "a",
        "advisor_email": profile.user.email,
    }
    path.write_bytes(
        b"\n".join(line if isinstance(line, bytes) else json.dumps({**good, **line}).encode() for line in lines)
    )
    return path, profile.firm.slug


def test_good_lines_come_in_and_bad_ones_are_named_with_their_line(tmp_path: Path) -> None:
    path, slug = _file(
        tmp_path,
        {},
        b"",
        b"{",
        {"channel": "fax", "external_id": "b"},
        b'{"text": "a\\u0000"}',
        {"external_id": "c"},
        b"\xff",
    )

    code, out, err = _import(path, "--firm", slug)

    assert (code, out.strip()) == (1, "2 created, 0 known, 4 refused")
    assert [line.split(":")[0] for line in err.splitlines() if line] == ["line 3", "line 4", "line 5", "line 7"]
    assert ContentItem.objects.count() == 2


def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    path, slug = _file(tmp_path, {}, {"external_id": "b"})
    _import(path, "--firm", slug)

    code, out, _err = _import(path, "--firm", slug, "--json")

    assert (code, json.loads(out)) == (0, {"created": 0, "known": 2, "refused": 0, "dry_run": False, "errors": []})
    assert ContentItem.objects.count() == 2


def test_a_rehearsal_keeps_nothing(tmp_path: Path) -> None:
    path, slug = _file(tmp_path, {})

    code, out, _err = _import(path, "--firm", slug, "--dry-run")

    assert (code, out.startswith("1 created"), ContentItem.objects.count()) == (0, True, 0)


def test_wrong_usage_is_two(tmp_path: Path) -> None:
    path, slug = _file(tmp_path, {})
    FirmFactory()
    for arguments in ([path], [path, "--firm", "nobody"], [tmp_path / "missing.jsonl", "--firm", slug]):
        with pytest.raises(CommandError) as refused:
            _import(*arguments)
        assert refused.value.returncode == 2
