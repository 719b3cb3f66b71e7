"""Check many texts given as JSON lines; what ``manage.py check_content`` does, without Django."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .check import Report, TextContext, check
from .figures import Labelled, figures_of, label_of
from .pack import Pack, current_pack

# Real names are masked in data sets; these four stand for names and are no unfilled placeholders.
MASKS = frozenset({"{{advisor_name}}", "{{client_name}}", "{{phone}}", "{{email}}"})
MAX_TEXT_CHARS = 20_000


class BadLineError(ValueError):
    """A line of the input cannot be checked. ``line`` is 1-based."""

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        self.reason = reason
        super().__init__(f"line {line}: {reason}")


@dataclass(frozen=True)
class Request:
    """One text to check."""

    id: str | int
    text: str
    context: TextContext
    row: Mapping[str, object] = field(default_factory=dict)


def read_requests(
    lines: Iterable[str], *, profile: Literal["core", "strict"], pack: Pack | None = None
) -> Iterator[Request | BadLineError]:
    """Read one request a line.

    Blank lines are skipped, unknown fields ignored, a bad line comes out as ``BadLineError``.
    """
    pack = pack or current_pack()
    seen: set[str | int] = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            request = _request(number, line.lstrip("\ufeff"), profile, pack)
        except BadLineError as error:
            yield error
            continue
        if request.id in seen:
            yield BadLineError(number, f"the id {request.id!r} was used before")
            continue
        seen.add(request.id)
        yield request


def _request(number: int, line: str, profile: Literal["core", "strict"], pack: Pack) -> Request:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLineError(number, f"not valid JSON: {error}") from error
    if not isinstance(row, dict):
        raise BadLineError(number, "a JSON object is expected")
    identifier = row.get("id")
    if isinstance(identifier, bool) or not isinstance(identifier, str | int):
        raise BadLineError(number, "'id' must be a text or a whole number")
    text = row.get("text")
    if not isinstance(text, str):
        raise BadLineError(number, "'text' must be a text")
    if len(text) > MAX_TEXT_CHARS:
        raise BadLineError(number, f"'text' has {len(text):,} characters; at most {MAX_TEXT_CHARS:,} are checked")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BadLineError(number, "'text' holds half of a surrogate pair")
    # Some sets of labelled texts call it by the shorter name.
    if "registrant_type" not in row and "registrant" in row:
        row["registrant_type"] = row["registrant"]
    return Request(identifier, text, TextContext(
        channel=_text(number, row, "channel") or "whatsapp",
        language=_choice(number, row, "language", pack.languages),
        registrant_type=_choice(number, row, "registrant_type", pack.registrant_types),
        registration_no=_text(number, row, "registration_no"),
        registrant_name=_text(number, row, "registrant_name"),
        euin=_text(number, row, "euin"),
        content_class=_choice(number, row, "content_class", pack.content_classes) if row.get("content_class") else None,
        profile=profile,
        masks=MASKS,
    ), row)  # fmt: skip


def _text(number: int, row: Mapping[str, Any], key: str) -> str | None:
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise BadLineError(number, f"{key!r} must be a text or null")
    return value or None


def _choice(number: int, row: Mapping[str, Any], key: str, allowed: Iterable[str]) -> str:
    value = row.get(key)
    if value not in (names := list(allowed)):
        raise BadLineError(number, f"{key!r} must be one of {', '.join(names)}, not {value!r}")
    return str(value)


def result_of(request: Request, report: Report) -> dict[str, object]:
    """Shape a report as one line of output."""
    return {
        "id": request.id,
        "compliant": report.compliant,
        "risk_score": report.risk_score,
        "band": report.band,
        "content_class": report.content_class,
        "class_reason": report.class_reason,
        "findings": [
            {
                "rule": f.rule,
                "code": f.code,
                "severity": f.severity,
                "span": f.span,
                "start": f.start,
                "end": f.end,
                "message": f.message,
            }
            for f in report.findings
        ],
        "notes": list(report.notes),
    }


@dataclass(frozen=True)
class BatchSummary:
    """What came out of a batch. ``figures`` compares with the labels of those lines that have one."""

    checked: int
    compliant: int
    bands: Mapping[str, int]
    bad_lines: tuple[BadLineError, ...]
    pack_version: str
    pack_sha256: str
    figures: Mapping[str, object] | None = None


def check_lines(
    lines: Iterable[str],
    write: Callable[[str], object],
    *,
    profile: Literal["core", "strict"] = "core",
    pack: Pack | None = None,
    progress: Callable[[int], object] = lambda count: None,
    look: Callable[[Request, Report], Report] | None = None,
) -> BatchSummary:
    """Check each line and hand the result lines to ``write``; bad lines are gathered, not written.

    ``look`` may add to a report, as the second check does.
    """
    pack = pack or current_pack()
    bands = dict.fromkeys(pack.bands, 0)
    bad: list[BadLineError] = []
    checked = compliant = 0
    labelled: list[Labelled] = []
    for request in read_requests(lines, profile=profile, pack=pack):
        if isinstance(request, BadLineError):
            bad.append(request)
            continue
        report = check(request.text, request.context, pack)
        if look is not None:
            report = look(request, report)
        write(json.dumps(result_of(request, report), ensure_ascii=False) + "\n")
        checked += 1
        compliant += report.compliant
        label = label_of(request.row, found_compliant=report.compliant)
        if label is not None:
            labelled.append(label)
        bands[report.band] += 1
        progress(checked)
    return BatchSummary(
        checked,
        compliant,
        bands,
        tuple(bad),
        pack.version,
        pack.sha256,
        figures_of(labelled) if labelled else None,
    )
