"""The advisor writes a text themselves: the rules look at it as at any other."""

import pytest

from jarvish_regen.content.models import ContentItem
from jarvish_regen.journal.models import AuditEntry, Event
from tests.pages.conftest import FAULTY_TEXT, SOUND_TEXT, Place, bring

pytestmark = pytest.mark.django_db
BETTER = SOUND_TEXT.replace("Some months buy more units, some fewer.", "No month matters much by itself.")


def _send(place: Place, item: ContentItem, text: str, version: str = "1") -> tuple[int, str]:
    response = place.browser.post(f"/items/{item.short_id}/edit/", {"text": text, "version": version})
    return response.status_code, response.content.decode()


def test_own_wording_becomes_the_next_version(place: Place) -> None:
    item = bring(place, SOUND_TEXT)

    status, _page = _send(place, item, BETTER)

    item.refresh_from_db()
    assert status == 302
    assert item.current is not None
    assert (item.state, item.current.number, item.current.text, item.current.origin) == (
        "in_review",
        2,
        BETTER,
        "person",
    )
    assert AuditEntry.objects.filter(subject_id=item.id, act="edit").count() == 1
    assert Event.objects.filter(item_id=item.id, kind="version.ready").count() == 1


def test_wording_that_breaks_a_rule_is_not_taken_and_comes_back_as_typed(place: Place) -> None:
    item = bring(place, SOUND_TEXT)

    status, page = _send(place, item, FAULTY_TEXT)

    item.refresh_from_db()
    assert status == 400
    assert item.current is not None
    assert item.current.number == 1
    assert "The rules object to this text." in page
    assert "guaranteed 15% returns every year" in page


def test_line_ends_of_a_browser_change_nothing(place: Place) -> None:
    item = bring(place, SOUND_TEXT)

    status, page = _send(place, item, SOUND_TEXT.replace("\n", "\r\n"))

    assert status == 400
    assert "Nothing was changed." in page


@pytest.mark.parametrize("text", ["", "   ", "a\x00b", "x" * 20_001])
def test_text_that_cannot_be_stored_is_refused(place: Place, text: str) -> None:
    item = bring(place, SOUND_TEXT)

    status, _page = _send(place, item, text)

    item.refresh_from_db()
    assert status == 400
    assert item.current is not None
    assert item.current.number == 1


def test_an_old_version_is_not_edited(place: Place) -> None:
    item = bring(place, SOUND_TEXT)
    _send(place, item, BETTER)

    status, _page = _send(place, item, SOUND_TEXT + " ", version="1")

    item.refresh_from_db()
    assert status == 302
    assert item.current is not None
    assert item.current.text == BETTER


def test_another_firms_draft_is_not_there_to_edit(place: Place, stranger: Place) -> None:
    item = bring(stranger, SOUND_TEXT)

    status, _page = _send(place, item, BETTER)

    assert status == 404


def test_the_administrator_may_not_put_words_into_an_advisors_mouth(place: Place) -> None:
    item = bring(place, SOUND_TEXT)

    response = place.desk.post(f"/items/{item.short_id}/edit/", {"text": BETTER, "version": "1"})

    assert response.status_code == 403
