"""The corpus as it is trained on: the writers' labels, with those mended that were plainly wrong.

The corpus files stay as written. A mended label is one line of label_changes.jsonl, ``{id, field, was, now, why}``;
LABELLING.md of the corpus says what the right label is. A change that only helps the model is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from jarvish_regen.content.taxonomy import taxonomy

CORPUS: Final = Path(__file__).parent / "corpus"
CHANGES: Final = Path(__file__).with_name("label_changes.jsonl")
_MENDABLE: Final = frozenset(
    {"primary_category", "categories", "issues", "sentiment", "emotion", "urgency", "severity", "language"}
)


class LabelError(ValueError):
    """A label, or a change of one, that does not fit its message."""


def read_changes(path: Path = CHANGES) -> list[dict[str, Any]]:
    """Return the changes of labels in order."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def mended(
    records: Iterable[Mapping[str, Any]], changes: Iterable[Mapping[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """Return the corpus records with the changes made; those of a message that is not among them are left.

    Raises LabelError where a label is no longer what a change found, or a record is wrong after it.
    """
    found = {record["id"]: dict(record) for record in records}
    for change in read_changes() if changes is None else changes:
        record = found.get(change["id"])
        if record is None:
            continue
        if change["field"] not in _MENDABLE:
            raise LabelError(f"{change['id']}: {change['field']} is not a label")
        if record[change["field"]] != change["was"]:
            raise LabelError(f"{change['id']}: {change['field']} is not what the change found")
        record[change["field"]] = change["now"]
    for record in found.values():
        if problem := problem_of(record):
            raise LabelError(f"{record['id']}: {problem}")
    return list(found.values())


def problem_of(record: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a record's labels, or None: unknown words, a span not in the text, categories apart."""
    words = taxonomy()
    for field, known in (
        ("primary_category", words.categories),
        ("sentiment", words.sentiments),
        ("emotion", words.emotions),
        ("urgency", words.urgencies),
        ("severity", words.severities),
        ("language", words.languages),
    ):
        if record[field] not in known:
            return f"unknown {field} {record[field]!r}"
    for issue in record["issues"]:
        if issue["code"] not in words.issues:
            return f"unknown code {issue['code']!r}"
        if not issue["span"] or issue["span"] not in record["text"]:
            return f"the span {issue['span']!r} is not in the text"
    meant = {words.issues[issue["code"]].category for issue in record["issues"]} or {record["primary_category"]}
    if set(record["categories"]) != meant or record["categories"][0] != record["primary_category"]:
        return f"categories {record['categories']} do not go with the issues"
    return None
