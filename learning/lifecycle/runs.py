"""Train anew on the corpus and on what people have labelled here, and let the result on trial if nobody is worse off.

The frozen test is the corpus: every message is judged by heads that had not read its writer, with the labels of this
installation and without those that are new, so that both models are asked the same and neither has seen the answer.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.analysis import artefact
from feedback.models import Analysis
from jarvish_regen.content import model_versions
from jarvish_regen.content.model_versions import Trained as TrainedVersion
from jarvish_regen.content.models import ModelVersion
from jarvish_regen.content.taxonomy import taxonomy
from learning import labels
from learning.lifecycle.shipped import KIND, ensure_shipped
from learning.models import TrainingRow, TrainingRun
from learning.training.comparison import BothRead, Comparison, compare
from learning.training.corpus import Message, Said, hash_of, primary_of, read_messages
from learning.training.evaluate import ece, wilson
from learning.training.labels import CORPUS
from learning.training.train import MOST_BYTES, Trained, train_on, unread_answers

Say = Callable[[str], None]
# All people of this installation are one writer: their messages are judged by heads that read the corpus alone.
PEOPLE: Final = "people"


def due() -> str | None:
    """Return why it is time to train, in words; None while it is not.

    At once from TRAINING_NEW_LABELS_MIN new labels by people on, at night from a few on.
    """
    last = TrainingRun.objects.order_by("-created_at").values_list("created_at", flat=True).first()
    new = TrainingRow.objects.filter(source__in=labels.BY_PEOPLE)
    count = (new.filter(created_at__gt=last) if last else new).count()
    if count >= settings.TRAINING_NEW_LABELS_MIN:
        return f"{count} new labels"
    is_night = timezone.localtime().hour == settings.TRAINING_NIGHT_HOUR
    if is_night and count >= settings.TRAINING_NEW_LABELS_A_NIGHT_MIN:
        return f"{count} new labels, at night"
    return None


def retrain(*, say: Say, folder: Path = CORPUS, cache: Path | None = None) -> TrainingRun:
    """Train, compare with the model in use, and register: on trial where nobody is worse off, else refused at once.

    Takes minutes of one core. Leaves a TrainingRun and, unless the very same model is known, a ModelVersion; a model
    that was on trial makes room. Raises TrainingError or LabelError where nothing can be trained.
    """
    began = time.monotonic()
    kept = cache or settings.STATE_DIR / "training"
    champion = ensure_shipped()
    labels.take_strong_models()
    rows = labels.training_rows()
    corpus = read_messages(folder)
    own = messages_of(rows)
    wordless = {message.id for message in own if any(issue.span == message.text for issue in message.issues)}
    trained = train_on(corpus + own, cache=kept, evaluate=False, say=say, wordless=wordless)
    _keep_answers(kept, str(trained.card["data_hash"]), trained.unread)
    say("comparing with the model in use")
    known = [row for row in rows if row.id <= _last_row_of(champion)]
    before = _answers_of(corpus + messages_of(known), kept, say)
    comparison = compare(_both_read(corpus, before, trained.unread))
    card = {**trained.card, "unread_writers": figures_of(corpus, trained.unread), "last_row": _last_id(rows)}
    weights, card = _as_bytes(trained, card)
    with transaction.atomic():
        version, outcome = _register(weights, card, comparison)
        return TrainingRun.objects.create(
            model_version=version,
            rows_count=len(corpus) + len(rows),
            new_rows_count=len(rows) - len(known),
            seconds=time.monotonic() - began,
            comparison={"unread_writers": comparison.as_plain()},
            outcome=outcome[:500],
        )


def messages_of(rows: Sequence[TrainingRow]) -> list[Message]:
    """Return rows as messages to train on. Nobody labels their mood: it is what the model in use heard."""
    said = Analysis.objects.filter(feedback_id__in=[row.feedback_id for row in rows], role=Analysis.Role.CHAMPION)
    moods = {each.feedback_id: each for each in said.order_by("-created_at")}
    return [_message(row, moods.get(row.feedback_id)) for row in rows if row.language in taxonomy().languages]


def _message(row: TrainingRow, mood: Analysis | None) -> Message:
    return Message(
        id=f"row-{row.id}",
        text=row.text,
        writer=PEOPLE,
        language=row.language,
        primary_category=row.categories[0],
        categories=tuple(row.categories),
        issues=tuple(Said(issue["code"], issue["span"]) for issue in row.issues),
        sentiment=row.sentiment or (mood.sentiment if mood else "negative"),
        emotion=row.emotion or (mood.emotion if mood else "neutral"),
        urgency=row.urgency or (mood.urgency if mood else "medium"),
    )


def figures_of(messages: Sequence[Message], unread: npt.NDArray[np.float32]) -> dict[str, Any]:
    """Return the card's figures on writers left out: shares with Wilson intervals, calibration error, confusion."""
    codes = list(taxonomy().categories)
    likely = np.exp(unread[: len(messages)])
    said = likely.argmax(axis=1)
    hits = np.array([codes[at] in message.categories for at, message in zip(said, messages, strict=True)])
    primary = primary_of(messages)
    languages = np.array([message.language for message in messages])

    def share(own: npt.NDArray[np.bool_]) -> dict[str, Any]:
        low, high = wilson(int(hits[own].sum()), int(own.sum()))
        value = float(hits[own].mean()) if own.any() else 0.0
        return {
            "count": int(own.sum()),
            "text": {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4)},
        }

    confusion = np.zeros((len(codes), len(codes)), np.int64)
    np.add.at(confusion, (primary, said), 1)
    return {
        "category": {
            "all": share(np.ones(len(messages), np.bool_)),
            "languages": {name: share(languages == name) for name in taxonomy().languages},
            "categories": {code: share(primary == at) for at, code in enumerate(codes)},
            "ece": round(ece(likely.max(axis=1), hits), 4),
            "confusion": confusion.tolist(),
        }
    }


