"""The publish gate: the only code that may hand out a text as ready.

Every reader asks here, so verdicts are remembered; the key holds the hash of the pack, so new rules are applied at
once.
"""

import unicodedata
from collections import OrderedDict
from dataclasses import InitVar, dataclass
from threading import Lock

from .check import Report, TextContext, check
from .pack import Pack, current_pack

_SEAL = object()
_REMEMBERED = 512
_REMEMBERED_CHARS = 2_000_000


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


class _Memory:
    """A small least-recently-used store, bounded in entries and characters, safe between threads."""

    def __init__(self) -> None:
        self._items: OrderedDict[tuple[str, TextContext, str], tuple[Report, Report]] = OrderedDict()
        self._chars = 0
        self._lock = Lock()

    def get(self, key: tuple[str, TextContext, str]) -> tuple[Report, Report] | None:
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
            return self._items.get(key)

    def put(self, key: tuple[str, TextContext, str], reports: tuple[Report, Report]) -> None:
        with self._lock:
            if key in self._items:
                return
            self._items[key] = reports
            self._chars += len(key[2])
            while len(self._items) > _REMEMBERED or self._chars > _REMEMBERED_CHARS:
                old, _ = self._items.popitem(last=False)
                self._chars -= len(old[2])


_memory = _Memory()


def release(
    text: str, context: TextContext, *, rejected_text: str | None = None, pack: Pack | None = None
) -> ReadyText | Withheld:
    """Hand out ``text`` if it is admissible and not the rejected text, else say why not."""
    pack = pack or current_pack()
    key = (pack.sha256, context, text)
    reports = _memory.get(key)
    if reports is None:
        reports = check(text, context, pack), check(text, context, pack, scope="send")
        _memory.put(key, reports)
    report, send = reports
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
