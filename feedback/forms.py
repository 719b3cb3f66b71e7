"""What somebody typed into the rejection form: read from a post or a saved draft, turned into a rejection."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

import regex
from django.http import QueryDict

from feedback.services import Rejection, SaidIssue
from jarvish_regen.content.taxonomy import taxonomy

TAGS_MAX: Final = 40
DEFAULT_SEVERITY: Final = "major"
DEFAULT_ACTION: Final = "regenerate"
_SPAN: Final = regex.compile(r"(\d{1,6})-(\d{1,6})")
# Marked words without a named fault: what people most often mean by the category when they point at words.
_POINTED_AT: Final = {
    "compliance_violation": "misleading_performance_claim",
    "tone_inappropriate": "too_salesy",
    "length_issue": "too_long",
    "relevance_low": "off_topic",
    "factual_error": "unsupported_claim",
    "language_quality": "unclear_or_jargon",
    "target_mismatch": "wrong_audience",
    "formatting_error": "poor_structure",
    "brand_violation": "off_brand_voice",
    "technical_issue": "garbled_text",
}


@dataclass(frozen=True)
class Tag:
    """Marked words: where (code points), which fault, and a remark."""

    start: int
    end: int
    code: str = ""
    note: str = ""

    @property
    def key(self) -> str:
        """The span as the form carries it."""
        return f"{self.start}-{self.end}"


@dataclass(frozen=True)
class Typed:
    """The form as it stands. Unknown values are kept out, so that a saved draft can always be shown."""

    category: str = ""
    severity: str = DEFAULT_SEVERITY
    action: str = DEFAULT_ACTION
    issues: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = field(default_factory=tuple)
    note: str = ""
    suggestions: str = ""
    confirmed: tuple[str, ...] = ()  # issues that were proposed while typing: taken, and turned down
    dropped: tuple[str, ...] = ()

    @classmethod
    def from_post(cls, post: QueryDict) -> Self:
        """Read what the page sent."""
        lists = {"issues": "issue", "spans": "span", "confirmed": "confirmed", "dropped": "dropped"}
        return cls._read(
            {**{key: post.get(key, "") for key in post}, **{name: post.getlist(field) for name, field in lists.items()}}
        )

    @classmethod
    def from_draft(cls, kept: Mapping[str, Any]) -> Self:
        """Read what was saved."""
        return cls._read(kept)

    @classmethod
    def _read(cls, given: Mapping[str, Any]) -> Self:
        words = taxonomy()

        def one_of(name: str, allowed: object, default: str) -> str:
            value = given.get(name)
            return value if isinstance(value, str) and value in allowed else default  # type: ignore[operator]

        def codes(name: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(code for code in given.get(name) or [] if code in words.issues))

        tags = {}
        for span in list(given.get("spans") or [])[:TAGS_MAX]:
            found = _SPAN.fullmatch(str(span))
            if found and int(found[1]) < int(found[2]):
                code = str(given.get(f"code_{span}", ""))
                tags[str(span)] = Tag(
                    int(found[1]),
                    int(found[2]),
                    code if code in words.issues else "",
                    str(given.get(f"note_{span}", ""))[:500],
                )
        return cls(
            category=one_of("category", words.categories, ""),
            severity=one_of("severity", words.severities, DEFAULT_SEVERITY),
            action=one_of("action", words.suggested_actions, DEFAULT_ACTION),
            issues=codes("issues"),
            tags=tuple(sorted(tags.values(), key=lambda tag: (tag.start, tag.end))),
            note=str(given.get("note", "")),
            suggestions=str(given.get("suggestions", "")),
            confirmed=codes("confirmed"),
            dropped=codes("dropped"),
        )

    def toggled(self, span: str) -> Self:
        """Return the form with a span marked, or, if it was marked, no longer."""
        found = _SPAN.fullmatch(span)
        if not found or int(found[1]) >= int(found[2]):
            return self
        others = tuple(tag for tag in self.tags if tag.key != span)
        added = (Tag(int(found[1]), int(found[2])),) if len(others) == len(self.tags) else ()
        return replace(self, tags=tuple(sorted((*others, *added), key=lambda tag: (tag.start, tag.end))))

    def as_draft(self) -> dict[str, Any]:
        """Return the shape that is saved; every text a value of its own, so that personal data in it is masked."""
        kept: dict[str, Any] = {
            "category": self.category,
            "severity": self.severity,
            "action": self.action,
            "issues": list(self.issues),
            "spans": [tag.key for tag in self.tags],
            "note": self.note,
            "suggestions": self.suggestions,
            "confirmed": list(self.confirmed),
            "dropped": list(self.dropped),
        }
        for tag in self.tags:
            kept[f"code_{tag.key}"] = tag.code
            kept[f"note_{tag.key}"] = tag.note
        return kept

    def as_rejection(self, *, version: int | None) -> Rejection:
        """Return what is meant.

        Words marked without a fault take the fault chosen in the category, else the usual one.
        """
        in_category = [code for code in self.issues if taxonomy().issues[code].category == self.category]
        usual = in_category[0] if in_category else _POINTED_AT.get(self.category, "")
        said = [SaidIssue(code=tag.code or usual, start=tag.start, end=tag.end, note=tag.note) for tag in self.tags]
        marked = {issue.code for issue in said}
        said += [SaidIssue(code=code) for code in in_category if code not in marked]
        return Rejection(
            category=self.category,
            severity=self.severity,
            suggested_action=self.action,
            issues=said,
            note=self.note,
            suggestions=self.suggestions,
            version=version,
            metadata=self._proposals(),
            source="page",
        )

    def _proposals(self) -> dict[str, list[str]]:
        """Return what became of proposals, for learning and so that what was turned down is not understood again."""
        kept = {"confirmed_proposals": list(self.confirmed), "dropped_proposals": list(self.dropped)}
        return {name: codes for name, codes in kept.items() if codes}
