"""Let trained models in, one in use a kind: register, promote, refuse, roll back. Every step keeps who and why."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from jarvish_regen.content.models import ModelVersion
from jarvish_regen.errors import ConflictError, NotFoundError
from jarvish_regen.ids import new_id

_STATE = ModelVersion.State


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A model as training hands it over. ``artefact`` is None for the one that ships with the product."""

    kind: str
    artefact: bytes | None
    artefact_sha256: str
    data_sha256: str
    schema_sha256: str
    encoder: str
    card: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_bytes(cls, artefact: bytes, **values: Any) -> Trained:
        """Return a model whose hash is that of its bytes."""
        return cls(artefact=artefact, artefact_sha256=hashlib.sha256(artefact).hexdigest(), **values)


def champion(kind: str) -> ModelVersion | None:
    """Return the model in use, without its bytes; None where only the shipped one was ever there."""
    return ModelVersion.objects.filter(kind=kind, state=_STATE.CHAMPION).defer("artefact").first()


def challenger(kind: str) -> ModelVersion | None:
    """Return the newest model on trial, without its bytes."""
    found = ModelVersion.objects.filter(kind=kind, state=_STATE.CHALLENGER).defer("artefact")
    return found.order_by("-created_at").first()


def artefact_of(version: ModelVersion) -> bytes | None:
    """Return the stored weights, or None for the model that ships with the product."""
    stored = ModelVersion.objects.values_list("artefact", flat=True).get(id=version.id)
    return None if stored is None else bytes(stored)


def register(trained: Trained, *, why: str = "", decided_by: uuid.UUID | None = None) -> ModelVersion:
    """Write a model down as a challenger; the very same model is written down once and returned as it stands."""
    known = ModelVersion.objects.filter(kind=trained.kind, artefact_sha256=trained.artefact_sha256)
    found = known.defer("artefact").first()
    if found is not None:
        return found
    return ModelVersion.objects.create(
        id=new_id(),
        kind=trained.kind,
        name=f"{trained.kind}-{trained.artefact_sha256[:12]}",
        artefact=trained.artefact,
        artefact_sha256=trained.artefact_sha256,
        data_sha256=trained.data_sha256,
        schema_sha256=trained.schema_sha256,
        encoder=trained.encoder,
        card=dict(trained.card),
        parent=champion(trained.kind),
        why=why[:500],
        decided_by_id=decided_by,
    )


def promote(version_id: uuid.UUID, *, why: str, decided_by: uuid.UUID | None = None) -> ModelVersion:
    """Put a model in use; the one that was goes to the retired.

    Raises NotFoundError for an unknown model, ConflictError for one that was refused or is in use.
    """
    with transaction.atomic():
        version = _locked(version_id)
        if version.state not in (_STATE.CHALLENGER, _STATE.RETIRED):
            raise ConflictError(
                _("Only a model on trial, or one that was in use before, can be put in use."),
                field="state",
                given=version.state,
                allowed=[_STATE.CHALLENGER.value, _STATE.RETIRED.value],
            )
        for old in ModelVersion.objects.filter(kind=version.kind, state=_STATE.CHAMPION).defer("artefact"):
            if version.state == _STATE.CHALLENGER:
                version.parent = old  # what a roll-back returns to; going back must not lead forward again
            _move(old, _STATE.RETIRED, _("Replaced by %(name)s.") % {"name": version.name}, decided_by)
        _move(version, _STATE.CHAMPION, why, decided_by)
    return version


def refuse(version_id: uuid.UUID, *, why: str, decided_by: uuid.UUID | None = None) -> ModelVersion:
    """End the trial of a model that is not good enough. Raises ConflictError unless it is on trial."""
    with transaction.atomic():
        version = _locked(version_id)
        if version.state != _STATE.CHALLENGER:
            raise ConflictError(
                _("Only a model on trial can be refused."),
                field="state",
                given=version.state,
                allowed=_STATE.CHALLENGER.value,
            )
        _move(version, _STATE.REFUSED, why, decided_by)
    return version


def roll_back(kind: str, *, why: str, decided_by: uuid.UUID | None = None) -> ModelVersion:
    """Put the model in use again that the present one replaced. Raises ConflictError where there is none."""
    present = champion(kind)
    if present is None or present.parent_id is None:
        raise ConflictError(_("There is no earlier model to go back to."), field="kind", given=kind)
    return promote(present.parent_id, why=why, decided_by=decided_by)


def _locked(version_id: uuid.UUID) -> ModelVersion:
    kind = ModelVersion.objects.filter(id=version_id).values_list("kind", flat=True).first()
    if kind is None:
        raise NotFoundError(_("There is no such model."), field="id", given=str(version_id))
    # All of the kind, in one order: of two promotions at once the second waits and sees what the first did.
    rows = ModelVersion.objects.select_for_update().filter(kind=kind).defer("artefact").order_by("id")
    return next(row for row in rows if row.id == version_id)


def _move(version: ModelVersion, state: ModelVersion.State, why: str, decided_by: uuid.UUID | None) -> None:
    version.state, version.why, version.decided_by_id = state, why[:500], decided_by
    version.changed_at = Now()
    version.save(update_fields=["state", "why", "decided_by", "changed_at", "parent"])
