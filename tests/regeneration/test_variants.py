"""Other versions of an answer: different enough, each through the gate, only while nobody has acted, chosen once."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import pytest
from django.conf import LazySettings

from escalation import services
from feedback.services import SaidIssue
from jarvish_regen.content.models import ContentItem
from jarvish_regen.errors import ConflictError, NotFoundError
from jarvish_regen.ids import to_short
from jarvish_regen.journal.models import Event, Outbox
from regeneration.job import CandidateText
from regeneration.jobs import job_of
from regeneration.models import Candidate, Preference, Regeneration
from regeneration.targets import forget_targets
from regeneration.validate import validate
from regeneration.variants import (
    OVERLAP_MAX,
    ask_for_variants,
    choice_of,
    choose,
    make_variants,
    overlap,
    pick_diverse,
)
from tests.factories import AdvisorProfileFactory, draft_item, rejected, viewer_for
from tests.fake_openai import FakeOpenAI
from tests.regeneration.cases import job_for, signed

STIFF = "Kindly be informed that contributions are to be remitted henceforth."
FIRST = "Put in a little each month."
BY_TONE = {
    "plain and short": "Save a bit every month.",
    "warm and personal": "A small sum, set aside with care, goes in as each month begins.",
}
TEXT = (
    f"A plan is easier to keep when it is small. {STIFF} Write your goal on paper first.\n\n"
    "Mutual Fund investments are subject to market risks, read all scheme related documents carefully.\n\n"
    "Asha Rao | ARN-123456 | EUIN E123456 | AMFI-registered Mutual Fund Distributor"
)


def _reply(messages: Sequence[Mapping[str, str]]) -> str:
    asked = " ".join(message["content"] for message in messages)
    words = next((words for tone, words in BY_TONE.items() if tone in asked), FIRST)
    return json.dumps({"edits": [{"find": STIFF, "replace": words, "fixes": ["too_formal"]}], "full_text": None})


@pytest.fixture
def provider(settings: LazySettings) -> Iterator[FakeOpenAI]:
    with FakeOpenAI("instant", respond=_reply) as fake:
        settings.MODEL_URL, settings.MODEL_KEY = fake.url, "sk-fake"
        forget_targets()
        yield fake
    forget_targets()


def _answered(item: ContentItem | None = None) -> Regeneration:
    receipt = rejected(
        item or draft_item(text=TEXT),
        category="tone_inappropriate",
        severity="minor",
        issues=(SaidIssue(code="too_formal", quote=STIFF),),
        note="Too stiff.",
    )
    assert receipt.regeneration is not None
    assert services.take_next_step(regeneration_id=receipt.regeneration.id)
    return Regeneration.objects.select_related("item__advisor__user", "feedback").get(id=receipt.regeneration.id)


def _asked(attempt: Regeneration) -> None:
    ask_for_variants(viewer=viewer_for(attempt.item.advisor.user), regeneration_id=attempt.id)


@pytest.mark.django_db
class TestAsking:
    def test_asking_owes_a_ring_on_the_attempts_own_queue_once(self) -> None:
        attempt = _answered()

        _asked(attempt)
        _asked(attempt)

        owed = Outbox.objects.filter(task="regeneration.make_variants")
        assert [(ring.kwargs, ring.queue) for ring in owed] == [({"regeneration_id": str(attempt.id)}, attempt.urgency)]

    def test_another_firms_answer_is_not_there(self) -> None:
        attempt = _answered()

        with pytest.raises(NotFoundError):
            ask_for_variants(viewer=viewer_for(AdvisorProfileFactory().user), regeneration_id=attempt.id)

    def test_an_answer_somebody_acted_on_has_no_other_versions(self) -> None:
        attempt = _answered()
        services.approve(viewer=viewer_for(attempt.item.advisor.user), item_id=attempt.item_id)

        with pytest.raises(ConflictError) as caught:
            _asked(attempt)

        assert (caught.value.code, caught.value.given) == ("acted_on", "approved")


@pytest.mark.django_db
class TestMaking:
    def test_models_write_other_valid_versions_that_differ(self, provider: FakeOpenAI) -> None:
        attempt = _answered()
        _asked(attempt)

        count = make_variants(regeneration_id=attempt.id)

        attempt.refresh_from_db()
        choice = choice_of(attempt)
        job = job_of(attempt)
        texts = [TEXT.replace(STIFF, FIRST), *(variant.text for variant in choice.variants)]
        assert (choice.state, count, len(choice.variants)) == ("ready", 3, 3)
        # The third is the repair by rules, which the answer's own attempt had weighed.
        removed = attempt.candidates.get(number=0).text
        assert {variant.text for variant in choice.variants} == {
            removed,
            *(TEXT.replace(STIFF, words) for words in BY_TONE.values()),
        }
        assert all(variant.is_valid and variant.quality for variant in choice.variants)
        assert max(overlap(job, *pair) for pair in combinations(texts, 2)) < OVERLAP_MAX
        event = Event.objects.get(kind="variants.ready")
        assert event.payload["count"] == 3

    def test_made_twice_they_are_stored_once(self, provider: FakeOpenAI) -> None:
        attempt = _answered()
        _asked(attempt)
        make_variants(regeneration_id=attempt.id)

        assert make_variants(regeneration_id=attempt.id) == 3
        assert Candidate.objects.filter(regeneration=attempt, is_variant=True).count() == 3

    def test_what_they_cost_is_on_the_attempt(self, provider: FakeOpenAI) -> None:
        attempt = _answered()
        before = attempt.calls_count
        _asked(attempt)

        make_variants(regeneration_id=attempt.id)

        attempt.refresh_from_db()
        assert attempt.calls_count == before + attempt.ledger["variants"]["calls"] > before

    def test_nothing_is_made_once_somebody_has_acted(self, provider: FakeOpenAI) -> None:
        attempt = _answered()
        _asked(attempt)
        services.approve(viewer=viewer_for(attempt.item.advisor.user), item_id=attempt.item_id)

        assert make_variants(regeneration_id=attempt.id) == 0
        assert not Event.objects.filter(kind="variants.ready").exists()

    def test_without_a_model_it_is_said_that_there_are_none(self) -> None:
        attempt = _answered()
        _asked(attempt)

        assert make_variants(regeneration_id=attempt.id) == 0

        attempt.refresh_from_db()
        assert choice_of(attempt).state == "ready"


@pytest.mark.django_db
class TestChoosing:
    def test_the_chosen_version_is_current_and_the_choice_is_kept(self, provider: FakeOpenAI) -> None:
        attempt = _answered()
        _asked(attempt)
        make_variants(regeneration_id=attempt.id)
        first, second, third = Candidate.objects.filter(regeneration=attempt, is_variant=True).order_by("number")

        version = choose(
            viewer=viewer_for(attempt.item.advisor.user), regeneration_id=attempt.id, candidate_id=second.id
        )

        item = ContentItem.objects.get(id=attempt.item_id)
        preference = Preference.objects.get()
        answer = Candidate.objects.get(regeneration=attempt, is_variant=False, rung="model")
        assert (item.state, item.current_id, version.text) == ("in_review", version.id, second.text)
        assert (preference.chosen, set(preference.others)) == (second, {first.id, third.id, answer.id})

    def test_a_second_choice_is_refused(self, provider: FakeOpenAI) -> None:
        attempt = _answered()
        _asked(attempt)
        make_variants(regeneration_id=attempt.id)
        first, second, _third = Candidate.objects.filter(regeneration=attempt, is_variant=True).order_by("number")
        viewer = viewer_for(attempt.item.advisor.user)
        choose(viewer=viewer, regeneration_id=attempt.id, candidate_id=first.id)

        with pytest.raises(ConflictError) as caught:
            choose(viewer=viewer, regeneration_id=attempt.id, candidate_id=second.id)

        assert caught.value.code == "acted_on"
        assert Preference.objects.get().chosen == first

    def test_a_candidate_that_was_not_shown_cannot_be_chosen(self, provider: FakeOpenAI) -> None:
        attempt = _answered()
        zero = Candidate.objects.get(regeneration=attempt, number=0)

        with pytest.raises(NotFoundError) as caught:
            choose(viewer=viewer_for(attempt.item.advisor.user), regeneration_id=attempt.id, candidate_id=zero.id)

        assert caught.value.given == to_short("candidate", zero.id)

    def test_a_text_that_breaks_a_rule_of_today_is_not_released(self, provider: FakeOpenAI) -> None:
        attempt = _answered()
        _asked(attempt)
        make_variants(regeneration_id=attempt.id)
        variant = Candidate.objects.filter(regeneration=attempt, is_variant=True).earliest("number")
        Candidate.objects.filter(id=variant.id).update(
            text=variant.text.replace("month.", "month for guaranteed returns.")
        )

        with pytest.raises(ConflictError) as caught:
            choose(viewer=viewer_for(attempt.item.advisor.user), regeneration_id=attempt.id, candidate_id=variant.id)

        assert caught.value.code == "not_admissible"
        assert Preference.objects.count() == 0


class TestOverlap:
    draft = signed(f"A plan is easier to keep when it is small. {STIFF} Write your goal on paper first.")
    job = job_for(draft, ("too_formal", STIFF))

    def _with(self, words: str) -> str:
        return self.draft.replace(STIFF, words)

    def test_words_that_had_to_stay_do_not_count(self) -> None:
        assert (
            overlap(self.job, self._with("Put in a little each month."), self._with("Save small sums.")) < OVERLAP_MAX
        )

    def test_two_texts_that_say_it_in_the_same_words_are_one(self) -> None:
        one, other = self._with("Put in a little each month."), self._with("Put in a little, each month!")

        assert overlap(self.job, one, other) >= OVERLAP_MAX

    def test_where_all_was_free_the_mandated_lines_do_not_count(self) -> None:
        job = job_for(self.draft, ("too_long", None))

        assert overlap(job, signed("Save a little each month."), signed("Write down what you want.")) == 0

    def test_of_two_alike_one_is_picked_and_never_what_is_shown(self) -> None:
        texts = ["Put in a little each month.", "Put in a little, each month!", "Save small sums."]
        found = [(one := CandidateText("model", self._with(words)), validate(self.job, one)) for words in texts]

        picked = pick_diverse(self.job, found, shown=[self._with("Save small sums")], most=3)

        assert len(picked) == 1
        assert "little" in picked[0][0].text
