"""Spoken feedback over the API."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from feedback import voice
from feedback.models import Feedback, VoiceNote
from jarvish_regen.access.models import Role, Scope
from jarvish_regen.content.models import ContentItem
from jarvish_regen.ids import from_short
from tests.factories import AdvisorProfileFactory, MembershipFactory, draft_item, integration_of
from tests.fake_openai import FakeOpenAI
from tests.recordings import mp3, webm

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., APIClient]
HEARD = "Too pushy, and the disclaimer is missing."

# Written by hand: who may speak about a draft of the firm and read what was heard, in person or by a full token.
ROLES = {
    Role.FIRM_ADMIN: 202,
    Role.INTEGRATOR: 202,
    Role.REVIEWER: 403,
    Role.SENIOR_REVIEWER: 403,
}


@pytest.fixture(autouse=True)
def fake(settings: LazySettings) -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        settings.TRANSCRIBE_URL = running.url
        yield running


def _send(client: APIClient, item: ContentItem, audio: bytes = b"", **headers: str) -> Any:
    recording = SimpleUploadedFile("note.webm", audio or webm(2.0), content_type="audio/webm")
    return client.post(
        f"/api/v1/content/{item.short_id}/voice",
        {"audio": recording},
        format="multipart",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def _error(reply: Any) -> tuple[int, str, str]:
    error = reply.json()["errors"][0]
    return reply.status_code, error["code"], error["field"]


def test_a_recording_becomes_words_becomes_a_rejection(api_for: ClientFor) -> None:
    item = draft_item()
    client = api_for(item.advisor.user)

    receipt = _send(client, item)
    waiting = client.get(receipt.data["link"])
    voice.write_down(voice_id=from_short("voice", receipt.data["id"]))
    ready = client.get(receipt.data["link"])
    said = {"category": "tone_inappropriate", "note": "Too pushy.", "voice_note": receipt.data["id"]}
    rejection = client.post(f"/api/v1/content/{item.short_id}/reject", said)
    confirmed = client.get(receipt.data["link"])

    assert (receipt.status_code, receipt.data["state"]) == (202, "waiting")
    assert (waiting.data["state"], waiting.data["transcript"], waiting.data["is_audio_kept"]) == ("waiting", "", True)
    assert {**ready.data, "created_at": ""} == {
        "id": receipt.data["id"],
        "content_id": item.short_id,
        "state": "ready",
        "media_type": "audio/webm",
        "seconds": pytest.approx(2.0, abs=0.05),
        "transcript": HEARD,
        "language": "en",
        "problem": "",
        "is_audio_kept": True,
        "created_at": "",
    }
    assert rejection.status_code == 202
    assert (confirmed.data["state"], confirmed.data["is_audio_kept"]) == ("confirmed", False)
    assert VoiceNote.objects.get().feedback == Feedback.objects.get()


def test_it_can_be_given_up(api_for: ClientFor) -> None:
    item = draft_item()
    client = api_for(item.advisor.user)
    link = _send(client, item).data["link"]

    assert client.delete(link).status_code == 204
    assert (client.get(link).data["state"], client.get(link).data["is_audio_kept"]) == ("dropped", False)


def test_a_key_makes_the_same_recording_one(api_for: ClientFor) -> None:
    item = draft_item()
    client = api_for(item.advisor.user)

    first, again = (_send(client, item, Idempotency_Key="v1") for _ in range(2))
    other = _send(client, item, mp3(2.0), Idempotency_Key="v1")

    assert (first.data, again.headers["Idempotent-Replayed"]) == (again.data, "true")
    assert (other.status_code, VoiceNote.objects.count()) == (422, 1)


def test_what_cannot_be_used_names_the_field_and_what_is_allowed(api_for: ClientFor, settings: LazySettings) -> None:
    item = draft_item()
    client = api_for(item.advisor.user)
    address = f"/api/v1/content/{item.short_id}/voice"

    pdf = _send(client, item, b"%PDF-1.7 no sound")
    long = _send(client, item, webm(75.0))
    large = _send(client, item, webm(1.0) + bytes(settings.VOICE_AUDIO_MAX_BYTES))
    larger = _send(client, item, webm(1.0) + bytes(6_000_000))
    none = client.post(address, {}, format="multipart")
    empty = client.post(address, {"audio": SimpleUploadedFile("a.wav", b"")}, format="multipart")
    beside = client.post(address, {"audio": SimpleUploadedFile("a", webm(1.0)), "x": "1"}, format="multipart")
    as_text = client.post(address, {"audio": "words"}, format="multipart")
    as_json = client.post(address, {"audio": "words"})

    assert _error(pdf) == (400, "unknown_format", "audio")
    assert pdf.json()["errors"][0]["allowed"] == ["webm", "ogg", "mp4", "m4a", "mp3", "wav"]
    assert _error(long) == (400, "too_long", "audio")
    assert (long.json()["errors"][0]["given"], long.json()["errors"][0]["allowed"]) == (75.0, 60.0)
    assert _error(large) == (413, "too_large", "audio")
    assert (larger.status_code, larger.json()["errors"][0]["code"]) == (413, "too_large")
    assert _error(none) == (400, "required", "audio")
    assert _error(empty) == (400, "empty", "audio")
    assert _error(beside) == (400, "unknown_field", "x")
    assert _error(as_text) == (400, "invalid", "audio")
    assert as_json.status_code == 415
    assert not VoiceNote.objects.exists()


def test_without_an_endpoint_it_says_so(api_for: ClientFor, settings: LazySettings) -> None:
    settings.TRANSCRIBE_URL = ""
    item = draft_item()

    assert _error(_send(api_for(item.advisor.user), item)) == (409, "voice_not_configured", "audio")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_what_it_may(api_for: ClientFor, role: str) -> None:
    item = draft_item()
    user = integration_of(item.firm) if role == Role.INTEGRATOR else MembershipFactory(firm=item.firm, role=role).user

    assert _send(api_for(user), item).status_code == ROLES[role]  # type: ignore[index]


def test_every_call_needs_the_scope_to_give_feedback(api_for: ClientFor) -> None:
    item = draft_item()
    link = _send(api_for(item.advisor.user), item).data["link"]
    without = api_for(item.advisor.user, [str(one) for one in Scope.values if one != "feedback:write"])

    replies = [_send(without, item), without.get(link), without.delete(link)]

    assert [_error(reply) for reply in replies] == [(403, "permission_denied", "scopes")] * 3
    assert [
        reply.status_code for reply in (_send(APIClient(), item), APIClient().get(link), APIClient().delete(link))
    ] == [401] * 3


def test_a_twin_firm_and_a_colleague_find_nothing(api_for: ClientFor) -> None:
    item = draft_item()
    receipt = _send(api_for(item.advisor.user), item)
    voice.write_down(voice_id=from_short("voice", receipt.data["id"]))
    twin_item = draft_item(AdvisorProfileFactory())
    twin = api_for(twin_item.advisor.user)
    colleagues = [AdvisorProfileFactory(firm=item.firm).user, MembershipFactory(firm=item.firm).user]

    said = {"category": "tone_inappropriate", "voice_note": receipt.data["id"]}
    stolen = twin.post(f"/api/v1/content/{twin_item.short_id}/reject", said)

    assert _error(stolen) == (400, "unknown_voice_note", "voice_note")
    assert [_send(twin, item).status_code, twin.get(receipt.data["link"]).status_code] == [404, 404]
    assert twin.delete(receipt.data["link"]).status_code == 404
    assert [api_for(one).get(receipt.data["link"]).status_code for one in colleagues] == [404, 404]
    assert VoiceNote.objects.get().state == "ready"
