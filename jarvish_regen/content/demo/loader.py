"""Lay out the demo firms: the same people, profiles and drafts however often it runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from django.db import transaction

from jarvish_regen.access.models import Firm, Role, User
from jarvish_regen.access.policy import Viewer
from jarvish_regen.access.services import give_place
from jarvish_regen.content.models import AdvisorProfile
from jarvish_regen.content.services import Draft, receive_drafts

FIRMS_PATH: Final = Path(__file__).with_name("firms.yaml")
DRAFTS_PATH: Final = Path(__file__).with_name("drafts.yaml")
OPERATOR: Final = {"email": "operator@jarvish.example", "password": "demo-operator-desk", "full_name": "Demo Operator"}


@dataclass(frozen=True)
class Loaded:
    """How much was new."""

    firms: int
    people: int
    drafts: int


def demo_firms() -> list[dict[str, Any]]:
    """Return the firms as written in firms.yaml."""
    firms: list[dict[str, Any]] = yaml.safe_load(FIRMS_PATH.read_text(encoding="utf-8"))["firms"]
    return firms


def demo_drafts() -> list[dict[str, Any]]:
    """Return the drafts as written in drafts.yaml, each with the rejection its advisor would send, if any."""
    drafts: list[dict[str, Any]] = yaml.safe_load(DRAFTS_PATH.read_text(encoding="utf-8"))["drafts"]
    return drafts


def draft_of(entry: Mapping[str, Any]) -> Draft:
    """Return one entry of drafts.yaml as it is handed in."""
    return Draft(
        text=entry["text"],
        channel=entry["channel"],
        language=entry["language"],
        external_id=entry["external_id"],
        content_class=entry.get("content_class") or "",
        topic=entry.get("topic") or "",
    )


def load_demo(drafts: Sequence[Mapping[str, Any]] | None = None) -> Loaded:
    """Make what is missing of the demo, with the drafts of drafts.yaml unless others are given.

    Safe to run at every start; changes nothing that people have changed since.
    """
    advisors: dict[str, Viewer] = {}
    new_firms = new_people = new_drafts = 0
    with transaction.atomic():
        for entry in demo_firms():
            firm, is_new = Firm.objects.get_or_create(
                slug=entry["slug"], defaults={"name": entry["name"], "compliance_profile": entry["compliance_profile"]}
            )
            new_firms += is_new
            for member in entry["members"]:
                user = User.objects.filter(email=member["email"]).first()
                if user is None:
                    user = _create(firm, member)
                    new_people += 1
                if member["role"] == Role.ADVISOR:
                    advisors[member["email"]] = Viewer(user.id, firm.id, Role.ADVISOR)
        if not User.objects.filter(email=OPERATOR["email"]).exists():
            User.objects.create_superuser(OPERATOR["email"], OPERATOR["password"], full_name=OPERATOR["full_name"])
            new_people += 1
    by_advisor: dict[str, list[Draft]] = {}
    for draft in demo_drafts() if drafts is None else drafts:
        by_advisor.setdefault(draft["advisor"], []).append(draft_of(draft))
    for email, theirs in by_advisor.items():
        arrivals = receive_drafts(viewer=advisors[email], drafts=theirs)
        # A later release may word a demo draft anew; one that people have worked on keeps its text.
        broken = [arrival.error for arrival in arrivals if arrival.error and arrival.error.code != "external_id_taken"]
        if broken:
            raise broken[0]
        new_drafts += sum(arrival.status == "created" for arrival in arrivals)
    return Loaded(new_firms, new_people, new_drafts)


def _create(firm: Firm, member: Mapping[str, Any]) -> User:
    user = User.objects.create_user(member["email"], member["password"], full_name=member["full_name"])
    give_place(firm=firm, user=user, role=member["role"])
    profile = member.get("profile")
    if profile:
        given = {name: value or "" for name, value in profile.items() if name != "languages"}
        AdvisorProfile.objects.create(firm=firm, user=user, languages=profile["languages"], **given)
    return user
