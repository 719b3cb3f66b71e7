"""Whose word counts, who is asked a second time, and what a second labeller may know."""

import uuid

import pytest

from feedback.services import SaidIssue
from jarvish_regen.errors import ConflictError, ForbiddenError, InputError
from jarvish_regen.journal.models import AuditEntry
from learning import labels
from learning.models import LabelTask, TrainingRow
from learning.queries import get_agreement
from tests.factories import UserFactory
from tests.learning.labelled import analysed, rejection

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_chance(settings: object) -> None:
    settings.LABELS_RANDOM_SHARE = 0.0  # type: ignore[attr-defined]
    settings.LABELS_UNSURE_SHARE = 1.0  # type: ignore[attr-defined]


def _sources(feedback_id: uuid.UUID) -> list[str]:
    return sorted(TrainingRow.objects.filter(feedback_id=feedback_id).values_list("source", flat=True))


def test_what_the_author_picked_and_named_becomes_a_row_of_the_masked_note() -> None:
    feedback = rejection(note="too pushy, call me on 9876543210", issues=(SaidIssue(code="too_salesy"),))
    span = {"code": "too_salesy", "span": "too pushy", "start": 0, "end": 9, "probability": 0.8, "points_to": None}
    analysed(feedback, "tone_inappropriate", issues=[span])

    labels.take_analysed(feedback.id)

    row = TrainingRow.objects.get(feedback=feedback)
    assert (row.source, row.labelled_by_id, row.categories) == ("author", feedback.author_id, ["tone_inappropriate"])
    assert row.issues == [{"code": "too_salesy", "span": "too pushy"}]
    assert "9876543210" not in row.text
    assert row.text.startswith("too pushy")


def test_taking_twice_keeps_one_row() -> None:
    feedback = rejection()
    analysed(feedback, "tone_inappropriate")

    labels.take_analysed(feedback.id)
    labels.take_analysed(feedback.id)

    assert _sources(feedback.id) == ["author"]


def test_a_note_without_words_teaches_nothing() -> None:
    feedback = rejection(note="")
    analysed(feedback, "tone_inappropriate")

    labels.take_analysed(feedback.id)

    assert (TrainingRow.objects.count(), LabelTask.objects.count()) == (0, 0)


def test_a_pick_the_model_contradicts_with_confidence_waits_for_a_second_label() -> None:
    feedback = rejection()
    analysed(feedback, "length_issue")

    labels.take_analysed(feedback.id)

    assert labels.training_rows() == []
    task = LabelTask.objects.get(feedback=feedback)
    assert task.reason == "disagreement"
    labels.give_label(task_id=task.id, user_id=UserFactory().id, category="length_issue")
    assert [(row.source, row.categories) for row in labels.training_rows()] == [("second", ["length_issue"])]


def test_an_unsure_model_contradicts_nobody_and_is_asked_about_within_the_days_number(settings: object) -> None:
    settings.LABELS_UNSURE_A_DAY_MAX = 2  # type: ignore[attr-defined]
    notes = [rejection() for _ in range(3)]

    for feedback in notes:
        analysed(feedback, "length_issue", is_confident=False)
        labels.take_analysed(feedback.id)

    assert [row.source for row in labels.training_rows()] == ["author"] * 3
    assert list(LabelTask.objects.values_list("reason", flat=True)) == ["unsure"] * 2


def test_one_in_twenty_is_drawn_by_its_id_alone(settings: object) -> None:
    settings.LABELS_RANDOM_SHARE = 0.05  # type: ignore[attr-defined]
    ids = [uuid.UUID(int=number) for number in range(4000)]

    drawn = [each for each in ids if labels._chance(each, "random") < 0.05]

    assert 150 < len(drawn) < 250  # 200 are expected, with a standard deviation of 14
    assert drawn == [each for each in ids if labels._chance(each, "random") < 0.05]


def test_a_drawn_note_is_of_the_random_sample_even_where_the_model_disagrees(settings: object) -> None:
    settings.LABELS_RANDOM_SHARE = 1.0  # type: ignore[attr-defined]
    feedback = rejection()
    analysed(feedback, "length_issue")

    labels.take_analysed(feedback.id)

    assert LabelTask.objects.get().reason == "random"
    assert labels.training_rows() == []


