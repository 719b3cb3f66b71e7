"""Splice anchored edits into a text and prove that nothing else moved."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from regeneration.job import Edit


def splice(text: str, edits: Sequence[Edit]) -> str:
    """Return ``text`` with the edits put in; raises ``ValueError`` when they overlap or do not fit the text."""
    pieces: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < at or text[edit.start : edit.end] != edit.old:
            raise ValueError("the edits do not fit the text")
        pieces += [text[at : edit.start], edit.new]
        at = edit.end
    return "".join([*pieces, text[at:]])


def rest_is_untouched(before: str, edits: Sequence[Edit], after: str) -> bool:
    """Prove by SHA-256 that every segment outside the edits is the same bytes in ``before`` and ``after``."""
    at_before = at_after = 0
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    for edit in [*ordered, Edit(len(before), len(before), "", "")]:
        segment = before[at_before : edit.start]
        if _sha256(segment) != _sha256(after[at_after : at_after + len(segment)]):
            return False
        at_after += len(segment)
        if after[at_after : at_after + len(edit.new)] != edit.new:
            return False
        at_after += len(edit.new)
        at_before = edit.end
    return at_after == len(after)


def _sha256(segment: str) -> bytes:
    return hashlib.sha256(segment.encode("utf-8", "surrogatepass")).digest()
