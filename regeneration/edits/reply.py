"""Read a model's reply strictly, and say what it must look like.

The reply is one JSON object, ``{"edits": [{"find", "replace"}]}`` or ``{"full_text": str}`` (docs/engine.md).

    ReplyError
    ├── ReplyNotJSONError       no JSON object in it
    ├── ReplyWrongShapeError    an object, but not of the shape above
    └── ReplyForeignError       nothing in it but what the data never held: invented stand-ins, links, markup
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# A reply with more edits than this rewrites the text under the name of edits.
MAX_EDITS = 40

# What a task may ask for.
ReplyKind = Literal["edits", "text", "edits_or_text"]

_EDITS: Mapping[str, object] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"find": {"type": "string"}, "replace": {"type": "string"}},
        "required": ["find", "replace"],
        "additionalProperties": False,
    },
}


def _object_of(**properties: Mapping[str, object]) -> Mapping[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


# For endpoints with structured output. Strict mode wants every property required and no others, and refuses
# maxItems at some vendors; parse_reply holds MAX_EDITS.
REPLY_SCHEMAS: Mapping[ReplyKind, Mapping[str, object]] = {
    "edits": _object_of(edits=_EDITS),
    "text": _object_of(full_text={"type": "string"}),
    "edits_or_text": _object_of(edits=_EDITS, full_text={"type": ["string", "null"]}),
}


class ReplyError(ValueError):
    """A reply that cannot be used; the message says why without quoting it."""


class ReplyNotJSONError(ReplyError):
    """There is no JSON object in the reply."""


class ReplyWrongShapeError(ReplyError):
    """The object is not of the documented shape."""


class ReplyForeignError(ReplyError):
    """All it proposes holds something the data never held; nothing of it may be shown."""


@dataclass(frozen=True, slots=True)
class ProposedEdit:
    """Hold one edit as the model wrote it, not yet anchored; ``fixes`` are issue codes it was said to answer."""

    find: str
    replace: str
    fixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """Hold a reply of the right shape; ``left_out`` counts what was refused of it before it was read further."""

    edits: tuple[ProposedEdit, ...]
    full_text: str | None = None
    left_out: int = 0


def parse_reply(raw: str) -> Reply:
    """Return the reply in ``raw``; code fences and words around the object are passed over.

    An empty list of edits is a reply: all there is to do may be what we put in. Raises
    ``ReplyNotJSONError`` or ``ReplyWrongShapeError``. JSON itself is read strictly: no trailing commas, no comments.
    """
    found = _first_object(raw)
    unknown = set(found) - {"edits", "full_text"}
    if unknown:
        raise ReplyWrongShapeError("the reply has fields that were not asked for")
    full_text = found.get("full_text")
    if full_text is not None and not isinstance(full_text, str):
        raise ReplyWrongShapeError("full_text must be a text or null")
    if full_text is not None and _is_no_text(full_text):
        raise ReplyWrongShapeError("full_text holds characters that are no text")
    if not found:
        raise ReplyWrongShapeError("the reply proposes nothing")
    listed = found.get("edits", [])
    if not isinstance(listed, list):
        raise ReplyWrongShapeError("edits must be a list")
    if len(listed) > MAX_EDITS:
        raise ReplyWrongShapeError(f"more than {MAX_EDITS} edits")
    edits = tuple(_proposed(entry) for entry in listed)
    return Reply(edits=edits, full_text=full_text if full_text and full_text.strip() else None)


def is_complete_reply(text: str) -> bool:
    """Say whether a streamed reply already holds its whole JSON object."""
    start = text.find("{")
    if start < 0 or not text.rstrip().endswith(("}", "`")):
        return False
    try:
        _first_object(text)
    except ReplyError:
        return False
    return True


def _first_object(raw: str) -> dict[str, object]:
    decoder = json.JSONDecoder()
    start = raw.find("{")
    if start < 0:
        raise ReplyNotJSONError("there is no JSON object in the reply")
    try:
        found, _ = decoder.raw_decode(raw, start)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ReplyNotJSONError("the JSON of the reply is broken") from error
    if not isinstance(found, dict):  # raw_decode at "{" gives nothing else; the check is for the type
        raise ReplyNotJSONError("there is no JSON object in the reply")
    return found


def _proposed(entry: object) -> ProposedEdit:
    if not isinstance(entry, dict):
        raise ReplyWrongShapeError("an edit must be an object")
    find, replace, fixes = entry.get("find"), entry.get("replace"), entry.get("fixes", [])
    if not isinstance(find, str) or not isinstance(replace, str):
        raise ReplyWrongShapeError("an edit needs the texts find and replace")
    if isinstance(fixes, str):
        fixes = [fixes]
    if not isinstance(fixes, list) or not all(isinstance(code, str) for code in fixes):
        raise ReplyWrongShapeError("fixes must be a list of issue codes")
    if _is_no_text(find + replace):
        raise ReplyWrongShapeError("an edit holds characters that are no text")
    return ProposedEdit(find=find, replace=replace, fixes=tuple(fixes))


def _is_no_text(text: str) -> bool:
    # PostgreSQL refuses NUL, UTF-8 a lone surrogate.
    return any("\ud800" <= character <= "\udfff" or character == "\x00" for character in text)
