"""Train what reads feedback: fit, calibrate on unread writers, judge, lay it out as arrays and a card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from feedback.analysis.heads import TASKS
from jarvish_regen.content.taxonomy import taxonomy
from jarvish_regen.language.embedder import NgramEmbedder, embedder
from learning.training.calibrate import Calibration, calibrate
from learning.training.corpus import Message, features_with_cache, hash_of, read_messages
from learning.training.evaluate import nested, report_of, unread_scores
from learning.training.fit import Fitted, fit_heads, material_of
from learning.training.issues_fit import fit_issues
from learning.training.labels import CORPUS
from learning.training.splits import writers_of

Numbers = npt.NDArray[np.float32]
Say = Callable[[str], None]

MOST_BYTES: Final = 5_000_000


class TrainingError(ValueError):
    """A corpus or machine that nothing can be trained on."""


@dataclass(frozen=True)
class Trained:
    """A model as it is stored: arrays by name and the card that goes with them."""

    arrays: Mapping[str, npt.NDArray[Any]]
    card: Mapping[str, Any]


def train(*, folder: Path = CORPUS, cache: Path, evaluate: bool, say: Say) -> Trained:
    """Train on the corpus in ``folder``; vectors are kept in ``cache``. ``evaluate`` adds figures on unread writers.

    Raises TrainingError where the encoder does not load or fewer than three writers are there, LabelError for labels
    that do not fit.
    """
    messages = read_messages(folder)
    if len(writers_of([message.writer for message in messages])) < 3:
        raise TrainingError("the corpus needs messages by three writers or more")
    if embedder().name == NgramEmbedder.name:
        raise TrainingError("the encoder does not load on this machine, so nothing can be trained with it")
    texts = [message.text for message in messages]
    features = features_with_cache(texts, cache, lambda done, count: say(f"embedded {done:,} of {count:,} messages"))
    material = material_of(messages, features)
    scores = unread_scores(messages, material, say)
    settings = calibrate(messages, scores)
    say("all writers")
    heads = fit_heads(material, np.arange(len(messages)))
    figures = report_of(messages, nested(messages, material, scores, say)) if evaluate else None
    say("issues")
    arrays = arrays_of(heads, settings) | dict(fit_issues(messages, features))
    return Trained(arrays, _card(messages, features.encoder, settings, figures))


def arrays_of(heads: Fitted, settings: Calibration) -> dict[str, npt.NDArray[Any]]:
    """Return heads and settings as the arrays that Heads.read and artefact.load read; n-gram weights in eight bits."""
    gram = np.hstack([heads.gram[task] for task in TASKS])
    dense = np.hstack([heads.dense[task] for task in TASKS])
    scale = np.maximum(np.abs(gram[:-1]).max(axis=0), 1e-9) / 127
    return {
        "places": heads.places,
        "idf": heads.idf.astype(np.float16),
        "gram": np.rint(gram[:-1] / scale).astype(np.int8),
        "gram_scale": scale.astype(np.float32),
        "gram_bias": gram[-1],
        "dense": dense[:-1].astype(np.float16),
        "dense_bias": dense[-1],
        "shares": settings.shares,
        "sharpness": settings.sharpness,
        "thresholds": settings.thresholds,
        "gap": np.array(settings.gap, np.float32),
        "gap_with_pick": np.array(settings.gap_with_pick, np.float32),
        "picks": settings.picks,
        "text_power": np.array(settings.text_power, np.float32),
    }


def _card(
    messages: list[Message], encoder: str, settings: Calibration, figures: Mapping[str, Any] | None
) -> dict[str, Any]:
    languages = [message.language for message in messages]
    return {
        "encoder": encoder,
        "data_hash": hash_of(messages),
        "messages": len(messages),
        "languages": {name: languages.count(name) for name in taxonomy().languages},
        "writers": writers_of([message.writer for message in messages]),
        "settings": {
            "shares_of_encoder": {
                language: dict(zip(TASKS, _rounded(settings.shares[at]), strict=True))
                for at, language in enumerate(taxonomy().languages)
            },
            "sharpness": [_rounded(row) for row in settings.sharpness],
            "thresholds": dict(zip(taxonomy().categories, _rounded(settings.thresholds), strict=True)),
            "gap": round(settings.gap, 4),
            "gap_with_pick": round(settings.gap_with_pick, 4),
            "text_power": settings.text_power,
        },
        # Each writer left out in turn, settings chosen among the others; None when it was trained without --evaluate.
        "unread_writers": figures,
    }


def _rounded(numbers: Numbers) -> list[float]:
    return [round(float(number), 2) for number in numbers]
