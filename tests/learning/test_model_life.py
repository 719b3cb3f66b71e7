"""From people's labels to a model on trial, into use, and back: each step only where nobody is worse off."""

import json
import logging
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from feedback.analysis.artefact import load
from feedback.models import Feedback
from jarvish_regen.content import model_versions
from jarvish_regen.content.model_versions import Trained
from jarvish_regen.content.models import ModelVersion
from jarvish_regen.errors import ConflictError
from learning import labels
from learning.lifecycle import runs, trial
from learning.lifecycle.shipped import KIND, ensure_shipped, shipped_card
from learning.models import TrainingRow, TrainingRun
from learning.training.labels import CORPUS
from tests.factories import UserFactory
from tests.learning.labelled import analysed, rejection

pytestmark = pytest.mark.django_db

TONE, LENGTH = "tone_inappropriate", "length_issue"


def silent(step: str) -> None:
    """Say nothing."""


@pytest.fixture
def small_corpus(tmp_path: Path) -> Path:
    """Eight short messages by each of three writers: enough to train on in seconds."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name in ("feedback_1", "feedback_4", "feedback_5"):
        lines = (CORPUS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        short = [line for line in lines if len(json.loads(line)["text"]) < 60][:8]
        (folder / f"{name}.jsonl").write_text("\n".join(short), encoding="utf-8")
    return folder


def _trained(content: bytes) -> ModelVersion:
    card = {name: shipped_card()[name] for name in ("schema_hash", "features_hash")}
    return model_versions.register(
        Trained.of_bytes(content, kind=KIND, data_sha256="d", schema_sha256="s", encoder="e5", card=card)
    )


@pytest.fixture
def champion() -> ModelVersion:
    version = ensure_shipped()
    assert version is not None
    return version


def _labelled(champion: ModelVersion, challenger: ModelVersion, *, right: str, old: str, new: str) -> Feedback:
    feedback = rejection(category=right)
    analysed(feedback, old, version=champion, is_confident=False)
    analysed(feedback, new, version=challenger, role="challenger")
    labels.take_analysed(feedback.id)
    return feedback


@pytest.mark.django_db(transaction=True)  # as in the command: no transaction stays open for the arithmetic
def test_people_train_a_model_that_is_compared_and_written_down(
    small_corpus: Path, tmp_path: Path, champion: ModelVersion
) -> None:
    for _ in range(3):
        feedback = rejection(note="far too pushy, sounds like a salesman")
        analysed(feedback, TONE)
        labels.take_analysed(feedback.id)

    run = runs.retrain(say=silent, folder=small_corpus, cache=tmp_path / "kept")

    version = run.model_version
    assert version is not None
    assert (run.rows_count, run.new_rows_count) == (27, 3)
    assert version.parent == champion
    assert version.state == ("challenger" if run.comparison["unread_writers"]["is_not_worse"] else "refused")
    cells = {cell["name"]: cell["count"] for cell in run.comparison["unread_writers"]["cells"]}
    assert cells["overall"] == 24
    assert version.card["last_row"] == TrainingRow.objects.latest("id").id
    assert version.card["unread_writers"]["category"]["all"]["count"] == 24
    # What is stored is what the analysing floor loads: weights and the card that names them.
    folder = tmp_path / "stored"
    folder.mkdir()
    (folder / "analysis.npz").write_bytes(model_versions.artefact_of(version) or b"")
    (folder / "card.json").write_text(json.dumps(version.card), encoding="utf-8")
    assert load(folder, encoder=version.encoder).version == version.name
    assert runs.due() is None


def test_training_is_due_at_many_labels_at_once_and_at_a_few_by_night(settings: Any) -> None:
    settings.TRAINING_NEW_LABELS_MIN, settings.TRAINING_NEW_LABELS_A_NIGHT_MIN = 3, 2
    settings.TRAINING_NIGHT_HOUR = (timezone.localtime().hour + 12) % 24
    found = [runs.due()]
    for count in range(3):
        labels.relabel(feedback_id=rejection().id, user_id=UserFactory().id, category=TONE, reason="pushy")
        if count == 1:
            found.append(runs.due())
            settings.TRAINING_NIGHT_HOUR = timezone.localtime().hour
            found.append(runs.due())
    found.append(runs.due())
    TrainingRun.objects.create(rows_count=3, new_rows_count=3, seconds=1.0, outcome="trained")
    TrainingRow.objects.update(created_at="2026-01-01T00:00Z")
    found.append(runs.due())

    assert found == [None, None, "2 new labels, at night", "3 new labels", None]


def test_what_a_strong_model_said_is_trained_on_and_never_makes_training_due(settings: Any) -> None:
    settings.TRAINING_NEW_LABELS_MIN = 1
    feedback = rejection()
    analysed(feedback, TONE, is_confident=False)
    analysed(feedback, LENGTH, role="cascade")
    labels.take_strong_models()

    assert runs.due() is None
    assert [message.primary_category for message in runs.messages_of(labels.training_rows())] == [LENGTH]


def test_a_trial_waits_for_labelled_notes(champion: ModelVersion, settings: Any) -> None:
    settings.MODEL_TRIAL_NOTES_MIN = 2
    challenger = _trained(b"new")
    _labelled(champion, challenger, right=TONE, old=LENGTH, new=TONE)
    unlabelled = rejection()
    analysed(unlabelled, LENGTH, version=champion)
    analysed(unlabelled, TONE, version=challenger, role="challenger")

    assert trial.judge_trial() is None
    assert trial.trial_of(challenger).in_words() == "On trial: 1 of 2 labelled notes read."
    with pytest.raises(ConflictError):
        trial.promote(version_id=challenger.id, reason="I like it")


def test_a_model_that_harms_nobody_comes_in_by_itself_and_goes_out_by_one_call(
    champion: ModelVersion, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.MODEL_TRIAL_NOTES_MIN = 3
    challenger = _trained(b"new")
    run = TrainingRun.objects.create(
        model_version=challenger, rows_count=9, new_rows_count=3, seconds=1.0, outcome="On trial."
    )
    for old in (LENGTH, TONE, TONE):
        _labelled(champion, challenger, right=TONE, old=old, new=TONE)

    with caplog.at_level(logging.WARNING):
        decided = trial.judge_trial()

    run.refresh_from_db()
    assert decided == challenger == model_versions.champion(KIND)
    assert decided.why.startswith("Not worse anywhere. overall: +33.3 points on 3 messages")
    assert run.comparison["trial"]["is_not_worse"] is True
    assert run.outcome.startswith("In use.")
    out = StringIO()
    call_command("rollback_model", "--reason", "worse on live notes", "--json", stdout=out)
    champion.refresh_from_db()
    assert json.loads(out.getvalue()) == {"model": champion.name, "state": "champion", "why": "worse on live notes"}
    with pytest.raises(CommandError) as failed:
        call_command("rollback_model", "--reason", "again", stdout=StringIO())
    assert failed.value.returncode == 1


def test_a_model_that_is_worse_on_live_notes_is_refused(champion: ModelVersion, settings: Any) -> None:
    settings.MODEL_TRIAL_NOTES_MIN = 8
    challenger = _trained(b"new")
    for _ in range(8):
        _labelled(champion, challenger, right=TONE, old=TONE, new=LENGTH)

    decided = trial.judge_trial()

    assert decided is not None
    assert (decided.state, model_versions.champion(KIND)) == ("refused", champion)
    assert decided.why.startswith("Worse: overall: -100.0 points on 8 messages")
    with pytest.raises(ConflictError):
        trial.promote(version_id=challenger.id, reason="I like it")


def test_where_people_decide_a_good_trial_waits_for_one(champion: ModelVersion, settings: Any) -> None:
    settings.MODEL_TRIAL_NOTES_MIN, settings.MODEL_PROMOTES_ITSELF = 1, False
    challenger, person = _trained(b"new"), UserFactory()
    _labelled(champion, challenger, right=TONE, old=TONE, new=TONE)

    assert trial.judge_trial() is None
    promoted = trial.promote(version_id=challenger.id, reason="Read twenty by hand.", decided_by=person.id)

    assert (promoted.state, promoted.why, promoted.decided_by) == ("champion", "Read twenty by hand.", person)


def test_the_second_label_is_the_one_that_judges(champion: ModelVersion, settings: Any) -> None:
    settings.MODEL_TRIAL_NOTES_MIN = 1
    settings.LABELS_UNSURE_SHARE = 1.0
    challenger = _trained(b"new")
    feedback = _labelled(champion, challenger, right=TONE, old=TONE, new=LENGTH)
    assert not trial.trial_of(challenger).comparison.is_not_worse

    task = labels.LabelTask.objects.get(feedback=feedback)
    labels.give_label(task_id=task.id, user_id=UserFactory().id, category=LENGTH)

    assert trial.trial_of(challenger).comparison.cells[0].won == 1


def test_notes_from_before_the_training_judge_nothing(champion: ModelVersion) -> None:
    feedback = rejection()
    challenger = _trained(b"new")
    analysed(feedback, TONE, version=champion)
    analysed(feedback, TONE, version=challenger, role="challenger")
    labels.take_analysed(feedback.id)
    Feedback.objects.filter(id=feedback.id).update(created_at="2026-01-01T00:00Z")

    assert trial.trial_of(challenger).notes == 0


def test_nobody_goes_back_to_weights_that_left_with_their_release(champion: ModelVersion) -> None:
    earlier = Trained(
        kind=KIND, artefact=None, artefact_sha256="0" * 64, data_sha256="d", schema_sha256="s", encoder="e5"
    )
    old = model_versions.register(earlier)
    ModelVersion.objects.filter(id=old.id).update(state="retired")
    ModelVersion.objects.filter(id=champion.id).update(parent=old)

    with pytest.raises(ConflictError, match="left with its release"):
        trial.roll_back(reason="I liked it")
    assert model_versions.champion(KIND) == champion
