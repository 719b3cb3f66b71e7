"""`manage.py regenerate`: one text from the shell, its version, diff and ledger."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db
TEXT = "Start a SIP this month. Is plan mein 15% guaranteed return milega. Talk to your family about the goal.\n"
PROMISE = "Is plan mein 15% guaranteed return milega."


@pytest.fixture
def draft(tmp_path: Path) -> str:
    path = tmp_path / "draft.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


def _run(*arguments: str) -> str:
    out = StringIO()
    call_command("regenerate", *arguments, stdout=out)
    return out.getvalue()


def test_the_better_text_comes_with_diff_issues_and_ledger(draft: str) -> None:
    issue = f"guaranteed_returns_claim={PROMISE}"

    shown = json.loads(_run("--text", draft, "--feedback", "No promises.", "--issue", issue, "--json"))

    assert (shown["state"], shown["rung"], shown["is_valid"]) == ("answered", "repair", True)
    assert "guaranteed" not in shown["text"]
    assert "".join(piece["text"] for piece in shown["diff"] if piece["kind"] != "ins") == TEXT.rstrip("\n")
    assert "".join(piece["text"] for piece in shown["diff"] if piece["kind"] != "del") == shown["text"]
    assert [(entry["code"], entry["status"]) for entry in shown["resolutions"]] == [
        ("guaranteed_returns_claim", "checked")
    ]
    assert [candidate["rung"] for candidate in shown["ledger"]["candidates"]] == ["repair"]


def test_people_read_it_in_words(draft: str) -> None:
    said = _run("--text", draft, "--feedback", "No promises.", "--issue", f"guaranteed_returns_claim={PROMISE}")

    assert said.startswith("answered by repair")
    assert "[-" in said
    assert "Ledger" in said


def test_what_rules_cannot_mend_is_said_and_ends_with_one(draft: str) -> None:
    sound = Path(draft)
    sound.write_text("Start small and stay with it.\n\nARN-123456", encoding="utf-8")

    with pytest.raises(CommandError) as refused:
        _run("--text", draft, "--feedback", "Too thin.", "--category", "length_issue", "--issue", "too_short")

    assert refused.value.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--issue", "nonsense"], "nonsense"),
        (["--issue", "too_salesy=words that are not there"], "words that are not there"),
    ],
)
def test_wrong_usage_names_what_was_given(draft: str, arguments: list[str], named: str) -> None:
    with pytest.raises(CommandError, match=named) as refused:
        _run("--text", draft, "--feedback", "x", *arguments)

    assert refused.value.returncode == 2


def test_a_file_that_is_not_there_or_empty_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("  \n", encoding="utf-8")

    for name in ("absent.txt", "empty.txt"):
        with pytest.raises(CommandError) as refused:
            _run("--text", str(tmp_path / name), "--feedback", "x")
        assert refused.value.returncode == 2
