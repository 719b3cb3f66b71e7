"""The difference between two versions, word by word, as a reader would mark it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import regex
from diff_match_patch import diff_match_patch

from jarvish_regen.language.words import graphemes

TIMEOUT_SECONDS = 0.5  # past it diff-match-patch gives a coarser, still correct diff
# Tokens travel as single characters of the private planes: none of them is a letter, space or surrogate to the differ.
_FIRST_CODE = 0xF0000  # leaves room for 131,072 different tokens, three times what two longest texts can hold
_ASCII_TOKEN = re.compile(r"\s+|[A-Za-z0-9_]+|.")
_WORD_START = regex.compile(r"[\p{L}\p{N}\p{M}_]")

_KINDS: dict[int, Literal["same", "del", "ins"]] = {0: "same", -1: "del", 1: "ins"}


@dataclass(frozen=True)
class Piece:
    """A run of text that stayed, went (``del``) or came (``ins``)."""

    kind: Literal["same", "del", "ins"]
    text: str


def word_diff(old: str, new: str) -> tuple[Piece, ...]:
    """Compare two texts by words; never cuts a word or a grapheme cluster.

    The ``same`` and ``del`` pieces joined are the old text, the ``same`` and ``ins`` pieces joined the new one.
    Neighbouring pieces differ in kind and none is empty.
    """
    tokens: dict[str, str] = {}
    codes: list[str] = []
    for text in (old, new):
        codes.append("".join(tokens.setdefault(token, chr(_FIRST_CODE + len(tokens))) for token in _tokens(text)))
    differ = diff_match_patch()
    differ.Diff_Timeout = TIMEOUT_SECONDS
    differences = differ.diff_main(codes[0], codes[1], False)
    differ.diff_cleanupSemantic(differences)
    words = {code: token for token, code in tokens.items()}
    return tuple(
        Piece(_KINDS[operation], "".join(words[code] for _, run in group for code in run))
        for operation, group in groupby(differences, key=lambda difference: difference[0])
    )


def _tokens(text: str) -> Iterator[str]:
    """Yield words, runs of whitespace, and every other grapheme by itself; joined they are the text."""
    if text.isascii():
        yield from _ASCII_TOKEN.findall(text)
        return
    clusters = graphemes(text)
    kinds = {cluster: _token_kind(cluster) for cluster in set(clusters)}
    for kind, group in groupby(clusters, key=kinds.__getitem__):
        if kind == "other":
            yield from group
        else:
            yield "".join(group)


def _token_kind(grapheme: str) -> str:
    if grapheme[0].isspace():
        return "space"
    return "word" if _WORD_START.match(grapheme) else "other"
