"""Which trained model reads feedback in this process: the champion's own weights, else those that ship.

A process asks for another champion every 10 seconds at most. With the database away, or weights that do not load, it
goes on with the last good model; somebody who waits for an answer never waits for this.
"""

import json
import logging
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from django.db import Error as DatabaseError

from feedback.analysis.artefact import CARD, WEIGHTS, ArtefactError, Model, load, shipped
from jarvish_regen.content import model_versions
from jarvish_regen.content.models import ModelVersion
from jarvish_regen.language.embedder import embedder

logger = logging.getLogger(__name__)

LOOKED_EVERY_SECONDS: Final = 10.0


@dataclass(frozen=True)
class InUse:
    """A loaded model, and the row that let it in; None for shipped weights that nobody has written down."""

    model: Model
    model_version_id: uuid.UUID | None


class ModelsInUse:
    """Hold the champion and the challenger of one process. Thread-safe: one thread looks, the others go on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Look again at the next call, as a new process would."""
        self._look_at = 0.0
        self._champion: InUse | None = None
        self._challenger: InUse | None = None
        self._champion_id: uuid.UUID | None = None
        self._challenger_id: uuid.UUID | None = None

    def champion(self) -> InUse:
        """Return the model whose word counts. Raises ArtefactError where not even the shipped one loads."""
        self._look()
        return self._champion or InUse(shipped(embedder().name), None)

    def challenger(self) -> InUse | None:
        """Return the model on trial; None when there is none that loads."""
        self._look()
        return self._challenger

    def _look(self) -> None:
        if time.monotonic() < self._look_at or not self._lock.acquire(blocking=False):
            return
        try:
            self._look_at = time.monotonic() + LOOKED_EVERY_SECONDS
            champion = model_versions.champion(ModelVersion.Kind.ANALYSIS)
            challenger = model_versions.challenger(ModelVersion.Kind.ANALYSIS)
            if _id_of(champion) != self._champion_id:
                self._champion, self._champion_id = _loaded(champion), _id_of(champion)
            if _id_of(challenger) != self._challenger_id:
                self._challenger, self._challenger_id = _loaded(challenger), _id_of(challenger)
        except DatabaseError:
            logger.warning("models not looked up; the last good ones go on")
        finally:
            self._lock.release()


def _id_of(version: ModelVersion | None) -> uuid.UUID | None:
    return version.id if version is not None else None


def _loaded(version: ModelVersion | None) -> InUse | None:
    """Return a model with its weights; None when there is none, or it does not load."""
    if version is None:
        return None
    try:
        artefact = model_versions.artefact_of(version)
        if artefact is None:
            model = shipped(embedder().name)
            # Another release shipped others since this row was written: what they say is not this row's word.
            is_its_own = model.version.endswith(version.artefact_sha256[:12])
            return InUse(model, version.id if is_its_own else None)
        return InUse(model_of_bytes(artefact, version.card), version.id)
    except ArtefactError as error:
        logger.exception("trained model does not load", extra={"model": version.name, "error": str(error)})
        return None


def model_of_bytes(artefact: bytes, card: object) -> Model:
    """Return the model of stored weights and the card they were written with. Raises ArtefactError as ``load`` does."""
    with TemporaryDirectory(prefix="analysis-") as folder:
        (Path(folder) / WEIGHTS).write_bytes(artefact)
        (Path(folder) / CARD).write_text(json.dumps(card), encoding="utf-8")
        return load(Path(folder), encoder=embedder().name)


models_in_use: Final = ModelsInUse()
