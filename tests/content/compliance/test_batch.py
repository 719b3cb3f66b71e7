"""Checking files of texts."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from jarvish_regen.content.compliance.batch import check_lines

_ROW = {
    "id": "a1",
    "text": "Guaranteed returns for all.",
    "channel": "whatsapp",
    "language": "en",
    "registrant_type": "MFD",
    "registration_no": None,
}


def _checked(*lines: str) -> tuple[list[dict[str, object]], list[tuple[int, str]]]:
    out: list[str] = []
    summary = check_lines(lines, out.append)
    return [json.loads(line) for line in out], [(bad.line, bad.reason) for bad in summary.bad_lines]


def test_result_has_the_contract_shape() -> None:
    ((result,), bad) = _checked(json.dumps(_ROW | {"audience": "unknown field"}))

    assert bad == []
    assert (result["id"], result["compliant"], result["band"]) == ("a1", False, "amber")
    claim = next(f for f in result["findings"] if f["rule"] == "PCL-01")  # type: ignore[attr-defined]
    assert set(claim) == {"rule", "code", "severity", "span", "start", "end", "message"}
    assert (claim["code"], claim["severity"], claim["start"], claim["end"]) == (
        "guaranteed_returns_claim",
        "critical",
        0,
        10,
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{broken", "not valid JSON"),
        ("[1]", "a JSON object is expected"),
        (json.dumps(_ROW | {"id": None}), "'id' must be"),
        (json.dumps(_ROW | {"text": 5}), "'text' must be a text"),
        (json.dumps(_ROW | {"text": "x" * 20_001}), "at most 20,000"),
        (json.dumps(_ROW | {"text": "a\ud800"}), "surrogate"),
        (json.dumps(_ROW | {"language": "ta"}), "'language' must be one of en, hi, mr, hinglish"),
        (json.dumps(_ROW | {"registrant_type": "CA"}), "'registrant_type' must be one of MFD, RIA"),
        (json.dumps(_ROW | {"registration_no": 12}), "'registration_no' must be a text or null"),
    ],
)
def test_bad_line_is_named_and_the_others_are_checked(line: str, reason: str) -> None:
    results, bad = _checked(line, "", json.dumps(_ROW | {"id": "good"}))

    assert [result["id"] for result in results] == ["good"]
    assert [number for number, _ in bad] == [1]
    assert reason in bad[0][1]


def test_an_id_is_checked_once() -> None:
    results, bad = _checked(json.dumps(_ROW), json.dumps(_ROW))

    assert (len(results), bad) == (1, [(2, "the id 'a1' was used before")])


def test_unknown_channel_and_masked_names_are_fine() -> None:
    row = _ROW | {"text": "Dear {{client_name}}, good morning. ARN-104233", "channel": "market_update"}

    ((result,), bad) = _checked(json.dumps(row))

    assert (result["findings"], bad) == ([], [])


def test_command_writes_results_and_a_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps(_ROW) + "\n", encoding="utf-8")

    call_command("check_content", input=source, output=target, json=True)

    assert json.loads(target.read_text(encoding="utf-8"))["id"] == "a1"
    assert json.loads(capsys.readouterr().out)["checked"] == 1


def test_command_says_which_lines_were_bad_and_ends_with_one(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("{broken\n" + json.dumps(_ROW) + "\n", encoding="utf-8")

    with pytest.raises(CommandError) as caught:
        call_command("check_content", input=source, output=target)

    assert caught.value.returncode == 1
    assert len(target.read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.parametrize("fault", ["no input", "no folder", "not utf-8", "same file"])
def test_wrong_usage_writes_nothing_and_ends_with_two(tmp_path: Path, fault: str) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b"\xff\xfe\n" if fault == "not utf-8" else json.dumps(_ROW).encode())
    if fault == "no input":
        source.unlink()
    target = {"no folder": tmp_path / "none" / "out.jsonl", "same file": source}.get(fault, target)
    before = sorted(tmp_path.iterdir())

    with pytest.raises(CommandError) as caught:
        call_command("check_content", input=source, output=target)

    assert caught.value.returncode == 2
    assert sorted(tmp_path.iterdir()) == before
