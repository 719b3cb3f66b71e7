"""Name what is looked for: the scope nobody can leave out, the feedback's fingerprint and the keys made of both.

A key is the same bytes in every process: canonical JSON (sorted keys, no blanks, UTF-8) under SHA-256, never ``hash``.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import asdict, dataclass
from typing import Any

from jarvish_regen.language.words import normalise_for_comparison
from regeneration.job import Constraints, FeedbackBrief

# A full stop or an exclamation mark at the end of a note changes nothing; a question mark may.
_CLOSING_MARKS = " .!।…"


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheScope:
    """Hold for whom and under what a kept answer holds; two scopes never share an entry.

    ``firm_id`` is the tenant and cannot be left out or nil; ``arm`` is the experiment's, empty outside of one.
    """

    firm_id: uuid.UUID
    registrant_type: str
    content_class: str
    channel: str
    language: str
    prompt_version: str
    pack_sha256: str
    tier: str
    arm: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.firm_id, uuid.UUID) or not self.firm_id.int:
            raise ValueError(f"firm_id must be the id of a firm, not {self.firm_id!r}")

    @property
    def tags(self) -> str:
        """The readable head of every key: firm, prompt and pack, by which entries are purged."""
        return f"{self.firm_id.hex}:{tag_of(self.prompt_version)}:{tag_of(self.pack_sha256)}"

    def as_plain(self) -> dict[str, str]:
        """Return the scope as plain strings, for canonical JSON."""
        return {name: str(value) for name, value in asdict(self).items()}


def tag_of(value: str) -> str:
    """Return a short name of a version that is safe in a key and in a search pattern."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def fingerprint(brief: FeedbackBrief, constraints: Constraints) -> str:
    """Return 64 hexadecimal digits that name what is asked for: the feedback and the caller's demands.

    Notes count as they read (case, composition, blanks and closing full stops do not); the order of issues and of
    demanded words does not count; severity and suggested action do not change a text and are left out.
    """
    return digest(
        {
            "category": brief.category,
            "note": said_as(brief.note),
            "suggestions": said_as(brief.suggestions),
            "issues": sorted(
                [
                    issue.code,
                    *([issue.anchor.quote, issue.anchor.prefix, issue.anchor.suffix] if issue.anchor else ["", "", ""]),
                    said_as(issue.note),
                ]
                for issue in brief.issues
            ),
            "constraints": constraints_as_plain(constraints),
        }
    )


def cache_key(scope: CacheScope, rejected_text: str, fingerprint: str) -> str:
    """Return the key of the exact answer; ``rejected_text`` counts to the byte, for the rest of it must stay."""
    return _key("exact", scope, {"text": rejected_text, "feedback": fingerprint})


def recipe_key(scope: CacheScope, sentence: str, code: str) -> str:
    """Return the key of the recipe that mends ``sentence`` of the fault ``code``, in whatever draft it stands."""
    return _key("recipe", scope, {"sentence": normalise_for_comparison(sentence), "code": code})


def meant_key(scope: CacheScope, meaning: str) -> str:
    """Return the key under which requests of one meaning meet, whatever their words."""
    return _key("meant", scope, {"meaning": meaning})


def constraints_as_plain(constraints: Constraints) -> dict[str, Any]:
    """Return a caller's demands as canonical JSON takes them; the order of demanded words does not count."""
    return {
        name: sorted(value) if isinstance(value, tuple | list) else value for name, value in asdict(constraints).items()
    }


def said_as(note: str) -> str:
    """Return a note in the form in which two notes are the same."""
    return normalise_for_comparison(note).rstrip(_CLOSING_MARKS)


def digest(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON, in hexadecimal."""
    canonical = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _key(kind: str, scope: CacheScope, what: dict[str, str]) -> str:
    return f"{kind}:{scope.tags}:{digest({'scope': scope.as_plain(), **what})}"
