"""Find words that a model quoted with a slip of the pen: nearly the same letters, exactly the same numbers.

A quotation of m letters may differ by m // 10 of them, at most 20. It is cut into one piece more than that, so that at
least one piece stands in the text unchanged (pigeonhole); only around such a piece the distance is measured. Time grows
with the length of the text: pieces are found by the interpreter's own search, and few places are measured.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from regeneration.edits.folding import EDGE, Span, cuts_number, is_word_border

MOST_SLIPS = 20
_LETTERS_A_SLIP = 10
# Longer words than any sentence of a draft are quoted right or not at all.
_LONGEST_FIND = 400
# More places than this that look alike are no place; measuring one costs some milliseconds.
_MOST_PLACES = 4
_MOST_PIECES_FOUND = 64
_NUMBER = regex.compile(r"[₹$€£+\-]?\d+(?:[.,]\d+)*%?")


class TooManyPlacesError(LookupError):
    """The words look like so many places of the text that none can be told from the others."""


def nearly(text: str, find: str) -> list[Span]:
    """Return where ``find`` stands in ``text`` but for slips: one span a place, on word borders.

    Both are folded and lowered. Raises ``TooManyPlacesError``.
    """
    slips = min(len(find) // _LETTERS_A_SLIP, MOST_SLIPS)
    if not slips or len(find) > _LONGEST_FIND:
        return []
    found: list[Span] = []
    for start, end in _places(text, find, slips):
        window = text[max(0, start) : end + len(find) + slips]
        if min(distances(find, window, anywhere=True), default=len(find)) > slips:
            continue
        best = _best(text, find, slips, starts=range(max(0, start), min(end, len(text)) + 1))
        if best is not None and not any(best[0] < other[1] and other[0] < best[1] for other in found):
            found.append(best)
    return found


def distances(pattern: str, text: str, *, anywhere: bool = False) -> Iterator[int]:
    """Yield the edit distance of ``pattern`` to each prefix of ``text``, from one character on.

    With ``anywhere`` the prefix may begin later: the distance to its nearest tail.

    Myers' bit-parallel algorithm in the form of Hyyrö (2003): one step a character of ``text``, a bit a character of
    ``pattern``.
    """
    ones = (1 << len(pattern)) - 1
    last = 1 << (len(pattern) - 1)
    where: dict[str, int] = {}
    for index, character in enumerate(pattern):
        where[character] = where.get(character, 0) | (1 << index)
    more, less, distance = ones, 0, len(pattern)
    first_row = 0 if anywhere else 1
    for character in text:
        equal = where.get(character, 0)
        vertical = equal | less
        horizontal = (((equal & more) + more) ^ more) | equal
        up = (less | ~(horizontal | more)) & ones
        down = more & horizontal
        if up & last:
            distance += 1
        elif down & last:
            distance -= 1
        up = (up << 1) | first_row
        down <<= 1
        more = (down | ~(vertical | up)) & ones
        less = up & vertical & ones
        yield distance


def _places(text: str, find: str, slips: int) -> list[Span]:
    """Return ranges of positions where the words could begin, few and apart."""
    begins: set[int] = set()
    for first, last in _pieces(len(find), slips + 1):
        piece = find[first:last]
        at, count = text.find(piece), 0
        while at >= 0:
            begins.add(at - first)
            count += 1
            if count > _MOST_PIECES_FOUND:
                raise TooManyPlacesError
            at = text.find(piece, at + 1)
    ranges: list[Span] = []
    for begin in sorted(begins):
        if ranges and begin - slips <= ranges[-1][1] and begin - ranges[-1][0] <= 4 * slips:
            ranges[-1] = (ranges[-1][0], begin + slips)
        else:
            ranges.append((begin - slips, begin + slips))
        if len(ranges) > _MOST_PLACES:
            raise TooManyPlacesError
    return ranges


def _pieces(length: int, count: int) -> Iterator[Span]:
    for index in range(count):
        yield index * length // count, (index + 1) * length // count


def _best(text: str, find: str, slips: int, *, starts: range) -> Span | None:
    """Return the one span nearest to ``find``; None when none is near enough or two are equally near.

    Punctuation that ``find`` does not begin or end with belongs to the neighbours, however near it makes the span.
    """
    numbers = _NUMBER.findall(find)
    ranked: list[tuple[int, int, Span]] = []
    for start in starts:
        if not _may_cut(text, start) or (text[start : start + 1] in EDGE and text[start] != find[0]):
            continue
        window = text[start : start + len(find) + slips]
        for length, distance in enumerate(distances(find, window), 1):
            end = start + length
            if distance > slips or (text[end - 1] in EDGE and text[end - 1] != find[-1]):
                continue
            if _may_cut(text, end):
                ranked.append((distance, abs(length - len(find)), (start, end)))
    ranked.sort()
    same_numbers = [one for one in ranked if _NUMBER.findall(text[slice(*one[2])]) == numbers]
    # The nearest reading decides: one that matches only by leaving a number out is no match.
    if not same_numbers or same_numbers[0][0] != ranked[0][0]:
        return None
    if len(same_numbers) > 1 and same_numbers[1][:2] == same_numbers[0][:2]:
        return None
    return same_numbers[0][2]


def _may_cut(text: str, at: int) -> bool:
    return is_word_border(text, at) and not cuts_number(text, at)
