"""Figures of the check on labelled texts: recall and false alarms, with intervals, by language, origin and code."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt

# Two-sided 95 % of the normal distribution.
_Z = 1.96


@dataclass(frozen=True)
class Labelled:
    """One judged text beside its label. ``codes`` are those of the label's violations."""

    is_compliant: bool
    found_compliant: bool
    language: str
    origin: str
    codes: frozenset[str]


@dataclass(frozen=True)
class Share:
    """``hits`` of ``total`` with the Wilson interval at 95 %."""

    hits: int
    total: int

    @property
    def share(self) -> float | None:
        return self.hits / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        if not self.total:
            return None
        p, n = self.hits / self.total, self.total
        centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        reach = _Z / (1 + _Z**2 / n) * sqrt(p * (1 - p) / n + _Z**2 / (4 * n * n))
        return max(0.0, centre - reach), min(1.0, centre + reach)

    def shown(self) -> dict[str, object]:
        """Shape the share for JSON; figures are rounded to three places."""
        interval = self.interval
        return {
            "hits": self.hits,
            "total": self.total,
            "share": None if self.share is None else round(self.share, 3),
            "interval": None if interval is None else [round(end, 3) for end in interval],
        }


def label_of(row: Mapping[str, object], *, found_compliant: bool) -> Labelled | None:
    """Read the label of a line, or ``None`` where it has none (``compliant`` is no truth value)."""
    is_compliant = row.get("compliant")
    if not isinstance(is_compliant, bool):
        return None
    violations = row.get("violations")
    codes = {
        str(one["code"])
        for one in (violations if isinstance(violations, list) else ())
        if isinstance(one, dict) and one.get("code")
    }
    return Labelled(
        is_compliant, found_compliant, str(row.get("language")), str(row.get("origin") or ""), frozenset(codes)
    )


def figures_of(labelled: Iterable[Labelled]) -> dict[str, object]:
    """Give recall and false alarms of the texts, shaped for JSON.

    Recall by code is the share of texts with that code which were stopped for whatever reason.
    """
    texts = list(labelled)

    def both(chosen: list[Labelled]) -> dict[str, object]:
        bad = [text for text in chosen if not text.is_compliant]
        good = [text for text in chosen if text.is_compliant]
        return {
            "recall": Share(sum(not text.found_compliant for text in bad), len(bad)).shown(),
            "false_alarms": Share(sum(not text.found_compliant for text in good), len(good)).shown(),
        }

    bad = [text for text in texts if not text.is_compliant]
    codes = sorted({code for text in bad for code in text.codes})
    return {
        **both(texts),
        "by_language": {
            language: both([text for text in texts if text.language == language])
            for language in sorted({text.language for text in texts})
        },
        "by_origin": {
            origin: both([text for text in texts if text.origin == origin])
            for origin in sorted({text.origin for text in texts} - {""})
        },
        "recall_by_code": {
            code: Share(
                sum(not text.found_compliant for text in bad if code in text.codes),
                sum(code in text.codes for text in bad),
            ).shown()
            for code in codes
        },
    }
