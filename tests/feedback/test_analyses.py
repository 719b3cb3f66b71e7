"""Every rejection's note is understood, once a model, whoever needed it before."""

from datetime import timedelta

import pytest
from django.utils import timezone

from feedback.analyses import ANALYSE_TASK, analyse_feedback, found_in_note, is_pressing, sweep
from feedback.analysis.artefact import FOLDER, WEIGHTS, shipped
from feedback.cascade import ASK_TASK
from feedback.models import Analysis, Feedback
from feedback.models_in_use import models_in_use
from feedback.understanding import understand
from jarvish_regen.content import model_versions
from jarvish_regen.content.model_versions import Trained
from jarvish_regen.content.models import ModelVersion
from jarvish_regen.journal.models import Event, Outbox
from jarvish_regen.language.embedder import embedder
from tests.factories import draft_item, rejected

pytestmark = pytest.mark.django_db
DRAFT = "Start a SIP today.\nThis offer ends tonight, hurry!\nMutual fund investments are subject to market risks."
PUSHY = "Too pushy, sounds like a salesman in line 2"


def _said(note: str = PUSHY, **fields: object) -> Feedback:
    category = str(fields.setdefault("category", "tone_inappropriate"))
    # Known before, as when it was typed into the form: how long reading takes here decides nothing.
    understand(note, category=category, draft=DRAFT)
    return rejected(draft_item(text=DRAFT), note=note, issues=(), **fields).feedback


def _on_trial() -> ModelVersion:
    version = model_versions.register(
        Trained.of_bytes(
            (FOLDER / WEIGHTS).read_bytes(),
            kind="analysis",
            data_sha256="d" * 64,
            schema_sha256="e" * 64,
            encoder="test",
            card=dict(shipped(embedder().name).card),
        )
    )
    models_in_use.forget()
    return version


def test_a_stored_rejection_owes_the_ring_for_its_analysis() -> None:
    feedback = _said()

    owed = Outbox.objects.get(task=ANALYSE_TASK)
    assert (owed.queue, owed.kwargs) == ("learn", {"feedback_id": str(feedback.id)})


def test_a_note_is_understood_and_told() -> None:
    feedback = _said()

    stored = analyse_feedback(feedback.id)

    assert stored is not None
    found = understand(PUSHY, category="tone_inappropriate", draft=DRAFT).analysis
    assert (stored.role, stored.primary_category, stored.sentiment) == (
        "champion",
        "tone_inappropriate",
        found.sentiment,
    )
    assert stored.issues[0]["code"] == "too_salesy"
    assert stored.issues[0]["points_to"] == [19, 50]
    assert stored.issues[0]["span"] == feedback.note_text[stored.issues[0]["start"] : stored.issues[0]["end"]]
    assert stored.categories[0]["evidence"]
    event = Event.objects.get(kind="feedback.analysed")
    assert event.payload == {
        "feedback_id": str(feedback.id),
        "primary_category": "tone_inappropriate",
        "is_confident": stored.is_confident,
        "role": "champion",
    }


def test_understood_twice_it_is_stored_and_told_once() -> None:
    feedback = _said()

    first, second = analyse_feedback(feedback.id), analyse_feedback(feedback.id)

    assert first == second
    assert Analysis.objects.count() == Event.objects.filter(kind="feedback.analysed").count() == 1


def test_a_new_champion_does_not_overwrite_what_was_understood() -> None:
    feedback = _said()
    before = analyse_feedback(feedback.id)
    model_versions.promote(_on_trial().id, why="test")
    models_in_use.forget()

    assert analyse_feedback(feedback.id) == before
    assert Analysis.objects.count() == 1


def test_a_model_on_trial_reads_along_and_nobody_is_told() -> None:
    version = _on_trial()
    feedback = _said()

    analyse_feedback(feedback.id)
    analyse_feedback(feedback.id)

    rows = Analysis.objects.filter(feedback=feedback).order_by("role")
    assert [(row.role, row.model_version_id) for row in rows] == [("challenger", version.id), ("champion", None)]
    assert [event.payload["role"] for event in Event.objects.filter(kind="feedback.analysed")] == ["champion"]


@pytest.mark.parametrize("note", ["", "  \n "])
def test_without_words_there_is_nothing_to_understand(note: str) -> None:
    assert analyse_feedback(_said(note).id) is None
    assert Analysis.objects.count() == 0


def test_a_sure_reading_asks_no_strong_model() -> None:
    analyse_feedback(_said("The guaranteed 15% return is illegal, SEBI will not allow it").id)

    assert Outbox.objects.filter(task=ASK_TASK).count() == 0


def test_what_a_broker_lost_is_rung_for_again() -> None:
    lost, understood, wordless, fresh = _said(), _said(), _said(""), _said()
    analyse_feedback(understood.id)
    old = [lost.id, understood.id, wordless.id]
    Feedback.objects.filter(id__in=old).update(created_at=timezone.now() - timedelta(minutes=5))

    assert sweep() == 1
    assert fresh.id not in old


def test_issues_of_a_note_are_anchored_in_the_draft() -> None:
    feedback = _said()

    found = found_in_note(feedback, draft=DRAFT)

    assert [(row.code, row.quote, row.source) for row in found][:1] == [
        ("too_salesy", "This offer ends tonight, hurry!", "analysis")
    ]
    assert all(row.pk is None for row in found)


def test_a_missing_element_has_no_place() -> None:
    feedback = _said("Risk disclaimer missing hai", category="compliance_violation")

    found = found_in_note(feedback, draft=DRAFT)

    assert [(row.code, row.start, row.quote) for row in found] == [("missing_risk_disclaimer", None, "")]


def test_what_the_person_dropped_stays_dropped() -> None:
    feedback = _said(metadata={"dropped_proposals": ["too_salesy"]})

    assert "too_salesy" not in [row.code for row in found_in_note(feedback, draft=DRAFT)]


def test_a_strange_note_of_what_was_dropped_costs_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    feedback = _said(metadata={"dropped_proposals": 7})

    assert found_in_note(feedback, draft=DRAFT) == ()
    assert "note not understood before its answer" in caplog.text


def test_only_what_was_read_as_it_was_typed_can_press() -> None:
    note = "Urgent!! Client meeting in ten minutes, this is wrong and useless, fix it right now"
    before = is_pressing(note, category="factual_error", draft=DRAFT)
    read = understand(note, category="factual_error", draft=DRAFT)

    assert not before
    assert read.is_pressing
    assert is_pressing(note, category="factual_error", draft=DRAFT)
    assert not is_pressing(note, category="tone_inappropriate", draft=DRAFT)
    assert not is_pressing("", category="factual_error", draft=DRAFT)
