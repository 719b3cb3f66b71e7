"""What a rejection leaves behind: rows without scripts, without personal data, and one event."""

from typing import Any, Final

import pytest
from django.db import transaction
from django.db.utils import DatabaseError

from feedback.models import Feedback
from feedback.services import Rejection, SaidIssue, capture, check_rejection
from jarvish_regen.content.models import ContentItem
from jarvish_regen.errors import ForbiddenError
from jarvish_regen.journal.models import Event
from tests.factories import FAULTY_QUOTE, MembershipFactory, draft_item, rejected, viewer_for

pytestmark = pytest.mark.django_db

PERSONAL: Final = "PAN ABCPE1234F, Aadhaar 2345 6789 0124, call +91 98765 43210"
MASKED: Final = "PAN [PAN-1], Aadhaar [AADHAAR-1], call [PHONE-1]"
PIECES: Final = ("ABCPE1234F", "2345 6789 0124", "98765 43210")


def _captured(item: ContentItem | None = None, **said: Any) -> Feedback:
    item = item or draft_item()
    assert item.current is not None
    rejection = Rejection(**{"category": "compliance_violation", **said})
    checked = check_rejection(item=item, version=item.current, said=rejection)
    capture(viewer=viewer_for(item.advisor.user), item=item, version=item.current, checked=checked)
    return Feedback.objects.get(item=item)


def test_everything_that_was_said_is_stored() -> None:
    item = draft_item()

    stored = _captured(
        item,
        severity="critical",
        suggested_action="modify",
        note="Please mend.",
        suggestions="Leave it out.",
        issues=(SaidIssue(code="guaranteed_returns_claim", quote=FAULTY_QUOTE, note="not allowed"),),
        metadata={"screen": 360},
        source="page",
    )

    issue = stored.issues.get()
    assert item.current is not None
    assert (stored.category, stored.severity, stored.suggested_action) == ("compliance_violation", "critical", "modify")
    assert (stored.note_html, stored.note_text) == ("<p>Please mend.</p>", "Please mend.")
    assert (stored.suggestions, stored.metadata, stored.source) == ("Leave it out.", {"screen": 360}, "page")
    assert (stored.version, stored.author) == (item.current, item.advisor.user)
    assert (issue.code, issue.quote, issue.note, issue.source) == (
        "guaranteed_returns_claim",
        FAULTY_QUOTE,
        "not allowed",
        "person",
    )
    assert item.current.text[issue.start : issue.end] == FAULTY_QUOTE


def test_one_event_tells_of_it_with_ids_and_codes_only() -> None:
    stored = _captured(severity="minor", note="A secret remark.")

    event = Event.objects.get(kind="feedback.captured")
    assert event.item_id == stored.item_id
    assert event.payload == {
        "feedback_id": str(stored.id),
        "category": "compliance_violation",
        "severity": "minor",
    }


@pytest.mark.parametrize(
    ("note", "kept"),
    [
        ("<p>ok</p><script>alert(1)</script>", "<p>ok</p>"),
        ('<p onclick="alert(1)">ok</p>', "<p>ok</p>"),
        ('<a href="javascript:alert(1)">ok</a>', '<a rel="noopener">ok</a>'),
        ('<img src="x" onerror="alert(1)"><p>ok</p>', "<p>ok</p>"),
        ('<p style="position:fixed">ok</p><style>p{color:red}</style>', "<p>ok</p>"),
        ("<p><strong>ok</strong></p><ul><li>one</li></ul>", "<p><strong>ok</strong></p><ul><li>one</li></ul>"),
    ],
)
def test_a_formatted_note_keeps_its_words_and_no_way_to_act(note: str, kept: str) -> None:
    stored = _captured(note=note, note_is_html=True)

    assert stored.note_html == kept


def test_bold_and_lists_of_a_plain_note_become_formatting_and_tags_stay_words() -> None:
    stored = _captured(note="This is **wrong** <b>here</b>\n- one\n- two")

    assert stored.note_html == (
        "<p>This is <strong>wrong</strong> &lt;b&gt;here&lt;/b&gt;</p><ul><li>one</li><li>two</li></ul>"
    )
    assert stored.note_text == "This is wrong <b>here</b>\n\n- one\n- two"


def test_personal_data_is_masked_wherever_it_was_typed() -> None:
    stored = _captured(
        note=PERSONAL,
        suggestions=PERSONAL,
        issues=(SaidIssue(code="pii_exposure", note=PERSONAL),),
        metadata={"client": {"lines": [PERSONAL]}, "tries": 2},
    )

    assert stored.note_html == f"<p>{MASKED}</p>"
    assert (stored.note_text, stored.suggestions, stored.issues.get().note) == (MASKED, MASKED, MASKED)
    assert stored.metadata == {"client": {"lines": [MASKED]}, "tries": 2}


@pytest.mark.parametrize("note", ["<p>ABC<strong>PE1234F</strong></p>", "<p>98765<em></em> 43<strong>210</strong></p>"])
def test_personal_data_with_markup_inside_it_is_masked_too(note: str) -> None:
    stored = _captured(note=note, note_is_html=True)

    assert stored.note_text in ("[PAN-1]", "[PHONE-1]")
    assert stored.note_html == f"<p>{stored.note_text}</p>"


def test_no_personal_data_reaches_any_row_of_a_whole_rejection() -> None:
    item = draft_item()

    receipt = rejected(
        item,
        note=PERSONAL,
        suggestions=PERSONAL,
        issues=(SaidIssue(code="pii_exposure", note=PERSONAL),),
        metadata={"said": PERSONAL},
    )

    assert receipt.regeneration is not None
    rows = [
        *Feedback.objects.filter(item=item).values(),
        *receipt.feedback.issues.values(),
        *receipt.regeneration.candidates.values(),
        *Event.objects.filter(item_id=item.id).values(),
    ]
    assert len(rows) >= 4
    assert [piece for piece in PIECES if piece in str(rows)] == []


def test_who_may_not_reject_captures_nothing() -> None:
    item = draft_item()
    assert item.current is not None
    reviewer = MembershipFactory(firm=item.firm, role="reviewer").user
    checked = check_rejection(item=item, version=item.current, said=Rejection(category="length_issue"))

    with pytest.raises(ForbiddenError):
        capture(viewer=viewer_for(reviewer), item=item, version=item.current, checked=checked)

    assert not Feedback.objects.exists()


def test_feedback_cannot_be_deleted_at_the_database() -> None:
    stored = _captured()

    with pytest.raises(DatabaseError, match="Cannot delete"), transaction.atomic():
        Feedback.objects.filter(id=stored.id).delete()

    assert Feedback.objects.filter(id=stored.id).exists()
