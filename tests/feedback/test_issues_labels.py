"""The corpus' labels fit their messages, and every change of one says what it found and why."""

import json
from typing import Any

import pytest

from learning.training.labels import CORPUS, LabelError, mended, problem_of, read_changes

RECORD: dict[str, Any] = {
    "id": "t-1",
    "text": "too long, cut it",
    "language": "en",
    "primary_category": "length_issue",
    "categories": ["length_issue"],
    "issues": [{"code": "too_long", "span": "too long"}],
    "sentiment": "negative",
    "emotion": "neutral",
    "urgency": "low",
    "severity": "minor",
}


def corpus() -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(CORPUS.glob("feedback_*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def test_every_label_of_the_mended_corpus_fits_its_message() -> None:
    records = mended(corpus())

    assert len(records) == 3_674
    assert [record["id"] for record in records if problem_of(record)] == []


def test_every_change_names_a_message_a_reason_and_a_difference() -> None:
    known = {record["id"] for record in corpus()}

    for change in read_changes():
        assert set(change) == {"id", "field", "was", "now", "why"}
        assert change["id"] in known
        assert change["was"] != change["now"]
        assert change["why"]


def test_a_change_is_made_and_the_record_given_is_left_as_it_was() -> None:
    change = {"id": "t-1", "field": "sentiment", "was": "negative", "now": "neutral", "why": "an instruction"}

    assert mended([RECORD], [change])[0]["sentiment"] == "neutral"
    assert RECORD["sentiment"] == "negative"


@pytest.mark.parametrize(
    ("field", "was", "now"),
    [
        ("sentiment", "positive", "neutral"),
        ("text", "too long, cut it", "too long"),
        ("issues", RECORD["issues"], [{"code": "too_long", "span": "far too long"}]),
        ("issues", RECORD["issues"], [{"code": "too_wide", "span": "too long"}]),
        ("issues", RECORD["issues"], [{"code": "too_salesy", "span": "too long"}]),
        ("urgency", "low", "soon"),
    ],
)
def test_a_change_that_does_not_fit_is_refused(field: str, was: object, now: object) -> None:
    with pytest.raises(LabelError):
        mended([RECORD], [{"id": "t-1", "field": field, "was": was, "now": now, "why": "a test"}])
