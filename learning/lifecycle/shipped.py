"""The model that comes with the product, written down as the one in use before anything was trained here.

Its weights stay on disk: the row says by their hash which ones are meant.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction

from feedback.analysis import artefact
from feedback.analysis.features import fingerprint
from jarvish_regen.content import model_versions
from jarvish_regen.content.model_versions import Trained
from jarvish_regen.content.models import ModelVersion

logger = logging.getLogger(__name__)

KIND: Final = ModelVersion.Kind.ANALYSIS
FIRST: Final = "Came with the product."


def shipped_card() -> dict[str, Any]:
    """Return the card of the model on disk. Raises ArtefactError where it cannot be read."""
    try:
        card = json.loads((artefact.FOLDER / artefact.CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise artefact.ArtefactError(f"the shipped model's card cannot be read: {error}") from error
    if not isinstance(card, dict) or "weights_sha256" not in card:
        raise artefact.ArtefactError("the shipped model's card names no weights")
    return card


def ensure_shipped() -> ModelVersion | None:
    """Return the model in use, after writing the shipped one down where it is missing. Safe to call at every start.

    The shipped one is put in use where none is, where the one in use is an earlier shipped one (its weights left with
    its release), and where the one in use was trained here for other labels or n-grams than this release has. Beside
    a model trained here that still fits, it goes on trial like any other. None without a readable artefact.
    """
    try:
        card = shipped_card()
    except artefact.ArtefactError as error:
        logger.warning("no shipped model to register", extra={"error": str(error)})
        return None
    with transaction.atomic():
        version = model_versions.register(_as_trained(card), why=FIRST)
        present = model_versions.champion(KIND)
        if present is not None and (present.id == version.id or is_usable(present)):
            return present
        if version.state == ModelVersion.State.REFUSED:
            logger.warning("the model in use does not fit this release, and the shipped one was refused; it answers")
            return present
        return model_versions.promote(version.id, why=FIRST)


def is_usable(version: ModelVersion) -> bool:
    """Say whether this release can answer with a model: its labels, n-grams and, if it was shipped, its weights."""
    if _is_shipped(version):
        return bool(version.artefact_sha256 == shipped_card()["weights_sha256"])
    card = version.card
    return (card.get("schema_hash"), card.get("features_hash")) == (artefact.schema_hash(), fingerprint())


def _is_shipped(version: ModelVersion) -> bool:
    return ModelVersion.objects.filter(id=version.id, artefact=None).exists()


def _as_trained(card: Mapping[str, Any]) -> Trained:
    return Trained(
        kind=KIND,
        artefact=None,
        artefact_sha256=card["weights_sha256"],
        data_sha256=card["data_hash"],
        schema_sha256=card["schema_hash"],
        encoder=card["encoder"],
        card=dict(card),
    )