def test_the_best_label_of_a_rejection_is_the_one_that_is_learnt() -> None:
    feedback = rejection()
    analysed(feedback, "length_issue", is_confident=False)
    analysed(feedback, "brand_violation", role="cascade")
    labels.take_analysed(feedback.id)
    found = []

    TrainingRow.objects.all().delete()
    assert labels.take_strong_models() == 1
    found.append(labels.training_rows()[0].source)
    labels.take_analysed(feedback.id)
    found.append(labels.training_rows()[0].source)
    labels.relabel(feedback_id=feedback.id, user_id=UserFactory().id, category="length_issue", reason="too long")
    found.append(labels.training_rows()[0].source)
    labels.give_label(task_id=LabelTask.objects.get().id, user_id=UserFactory().id, category="target_mismatch")
    found.append(labels.training_rows()[0].source)

    assert found == ["cascade", "author", "reviewer", "second"]
    assert len(labels.training_rows()) == 1
    assert labels.take_strong_models() == 0


def test_saying_it_again_replaces_what_a_reviewer_said_and_is_audited() -> None:
    feedback, reviewer = rejection(), UserFactory()

    for category in ("length_issue", "target_mismatch"):
        labels.relabel(feedback_id=feedback.id, user_id=reviewer.id, category=category, reason=f"is {category}")

    assert TrainingRow.objects.get().categories == ["target_mismatch"]
    entries = AuditEntry.objects.filter(subject_id=feedback.id, act="relabel").order_by("id")
    assert [entry.reason for entry in entries] == ["is length_issue", "is target_mismatch"]


def _task(**fields: object) -> LabelTask:
    feedback = rejection(**fields)
    analysed(feedback, "length_issue")
    labels.take_analysed(feedback.id)
    return LabelTask.objects.get(feedback=feedback)


def test_nobody_labels_their_own_rejection() -> None:
    task = _task()

    with pytest.raises(ForbiddenError):
        labels.give_label(task_id=task.id, user_id=task.feedback.author_id, category="length_issue")
    with pytest.raises(ForbiddenError):
        labels.relabel(
            feedback_id=task.feedback_id, user_id=task.feedback.author_id, category="length_issue", reason="mine"
        )


def test_who_corrected_the_label_does_not_give_the_second_one() -> None:
    task, reviewer = _task(), UserFactory()
    labels.relabel(feedback_id=task.feedback_id, user_id=reviewer.id, category="length_issue", reason="long")

    with pytest.raises(ForbiddenError):
        labels.claim(task_id=task.id, user_id=reviewer.id)


def test_a_claimed_note_is_one_persons() -> None:
    task, first, second = _task(), UserFactory(), UserFactory()
    labels.claim(task_id=task.id, user_id=first.id)

    with pytest.raises(ConflictError):
        labels.give_label(task_id=task.id, user_id=second.id, category="length_issue")
    labels.claim(task_id=task.id, user_id=first.id)
    labels.give_label(task_id=task.id, user_id=first.id, category="length_issue")

    assert labels.holder_of(task.id) is None
    with pytest.raises(ConflictError):
        labels.give_label(task_id=task.id, user_id=second.id, category="length_issue")


def test_after_the_label_the_first_one_is_revealed_and_agreement_kept() -> None:
    task = _task(issues=(SaidIssue(code="too_salesy"),))

    revealed = labels.give_label(
        task_id=task.id, user_id=UserFactory().id, category="tone_inappropriate", issues=["too_salesy"]
    )

    task.refresh_from_db()
    assert revealed == labels.Revealed("tone_inappropriate", ("too_salesy",), "length_issue", 0.9, True)
    assert (task.agrees, task.done_at is not None) == (True, True)
    assert AuditEntry.objects.filter(subject_id=task.feedback_id, act="label").exists()


def test_unknown_words_are_refused() -> None:
    task = _task()

    with pytest.raises(InputError):
        labels.give_label(task_id=task.id, user_id=UserFactory().id, category="nonsense")
    with pytest.raises(InputError):
        labels.give_label(task_id=task.id, user_id=UserFactory().id, category="length_issue", issues=["nonsense"])
    assert TrainingRow.objects.count() == 0


def test_agreement_is_told_by_pair_and_by_category_and_language() -> None:
    labeller = UserFactory()
    for number in range(12):
        task = _task()
        # Twelve picks of tone; the second labeller says length, as the model does, in three of them.
        category = "length_issue" if number < 3 else "tone_inappropriate"
        labels.give_label(task_id=task.id, user_id=labeller.id, category=category)

    agreement = get_agreement()

    shown = {str(pair.title): (pair.count, pair.share) for pair in agreement.pairs}
    assert shown["Author and second label, all"] == (12, 0.75)
    assert shown["Model and second label, all"] == (12, 0.25)
    assert shown["Author and second label, drawn at random"] == (0, None)
    assert {(cell.category, cell.language) for cell in agreement.cells} == {
        ("tone_inappropriate", "en"),
        ("length_issue", "en"),
    }
    assert get_agreement(firm_id=uuid.uuid4()).pairs[1].count == 0
