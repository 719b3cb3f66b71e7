"""The trained model on disk: analysis.npz (weights, no pickle) and card.json (what it is, and how good).

It is loaded only where it belongs: same n-grams, same labels, same encoder. Where the encoder does not load, the
n-gram heads answer alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from feedback.analysis.features import fingerprint
from feedback.analysis.heads import TASKS, Heads, HeadsError, classes_of
from feedback.analysis.issues import IssueHeads, IssueHeadsError
from jarvish_regen.content.taxonomy import taxonomy
from jarvish_regen.language.embedder import NgramEmbedder

Numbers = npt.NDArray[np.float32]

FOLDER: Final = Path(__file__).parent
WEIGHTS: Final = "analysis.npz"
CARD: Final = "card.json"
FORMAT: Final = 2


class ArtefactError(ValueError):
    """A trained model that is missing, damaged, or of another encoder, n-grams or labels."""


@dataclass(frozen=True)
class Deciding:
    """What turns probabilities into answers.

    thresholds (10,) a category; gap: lead of the first answer from which it is sure, alone and with a pick; picks:
    (10, 10) P(pick | category); text_power: how much the text weighs against the pick.
    """

    thresholds: Numbers
    gap: float
    gap_with_pick: float
    picks: Numbers
    text_power: float


@dataclass(frozen=True)
class Model:
    """A loaded model. ``version`` names its bytes; ``issues`` is None in a model without issue heads."""

    version: str
    encoder: str
    heads: Heads
    deciding: Deciding
    issues: IssueHeads | None
    card: Mapping[str, Any]


def schema_hash() -> str:
    """Return a hash of the labels the heads have columns for, in order."""
    said = json.dumps([[task, *classes_of(task)] for task in TASKS] + [list(taxonomy().categories)])
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def save(folder: Path, arrays: Mapping[str, npt.NDArray[Any]], card: Mapping[str, Any]) -> None:
    """Write weights and card; the card names the hash of the weights, so that they cannot part."""
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f"new-{WEIGHTS}"
    np.savez_compressed(new, allow_pickle=False, **arrays)
    new.replace(folder / WEIGHTS)
    marked = {
        **card,
        "format": FORMAT,
        "schema_hash": schema_hash(),
        "features_hash": fingerprint(),
        "weights_sha256": _sha256(folder / WEIGHTS),
    }
    text = json.dumps(marked, indent=1, ensure_ascii=False, sort_keys=True)
    (folder / CARD).write_text(text + "\n", encoding="utf-8")


def load(folder: Path, *, encoder: str) -> Model:
    """Return the model in a folder, for an encoder of this name.

    Raises ArtefactError where it is missing or damaged, or was trained with another encoder (unless none is loaded),
    other n-grams or other labels.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        own = _sha256(folder / WEIGHTS)
    except (OSError, ValueError) as error:
        raise ArtefactError(f"the trained model in {folder.name} cannot be read: {error}") from error
    for what, found, wanted in (
        ("format", card.get("format"), FORMAT),
        ("labels", card.get("schema_hash"), schema_hash()),
        ("n-grams", card.get("features_hash"), fingerprint()),
        ("weights", card.get("weights_sha256"), own),
    ):
        if found != wanted:
            raise ArtefactError(f"the trained model is of other {what}: {found}, wanted {wanted}; run train_analysis")
    if encoder not in (card["encoder"], NgramEmbedder.name):
        raise ArtefactError(f"the trained model is of encoder {card['encoder']}, not of {encoder}; run train_analysis")
    try:
        with np.load(folder / WEIGHTS, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return Model(
            version=f"analysis-{own[:12]}",
            encoder=card["encoder"],
            heads=Heads.read(arrays),
            deciding=_deciding(arrays),
            issues=IssueHeads.read(arrays) if any(name.startswith("issues_") for name in arrays) else None,
            card=card,
        )
    except (OSError, KeyError, HeadsError, IssueHeadsError, ValueError) as error:
        raise ArtefactError(f"the trained model is damaged: {error}") from error


@lru_cache(maxsize=4)
def shipped(encoder: str) -> Model:
    """Return the model that ships with the product, kept for the process. Raises ArtefactError as ``load`` does."""
    return load(FOLDER, encoder=encoder)


def _deciding(arrays: Mapping[str, npt.NDArray[Any]]) -> Deciding:
    return Deciding(
        thresholds=arrays["thresholds"].astype(np.float32),
        gap=float(arrays["gap"]),
        gap_with_pick=float(arrays["gap_with_pick"]),
        picks=arrays["picks"].astype(np.float32),
        text_power=float(arrays["text_power"]),
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
