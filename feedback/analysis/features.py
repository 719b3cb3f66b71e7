"""Feedback as numbers: what a message is about (the encoder's vector) and how it is spelled (hashed n-grams).

The n-grams are taken of romanised, folded words, so that गारंटी, "gaarantee" and "garanti" share most of theirs, and
never cross a word, so that what a head gives for them can be laid on the words of the message. numpy alone is needed.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import regex

from jarvish_regen.language.embedder import embedder
from jarvish_regen.language.romanise import folded, romanised
from jarvish_regen.language.words import INVISIBLE

Dense = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]

# Places of the n-grams: pieces of words below GRAMS, words and pairs of neighbours above.
GRAMS: Final = 1 << 20
PLACES: Final = 1 << 21
LENGTHS: Final = (2, 3, 4, 5)
# Past this a message is a pasted draft; what is wrong with it is said before.
MAX_CHARS: Final = 4_000

# A word with its apostrophes, as jarvish_regen.language.words has it but cut at hyphens; or a run of one sign.
_TOKEN: Final = regex.compile(
    r"[\p{L}\p{M}\p{N}\u200b\u200c\u200d]+(?:['’][\p{L}\p{M}\p{N}\u200c\u200d]+)*|([^\s\p{L}\p{M}\p{N}])\1*"
)
_INVISIBLE: Final = dict.fromkeys(map(ord, INVISIBLE))
_DIGITS: Final = regex.compile(r"\p{Nd}+")
_SAMPLES: Final = (
    "GRAMMAR is pathetic, and ARN is mistyped also!!",
    "गारंटी शब्द हटाओ, 1,00,000 रुपये गलत है।",
    "खूप लांब आहे, वाचणार कोण?",
    "yaar thoda chhota karo na {{name}} dikh raha hai…",
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word or run of signs of a message: its place (code points of the raw text) and its folded spelling."""

    start: int
    end: int
    spelling: str


@dataclass(frozen=True, slots=True)
class Sparse:
    """Rows of hashed n-grams, laid end to end: row i is ``indptr[i]:indptr[i + 1]`` of indices and values.

    Indices of a row are ascending, unique and below PLACES; values are 1 + ln(count).
    """

    indptr: npt.NDArray[np.int64]
    indices: Indices
    values: Values

    def row(self, at: int) -> tuple[Indices, Values]:
        """Return the indices and values of one row."""
        part = slice(int(self.indptr[at]), int(self.indptr[at + 1]))
        return self.indices[part], self.values[part]

    def __len__(self) -> int:
        return len(self.indptr) - 1


@dataclass(frozen=True, slots=True)
class Features:
    """Messages as numbers.

    dense: (n, 384) float32 unit vectors of the encoder called ``encoder``; sparse: n rows of hashed n-grams.
    """

    dense: Dense
    sparse: Sparse
    encoder: str

    def __len__(self) -> int:
        return len(self.sparse)


def features_of(texts: Sequence[str]) -> Features:
    """Return the features of messages, one row each; the same numbers in every process."""
    encoder = embedder()
    # The encoder reads UTF-8, which has no lone surrogates.
    readable = [text.encode("utf-8", "replace").decode() for text in texts]
    return Features(encoder.embed(readable), sparse_of(texts), encoder.name)


def sparse_of(texts: Sequence[str]) -> Sparse:
    """Return the hashed n-grams of messages without asking the encoder."""
    rows = [_row(tokens_of(text)) for text in texts]
    indptr = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(indices) for indices, _ in rows], out=indptr[1:])
    return Sparse(
        indptr,
        np.concatenate([indices for indices, _ in rows]) if rows else np.zeros(0, np.int32),
        np.concatenate([values for _, values in rows]) if rows else np.zeros(0, np.float32),
    )


def tokens_of(text: str) -> list[Token]:
    """Return the words and signs of a message in order, with their places in the raw text."""
    found = (Token(match.start(), match.end(), _spelling(match.group())) for match in _TOKEN.finditer(text[:MAX_CHARS]))
    return [token for token in found if token.spelling]


def places_by_token(tokens: Sequence[Token]) -> list[Indices]:
    """Return for each token the places its n-grams have; a pair of neighbours belongs to both."""
    pairs = [_place(f"{left.spelling} {right.spelling}") for left, right in pairwise(tokens)]
    return [
        np.array([*_own_places(token.spelling), *pairs[max(at - 1, 0) : at + 1]], np.int32)
        for at, token in enumerate(tokens)
    ]


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Return eight hex digits that change whenever the n-grams of a text would; an artefact holds those it was fed."""
    sparse = sparse_of(_SAMPLES)
    return hashlib.sha256(sparse.indices.tobytes() + sparse.values.round(4).tobytes()).hexdigest()[:8]


def _row(tokens: Sequence[Token]) -> tuple[Indices, Values]:
    places = [place for token in tokens for place in _own_places(token.spelling)]
    places += [_place(f"{left.spelling} {right.spelling}") for left, right in pairwise(tokens)]
    indices, counts = np.unique(np.array(places, np.int32), return_counts=True)
    return indices, (1.0 + np.log(counts)).astype(np.float32)


# Heads, clauses and evidence each ask for the words of the same message.
@lru_cache(maxsize=20_000)
def _spelling(token: str) -> str:
    plain = token.translate(_INVISIBLE)
    if not plain or not plain[0].isalnum():
        return plain[:3]
    # How long a number is tells a year from a rate; which number it is tells nothing.
    shaped = _DIGITS.sub(lambda match: "0" * min(len(match.group()), 4), plain)
    return folded(romanised(shaped).replace("’", "'"))


# A message of 20 words has some 300 n-grams; the same 20,000 words make up nearly all messages.
@lru_cache(maxsize=20_000)
def _own_places(spelling: str) -> tuple[int, ...]:
    if not spelling[0].isalnum():
        return (_place(spelling),)
    padded = f" {spelling[:40]} "
    grams = [padded[at : at + length] for length in LENGTHS for at in range(len(padded) - length + 1)]
    # crc32 and not hash(): two processes must agree.
    return (*(zlib.crc32(gram.encode("utf-8", "surrogatepass")) % GRAMS for gram in grams), _place(spelling))


def _place(word_or_pair: str) -> int:
    return GRAMS + zlib.crc32(b"w" + word_or_pair.encode("utf-8", "surrogatepass")) % (PLACES - GRAMS)
