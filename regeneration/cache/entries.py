"""Hold what is kept of an answer: slotted texts and nothing of anyone's, as plain JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

FORMAT: Final = 1

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class KeptEdit:
    """Hold one edit of a kept answer, slotted: the words, what took their place and the issue codes it fixes."""

    old: str
    new: str
    fixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """Hold one answer: the slotted text, its edits, and how many bytes it takes as JSON."""

    text: str
    edits: tuple[KeptEdit, ...]
    size_bytes: int = 0

    def as_json(self) -> JSON:
        """Return the stored form."""
        return {
            "format": FORMAT,
            "text": self.text,
            "edits": [[edit.old, edit.new, list(edit.fixes)] for edit in self.edits],
        }


def answer_from(stored: object) -> KeptAnswer | None:
    """Read a stored answer; None for anything that is not one of ours."""
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        return None
    text, edits = stored.get("text"), stored.get("edits")
    if not isinstance(text, str) or not isinstance(edits, list):
        return None
    try:
        kept = tuple(KeptEdit(str(old), str(new), tuple(map(str, fixes))) for old, new, fixes in edits)
    except (TypeError, ValueError):
        return None
    return KeptAnswer(text, kept, size_of(stored))


def size_of(stored: object) -> int:
    """Return how many bytes a stored form takes."""
    return len(json.dumps(stored))
