"""The demo is laid out once, however often a start asks for it."""

import pytest

from jarvish_regen.access.models import User
from jarvish_regen.content.demo.loader import demo_drafts, load_demo
from jarvish_regen.content.models import AdvisorProfile, ContentItem

pytestmark = pytest.mark.django_db


def test_every_advisor_can_sign_in_with_a_profile() -> None:
    load_demo()

    advisors = User.objects.filter(membership__role="advisor")

    assert advisors.count() == AdvisorProfile.objects.count() > 3


def test_drafts_of_an_older_release_keep_their_text() -> None:
    load_demo()
    entry = demo_drafts()[0]
    item = ContentItem.objects.get(external_id=entry["external_id"])
    kept = item.versions.get(number=1).text
    entry["text"] += " Worded anew."

    loaded = load_demo([entry])

    assert loaded.drafts == 0
    assert item.versions.get(number=1).text == kept
