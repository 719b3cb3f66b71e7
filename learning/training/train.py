"""Train what reads feedback: fit, calibrate on unread writers, judge, lay it out as arrays and a card."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from feedback.analysis.features import Features, sparse_of
from feedback.analysis.heads import TASKS
from jarvish_regen.content.taxonomy import taxonomy
from jarvish_regen.language.embedder import NgramEmbedder, embedder
from learning.training.calibrate import Calibration, Scores, calibrate, combined
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
    """A model as it is stored: arrays by name and the card that goes with them.

    unread: (n, 10) log-probabilities of categories, each message's by heads that had not read its writer.
    """

    arrays: Mapping[str, npt.NDArray[Any]]
    card: Mapping[str, Any]
    unread: Numbers


def train(*, folder: Path = CORPUS, cache: Path, evaluate: bool, say: Say) -> Trained:
    """Train on the corpus in ``folder``; vectors are kept in ``cache``. ``evaluate`` adds figures on unread writers.

    Raises TrainingError where the encoder does not load or fewer than three writers are there, LabelError for labels
    that do not fit.
    """
    return train_on(read_messages(folder), cache=cache, evaluate=evaluate, say=say)


def train_on(
    messages: list[Message], *, cache: Path, evaluate: bool, say: Say, wordless: Collection[str] = ()
) -> Trained:
    """Train on messages of three writers or more; raises as ``train`` does.

    Those with the ids ``wordless`` do not teach which words show a fault: nobody marked any.
    """
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
    shown = [at for at, message in enumerate(messages) if message.id not in wordless]
    arrays = arrays_of(heads, settings) | dict(
        fit_issues([messages[at] for at in shown], _rows_of_features(features, shown, texts))
    )
    return Trained(arrays, _card(messages, features.encoder, settings, figures), _answers(messages, scores, settings))


def unread_answers(messages: list[Message], *, cache: Path, say: Say) -> Numbers:
    """Return what ``train_on`` gives as ``unread``, without training the model itself."""
    texts = [message.text for message in messages]
    scores = unread_scores(messages, material_of(messages, features_with_cache(texts, cache)), say)
    return _answers(messages, scores, calibrate(messages, scores))


def _answers(messages: list[Message], scores: Scores, settings: Calibration) -> Numbers:
    languages = [message.language for message in messages]
    weights = settings.kernel_weights
    return combined(scores, languages, settings.shares, settings.sharpness[0], weights)["categories"]


def _rows_of_features(features: Features, rows: list[int], texts: list[str]) -> Features:
    if len(rows) == len(features):
        return features
    return Features(features.dense[rows], sparse_of([texts[at] for at in rows]), features.encoder)


def arrays_of(heads: Fitted, settings: Calibration) -> dict[str, npt.NDArray[Any]]:
    """Return heads and settings as the arrays that Heads.read and artefact.load read; n-gram weights in eight bits."""
    gram = np.hstack([heads.gram[task] for task in TASKS])
    dense = np.hstack([heads.dense[task] for task in TASKS])
    scale = np.maximum(np.abs(gram[:-1]).max(axis=0), 1e-9) / 127
    landmarks_scale = np.abs(heads.kernel.landmarks).max() / 127
    kernel_scale = np.maximum(np.abs(heads.kernel.gram).max(axis=0), 1e-9) / 127
    return {
        "places": heads.places,
        "idf": heads.idf.astype(np.float16),
        "gram": np.rint(gram[:-1] / scale).astype(np.int8),
        "gram_scale": scale.astype(np.float32),
        "gram_bias": gram[-1],
        "dense": dense[:-1].astype(np.float16),
        "dense_bias": dense[-1],
        "landmarks": np.rint(heads.kernel.landmarks / landmarks_scale).astype(np.int8),
        "landmarks_scale": np.array(landmarks_scale, np.float32),
        "kernel_dense": heads.kernel.dense,
        "kernel_gram": np.rint(heads.kernel.gram / kernel_scale).astype(np.int8),
        "kernel_gram_scale": kernel_scale.astype(np.float32),
        "kernel_bias": heads.kernel.bias,
        "kernel_weights": settings.kernel_weights,
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
            "kernel_weights": dict(zip(TASKS, _rounded(settings.kernel_weights), strict=True)),
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
