"""What somebody has typed and not sent: kept, theirs alone, gone once it is sent."""

from typing import Any, Final

import pytest

from feedback.models import FeedbackDraft
from feedback.services import get_draft, save_draft
from jarvish_regen.errors import ForbiddenError, InputError
from tests.factories import MembershipFactory, draft_item, rejected, viewer_for

pytestmark = pytest.mark.django_db

FORM: Final[dict[str, Any]] = {"category": "tone_inappropriate", "note": "Too loud", "issues": ["too_salesy"]}


def test_a_draft_is_given_back_as_it_was_typed() -> None:
    item = draft_item()
    viewer = viewer_for(item.advisor.user)

    save_draft(viewer=viewer, item_id=item.id, form=FORM)

    assert get_draft(viewer=viewer, item_id=item.id) == FORM


def test_the_last_typing_replaces_the_one_before() -> None:
    item = draft_item()
    viewer = viewer_for(item.advisor.user)
    save_draft(viewer=viewer, item_id=item.id, form=FORM)

    save_draft(viewer=viewer, item_id=item.id, form={"note": "Softer"})

    assert get_draft(viewer=viewer, item_id=item.id) == {"note": "Softer"}
    assert FeedbackDraft.objects.count() == 1


def test_a_draft_of_somebody_else_or_of_another_item_is_not_seen() -> None:
    item = draft_item()
    other = draft_item(item.advisor)
    colleague = MembershipFactory(firm=item.firm).user
    save_draft(viewer=viewer_for(item.advisor.user), item_id=item.id, form=FORM)

    assert get_draft(viewer=viewer_for(colleague), item_id=item.id) == {}
    assert get_draft(viewer=viewer_for(item.advisor.user), item_id=other.id) == {}


def test_sending_the_rejection_deletes_the_draft_of_its_author_only() -> None:
    item = draft_item()
    colleague = viewer_for(MembershipFactory(firm=item.firm).user)
    save_draft(viewer=viewer_for(item.advisor.user), item_id=item.id, form=FORM)
    save_draft(viewer=colleague, item_id=item.id, form={"note": "mine"})

    rejected(item)

    assert get_draft(viewer=viewer_for(item.advisor.user), item_id=item.id) == {}
    assert get_draft(viewer=colleague, item_id=item.id) == {"note": "mine"}


def test_personal_data_is_masked_before_a_draft_is_kept_however_deep_it_lies() -> None:
    item = draft_item()
    form = {
        "note": "PAN ABCPE1234F",
        "issues": [{"code": "pii_exposure", "note": "call 98765 43210"}],
        "severity": None,
    }

    draft = save_draft(viewer=viewer_for(item.advisor.user), item_id=item.id, form=form)

    draft.refresh_from_db()
    assert draft.form == {
        "note": "PAN [PAN-1]",
        "issues": [{"code": "pii_exposure", "note": "call [PHONE-1]"}],
        "severity": None,
    }


def test_a_draft_that_cannot_be_stored_is_refused_by_field() -> None:
    item = draft_item()

    with pytest.raises(InputError) as caught:
        save_draft(viewer=viewer_for(item.advisor.user), item_id=item.id, form={"issues": [{"note": "a\x00b"}]})

    assert (caught.value.code, caught.value.field) == ("broken_text", "form.issues.0.note")


def test_who_may_not_reject_keeps_no_draft() -> None:
    item = draft_item()
    reviewer = viewer_for(MembershipFactory(firm=item.firm, role="reviewer").user)

    with pytest.raises(ForbiddenError):
        save_draft(viewer=reviewer, item_id=item.id, form=FORM)
