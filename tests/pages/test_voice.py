"""Speaking on the rejection form: without a script by the form's own buttons, with one by the piece it swaps."""

import re
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile

from feedback import voice
from feedback.models import Feedback, VoiceNote
from jarvish_regen.content.models import ContentItem
from tests.fake_openai import FakeOpenAI
from tests.pages.conftest import FAULTY_TEXT, Place, bring
from tests.recordings import webm

pytestmark = pytest.mark.django_db
HEARD = "Too pushy, and the disclaimer is missing."


@pytest.fixture
def fake(settings: LazySettings) -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        settings.TRANSCRIBE_URL = running.url
        yield running


@pytest.fixture
def item(place: Place) -> ContentItem:
    return bring(place, FAULTY_TEXT)


def _form(place: Place, item: ContentItem) -> str:
    return place.browser.get(f"/items/{item.short_id}/reject/").content.decode()


def _act(place: Place, item: ContentItem, act: str, *, scripted: bool = False, **fields: object) -> tuple[int, str]:
    reply = place.browser.post(
        f"/items/{item.short_id}/reject/voice/",
        {"voice_act": act, **fields},
        follow=not scripted,
        headers={"HX-Request": "true"} if scripted else {},
    )
    return reply.status_code, reply.content.decode()


def _recording(audio: bytes = b"") -> SimpleUploadedFile:
    return SimpleUploadedFile("../../evil.html", audio or webm(3.0), content_type="text/html")


def test_without_an_endpoint_the_form_offers_no_speaking(place: Place, item: ContentItem) -> None:
    assert "data-voice" not in _form(place, item)


def test_the_limits_are_said_before(place: Place, item: ContentItem, fake: FakeOpenAI) -> None:
    page = _form(place, item)

    assert "At most 60 seconds and 5 MB" in page
    assert re.search(r"<button[^>]*data-voice-record hidden", page)


def test_without_a_script_an_upload_keeps_what_was_typed(place: Place, item: ContentItem, fake: FakeOpenAI) -> None:
    typed = {"category": "tone_inappropriate", "note": "Hmm.", "audio": _recording()}
    _status, waiting = _act(place, item, "upload", **typed)
    note = VoiceNote.objects.get()
    voice.write_down(voice_id=note.id)
    ready = _form(place, item)
    _status, used = _act(place, item, "use", category="tone_inappropriate", note="Hmm.", voice_note=note.short_id)

    assert "is being written down" in waiting
    assert re.search(r'value="tone_inappropriate"[^>]*checked', waiting)
    assert "Hmm.</textarea>" in waiting
    assert HEARD in ready
    assert f'name="voice_note" value="{note.short_id}"' in ready
    assert f"Hmm.\n{HEARD}</textarea>" in used
    assert note.media_type == "audio/webm"


def test_sending_the_form_confirms_the_recording(place: Place, item: ContentItem, fake: FakeOpenAI) -> None:
    _act(place, item, "upload", audio=_recording())
    note = VoiceNote.objects.get()
    voice.write_down(voice_id=note.id)

    place.browser.post(
        f"/items/{item.short_id}/send/",
        {"category": "tone_inappropriate", "note": HEARD, "voice_note": note.short_id},
    )

    note.refresh_from_db()
    assert (note.state, note.audio, note.feedback) == ("confirmed", None, Feedback.objects.get())


@pytest.mark.parametrize("given", ["", "voc_nonsense", "rej_01kaq4pf2yf889tbvb3j74yyg1", "\x00"])
def test_a_forged_id_confirms_nothing_and_hinders_nobody(
    place: Place, item: ContentItem, fake: FakeOpenAI, given: str
) -> None:
    place.browser.post(f"/items/{item.short_id}/send/", {"category": "tone_inappropriate", "voice_note": given})

    assert Feedback.objects.count() == 1
    assert not VoiceNote.objects.exists()


def test_a_script_gets_the_piece_and_follows_it(place: Place, item: ContentItem, fake: FakeOpenAI) -> None:
    address = f"/items/{item.short_id}/reject/voice/"
    _status, waiting = _act(place, item, "upload", scripted=True, audio=_recording())
    voice.write_down(voice_id=VoiceNote.objects.get().id)
    ready = place.browser.get(address, headers={"HX-Request": "true"}).content.decode()
    _status, empty = _act(place, item, "drop", scripted=True, voice_note=VoiceNote.objects.get().short_id)

    assert 'data-voice-state="waiting"' in waiting
    assert "<html" not in waiting
    assert 'data-voice-state="ready"' in ready
    assert HEARD in ready
    assert 'data-voice-state=""' in empty
    assert VoiceNote.objects.get().state == "dropped"


@pytest.mark.parametrize(
    ("audio", "status", "words"),
    [
        (b"%PDF-1.7 nothing to hear", 400, "no recording of a kind we take"),
        (webm(61.0), 400, "longer than a minute"),
        (None, 400, "Choose a recording first"),
    ],
)
def test_a_refusal_is_said_where_it_was_tried(
    place: Place, item: ContentItem, fake: FakeOpenAI, audio: bytes | None, status: int, words: str
) -> None:
    fields = {} if audio is None else {"audio": _recording(audio)}
    scripted = _act(place, item, "upload", scripted=True, **fields)
    fields = {} if audio is None else {"audio": _recording(audio)}
    plain = _act(place, item, "upload", **fields)

    assert (scripted[0], words in scripted[1]) == (status, True)
    assert (plain[0], words in plain[1]) == (200, True)
    assert not VoiceNote.objects.exists()


def test_a_failure_says_what_to_do_and_offers_another_try(place: Place, item: ContentItem, fake: FakeOpenAI) -> None:
    _act(place, item, "upload", audio=_recording())
    note = VoiceNote.objects.get()
    VoiceNote.objects.update(state="failed", claims=3, problem=voice.NO_SERVICE)
    failed = _form(place, item)
    _act(place, item, "again", voice_note=note.short_id)
    note.refresh_from_db()

    assert "Writing it down failed three times" in failed
    assert 'value="again"' in failed
    assert "Upload a recording" in failed
    assert note.state == "waiting"


def test_too_large_a_body_is_refused_before_it_is_read(place: Place, item: ContentItem, fake: FakeOpenAI) -> None:
    status, words = _act(place, item, "upload", audio=_recording(webm(1.0) + bytes(5_700_000)))
    status_within, _words = _act(place, item, "upload", scripted=True, audio=_recording(webm(1.0) + bytes(5_300_000)))

    assert (status, "at most 5600000" in words) == (413, True)
    assert status_within == 413
    assert not VoiceNote.objects.exists()


def test_strangers_and_nobody_get_nowhere(place: Place, stranger: Place, item: ContentItem, fake: FakeOpenAI) -> None:
    address = f"/items/{item.short_id}/reject/voice/"

    assert stranger.browser.get(address).status_code == 404
    assert stranger.browser.post(address, {"voice_act": "upload", "audio": _recording()}).status_code == 404
    stranger.browser.logout()
    assert stranger.browser.get(address)["Location"].startswith("/accounts/login/")
    assert not VoiceNote.objects.exists()
