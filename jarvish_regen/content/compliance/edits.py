"""Edits of a text, and how the edits of several steps become one list against the first text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Change:
    """Replace ``old``, which stands at ``[start, end)`` of the text before repair, by ``new``.

    ``rule`` may name several, by commas.
    """

    start: int
    end: int
    old: str
    new: str
    rule: str
    reason: str


def change(text: str, start: int, end: int, new: str, rule: str, reason: str) -> Change:
    return Change(start, end, text[start:end], new, rule, reason)


def apply_changes(text: str, changes: Iterable[Change]) -> str:
    """Apply changes that are sorted and do not overlap."""
    out: list[str] = []
    at = 0
    for edit in changes:
        out.append(text[at : edit.start])
        out.append(edit.new)
        at = edit.end
    out.append(text[at:])
    return "".join(out)


def without_overlaps(changes: Iterable[Change]) -> list[Change]:
    """Keep the earlier of two changes that overlap, the longer if they begin alike.

    Insertions at one place are kept in their order.
    """
    kept: list[Change] = []
    for edit in sorted(changes, key=lambda c: (c.start, c.start != c.end, -c.end)):
        if kept and edit.start < kept[-1].end:
            continue
        kept.append(edit)
    return kept


def compose(original: str, first: Sequence[Change], second: Sequence[Change]) -> list[Change]:
    """Express "``first``, then ``second``" as changes of ``original``.

    ``second`` refers to the text after ``first``.
    """
    if not first:
        return list(second)
    between = apply_changes(original, first)
    # Each region is (original span, span in between); the plain text around regions is equal in both.
    regions: list[tuple[int, int, int, int, Change]] = []
    shift = 0
    for edit in first:
        start = edit.start + shift
        regions.append((edit.start, edit.end, start, start + len(edit.new), edit))
        shift += len(edit.new) - (edit.end - edit.start)

    def to_original(position: int) -> int:
        moved = 0
        for _, o_end, _, b_end, _ in regions:
            if b_end <= position:
                moved = o_end - b_end
        return position + moved

    items: list[tuple[int, int, Change | None, Change | None]] = [
        (b0, b1, edit, None) for _, _, b0, b1, edit in regions
    ]
    items += [(edit.start, edit.end, None, edit) for edit in second]
    items.sort(key=lambda item: (item[0], item[1]))
    groups: list[list[tuple[int, int, Change | None, Change | None]]] = []
    reach = -1
    for item in items:
        if groups and item[0] <= reach:
            groups[-1].append(item)
        else:
            groups.append([item])
        reach = max(reach, item[1]) if groups[-1][0] is not item else item[1]
    out: list[Change] = []
    for group in groups:
        b_start, b_end = min(item[0] for item in group), max(item[1] for item in group)
        earlier = [item[2] for item in group if item[2] is not None]
        later = sorted((item[3] for item in group if item[3] is not None), key=lambda c: (c.start, c.end))
        new = apply_changes(
            between[b_start:b_end], [replace(c, start=c.start - b_start, end=c.end - b_start) for c in later]
        )
        if earlier:
            # Text of the group before its first and after its last earlier change is original text.
            lead = min(item[0] for item in group if item[2] is not None) - b_start
            tail = b_end - max(item[1] for item in group if item[2] is not None)
            o_start = min(c.start for c in earlier) - lead
            o_end = max(c.end for c in earlier) + tail
        else:
            o_start, o_end = to_original(b_start), to_original(b_end)
        parts = sorted([*earlier, *later], key=lambda c: c.start)
        rules = ", ".join(dict.fromkeys(rule for part in parts for rule in part.rule.split(", ")))
        reasons = "; ".join(dict.fromkeys(part.reason for part in parts))
        if original[o_start:o_end] != new:
            out.append(Change(o_start, o_end, original[o_start:o_end], new, rules, reasons))
    return out
