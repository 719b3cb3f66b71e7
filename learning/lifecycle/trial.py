"""A model on trial: it reads beside the one in use, and is let in only when nobody is worse off on people's labels."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from feedback.models import Analysis
from jarvish_regen.content import model_versions
from jarvish_regen.content.models import ModelVersion
from jarvish_regen.errors import ConflictError, NotFoundError
from learning import labels
from learning.lifecycle.shipped import KIND, is_usable
from learning.models import TrainingRow, TrainingRun
from learning.training.comparison import BothRead, Comparison, compare

logger = logging.getLogger(__name__)

_STATE = ModelVersion.State


@dataclass(frozen=True)
class Trial:
    """How a model on trial stands: labelled notes that both it and the one in use have read, and what they show."""

    version: ModelVersion
    notes: int
    needed: int
    comparison: Comparison

    @property
    def is_over(self) -> bool:
        """True once enough labelled notes are there to judge by."""
        return self.notes >= self.needed

    def in_words(self) -> str:
        """Say how it stands."""
        if not self.is_over:
            return _("On trial: %(notes)d of %(needed)d labelled notes read.") % {
                "notes": self.notes,
                "needed": self.needed,
            }
        return self.comparison.in_words()


def trial_of(version: ModelVersion) -> Trial:
    """Return how a model on trial stands against the one in use, on notes that came after it was trained."""
    read = _both_read(version, model_versions.champion(version.kind))
    return Trial(version, len(read), settings.MODEL_TRIAL_NOTES_MIN, compare(read))


def judge_trial() -> ModelVersion | None:
    """End the trial of the model that is on one, if enough labelled notes are there; return it when it was decided.

    Put in use where nobody is worse off (and MODEL_PROMOTES_ITSELF), else refused. A person's labels count, the best
    of each note; what a strong model said does not.
    """
    version = model_versions.challenger(KIND)
    if version is None:
        return None
    trial = trial_of(version)
    if not trial.is_over:
        return None
    if not trial.comparison.is_not_worse:
        decided = model_versions.refuse(version.id, why=trial.in_words())
    elif settings.MODEL_PROMOTES_ITSELF:
        decided = model_versions.promote(version.id, why=trial.in_words())
    else:
        return None
    _write_down(decided, trial.comparison)
    logger.warning("trial of a model is over", extra={"model": decided.name, "state": decided.state})
    return decided


def promote(*, version_id: uuid.UUID, reason: str, decided_by: uuid.UUID | None = None) -> ModelVersion:
    """Put a model in use by somebody's decision. No reason opens the gate to one on trial that is worse for anybody.

    Raises NotFoundError, ConflictError where its trial is not over or shows somebody worse off, where it was refused
    or is in use, or where this release cannot answer with it.
    """
    version = ModelVersion.objects.filter(id=version_id).defer("artefact").first()
    if version is None:
        raise NotFoundError(_("There is no such model."), field="id", given=str(version_id))
    _require_usable(version)
    comparison = None
    if version.state == _STATE.CHALLENGER:
        trial = trial_of(version)
        comparison = trial.comparison
        if not trial.is_over or not comparison.is_not_worse:
            raise ConflictError(trial.in_words(), field="state", given=trial.notes, allowed=trial.needed)
    promoted = model_versions.promote(version_id, why=reason, decided_by=decided_by)
    if comparison is not None:
        _write_down(promoted, comparison)
    return promoted


def roll_back(*, reason: str, decided_by: uuid.UUID | None = None) -> ModelVersion:
    """Put the model in use again that the present one replaced; processes follow within 10 seconds.

    Raises ConflictError where there is none, or this release cannot answer with it.
    """
    present = model_versions.champion(KIND)
    if present is not None and present.parent_id is not None:
        _require_usable(ModelVersion.objects.defer("artefact").get(id=present.parent_id))
    return model_versions.roll_back(KIND, why=reason, decided_by=decided_by)


def _require_usable(version: ModelVersion) -> None:
    if not is_usable(version):
        raise ConflictError(
            _("This release cannot answer with %(name)s: it is of other labels, or its weights left with its release.")
            % {"name": version.name},
            field="id",
            given=version.name,
        )


def _write_down(version: ModelVersion, comparison: Comparison) -> None:
    """Keep what the trial showed beside what training showed."""
    with transaction.atomic():
        run = TrainingRun.objects.select_for_update().filter(model_version=version).order_by("-created_at").first()
        if run is not None:
            run.comparison = {**run.comparison, "trial": comparison.as_plain()}
            run.outcome = f"{_STATE(version.state).label}. {comparison.in_words()}"[:500]
            run.save(update_fields=["comparison", "outcome"])


def _both_read(version: ModelVersion, champion: ModelVersion | None) -> list[BothRead]:
    """Return the notes that both have read and a person has labelled, by the best label of each."""
    said = {
        one.feedback_id: one
        for one in Analysis.objects.filter(
            role=Analysis.Role.CHALLENGER, model_version=version, feedback__created_at__gt=version.created_at
        )
    }
    if not said or champion is None:
        return []
    own: dict[Any, Analysis] = {
        one.feedback_id: one
        for one in Analysis.objects.filter(
            role=Analysis.Role.CHAMPION, model_version=champion, feedback_id__in=list(said)
        )
    }
    best: dict[Any, TrainingRow] = {}
    for row in TrainingRow.objects.filter(feedback_id__in=list(own), source__in=labels.BY_PEOPLE):
        known = best.get(row.feedback_id)
        if known is None or labels.RANK.index(row.source) < labels.RANK.index(known.source):
            best[row.feedback_id] = row
    return [
        BothRead(
            row.language, tuple(row.categories), own[feedback_id].primary_category, said[feedback_id].primary_category
        )
        for feedback_id, row in best.items()
    ]
