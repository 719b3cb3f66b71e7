"""What the conductor does with a rejection, on the real database, in this process, with a fake provider."""

import json
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from escalation import services
from escalation.models import Case, CaseEntry, CaseState
from feedback.models import Feedback
from feedback.services import Rejection, SaidIssue
from jarvish_regen.access.policy import Viewer
from jarvish_regen.content import services as content
from jarvish_regen.content.models import ContentItem, ContentVersion
from jarvish_regen.content.services import Draft, receive_drafts
from jarvish_regen.content.states import ItemState
from jarvish_regen.errors import ConflictError, StaleVersionError
from jarvish_regen.journal.models import AuditEntry, DeadLetter, Event, Outbox
from jarvish_regen.llm.models import ModelTarget
from regeneration import answering, claims
from regeneration import services as regeneration_services
from regeneration.models import Regeneration, RegenerationState
from regeneration.targets import forget_targets
from tests.factories import AdvisorProfileFactory, viewer_for
from tests.fake_openai import EMPTY_REPLY, FakeOpenAI

pytestmark = pytest.mark.django_db

WARNING = "Mutual Fund investments are subject to market risks, read all scheme related documents carefully."
SIGNATURE = "Asha Rao | AMFI-registered Mutual Fund Distributor | ARN-123456"
GUARANTEE = "This plan gives a guaranteed return of 15% every year."
FAULTY = (
    f"Start a small SIP this month and raise it with your salary. {GUARANTEE} "
    f"Talk to your family about what the money is for.\n\n{WARNING}\n\n{SIGNATURE}"
)
CALM = f"A plan is easier to keep when it is small. Write your goal on paper first.\n\n{WARNING}\n\n{SIGNATURE}"
STIFF = "Kindly be informed that contributions are to be remitted henceforth."
FORMAL = (
    f"A plan is easier to keep when it is small. {STIFF} Write your goal on paper first.\n\n{WARNING}\n\n{SIGNATURE}"
)
STATEMENTS_AN_ANSWER = 10

_GUARANTEED = Rejection(
    category="compliance_violation",
    severity="critical",
    issues=[SaidIssue(code="guaranteed_returns_claim", quote=GUARANTEE)],
    note="We may not promise returns.",
)
_TOO_FORMAL = Rejection(
    category="tone_inappropriate", severity="minor", issues=[SaidIssue(code="too_formal", quote=STIFF)]
)
# Rules cannot put words to what is missing: without a model nothing comes of this.
_POINT_MISSING = Rejection(
    category="relevance_low", severity="major", issues=[SaidIssue(code="missing_key_point")], note="Say when to start."
)


@pytest.fixture
def advisor() -> Viewer:
    """Return an advisor of a firm of their own."""
    return viewer_for(AdvisorProfileFactory(signature=SIGNATURE).user)


@pytest.fixture
def no_model(settings: LazySettings) -> Iterator[None]:
    """Connect no model, whatever this machine's environment says."""
    settings.MODEL_URL = ""
    forget_targets()
    yield
    forget_targets()


@pytest.fixture
def provider(settings: LazySettings) -> Iterator[FakeOpenAI]:
    """Connect a model that answers at once and proposes nothing until it is told what to say."""
    with FakeOpenAI("instant", respond=lambda messages: EMPTY_REPLY) as fake:
        settings.MODEL_URL, settings.MODEL_KEY = fake.url, "sk-fake"
        forget_targets()
        yield fake
    forget_targets()


def sent(viewer: Viewer, text: str = FAULTY) -> ContentItem:
    """Hand a draft in and return its item."""
    (arrival,) = receive_drafts(
        viewer=viewer, drafts=[Draft(text=text, channel="email", language="en", content_class="advertisement")]
    )
    assert arrival.item is not None, arrival.error
    return arrival.item


def rejected(viewer: Viewer, item: ContentItem, said: Rejection = _GUARANTEED) -> services.Receipt:
    """Reject the item's current version."""
    return services.receive_rejection(viewer=viewer, item_id=item.id, said=said)


def opened(receipt: services.Receipt) -> Regeneration:
    """Return the attempt of a rejection that did not go to a person at once."""
    assert receipt.regeneration is not None
    return receipt.regeneration


