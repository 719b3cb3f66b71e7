"""Take sentences out of a text so that nothing shows they were there."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from regeneration.edits import splice
from regeneration.job import Edit

# Bold and italics of the channels: *…*, **…**, _…_, ~…~; a sign between two letters or alone marks nothing.
_MARKUP_RUN = regex.compile(r"(?<![\w*_~])[*_~]{1,2}+(?=\S)|(?<=\S)[*_~]{1,2}+(?![\w*_~])")


def without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Return ``text`` without the spans and the blank or line that belonged to each; no other byte changes.

    A mark of bold or italics whose partner stays outside a span stays as well.
    """
    edits: list[Edit] = []
    for start, end in sorted(spans):
        kept = _widowed_marks(text[start:end])
        opens_line = start == 0 or text[start - 1] == "\n"
        closes_line = end == len(text) or text[end] == "\n"
        if opens_line and closes_line:
            while end < len(text) and text[end] == "\n":
                end += 1
            if end == len(text):
                while start > 0 and text[start - 1] in "\n ":
                    start -= 1
        elif closes_line or (kept and text[start:end].rstrip().endswith(kept)):
            # What is left of a closing mark belongs to the words before it.
            while start > 0 and text[start - 1] in " \t":
                start -= 1
        else:
            while end < len(text) and text[end] in " \t":
                end += 1
        if edits and start < edits[-1].end:
            start = edits[-1].end
        if start < end:
            edits.append(Edit(start, end, text[start:end], kept))
    return splice(text, edits)


def _widowed_marks(removed: str) -> str:
    """Return the marks of bold and italics that open or close outside of what is removed."""
    runs: dict[str, list[str]] = {}
    for run in _MARKUP_RUN.findall(removed):
        runs.setdefault(run[0], []).append(run)
    return "".join(found[-1] for found in runs.values() if len(found) % 2)
