"""Prepared answers: what is predicted, what is asked for, what is made, stopped and let go."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from escalation import services as escalation
from feedback.services import Rejection, SaidIssue
from jarvish_regen.content.models import ContentItem
from regeneration.adoption import still_answers
from regeneration.cache import answer_cache
from regeneration.job import FeedbackBrief, Resolution, Verdict
from regeneration.models import PreparedAnswer, Regeneration
from regeneration.prepare import ask, make_at_arrival, make_typed, prepared_figures, sweep_prepared
from regeneration.prepare.likely import Counted, History, chance_of, likely_rejections
from regeneration.targets import forget_targets
from regeneration.validate import report_on
from tests.factories import FAULTY_TEXT, AdvisorProfileFactory, draft_item, rejected, viewer_for
from tests.fake_openai import FakeOpenAI

STIFF = "Kindly be informed that contributions are to be remitted henceforth."
CALM = "Put in a little each month."
TEXT = (
    f"A plan is easier to keep when it is small. {STIFF} Write your goal on paper first.\n\n"
    "Mutual Fund investments are subject to market risks, read all scheme related documents carefully.\n\n"
    "Asha Rao | ARN-123456 | EUIN E123456 | AMFI-registered Mutual Fund Distributor"
)
REPLY = json.dumps({"edits": [{"find": STIFF, "replace": CALM, "fixes": ["too_formal"]}], "full_text": None})
State = PreparedAnswer.State


@pytest.fixture
def provider(settings: LazySettings) -> Iterator[FakeOpenAI]:
    with FakeOpenAI("instant", respond=lambda messages: REPLY) as fake:
        settings.MODEL_URL, settings.MODEL_KEY = fake.url, "sk-fake"
        forget_targets()
        yield fake
    forget_targets()


def stiff(note: str = "") -> Rejection:
    return Rejection(
        category="tone_inappropriate",
        severity="minor",
        issues=(SaidIssue(code="too_formal", quote=STIFF),),
        note=note,
        source="page",
    )


def asked(item: ContentItem, said: Rejection, sequence: int, *, is_settled: bool = True) -> PreparedAnswer | None:
    return ask(viewer=viewer_for(item.advisor.user), item=item, said=said, sequence=sequence, is_settled=is_settled)


def made(item: ContentItem, said: Rejection, sequence: int) -> PreparedAnswer:
    row = asked(item, said, sequence)
    assert row is not None
    make_typed(prepared_id=row.id)
    row.refresh_from_db()
    return row


def submitted(item: ContentItem, note: str) -> Regeneration:
    said = stiff(note)
    receipt = rejected(item, category=said.category, severity=said.severity, issues=said.issues, note=note)
    assert receipt.regeneration is not None
    escalation.take_next_step(regeneration_id=receipt.regeneration.id)
    return Regeneration.objects.get(id=receipt.regeneration.id)


class TestLikely:
    def test_chances_lean_on_the_firm_and_then_on_the_advisors_own_habit(self) -> None:
        firm = Counted(100, {"too_salesy": 50})
        new = chance_of("too_salesy", History(Counted(), firm))
        strict = chance_of("too_salesy", History(Counted(20, {"too_salesy": 20}), firm))

        assert new == pytest.approx(51 / 143)
        assert strict == pytest.approx((20 + 5 * 51 / 143) / 25)
        assert 0 < chance_of("off_topic", History()) < new

    def test_what_the_rules_find_is_one_rejection_a_category_with_its_words(self) -> None:
        text = FAULTY_TEXT
        start = text.index("guaranteed returns")
        finding = {"code": "guaranteed_returns_claim", "severity": "critical", "start": start, "end": start + 18}

        (likely,) = likely_rejections(text, [finding], History())

        assert (likely.brief.category, likely.brief.issues[0].anchor.quote) == (  # type: ignore[union-attr]
            "compliance_violation",
            "guaranteed returns",
        )
        assert likely.chance == pytest.approx(25 / 26)


@pytest.mark.parametrize(
    ("status", "known", "is_answered"),
    [
        ("checked", "", True),
        ("changed", "", False),
        ("changed", "Say 3 years.", True),
        ("changed", "Say 5 years", False),
    ],
)
def test_a_mere_change_answers_only_what_was_known(status: str, known: str, is_answered: bool) -> None:
    asked_for = FeedbackBrief("factual_error", "major", note="Say 3 years")
    settled = (Resolution("wrong_rule", None, status, ""),)  # type: ignore[arg-type]
    report = report_on("Some text.", draft_context())
    verdict = Verdict(True, True, report, settled, (), 1.0)

    assert still_answers(asked_for, verdict, known=known) is is_answered


def draft_context():  # type: ignore[no-untyped-def]
    from jarvish_regen.content.compliance.check import TextContext

    return TextContext("whatsapp", "en", "MFD", "ARN-123456", "Asha Rao")


@pytest.mark.django_db
class TestTyping:
    def test_what_was_typed_is_prepared_and_adopted_without_a_further_call(self, provider: FakeOpenAI) -> None:
        item = draft_item(text=TEXT)
        row = made(item, stiff("Too stiff."), 1)

        attempt = submitted(item, "Too stiff.")

        row.refresh_from_db()
        assert (row.state, row.rung, row.calls_count) == (State.ADOPTED, "model", 1)
        assert (attempt.rung, attempt.cache_kind, attempt.calls_count) == ("prepared", "prepared", 0)
        assert row.adopted_by_id == attempt.id

    def test_the_same_is_not_made_twice_and_an_older_post_changes_nothing(self, provider: FakeOpenAI) -> None:
        item = draft_item(text=TEXT)
        made(item, stiff("Too stiff."), 5)

        again = asked(item, stiff("too stiff"), 6)
        late = asked(item, stiff("Other words."), 4)

        assert (again, late) == (None, None)
        assert PreparedAnswer.objects.count() == 1

    def test_the_middle_of_a_sentence_is_worth_nothing_its_end_is(self) -> None:
        item = draft_item(text=TEXT)

        middle = asked(item, stiff("Too sti"), 1, is_settled=False)
        end = asked(item, stiff("Too stiff."), 2, is_settled=False)

        assert middle is None
        assert end is not None

    def test_marks_that_change_stop_what_was_being_made(self) -> None:
        item = draft_item(text=TEXT)
        first = asked(item, stiff(), 1)
        assert first is not None

        asked(item, Rejection(category="length_issue", issues=(SaidIssue(code="too_long"),), source="page"), 2)

        first.refresh_from_db()
        assert first.state == State.CANCELLED
        assert make_typed(prepared_id=first.id) == ""

    def test_a_form_makes_no_more_calls_than_it_may(self, provider: FakeOpenAI, settings: LazySettings) -> None:
        settings.PREPARE_CALLS_A_FORM_MAX = 2
        provider.respond_with(lambda messages: "no JSON at all")
        item = draft_item(text=TEXT)

        for sequence, note in enumerate(("", "Too stiff.", "Too stiff, and long.", "Say it plainly."), start=1):
            made(item, stiff(note), sequence)

        assert len(provider.log) == 2
        assert sum(PreparedAnswer.objects.values_list("calls_count", flat=True)) == 2

    def test_a_firm_spends_no_more_a_day_than_it_may(self, provider: FakeOpenAI, settings: LazySettings) -> None:
        settings.PREPARE_CALLS_A_DAY_MAX = 0

        row = made(draft_item(text=TEXT), stiff("Too stiff."), 1)

        assert (row.rung, row.calls_count, len(provider.log)) == ("repair", 0, 0)

    def test_a_draft_that_was_sent_meanwhile_is_left(self, provider: FakeOpenAI) -> None:
        item = draft_item(text=TEXT)
        row = asked(item, stiff(), 1)
        assert row is not None
        rejected(item, category="tone_inappropriate", severity="minor", issues=stiff().issues)

        assert make_typed(prepared_id=row.id) == State.CANCELLED
        assert len(provider.log) == 0

    def test_nothing_crosses_to_a_twin_firm(self, provider: FakeOpenAI) -> None:
        made(draft_item(AdvisorProfileFactory(), text=TEXT), stiff("Too stiff."), 1)

        attempt = submitted(draft_item(AdvisorProfileFactory(), text=TEXT), "Too stiff.")

        assert (attempt.rung, attempt.cache_kind) == ("model", "")

    def test_a_note_is_stored_without_personal_data(self) -> None:
        row = asked(draft_item(text=TEXT), stiff("Ask ABCPE1234F why."), 1)

        assert row is not None
        assert "ABCPE1234F" not in json.dumps(row.brief)


@pytest.mark.django_db
class TestArrival:
    def test_what_rules_mend_costs_no_call(self, provider: FakeOpenAI) -> None:
        item = draft_item()
        assert item.current_id is not None

        make_at_arrival(version_id=item.current_id)

        assert {row.occasion for row in PreparedAnswer.objects.all()} == {"arrival"}
        assert len(provider.log) == 0


@pytest.mark.django_db
class TestPage:
    def test_it_takes_down_own_drafts_only_and_needs_a_number(self) -> None:
        item = draft_item(text=TEXT)
        url = f"/items/{item.short_id}/prepare/"
        own, other = Client(), Client()
        own.force_login(item.advisor.user)
        other.force_login(AdvisorProfileFactory().user)
        start = TEXT.index(STIFF)
        form = {"category": "tone_inappropriate", "span": f"{start}-{start + len(STIFF)}", "sequence": "7"}

        assert own.post(url, form).status_code == 202
        assert own.post(url, form).status_code == 204
        assert own.post(url, form | {"sequence": "-1"}).status_code == 400
        assert own.post(url, {"sequence": "8"}).status_code == 204
        assert other.post(url, form).status_code == 404
        assert own.get(url).status_code == 405
        assert Client(enforce_csrf_checks=True).post(url, form).status_code == 403

    def test_the_form_names_where_to_post(self) -> None:
        item = draft_item(text=TEXT)
        client = Client()
        client.force_login(item.advisor.user)

        page = client.get(f"/items/{item.short_id}/reject/").content.decode()

        assert f'data-prepare-url="/items/{item.short_id}/prepare/"' in page
        assert "js/prepare" in page


@pytest.mark.django_db
class TestFigures:
    def test_hits_waste_and_what_is_let_go(self, provider: FakeOpenAI) -> None:
        since = timezone.now() - timedelta(minutes=1)
        used, unused = draft_item(text=TEXT), draft_item(text=TEXT)
        answer_cache().forget_memory()
        made(used, stiff("Too stiff."), 1)
        made(unused, stiff("Too stiff."), 1)
        submitted(used, "Too stiff.")

        told = prepared_figures(since)
        swept = sweep_prepared(timezone.now() + timedelta(hours=25))

        assert (told.asked, told.ready, told.adopted, told.answers) == (2, 2, 1, 1)
        assert (told.calls, told.wasted_calls, told.hit_rate, told.waste_ratio) == (2, 1, 1.0, 0.5)
        assert swept == 1
        assert PreparedAnswer.objects.get(item=unused).state == State.EXPIRED
