"""A pack that is wrong in any way is refused with line, rule and reason."""

from pathlib import Path

import pytest

from jarvish_regen.content.compliance.pack import RULES_PATH, PackError, current_pack, load_pack, parse_pack

_SHIPPED = RULES_PATH.read_text(encoding="utf-8")


def _line_of(text: str, after: str, within: str = "") -> int:
    start = within.index(after) if within else _SHIPPED.index(after)
    return (within or _SHIPPED).count("\n", 0, (within or _SHIPPED).index(text, start)) + 1


def _in_rule(rule: str, old: str, new: str) -> str:
    at = _SHIPPED.index(f"- id: {rule}\n")
    place = _SHIPPED.index(old, at)
    return _SHIPPED[:place] + new + _SHIPPED[place + len(old) :]


@pytest.mark.parametrize(
    ("rule", "old", "new", "reason"),
    [
        ("PCL-02", "kind: forbid_pattern", "kind: forbid_patern", "unknown kind 'forbid_patern'"),
        ("PCL-02", "severity: critical", "severity: grave", "unknown severity 'grave'"),
        ("PRV-03", "channels: [whatsapp, sms, email]", "channels: [whatsapp, fax]", "unknown channel 'fax'"),
        ("PCL-02", "{B}results?", "{BB}results?", "unknown macro {BB}"),
        ("MND-01", "text: mf_warning", "text: mf_waning", "unknown text 'mf_waning'"),
        ("PCL-02", "results?\\s+assured", "(results?\\s+assured", "bad pattern"),
        ("PCL-02", "{B}results?", "\\bresults?", "\\b does not work"),
        ("PCL-02", "issue_code: guaranteed_returns_claim", "issue_code: guarantee", "unknown issue code 'guarantee'"),
        (
            "PCL-02",
            "exception_sets: [negated_guarantee, reported_claim]",
            "exception_sets: [negated, reported_claim]",
            "unknown exception set",
        ),
        ("PCL-02", "risk_weight: 40", "risk_weight: high", "a whole number is expected"),
        ("PCL-02", "action: replace", "action: rewrite", "unknown fix action 'rewrite'"),
        ("PCL-02", "title: Assured", "titel: Assured", "unknown key 'titel'"),
        ("IDN-02", "field: registrant_name", "field: registrant", "unknown field 'registrant'"),
        ("CHF-02", "measure: emoji", "measure: emojis", "unknown measure 'emojis'"),
    ],
)
def test_fault_is_named_with_line_and_rule(rule: str, old: str, new: str, reason: str) -> None:
    content = _in_rule(rule, old, new)

    with pytest.raises(PackError) as caught:
        parse_pack(content.encode())

    assert reason in caught.value.reason
    assert caught.value.rule == rule
    assert caught.value.line == _line_of(new, f"- id: {rule}\n", content)
    assert f"line {caught.value.line}" in str(caught.value)
    assert rule in str(caught.value)


def test_duplicate_id_is_refused() -> None:
    content = _in_rule("PCL-02", "id: PCL-02", "id: PCL-01")

    with pytest.raises(PackError, match="used twice") as caught:
        parse_pack(content.encode())

    assert caught.value.rule == "PCL-01"


def test_missing_examples_are_refused() -> None:
    at = _SHIPPED.index("- id: PCL-02\n")
    start, end = _SHIPPED.index("  examples:", at), _SHIPPED.index("- id: PCL-03", at)
    content = _SHIPPED[:start] + "  examples: {pass: [{t: fine, lang: en}], fail: []}\n\n" + _SHIPPED[end:]

    with pytest.raises(PackError, match="no example that should fail") as caught:
        parse_pack(content.encode())

    assert caught.value.rule == "PCL-02"


def test_broken_yaml_is_refused_with_its_line() -> None:
    content = "schema_version: 1\nrules: [a, b\nx: {\n"

    with pytest.raises(PackError, match="not valid YAML") as caught:
        parse_pack(content.encode())

    assert caught.value.line in (2, 3, 4)


def test_key_given_twice_is_refused() -> None:
    content = _in_rule("PCL-02", "severity: critical", "severity: critical\n  severity: minor")

    with pytest.raises(PackError, match="given twice"):
        parse_pack(content.encode())


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="cannot read"):
        load_pack(tmp_path / "none.yaml")


def test_hash_changes_with_any_byte() -> None:
    assert parse_pack((_SHIPPED + "\n# a remark\n").encode()).sha256 != current_pack().sha256


def test_text_falls_back_to_english() -> None:
    pack = current_pack()

    assert pack.text("mf_warning", "hi") != pack.text("mf_warning", "en")
    assert pack.text("mf_warning", "xx") == pack.text("mf_warning", "en")
