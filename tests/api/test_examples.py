"""The examples of the committed description are calls that work: each is sent as it stands and must be taken.

Only ids are put in from the outside: an example cannot know what the reader's own firm holds.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from django.utils import timezone
from rest_framework.test import APIClient

from escalation.services import take_next_step
from feedback.models import VoiceNote
from jarvish_regen.access.models import User
from jarvish_regen.content.models import AdvisorProfile
from jarvish_regen.ids import to_short
from jarvish_regen.journal.models import Delivery, Event, WebhookEndpoint
from regeneration.models import Candidate, Regeneration
from tests.factories import (
    FLAWLESS_TEXT,
    AdvisorProfileFactory,
    MembershipFactory,
    UserFactory,
    draft_item,
    rejected,
    token_for,
)

SCHEMA: Final = yaml.safe_load((Path(__file__).parents[2] / "docs/api/openapi.yaml").read_text(encoding="utf-8"))
WRITES: Final = ("post", "put", "patch", "delete")
# Words for "every item of a bulk call was taken".
TAKEN: Final = {"created", "known", "accepted"}


@dataclass(frozen=True)
class Sample:
    """One call as the description shows it; `body` is None where an operation takes none."""

    path: str
    method: str
    name: str
    body: Any


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in SCHEMA["paths"].items()
        for method, operation in methods.items()
        # A recording is no JSON: tests/api/test_voice.py sends one.
        if method in WRITES and "multipart/form-data" not in operation.get("requestBody", {}).get("content", {})
    ]


def _examples_of(operation: dict[str, Any]) -> dict[str, Any]:
    examples: dict[str, Any] = operation["requestBody"]["content"]["application/json"].get("examples", {})
    return examples


def _samples() -> list[Sample]:
    samples = []
    for path, method, operation in _operations():
        if "requestBody" not in operation:
            samples.append(Sample(path, method, "no body", None))
            continue
        samples += [Sample(path, method, name, example["value"]) for name, example in _examples_of(operation).items()]
    return samples


def _first_draft() -> dict[str, Any]:
    """Return the draft that the rejections of the description speak of."""
    drafts = [sample.body for sample in _samples() if sample.path == "/api/v1/content" and "text" in sample.body]
    assert len(drafts) == 1
    return dict(drafts[0])


@pytest.fixture
def advisor() -> AdvisorProfile:
    """Return the advisor whom the examples name."""
    return AdvisorProfileFactory(user=UserFactory(email=_first_draft()["advisor_email"]))


@pytest.fixture
def administrator(advisor: AdvisorProfile) -> User:
    return MembershipFactory(firm=advisor.firm).user


def test_the_description_is_openapi_3_1() -> None:
    assert SCHEMA["openapi"] == "3.1.0"


def test_every_write_that_takes_a_body_shows_one() -> None:
    without = [
        (path, method)
        for path, method, operation in _operations()
        if "requestBody" in operation and not _examples_of(operation)
    ]

    assert without == []
    assert len(_operations()) == 18


@pytest.mark.django_db
@pytest.mark.parametrize("sample", _samples(), ids=lambda sample: f"{sample.method} {sample.path} {sample.name}")
def test_an_example_is_taken(sample: Sample, advisor: AdvisorProfile, administrator: User) -> None:
    client = _client(sample, advisor, administrator)
    path = _path_with_ids(sample, advisor)
    body = None if sample.body is None else _with_ids(sample.body, advisor)

    reply = client.generic(
        sample.method.upper(), path, "" if body is None else json.dumps(body), content_type="application/json"
    )

    assert str(reply.status_code) in SCHEMA["paths"][sample.path][sample.method]["responses"]
    assert 200 <= reply.status_code < 300, reply.content.decode()
    if reply.status_code == 207:
        results = reply.json()["items"]
        assert len(results) == len(sample.body["items"])
        assert {result["status"] for result in results} <= TAKEN, results


def _client(sample: Sample, advisor: AdvisorProfile, administrator: User) -> APIClient:
    client = APIClient()
    if sample.path.startswith(("/api/v1/tokens", "/api/v1/webhooks")):
        client.force_login(administrator)  # managed in person, by whoever administers the firm
    else:
        client.credentials(HTTP_AUTHORIZATION=f"Token {token_for(advisor.user)}")
    return client


def _path_with_ids(sample: Sample, advisor: AdvisorProfile) -> str:
    """Return the path with the ids of things that are there and in a state that allows the call."""
    makers = {
        "item_id": _item_id,
        "token_key": _token_key,
        "endpoint_id": _endpoint_id,
        "regeneration_id": _regeneration_id,
        "voice_id": _voice_id,
    }
    path = sample.path
    if "{delivery_id}" in path:
        delivery = _delivered(advisor)
        path = path.replace("{endpoint_id}", to_short("endpoint", delivery.endpoint_id))
        return path.replace("{delivery_id}", to_short("delivery", delivery.id))
    for name in re.findall(r"\{(\w+)\}", path):
        path = path.replace(f"{{{name}}}", makers[name](sample, advisor))
    return path


def _item_id(sample: Sample, advisor: AdvisorProfile) -> str:
    # What is approved must be admissible; everything else speaks of the first example's draft.
    text = FLAWLESS_TEXT if sample.path.endswith("/approve") else _first_draft()["text"]
    return draft_item(advisor, text=text).short_id


def _answered(advisor: AdvisorProfile) -> Regeneration:
    """Return an attempt whose answer is in review, with another version to choose."""
    receipt = rejected(draft_item(advisor))
    assert receipt.regeneration is not None
    take_next_step(regeneration_id=receipt.regeneration.id)
    attempt = Regeneration.objects.get(id=receipt.regeneration.id)
    zero = attempt.candidates.get(number=0)
    attempt.candidates.create(
        number=9,
        rung="model",
        text=zero.text.replace("Ask me", "Write to me"),
        is_admissible=True,
        is_valid=True,
        score=0.9,
        is_variant=True,
    )
    attempt.ledger["variants"] = {"asked_at": timezone.now().isoformat(), "made_ms": 900}
    attempt.save()
    return attempt


def _regeneration_id(sample: Sample, advisor: AdvisorProfile) -> str:
    return _answered(advisor).short_id


def _voice_id(sample: Sample, advisor: AdvisorProfile) -> str:
    note = VoiceNote.objects.create(item=draft_item(advisor), author=advisor.user, audio=b"x", media_type="audio/ogg")
    return note.short_id


def _token_key(sample: Sample, advisor: AdvisorProfile) -> str:
    administrator = User.objects.get(membership__firm=advisor.firm, membership__role="firm_admin")
    token_for(administrator)
    return str(administrator.auth_token_set.get().token_key)


def _endpoint(advisor: AdvisorProfile) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(
        firm_id=advisor.firm_id, url="https://hooks.example.com/a", kinds=["version.ready"]
    )


def _endpoint_id(sample: Sample, advisor: AdvisorProfile) -> str:
    return to_short("endpoint", _endpoint(advisor).id)


def _delivered(advisor: AdvisorProfile) -> Delivery:
    event = Event.objects.create(kind="version.ready", firm_id=advisor.firm_id, payload={})
    return Delivery.objects.create(endpoint=_endpoint(advisor), event=event, state=Delivery.State.DELIVERED)


def _with_ids(value: Any, advisor: AdvisorProfile) -> Any:
    """Return an example with each draft it names replaced by one that is there, with the first example's text."""
    if isinstance(value, dict):
        return {name: _with_ids(inner, advisor) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_ids(inner, advisor) for inner in value]
    if isinstance(value, str) and value.startswith("cnt_"):
        return draft_item(advisor, text=_first_draft()["text"]).short_id
    if isinstance(value, str) and value.startswith("rej_"):
        return _answered(advisor).feedback.short_id
    if isinstance(value, str) and value.startswith("cdt_"):
        return to_short("candidate", Candidate.objects.filter(is_variant=True).latest("created_at").id)
    return value
