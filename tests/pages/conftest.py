"""A firm with an advisor, an administrator and drafts; a stranger's firm beside it."""

from dataclasses import dataclass

import pytest
from django.test import Client

from jarvish_regen.access.models import Firm, Role, User
from jarvish_regen.access.policy import Viewer, required_viewer
from jarvish_regen.access.services import give_place
from jarvish_regen.content.models import AdvisorProfile, ContentItem
from jarvish_regen.content.services import Draft, receive_drafts

WARNING = "Mutual Fund investments are subject to market risks, read all scheme related documents carefully."
SOUND_TEXT = (
    "A SIP spreads your buying over many months. Some months buy more units, some fewer.\n\n"
    f"Asha Kulkarni, Sahyadri Mutual Fund Services, AMFI-registered Mutual Fund Distributor, ARN-990101\n\n{WARNING}"
)
FAULTY_TEXT = (
    "SIP शुरू करें! 🎉 This fund gives guaranteed 15% returns every year. Invest before Friday.\n\n"
    f"Asha Kulkarni, Sahyadri Mutual Fund Services, AMFI-registered Mutual Fund Distributor, ARN-990101\n\n{WARNING}"
)


@dataclass(frozen=True)
class Place:
    """A firm, its advisor and administrator, and a browser for each."""

    firm: Firm
    advisor: User
    administrator: User
    viewer: Viewer
    browser: Client
    desk: Client


def _place(slug: str, arn: str) -> Place:
    firm = Firm.objects.create(name=slug.title(), slug=slug)
    people = []
    for role in (Role.ADVISOR, Role.FIRM_ADMIN):
        user = User.objects.create_user(f"{role}@{slug}.example", "a good password 1", full_name=f"Person of {slug}")
        give_place(firm=firm, user=user, role=role)
        people.append(user)
    AdvisorProfile.objects.create(
        firm=firm,
        user=people[0],
        registrant_type="MFD",
        registered_name="Sahyadri Mutual Fund Services",
        arn=arn,
        languages=["en", "mr"],
    )
    browser, desk = Client(), Client()
    browser.force_login(people[0])
    desk.force_login(people[1])
    return Place(firm, people[0], people[1], required_viewer(people[0]), browser, desk)


@pytest.fixture
def place(db: None) -> Place:
    return _place("sahyadri", "ARN-990101")


@pytest.fixture
def stranger(db: None) -> Place:
    return _place("deccan", "ARN-990202")


def bring(
    place: Place, text: str = SOUND_TEXT, *, channel: str = "whatsapp", language: str = "en", topic: str = ""
) -> ContentItem:
    """Hand a draft in and return it."""
    draft = Draft(text=text, channel=channel, language=language, topic=topic)
    item = receive_drafts(viewer=place.viewer, drafts=[draft])[0].item
    assert item is not None
    return item
