"""Do inside a running system what no door offers: make firms with tokens, and check the whole record.

A process of its own with the system's environment: reads one JSON command a line, answers one JSON line.
"""

import json
import os
import sys
import uuid
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jarvish_regen.settings")
django.setup()

from django.contrib.auth.models import Group  # noqa: E402

import jarvish_regen.celery  # noqa: E402, F401  a replayed letter rings
from escalation.history import verify  # noqa: E402
from escalation.services import discard_dead_letter, replay_dead_letter  # noqa: E402
from jarvish_regen.journal.models import WebhookEndpoint  # noqa: E402
from tests.factories import AdvisorProfileFactory, UserFactory, token_for  # noqa: E402


def make_advisor(*, signature: str) -> dict[str, Any]:
    """Make a firm with one advisor and a token that may do everything the advisor may."""
    profile = AdvisorProfileFactory(signature=signature)
    return {"firm_id": str(profile.firm_id), "token": token_for(profile.user)}


def make_operator() -> dict[str, Any]:
    """Make somebody of the operator's staff who looks after the machine."""
    user = UserFactory(is_staff=True)
    user.groups.add(Group.objects.get(name="operations"))
    return {"email": user.email}


def make_webhook(*, firm_id: str, url: str, kinds: list[str]) -> dict[str, Any]:
    """Let a firm hear of its events."""
    return {"secret": WebhookEndpoint.objects.create(firm_id=firm_id, url=url, kinds=kinds).secret}


def check_record() -> dict[str, Any]:
    """Check every promise on the stored record."""
    return verify(is_quiet=True).as_json()


def discard(*, dead_letter_id: str, reason: str) -> dict[str, Any]:
    """Give a dead letter up."""
    letter = discard_dead_letter(dead_letter_id=uuid.UUID(dead_letter_id), actor_id=None, reason=reason)
    return {"state": letter.state}


def replay(*, dead_letter_id: str) -> dict[str, Any]:
    """Give a dead letter back to the machine."""
    return {"state": replay_dead_letter(dead_letter_id=uuid.UUID(dead_letter_id), actor_id=None).state}


ACTS = {act.__name__: act for act in (make_advisor, make_operator, make_webhook, check_record, discard, replay)}

if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(ACTS[asked.pop("act")](**asked), default=str), flush=True)
