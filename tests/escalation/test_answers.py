"""Where an answer comes from: prepared, kept, a model, the shelf, or a model that was late."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone

from escalation import services
from feedback.services import SaidIssue
from jarvish_regen.content.models import ContentItem, ContentVersion
from jarvish_regen.content.states import ItemState
from jarvish_regen.journal.models import Event
from regeneration import answering
from regeneration.models import PreparedAnswer, Regeneration
from regeneration.targets import forget_targets
from tests.factories import AdvisorProfileFactory, draft_item, rejected, viewer_for
from tests.fake_openai import FakeOpenAI

STIFF = "Kindly be informed that contributions are to be remitted henceforth."
CALM = "Put in a little each month."
TEXT = (
    f"A plan is easier to keep when it is small. {STIFF} Write your goal on paper first.\n\n"
    "Mutual Fund investments are subject to market risks, read all scheme related documents carefully.\n\n"
    "Asha Rao | ARN-123456 | EUIN E123456 | AMFI-registered Mutual Fund Distributor"
)
REPLY = json.dumps({"edits": [{"find": STIFF, "replace": CALM, "fixes": ["too_formal"]}], "full_text": None})

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(settings: LazySettings) -> Iterator[FakeOpenAI]:
    with FakeOpenAI("instant", respond=lambda messages: REPLY) as fake:
        settings.MODEL_URL, settings.MODEL_KEY = fake.url, "sk-fake"
        forget_targets()
        yield fake
    forget_targets()


def too_formal(item: ContentItem) -> Regeneration:
    """Reject an item for its stiff sentence and let the attempt be answered."""
    attempt = opened(item)
    assert services.take_next_step(regeneration_id=attempt.id)
    attempt.refresh_from_db()
    return attempt


def opened(item: ContentItem) -> Regeneration:
    receipt = rejected(
        item,
        category="tone_inappropriate",
        severity="minor",
        issues=(SaidIssue(code="too_formal", quote=STIFF),),
        note="Too stiff.",
    )
    assert receipt.regeneration is not None
    return receipt.regeneration


def afterwork_done() -> None:
    """Wait for what follows an answer: it goes one at a time, so the next piece comes after it."""
    answering.after_answers(lambda: None).result(timeout=10)


def prepared_for(item: ContentItem, text: str) -> PreparedAnswer:
    return PreparedAnswer.objects.create(
        firm_id=item.firm_id,
        item=item,
        version=item.current,
        occasion=PreparedAnswer.Occasion.CATEGORY,
        fingerprint="of another wording",
        state=PreparedAnswer.State.READY,
        text=text,
        is_valid=True,
        ready_at=timezone.now(),
    )


class TestPrepared:
    def test_a_prepared_text_that_answers_what_was_said_is_the_answer(self) -> None:
        item = draft_item(text=TEXT)
        prepared = prepared_for(item, TEXT.replace(STIFF, CALM))

        attempt = too_formal(item)

        prepared.refresh_from_db()
        assert (attempt.rung, attempt.cache_kind, attempt.is_valid) == ("prepared", "prepared", True)
        assert (prepared.state, prepared.adopted_by) == (PreparedAnswer.State.ADOPTED, attempt)

    @pytest.mark.parametrize(
        "text",
        [
            TEXT,
            TEXT.replace("Write your goal", "Note your aim"),
            TEXT.replace(STIFF, "We promise guaranteed returns of 18% a year."),
        ],
    )
    def test_a_prepared_text_that_does_not_answer_is_left(self, text: str) -> None:
        item = draft_item(text=TEXT)
        prepared = prepared_for(item, text)

        attempt = too_formal(item)

        prepared.refresh_from_db()
        assert (attempt.rung, attempt.cache_kind) == ("repair", "")
        assert prepared.state == PreparedAnswer.State.READY


class TestKept:
    def test_the_same_rejection_in_the_same_firm_is_answered_from_the_cache(self, provider: FakeOpenAI) -> None:
        profile = AdvisorProfileFactory()
        first = too_formal(draft_item(profile, text=TEXT))
        afterwork_done()
        provider.switch("hang")  # a model at no distance may be sooner than the look-up

        second = too_formal(draft_item(profile, text=TEXT))

        assert (first.rung, first.calls_count) == ("model", 1)
        assert (second.rung, second.cache_kind) == ("cache", "exact")
        assert second.answer is not None
        assert second.answer.text == TEXT.replace(STIFF, CALM)

    def test_another_firm_never_gets_it(self, provider: FakeOpenAI) -> None:
        too_formal(draft_item(AdvisorProfileFactory(), text=TEXT))
        afterwork_done()

        other = too_formal(draft_item(AdvisorProfileFactory(), text=TEXT))

        assert (other.rung, other.cache_kind) == ("model", "")


class TestTheShelf:
    @pytest.mark.usefixtures("full_shelf")
    def test_what_nothing_can_mend_is_answered_with_an_approved_text(self) -> None:
        item = draft_item(text=TEXT, channel="linkedin")
        receipt = rejected(
            item, category="language_quality", severity="major", issues=(), note="Please write it in Hindi."
        )
        assert receipt.regeneration is not None

        services.take_next_step(regeneration_id=receipt.regeneration.id)

        item.refresh_from_db()
        attempt = Regeneration.objects.select_related("answer").get(item=item)
        assert attempt.answer is not None
        assert item.state == ItemState.IN_REVIEW
        assert attempt.rung in {"template", "library", "default"}
        assert attempt.answer.origin == ContentVersion.Origin.SHELF
        assert attempt.answer.is_admissible
        assert "approved beforehand" in attempt.reason


class _Slow:
    """Hold a reply back until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def __call__(self, messages: Sequence[Mapping[str, Any]]) -> str:
        self.go.wait(timeout=10)
        return REPLY


