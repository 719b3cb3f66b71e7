"""What a note says is repaired though nobody ticked it, and who is in a hurry is answered sooner."""

import pytest
from django.core.cache import caches

from escalation.services import take_next_step
from feedback.models import FeedbackIssue
from feedback.services import SaidIssue
from feedback.understanding import understand
from regeneration.models import Candidate, Regeneration, Urgency
from tests.factories import draft_item, rejected

pytestmark = pytest.mark.django_db
DRAFT = (
    "Hello, think about your goals before the year ends.\n"
    "A SIP of ₹5,000 a month gives you guaranteed 15% returns!\n"
    "Mutual fund investments are subject to market risks, read all scheme related documents carefully."
)
NOTE = "guaranteed returns likha hai line 2 mein, hatao"
URGENT = "Urgent!! Client meeting in ten minutes, this is wrong and useless, fix it right now"


@pytest.fixture(autouse=True)
def _empty_memory() -> None:
    caches["answers"].clear()


def _answered(**fields: object) -> Regeneration:
    category = str(fields.setdefault("category", "compliance_violation"))
    # Known before, as when it was typed into the form: how long reading takes here decides nothing.
    understand(str(fields["note"]), category=category, draft=DRAFT)
    receipt = rejected(draft_item(text=DRAFT), **fields)
    assert receipt.regeneration is not None
    assert take_next_step(regeneration_id=receipt.regeneration.id)
    return Regeneration.objects.get(id=receipt.regeneration.id)


def _issues(attempt: Regeneration) -> list[tuple[str, str, str]]:
    rows = FeedbackIssue.objects.filter(feedback=attempt.feedback).order_by("id")
    return [(row.code, row.quote, row.source) for row in rows]


def test_what_a_note_names_is_stored_once_and_worked_on() -> None:
    attempt = _answered(note=NOTE, issues=())

    assert take_next_step(regeneration_id=attempt.id) is False
    assert _issues(attempt)[0][::2] == ("guaranteed_returns_claim", "analysis")
    assert "15%" in _issues(attempt)[0][1]
    named = {one["code"] for one in attempt.resolutions}
    assert "guaranteed_returns_claim" in named


def test_a_persons_own_list_is_the_whole_list() -> None:
    attempt = _answered(note=NOTE, issues=(SaidIssue(code="missing_risk_disclaimer"),))

    assert _issues(attempt) == [("missing_risk_disclaimer", "", "person")]


def test_without_a_note_nothing_is_understood() -> None:
    assert _issues(_answered(note="", issues=())) == []


def test_rules_repair_what_the_note_names_where_no_model_is_there() -> None:
    attempt = _answered(note="Too long, cut it to half", issues=(), category="length_issue")

    assert ("too_long", "", "analysis") in _issues(attempt)
    assert {candidate.number for candidate in Candidate.objects.filter(regeneration=attempt)} >= {0}
    assert "too_long" in {one["code"] for one in attempt.resolutions}


@pytest.mark.parametrize(
    ("severity", "source", "is_known", "queue"),
    [
        ("minor", "page", True, Urgency.HIGH),
        ("minor", "page", False, Urgency.NORMAL),
        ("minor", "api", True, Urgency.NORMAL),
        ("major", "page", True, Urgency.HIGH),
        ("critical", "page", True, Urgency.CRITICAL),
    ],
)
def test_a_hurry_shown_as_it_was_typed_raises_the_queue(
    severity: str, source: str, is_known: bool, queue: Urgency
) -> None:
    if is_known:
        understand(URGENT, category="factual_error", draft=DRAFT)

    receipt = rejected(
        draft_item(text=DRAFT), note=URGENT, issues=(), category="factual_error", severity=severity, source=source
    )

    assert receipt.regeneration is not None
    assert receipt.regeneration.urgency == queue