def let_time_run_out(regeneration: Regeneration) -> None:
    """Move an attempt so far into the past that its answer clock and every lease have run out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE regeneration_regeneration SET stored_at = stored_at - interval '1 minute',"
            " lease_until = lease_until - interval '1 minute' WHERE id = %s",
            [regeneration.id],
        )


@pytest.mark.usefixtures("no_model")
class TestReceivingARejection:
    def test_everything_is_there_after_the_one_transaction(self, advisor: Viewer) -> None:
        item = sent(advisor)

        receipt = rejected(advisor, item)

        attempt = opened(receipt)
        item.refresh_from_db()
        zero = attempt.candidates.get()
        assert item.state == ItemState.REGENERATING
        assert (attempt.state, attempt.attempt, attempt.tactic, attempt.urgency) == ("queued", 1, "edits", "critical")
        assert (zero.number, zero.rung, zero.is_admissible) == (0, "repair", True)
        assert (receipt.case.round, receipt.case.level, receipt.case.state) == (1, 1, CaseState.MACHINE)
        assert Feedback.objects.get(item=item).issues.get().quote == GUARANTEE
        owed = Outbox.objects.get(kwargs__regeneration_id=str(attempt.id))
        assert (owed.task, owed.queue) == (services.RESPOND_TASK, "critical")
        kinds = set(Event.objects.filter(item_id=item.id).values_list("kind", flat=True))
        assert {"feedback.captured", "case.opened", "regeneration.opened", "item.moved"} <= kinds
        assert AuditEntry.objects.get(subject_id=item.id, act="reject").to_state == ItemState.REGENERATING

    @pytest.mark.parametrize(
        ("severity", "source", "queue"),
        [
            ("critical", "api", "critical"),
            ("major", "page", "high"),
            ("minor", "api", "normal"),
            ("critical", "bulk", "low"),
        ],
    )
    def test_severity_chooses_the_queue_and_bulk_work_waits(
        self, advisor: Viewer, severity: str, source: str, queue: str
    ) -> None:
        said = Rejection(category="tone_inappropriate", severity=severity, source=source)

        receipt = rejected(advisor, sent(advisor, FORMAL), said)

        assert opened(receipt).urgency == queue

    def test_asking_for_a_person_opens_no_attempt(self, advisor: Viewer) -> None:
        item = sent(advisor)
        said = Rejection(category="compliance_violation", severity="critical", suggested_action="escalate")

        receipt = rejected(advisor, item, said)

        item.refresh_from_db()
        assert receipt.regeneration is None
        assert not Regeneration.objects.filter(item=item).exists()
        assert item.state == ItemState.WITH_PEOPLE
        assert (receipt.case.state, receipt.case.level) == (CaseState.PEOPLE, 3)

    def test_a_draft_that_is_being_rewritten_is_not_rejected_again(self, advisor: Viewer) -> None:
        item = sent(advisor)
        running = opened(rejected(advisor, item))

        with pytest.raises(ConflictError) as refused:
            rejected(advisor, item)

        assert (refused.value.code, refused.value.allowed) == ("regenerating", running.short_id)
        assert Feedback.objects.filter(item=item).count() == 1

    def test_of_two_who_looked_at_the_same_draft_the_second_moves_nothing(self, advisor: Viewer) -> None:
        item = sent(advisor)
        first, second = (content.get_item(viewer=advisor, item_id=item.id) for _ in range(2))
        content.move(first, ItemState.REGENERATING, act="reject", actor_id=advisor.user_id)

        with pytest.raises(ConflictError) as refused:
            content.move(second, ItemState.REGENERATING, act="reject", actor_id=advisor.user_id)

        assert (refused.value.code, refused.value.allowed) == ("moved_on", ItemState.REGENERATING)
        assert AuditEntry.objects.filter(subject_id=item.id, act="reject").count() == 1

    def test_an_old_version_is_refused_unless_its_words_are_still_there(self, advisor: Viewer) -> None:
        item = sent(advisor)
        services.take_next_step(regeneration_id=opened(rejected(advisor, item)).id)
        gone = Rejection(
            category="compliance_violation",
            version=1,
            issues=[SaidIssue(code="guaranteed_returns_claim", quote=GUARANTEE)],
        )
        kept = Rejection(
            category="tone_inappropriate",
            version=1,
            issues=[SaidIssue(code="too_formal", quote="Talk to your family about what the money is for.")],
        )

        with pytest.raises(StaleVersionError):
            rejected(advisor, item, gone)
        receipt = rejected(advisor, item, kept)

        assert receipt.feedback.version.number == 2


@pytest.mark.usefixtures("no_model")
class TestTakingTheNextStep:
    def test_an_attempt_is_answered_and_the_draft_is_back_in_review(self, advisor: Viewer) -> None:
        item = sent(advisor)
        attempt = opened(rejected(advisor, item))

        taken = services.take_next_step(regeneration_id=attempt.id)

        item.refresh_from_db()
        attempt.refresh_from_db()
        assert taken
        assert (attempt.state, attempt.rung, attempt.is_valid, attempt.claims) == ("answered", "repair", True, 1)
        assert attempt.answer == item.current
        assert item.current is not None
        assert (item.state, item.current.number, item.current.is_admissible) == (ItemState.IN_REVIEW, 2, True)
        assert GUARANTEE not in item.current.text
        before, _removed, after = FAULTY.partition(GUARANTEE)
        assert item.current.text.startswith(before.rstrip())
        assert item.current.text.endswith(after.lstrip())
        assert Case.objects.get(item=item).state == CaseState.ANSWERED

    def test_ringing_again_changes_nothing(self, advisor: Viewer) -> None:
        attempt = opened(rejected(advisor, sent(advisor)))
        services.take_next_step(regeneration_id=attempt.id)

        again = [services.take_next_step(regeneration_id=attempt.id) for _ in range(5)]

        assert again == [False] * 5
        assert ContentVersion.objects.filter(item_id=attempt.item_id).count() == 2

    def test_a_second_worker_gets_nothing_while_the_first_holds_the_lease(self, advisor: Viewer) -> None:
        attempt = opened(rejected(advisor, sent(advisor)))
        first = claims.claim(attempt.id)

        assert first is not None
        assert not services.take_next_step(regeneration_id=attempt.id)
        attempt.refresh_from_db()
        assert (attempt.claims, attempt.fence, attempt.state) == (1, 1, RegenerationState.RUNNING)

    def test_a_worker_whose_lease_was_taken_over_writes_nothing(self, advisor: Viewer) -> None:
        item = sent(advisor)
        attempt = opened(rejected(advisor, item))
        zombie = claims.claim(attempt.id)
        assert zombie is not None
        outcome = answering.regenerate(zombie).outcome
        let_time_run_out(attempt)
        assert services.take_next_step(regeneration_id=attempt.id)

        written = regeneration_services.finish(zombie, outcome)

        attempt.refresh_from_db()
        assert written is None
        assert (attempt.state, attempt.claims, attempt.fence) == (RegenerationState.ANSWERED, 2, 2)
        assert ContentVersion.objects.filter(item=item).count() == 2
        assert Event.objects.filter(item_id=item.id, kind="regeneration.finished").count() == 1

    def test_each_rejection_of_a_draft_is_a_round_under_the_policy_the_case_was_opened_with(
        self, advisor: Viewer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        item = sent(advisor)
        services.take_next_step(regeneration_id=opened(rejected(advisor, item)).id)
        frozen = Case.objects.get(item=item).policy
        monkeypatch.setitem(services.POLICY, "rounds_max", 99)

        rejected(advisor, item, Rejection(category="tone_inappropriate", severity="minor"))

        case = Case.objects.get(item=item)
        assert (case.round, case.policy) == (2, frozen)
        assert frozen["rounds_max"] == 3

    def test_without_any_model_a_hopeless_critical_text_goes_to_level_four(self, advisor: Viewer) -> None:
        item = sent(advisor, CALM.replace("Write your", "Mr Sharma's portfolio grew to ₹45 lakh. Write your"))
        attempt = opened(rejected(advisor, item, _POINT_MISSING))
        assert not attempt.candidates.get().is_admissible

        services.take_next_step(regeneration_id=attempt.id)

        item.refresh_from_db()
        case = Case.objects.get(item=item)
        assert attempt.version.has_critical
        assert item.state == ItemState.WITH_PEOPLE
        assert (case.state, case.level) == (CaseState.PEOPLE, 4)
        assert case.why
        assert CaseEntry.objects.filter(case=case, act="to_people").count() == 1


class TestWithAModel:
    def test_a_valid_text_of_the_model_wins(self, advisor: Viewer, provider: FakeOpenAI) -> None:
        calm = "Put in a little each month."
        reply = {"edits": [{"find": STIFF, "replace": calm, "fixes": ["too_formal"]}], "full_text": None}
        provider.respond_with(lambda messages: json.dumps(reply))
        item = sent(advisor, FORMAL)

        services.take_next_step(regeneration_id=opened(rejected(advisor, item, _TOO_FORMAL)).id)

        item.refresh_from_db()
        assert item.current is not None
        assert item.current.text == FORMAL.replace(STIFF, calm)
        assert item.current.origin == ContentVersion.Origin.MODEL

    def test_attempts_that_find_nothing_are_followed_by_the_next_tactic_and_then_by_people(
        self, advisor: Viewer, provider: FakeOpenAI
    ) -> None:
        item = sent(advisor, CALM)
        rejected(advisor, item, _POINT_MISSING)

        while running := Regeneration.objects.filter(item=item, state=RegenerationState.QUEUED).first():
            assert services.take_next_step(regeneration_id=running.id)

        item.refresh_from_db()
        attempts = list(Regeneration.objects.filter(item=item).order_by("attempt"))
        assert [(one.attempt, one.tactic, one.state) for one in attempts] == [
            (1, "edits", "no_answer"),
            (2, "rewrite_marked_sentences", "no_answer"),
            (3, "whole_text", "no_answer"),
        ]
        assert Outbox.objects.filter(task=services.RESPOND_TASK).count() == 3
        assert item.state == ItemState.WITH_PEOPLE
        assert item.current is not None
        assert item.current.number == 1
        assert Case.objects.get(item=item).level == 3

    @pytest.mark.parametrize("profile", ["dead", "401", "html", "bad_json", "refusal", "disconnect"])
    def test_a_provider_that_fails_leaves_the_repair_by_rules(
        self, advisor: Viewer, provider: FakeOpenAI, profile: str
    ) -> None:
        provider.switch(profile)
        item = sent(advisor, FORMAL)

        services.take_next_step(regeneration_id=opened(rejected(advisor, item, _TOO_FORMAL)).id)

        item.refresh_from_db()
        assert (item.state, item.current.number if item.current else 0) == (ItemState.IN_REVIEW, 2)
        assert Regeneration.objects.get(item=item).rung == "repair"

    def test_a_model_whose_key_is_missing_is_not_asked(
        self, advisor: Viewer, provider: FakeOpenAI, settings: LazySettings
    ) -> None:
        settings.MODEL_URL = ""
        ModelTarget.objects.create(
            name="keyless", base_url="https://models.example/v1", model="some", key_variable="NO_SUCH_MODEL_KEY"
        )
        forget_targets()
        item = sent(advisor, FORMAL)

        services.take_next_step(regeneration_id=opened(rejected(advisor, item, _TOO_FORMAL)).id)

        attempt = Regeneration.objects.get(item=item)
        assert (attempt.state, attempt.rung, attempt.ledger["calls"]) == ("answered", "repair", [])
        assert provider.log == ()


@pytest.mark.usefixtures("no_model")
class TestSettlingWithoutAWorker:
    def test_nothing_is_settled_while_there_is_time(self, advisor: Viewer) -> None:
        attempt = opened(rejected(advisor, sent(advisor)))
        with connection.cursor() as cursor:  # however slow this machine is
            cursor.execute(
                "UPDATE regeneration_regeneration SET stored_at = stored_at + interval '1 hour' WHERE id = %s",
                [attempt.id],
            )

        assert not services.settle_if_due(regeneration_id=attempt.id)
        attempt.refresh_from_db()
        assert attempt.state == RegenerationState.QUEUED

    def test_past_the_answer_clock_any_reader_gets_the_stored_candidate_once(self, advisor: Viewer) -> None:
        item = sent(advisor)
        attempt = opened(rejected(advisor, item))
        let_time_run_out(attempt)

        settled = [services.settle_if_due(regeneration_id=attempt.id) for _ in range(4)]

        item.refresh_from_db()
        assert settled == [True, False, False, False]
        assert item.current is not None
        assert (item.state, item.current.number) == (ItemState.IN_REVIEW, 2)
        assert item.current.text == attempt.candidates.get(number=0).text

    def test_the_sweep_settles_what_nobody_claimed(self, advisor: Viewer) -> None:
        item = sent(advisor)
        let_time_run_out(opened(rejected(advisor, item)))

        services.sweep()

        item.refresh_from_db()
        assert item.state == ItemState.IN_REVIEW
        assert not DeadLetter.objects.filter(subject_id=Regeneration.objects.get(item=item).id).exists()

    def test_what_killed_every_worker_is_buried_settled_and_its_letter_can_be_discarded(self, advisor: Viewer) -> None:
        item = sent(advisor)
        attempt = opened(rejected(advisor, item))
        for _ in range(3):
            assert claims.claim(attempt.id) is not None
            let_time_run_out(attempt)
        assert claims.claim(attempt.id) is None

        services.sweep()

        item.refresh_from_db()
        letter = DeadLetter.objects.get(subject_id=attempt.id)
        assert (letter.state, letter.claims) == (DeadLetter.State.WAITING, 3)
        assert item.state == ItemState.IN_REVIEW
        services.discard_dead_letter(dead_letter_id=letter.id, actor_id=None, reason="It has its answer.")
        letter.refresh_from_db()
        assert (letter.state, letter.settled_reason) == (DeadLetter.State.DISCARDED, "It has its answer.")

    def test_a_dead_letter_is_replayed_while_its_draft_still_waits(self, advisor: Viewer) -> None:
        item = sent(advisor, CALM)
        attempt = opened(rejected(advisor, item, _POINT_MISSING))
        for _ in range(3):
            claims.claim(attempt.id)
            let_time_run_out(attempt)
        services.sweep()
        letter = DeadLetter.objects.get(subject_id=attempt.id)

        services.replay_dead_letter(dead_letter_id=letter.id, actor_id=None)

        attempt.refresh_from_db()
        item.refresh_from_db()
        assert (attempt.state, attempt.claims) == (RegenerationState.QUEUED, 2)
        assert item.state == ItemState.REGENERATING
        assert services.take_next_step(regeneration_id=attempt.id)
        item.refresh_from_db()
        assert item.state == ItemState.WITH_PEOPLE


@pytest.mark.usefixtures("no_model")
class TestPeople:
    def test_a_person_can_be_asked_for_a_draft_that_was_never_rejected(self, advisor: Viewer) -> None:
        item = sent(advisor)

        case = services.ask_person(viewer=advisor, item_id=item.id, reason="I am not sure.")

        item.refresh_from_db()
        assert (item.state, case.state, case.level) == (ItemState.WITH_PEOPLE, CaseState.PEOPLE, 3)
        assert AuditEntry.objects.get(subject_id=item.id, act="ask_person").reason == "I am not sure."

    def test_approving_closes_the_case(self, advisor: Viewer) -> None:
        item = sent(advisor)
        services.take_next_step(regeneration_id=opened(rejected(advisor, item)).id)

        version = services.approve(viewer=advisor, item_id=item.id, version_number=2)

        item.refresh_from_db()
        case = Case.objects.get(item=item)
        assert (version.number, item.state) == (2, ItemState.APPROVED)
        assert case.state == CaseState.CLOSED
        assert case.closed_at is not None

    def test_a_version_that_breaks_a_rule_cannot_be_approved(self, advisor: Viewer) -> None:
        item = sent(advisor)

        with pytest.raises(ConflictError) as refused:
            services.approve(viewer=advisor, item_id=item.id)

        item.refresh_from_db()
        assert refused.value.code == "not_admissible"
        assert item.state == ItemState.IN_REVIEW

    def test_approving_settles_an_attempt_whose_time_is_over(self, advisor: Viewer) -> None:
        item = sent(advisor)
        let_time_run_out(opened(rejected(advisor, item)))

        version = services.approve(viewer=advisor, item_id=item.id)

        assert version.number == 2


@pytest.mark.usefixtures("no_model")
def test_statements_from_the_ring_to_the_stored_answer(advisor: Viewer) -> None:
    """Hold the number of statements; few of them are waited for, see tests/escalation/test_round_trips.py."""
    services.take_next_step(regeneration_id=opened(rejected(advisor, sent(advisor))).id)  # the targets are read now
    attempt = opened(rejected(advisor, sent(advisor)))

    with CaptureQueriesContext(connection) as captured:
        services.take_next_step(regeneration_id=attempt.id)

    # Here savepoints stand for BEGIN and COMMIT, which wait for nobody's answer but their own.
    asked = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
    said = "\n".join(f"{number}. {' '.join(sql.split())[:90]}" for number, sql in enumerate(asked, start=1))
    assert len(asked) == STATEMENTS_AN_ANSWER, said
