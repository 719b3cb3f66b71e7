"""The publish gate: the only code that may hand out a text as ready.

Every reader asks here, so verdicts are remembered, each for its pack: new rules are applied at once.
"""

import unicodedata
from dataclasses import InitVar, dataclass

from .check import Report, TextContext, report_of
from .pack import Pack, current_pack

_SEAL = object()


@dataclass(frozen=True)
class ReadyText:
    """A text that may be shown as ready.

    Only ``release`` can make one; ``notes`` say what is left to do before it is sent.
    """

    text: str
    report: Report
    notes: tuple[str, ...]
    seal: InitVar[object] = None

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("a ReadyText is made by gate.release only")


@dataclass(frozen=True)
class Withheld:
    """A text that may not go out, with the reasons in words."""

    report: Report
    reasons: tuple[str, ...]


def release(
    text: str, context: TextContext, *, rejected_text: str | None = None, pack: Pack | None = None
) -> ReadyText | Withheld:
    """Hand out ``text`` if it is admissible and not the rejected text, else say why not."""
    pack = pack or current_pack()
    report, send = report_of(text, context, pack), report_of(text, context, pack, scope="send")
    reasons = [finding.message for finding in report.findings if finding.severity != "minor"]
    if not text.strip():
        reasons.append("The text is empty.")
    elif rejected_text is not None and _same(text, rejected_text):
        reasons.append("This is the text that was rejected.")
    if reasons:
        return Withheld(report, tuple(reasons))
    notes = [pack.rule(finding.rule).gate_note for finding in send.findings]
    return ReadyText(text, report, (*dict.fromkeys(note for note in notes if note), *report.notes), _SEAL)


def _same(text: str, other: str) -> bool:
    """Compare as a reader would: another composition or other blanks do not make another text, other paragraphs do."""
    return _lines(text) == _lines(other)


def _lines(text: str) -> list[str]:
    lines = (" ".join(line.split()) for line in unicodedata.normalize("NFC", text).splitlines())
    return [line for line in lines if line]