@pytest.mark.django_db(transaction=True)
class TestLate:
    def late_answer(self, provider: FakeOpenAI) -> tuple[Regeneration, _Slow]:
        """Let the answer clock end before the model has spoken."""
        slow = _Slow()
        provider.respond_with(slow)
        item = draft_item(text=TEXT)
        attempt = opened(item)
        assert services.take_next_step(regeneration_id=attempt.id)
        attempt.refresh_from_db()
        return attempt, slow

    def settled(self, attempt: Regeneration) -> Regeneration:
        """Wait until the calls that ran on have been booked."""
        for _ in range(200):
            attempt.refresh_from_db()
            if attempt.calls_count and attempt.ledger["calls"][0]["outcome"] != "cancelled":
                break
            time.sleep(0.05)  # another thread books them
        afterwork_done()
        attempt.refresh_from_db()
        return attempt

    def test_a_better_text_that_comes_later_supersedes_the_answer(self, provider: FakeOpenAI) -> None:
        attempt, slow = self.late_answer(provider)
        assert attempt.rung == "repair"

        slow.go.set()
        attempt = self.settled(attempt)

        item = ContentItem.objects.select_related("current").get(id=attempt.item_id)
        assert (attempt.rung, attempt.is_valid, attempt.upgrade) == ("model", True, item.current)
        assert item.current is not None
        assert (item.current.number, item.current.text) == (3, TEXT.replace(STIFF, CALM))
        assert Event.objects.filter(kind="regeneration.improved").count() == 1

    def test_what_a_person_has_acted_on_stands(self, provider: FakeOpenAI) -> None:
        attempt, slow = self.late_answer(provider)
        item = ContentItem.objects.select_related("advisor__user").get(id=attempt.item_id)
        services.ask_person(viewer=viewer_for(item.advisor.user), item_id=item.id)

        slow.go.set()
        attempt = self.settled(attempt)

        item.refresh_from_db()
        assert attempt.upgrade is None
        assert attempt.calls_count >= 1
        assert item.current_id == attempt.answer_id
