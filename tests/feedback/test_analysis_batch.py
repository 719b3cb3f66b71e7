"""analyse_feedback reads JSON lines, answers the good ones, and names what is wrong with the others."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

KEYS = {
    *("id", "primary_category", "categories", "issues", "sentiment", "sentiment_score", "emotion", "urgency"),
    *("language", "confident"),
}


def run(tmp_path: Path, lines: list[str], *args: str) -> tuple[int, list[dict[str, Any]], str, str]:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(lines), encoding="utf-8")
    out, err = io.StringIO(), io.StringIO()
    code = 0
    try:
        call_command("analyse_feedback", "--input", str(source), "--output", str(target), *args, stdout=out, stderr=err)
    except CommandError as error:
        code = error.returncode
    written = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()] if target.exists() else []
    return code, written, out.getvalue(), err.getvalue()


def test_every_message_is_answered_in_order(tmp_path: Path) -> None:
    lines = [json.dumps({"id": at, "text": f"disclaimer missing in post {at}", "extra": 1}) for at in range(40)]

    code, written, out, _ = run(tmp_path, [*lines, ""], "--json")

    assert code == 0
    assert [row["id"] for row in written] == list(range(40))
    assert {frozenset(row) for row in written} == {frozenset(KEYS)}
    assert written[0]["primary_category"] == "compliance_violation"
    assert json.loads(out)["analysed"] == 40


def test_the_pick_is_weighed(tmp_path: Path) -> None:
    text = "this does not work for me"

    _, written, _, _ = run(
        tmp_path,
        [json.dumps({"id": pick, "text": text, "category": pick}) for pick in ("length_issue", "brand_violation")],
    )

    assert [row["primary_category"] for row in written] == ["length_issue", "brand_violation"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("not json", "line 2: line: given 'not json'; allowed: a JSON object"),
        ("[1]", "line 2: line: given [1]; allowed: a JSON object"),
        ('{"text": "x"}', "line 2: id: given None; allowed: a text or a whole number"),
        ('{"id": "a", "text": "x"}', "line 2: id: given 'a'; allowed: an id that no line before has"),
        ('{"id": "b", "text": 5}', "line 2: text: given 5; allowed: a text"),
        ('{"id": "b", "text": "\\ud800"}', "line 2: text: given 'half of a surrogate pair'; allowed: whole characters"),
        ('{"id": "b", "text": "x", "category": "grammar"}', "line 2: category: given 'grammar'; allowed: compliance"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_written(tmp_path: Path, line: str, said: str) -> None:
    code, written, _, err = run(tmp_path, ['{"id": "a", "text": "too long"}', line])

    assert code == 1
    assert said in err
    assert [row["id"] for row in written] == ["a"]


def test_wrong_usage_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="there is no file") as failed:
        call_command("analyse_feedback", "--input", str(tmp_path / "no"), "--output", str(tmp_path / "out"))

    assert failed.value.returncode == 2
    assert list(tmp_path.iterdir()) == []