def _both_read(
    corpus: Sequence[Message], before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]
) -> list[BothRead]:
    codes = list(taxonomy().categories)
    return [
        BothRead(message.language, message.categories, codes[before[at].argmax()], codes[after[at].argmax()])
        for at, message in enumerate(corpus)
    ]


def _register(weights: bytes, card: dict[str, Any], comparison: Comparison) -> tuple[ModelVersion | None, str]:
    if len(weights) > MOST_BYTES:
        return None, _("The weights take %(bytes)d bytes, more than a model may.") % {"bytes": len(weights)}
    trained = TrainedVersion.of_bytes(
        weights,
        kind=KIND,
        data_sha256=card["data_hash"],
        schema_sha256=card["schema_hash"],
        encoder=card["encoder"],
        card=card,
    )
    if ModelVersion.objects.filter(kind=KIND, artefact_sha256=trained.artefact_sha256).exists():
        version = model_versions.register(trained)
        return version, _("Nothing new: it is %(name)s again.") % {"name": version.name}
    version = model_versions.register(trained, why=comparison.in_words())
    if not comparison.is_not_worse:
        model_versions.refuse(version.id, why=comparison.in_words())
        return version, _("Refused. %(why)s") % {"why": comparison.in_words()}
    for older in ModelVersion.objects.filter(kind=KIND, state=ModelVersion.State.CHALLENGER).exclude(id=version.id):
        model_versions.refuse(older.id, why=_("A newer one, %(name)s, went on trial.") % {"name": version.name})
    return version, _("On trial. %(why)s") % {"why": comparison.in_words()}


def _as_bytes(trained: Trained, card: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        artefact.save(Path(folder), trained.arrays, card)
        text = (Path(folder) / artefact.CARD).read_text(encoding="utf-8")
        return (Path(folder) / artefact.WEIGHTS).read_bytes(), json.loads(text)


def _last_row_of(version: ModelVersion | None) -> int:
    """Return the last row a model was trained with; 0 for one that knows the corpus alone."""
    return int(version.card.get("last_row", 0)) if version else 0


def _last_id(rows: Sequence[TrainingRow]) -> int:
    return max((row.id for row in rows), default=0)


def _answers_of(messages: list[Message], kept: Path, say: Say) -> npt.NDArray[np.float32]:
    path = _answers_path(kept, hash_of(messages))
    if path.exists():
        with np.load(path, allow_pickle=False) as stored:
            return np.asarray(stored["unread"], np.float32)
    answers = unread_answers(messages, cache=kept, say=say)
    _keep_answers(kept, hash_of(messages), answers)
    return answers


def _keep_answers(kept: Path, data_hash: str, answers: npt.NDArray[np.float32]) -> None:
    path = _answers_path(kept, data_hash)
    written = path.with_suffix(".new.npz")
    np.savez(written, unread=answers)
    written.replace(path)


def _answers_path(kept: Path, data_hash: str) -> Path:
    return kept / f"unread-{data_hash}.npz"
