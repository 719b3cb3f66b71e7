"""A further attempt at a stored rejection, on request: what may be asked, what it keeps to, what stands in the end."""

import json
from collections.abc import Iterator, Mapping, Sequence

import pytest
from django.conf import LazySettings

from escalation import services
from escalation.models import Case, CaseEntry
from escalation.requests import ATTEMPTS_A_REJECTION_MAX, FurtherAttempt, request_attempt
from feedback.services import SaidIssue
from jarvish_regen.content.models import ContentItem
from jarvish_regen.errors import ConflictError, NotFoundError
from jarvish_regen.journal.models import Outbox
from regeneration.job import Constraints
from regeneration.models import Regeneration
from regeneration.targets import forget_targets
from tests.factories import AdvisorProfileFactory, draft_item, rejected, viewer_for
from tests.fake_openai import FakeOpenAI

STIFF = "Kindly be informed that contributions are to be remitted henceforth."
TEXT = (
    f"A plan is easier to keep when it is small. {STIFF} Write your goal on paper first.\n\n"
    "Mutual Fund investments are subject to market risks, read all scheme related documents carefully.\n\n"
    "Asha Rao | ARN-123456 | EUIN E123456 | AMFI-registered Mutual Fund Distributor"
)
NEW_WORDS = "Put in a little each month."

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(settings: LazySettings) -> Iterator[FakeOpenAI]:
    def respond(messages: Sequence[Mapping[str, str]]) -> str:
        return json.dumps(
            {"edits": [{"find": STIFF, "replace": NEW_WORDS, "fixes": ["too_formal"]}], "full_text": None}
        )

    with FakeOpenAI("instant", respond=respond) as fake:
        settings.MODEL_URL, settings.MODEL_KEY = fake.url, "sk-fake"
        forget_targets()
        yield fake
    forget_targets()


@pytest.fixture
def answered() -> Regeneration:
    """Return an attempt that was answered without a model, in review."""
    receipt = rejected(
        draft_item(text=TEXT),
        category="tone_inappropriate",
        severity="minor",
        issues=(SaidIssue(code="too_formal", quote=STIFF),),
    )
    assert receipt.regeneration is not None
    services.take_next_step(regeneration_id=receipt.regeneration.id)
    return Regeneration.objects.select_related("item__advisor__user", "feedback", "answer").get(
        id=receipt.regeneration.id
    )


def _further(attempt: Regeneration, **asked: object) -> Regeneration:
    receipt = request_attempt(
        viewer=viewer_for(attempt.item.advisor.user),
        asked=FurtherAttempt(feedback_id=attempt.feedback_id, **asked),  # type: ignore[arg-type]
    )
    assert receipt.regeneration is not None
    return receipt.regeneration


def _taken(attempt: Regeneration) -> Regeneration:
    assert services.take_next_step(regeneration_id=attempt.id)
    attempt.refresh_from_db()
    return attempt


def test_it_is_the_next_attempt_with_the_next_tactic_and_owes_a_ring(answered: Regeneration) -> None:
    further = _further(answered)

    item = ContentItem.objects.get(id=answered.item_id)
    assert (further.attempt, further.tactic, further.urgency) == (2, "rewrite_marked_sentences", answered.urgency)
    assert item.state == "regenerating"
    assert Outbox.objects.filter(task="escalation.respond", queue=answered.urgency).count() == 2
    assert CaseEntry.objects.filter(act="regenerate", feedback=answered.feedback).count() == 1


def test_what_was_demanded_is_stored_and_kept_to(answered: Regeneration, provider: FakeOpenAI) -> None:
    further = _further(
        answered,
        strategy="edits",
        urgency="high",
        constraints=Constraints(exclude_terms=("little",), tone="plain"),
        fallback_rungs=(),
        deadline_ms=900,
    )

    found = _taken(further)

    assert (found.tactic, found.urgency, found.deadline_ms) == ("edits", "high", 900)
    assert found.constraints == {"tone": "plain", "exclude_terms": ["little"], "fallback_rungs": []}
    # The model's text says what was to be left out: admissible, not valid.
    assert (found.rung, found.is_valid) == ("model", False)


def test_a_models_text_becomes_the_next_version(answered: Regeneration, provider: FakeOpenAI) -> None:
    found = _taken(_further(answered))

    item = ContentItem.objects.select_related("current").get(id=answered.item_id)
    assert (found.state, found.rung, item.state) == ("answered", "model", "in_review")
    assert item.current is not None
    assert (item.current.number, NEW_WORDS in item.current.text) == (3, True)


def test_what_the_person_has_already_is_no_new_answer(answered: Regeneration) -> None:
    found = _taken(_further(answered))

    item = ContentItem.objects.get(id=answered.item_id)
    case = Case.objects.get(item=item)
    zero = found.candidates.get(number=0)
    assert (found.state, item.state, item.current_id, case.state) == (
        "no_answer",
        "in_review",
        answered.answer_id,
        "answered",
    )
    assert zero.objections[0] == "It is the version you have already."


def test_a_kind_of_answer_that_was_ruled_out_is_not_given(answered: Regeneration) -> None:
    constraints = Constraints(exclude_terms=("goal",))
    allowed = _further(answered, constraints=constraints)
    settled = _taken(allowed)
    ruled_out = _taken(_further(answered, constraints=constraints, fallback_rungs=("library",)))

    assert [one.rung for one in settled.candidates.all()] == ["repair"]
    assert ruled_out.state == "no_answer"
    assert all(not one.is_admissible for one in ruled_out.candidates.filter(rung="repair"))


def test_another_firms_rejection_is_not_there(answered: Regeneration) -> None:
    with pytest.raises(NotFoundError) as caught:
        request_attempt(
            viewer=viewer_for(AdvisorProfileFactory().user), asked=FurtherAttempt(feedback_id=answered.feedback_id)
        )

    assert caught.value.field == "rejection_id"


def test_while_one_is_running_there_is_no_other(answered: Regeneration) -> None:
    running = _further(answered)

    with pytest.raises(ConflictError) as caught:
        _further(answered)

    assert (caught.value.code, caught.value.allowed) == ("regenerating", running.short_id)


def test_what_a_person_has_is_left_to_them(answered: Regeneration) -> None:
    services.ask_person(viewer=viewer_for(answered.item.advisor.user), item_id=answered.item_id)

    with pytest.raises(ConflictError) as caught:
        _further(answered)

    assert (caught.value.given, caught.value.allowed) == ("with_people", "in_review")
    assert answered.feedback.regenerations.count() == 1


def test_an_older_rejection_gives_way_to_the_newest(answered: Regeneration) -> None:
    item = ContentItem.objects.select_related("advisor__user", "current").get(id=answered.item_id)
    newer = rejected(
        item,
        category="relevance_low",
        severity="minor",
        issues=(SaidIssue(code="off_topic", quote="Write your goal on paper first."),),
    ).regeneration
    assert newer is not None
    _taken(newer)

    with pytest.raises(ConflictError) as caught:
        _further(answered)

    assert (caught.value.code, caught.value.allowed) == ("stale_rejection", newer.feedback.short_id)


def test_after_so_many_attempts_a_person_is_asked(answered: Regeneration) -> None:
    Regeneration.objects.filter(id=answered.id).update(attempt=ATTEMPTS_A_REJECTION_MAX)

    with pytest.raises(ConflictError) as caught:
        _further(answered)

    assert (caught.value.code, caught.value.allowed) == ("tried_too_often", ATTEMPTS_A_REJECTION_MAX)
