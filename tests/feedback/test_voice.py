"""Spoken feedback: stored at once, written down in the background, confirmed or deleted, never kept longer."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from feedback import voice
from feedback.models import Feedback, VoiceNote
from feedback.tasks import sweep_voice, write_down
from jarvish_regen.access.models import Role
from jarvish_regen.access.policy import Viewer
from jarvish_regen.content.models import ContentItem
from jarvish_regen.errors import ConflictError, ForbiddenError, InputError, NotFoundError, TooLargeError
from jarvish_regen.journal.models import AuditEntry, Event, Outbox
from tests.factories import AdvisorProfileFactory, MembershipFactory, draft_item, rejected, viewer_for
from tests.fake_audio import Recording
from tests.fake_openai import FakeOpenAI
from tests.recordings import mp4, ogg, wav, webm

pytestmark = pytest.mark.django_db
State = VoiceNote.State
SAID = "Too pushy. Call me on 98765 43210, and the disclaimer is missing."


@pytest.fixture(autouse=True)
def fake(settings: LazySettings) -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        settings.TRANSCRIBE_URL, settings.TRANSCRIBE_KEY = running.url, "sk-voice"
        running.server.hear = lambda recording: {"text": SAID, "language": "english", "duration": 3.0}
        yield running


@pytest.fixture
def item() -> ContentItem:
    return draft_item()


def _viewer(item: ContentItem) -> Viewer:
    return viewer_for(item.advisor.user)


def _taken(item: ContentItem, audio: bytes = b"") -> VoiceNote:
    return voice.take(viewer=_viewer(item), item_id=item.id, audio=audio or webm(3.0))


def _now(note: VoiceNote) -> VoiceNote:
    return VoiceNote.objects.get(id=note.id)


def _later(note: VoiceNote, **passed: float) -> None:
    """Let time pass for a note: its lease and its age."""
    by = timedelta(**passed)
    VoiceNote.objects.filter(id=note.id).update(created_at=F("created_at") - by, leased_until=F("leased_until") - by)


def _rejected(item: ContentItem, **fields: Any) -> Feedback:
    return rejected(item, note="Too pushy", **fields).feedback


def test_a_recording_is_stored_at_once_with_the_ring_it_owes(item: ContentItem) -> None:
    note = _now(_taken(item, webm(3.0)))

    assert (note.state, bytes(note.audio or b""), note.media_type) == (State.WAITING, webm(3.0), "audio/webm")
    assert note.seconds == pytest.approx(3.0, abs=0.05)
    ring = Outbox.objects.get(task="feedback.write_down")
    assert (ring.kwargs, ring.queue) == ({"voice_id": str(note.id)}, "normal")
    assert Event.objects.get(kind="voice.taken").payload == {"voice_id": str(note.id)}
    assert AuditEntry.objects.filter(subject_kind="voice_note", act="record", subject_id=note.id).exists()


def test_its_words_are_masked_and_their_language_known(item: ContentItem, fake: FakeOpenAI) -> None:
    note = _taken(item)

    write_down(voice_id=str(note.id))

    ready = _now(note)
    assert (ready.state, ready.language, ready.claims, ready.leased_until) == (State.READY, "en", 1, None)
    assert ready.transcript.startswith("Too pushy. Call me on [PHONE")
    assert "43210" not in ready.transcript
    assert ready.audio is not None
    (got,) = fake.server.recordings
    assert (got.file_name, got.media_type, got.audio) == ("note.webm", "audio/webm", webm(3.0))


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("Ye bahut lamba hai, disclaimer bhi nahi hai", "hinglish"),
        ("यह बहुत लंबा है और चेतावनी नहीं है", "hi"),
        ("हे खूप मोठं आहे आणि सूचना नाही", "mr"),
    ],
)
def test_each_of_the_four_languages_is_known(item: ContentItem, fake: FakeOpenAI, said: str, language: str) -> None:
    fake.server.hear = lambda recording: {"text": said}
    note = _taken(item)

    voice.write_down(voice_id=note.id)

    assert (_now(note).transcript, _now(note).language) == (said, language)


def test_nothing_is_rejected_before_the_person_sends_it(item: ContentItem) -> None:
    voice.write_down(voice_id=_taken(item).id)

    assert not Feedback.objects.exists()
    assert ContentItem.objects.get(id=item.id).state == "in_review"


def test_recordings_take_a_few_of_the_threads_only(item: ContentItem) -> None:
    note = _taken(item)
    for _place in range(voice.AT_ONCE_MAX):
        voice.places.acquire()
    try:
        turned_away = voice.write_down(voice_id=note.id)
    finally:
        for _place in range(voice.AT_ONCE_MAX):
            voice.places.release()

    assert (turned_away, _now(note).claims) == ("", 0)
    assert voice.write_down(voice_id=note.id) == State.READY


class TestSettling:
    def test_sending_confirms_and_deletes_the_audio_with_the_rejection(self, item: ContentItem) -> None:
        note = _taken(item)
        voice.write_down(voice_id=note.id)

        feedback = _rejected(item, voice_note=note.id)

        settled = _now(note)
        assert (settled.state, settled.feedback_id, settled.audio) == (State.CONFIRMED, feedback.id, None)
        assert settled.audio_deleted_at is not None

    def test_a_rejection_that_fails_keeps_it(self, item: ContentItem) -> None:
        note = _taken(item)

        with pytest.raises(InputError) as refused, transaction.atomic():
            _rejected(item, voice_note=note.id)  # its words are not there yet

        assert (refused.value.field, refused.value.code) == ("voice_note", "unknown_voice_note")
        assert (_now(note).state, _now(note).audio is None) == (State.WAITING, False)
        assert not Feedback.objects.exists()
        assert ContentItem.objects.get(id=item.id).state == "in_review"

    def test_a_rejection_without_it_gives_it_up(self, item: ContentItem) -> None:
        note = _taken(item)
        voice.write_down(voice_id=note.id)

        _rejected(item)

        assert (_now(note).state, _now(note).audio, _now(note).transcript) == (State.DROPPED, None, "")

    def test_a_page_that_names_a_settled_one_is_not_refused(self, item: ContentItem) -> None:
        note = _taken(item)
        voice.drop(viewer=_viewer(item), voice_id=note.id)

        feedback = _rejected(item, voice_note=note.id, source="page")

        assert feedback.id is not None
        assert _now(note).feedback_id is None

    def test_another_recording_gives_the_first_up(self, item: ContentItem) -> None:
        first, second = _taken(item), _taken(item, ogg(2.0))

        assert (_now(first).state, _now(first).audio) == (State.DROPPED, None)
        assert voice.open_note(viewer=_viewer(item), item_id=item.id) == second
        assert voice.write_down(voice_id=first.id) == ""

    def test_dropping_deletes_audio_and_words_and_is_written_down(self, item: ContentItem) -> None:
        note = _taken(item)
        voice.write_down(voice_id=note.id)

        dropped = voice.drop(viewer=_viewer(item), voice_id=note.id)
        voice.drop(viewer=_viewer(item), voice_id=note.id)

        assert (dropped.state, dropped.transcript, _now(note).audio) == (State.DROPPED, "", None)
        assert AuditEntry.objects.filter(subject_kind="voice_note", act="drop").count() == 1

    def test_the_table_keeps_no_audio_of_what_is_settled(self, item: ContentItem) -> None:
        note = _taken(item)

        with pytest.raises(IntegrityError), transaction.atomic():
            VoiceNote.objects.filter(id=note.id).update(state=State.CONFIRMED)

    def test_what_is_heard_after_it_was_dropped_changes_nothing(self, item: ContentItem, fake: FakeOpenAI) -> None:
        note = _taken(item)

        def hear(recording: Recording) -> dict[str, Any]:
            return {"text": SAID}

        fake.server.hear = hear
        VoiceNote.objects.filter(id=note.id).update(claims=1)  # this worker's claim
        stale = VoiceNote.objects.select_related("item__advisor").get(id=note.id)
        voice.drop(viewer=_viewer(item), voice_id=note.id)

        assert voice._keep(stale, voice.Heard("Too pushy")) == ""
        assert (_now(note).state, _now(note).transcript) == (State.DROPPED, "")


class TestWalls:
    def test_anothers_note_confirms_nothing(self, item: ContentItem) -> None:
        administrator = viewer_for(MembershipFactory(firm=item.firm).user)
        others = voice.take(viewer=administrator, item_id=item.id, audio=wav())
        other_item = draft_item(item.advisor)
        elsewhere = _taken(other_item)
        for note in (others, elsewhere):
            voice.write_down(voice_id=note.id)

            with pytest.raises(InputError), transaction.atomic():
                _rejected(item, voice_note=note.id)

        assert {_now(others).state, _now(elsewhere).state} == {State.READY}

    def test_a_rejection_leaves_a_colleagues_note_alone(self, item: ContentItem) -> None:
        administrator = viewer_for(MembershipFactory(firm=item.firm).user)
        others = voice.take(viewer=administrator, item_id=item.id, audio=wav())

        _rejected(item)

        assert _now(others).state == State.WAITING

    def test_a_note_does_not_exist_for_others(self, item: ContentItem) -> None:
        note = _taken(item)
        twin = AdvisorProfileFactory().user
        strangers = [twin, MembershipFactory(firm=item.firm).user, AdvisorProfileFactory(firm=item.firm).user]

        for stranger in strangers:
            for act in (voice.get_note, voice.drop, voice.try_again):
                with pytest.raises(NotFoundError):
                    act(viewer=viewer_for(stranger), voice_id=note.id)
        with pytest.raises(NotFoundError):
            voice.take(viewer=viewer_for(twin), item_id=item.id, audio=wav())
        assert _now(note).state == State.WAITING

    @pytest.mark.parametrize("role", [Role.REVIEWER, Role.SENIOR_REVIEWER])
    def test_who_may_not_reject_may_not_speak(self, item: ContentItem, role: str) -> None:
        viewer = viewer_for(MembershipFactory(firm=item.firm, role=role).user)

        with pytest.raises(ForbiddenError):
            voice.take(viewer=viewer, item_id=item.id, audio=wav())
        assert voice.shown(viewer=viewer, item_id=item.id) is None


class TestRefusing:
    @pytest.mark.parametrize(
        ("audio", "code"),
        [(b"", "empty"), (b"%PDF-1.7 ...", "unknown_format"), (webm(61.0), "too_long"), (mp4(3600.0), "too_long")],
    )
    def test_what_cannot_be_taken_is_said_with_what_can(self, item: ContentItem, audio: bytes, code: str) -> None:
        with pytest.raises(InputError) as refused:
            voice.take(viewer=_viewer(item), item_id=item.id, audio=audio)

        assert (refused.value.code, refused.value.field) == (code, "audio")
        assert code == "empty" or (refused.value.given and refused.value.allowed)
        assert not VoiceNote.objects.exists()

    def test_too_many_bytes(self, item: ContentItem, settings: LazySettings) -> None:
        audio = wav(1.0) + bytes(settings.VOICE_AUDIO_MAX_BYTES)

        with pytest.raises(TooLargeError) as refused:
            voice.take(viewer=_viewer(item), item_id=item.id, audio=audio)

        assert (refused.value.given, refused.value.allowed) == (len(audio), settings.VOICE_AUDIO_MAX_BYTES)

    def test_without_an_endpoint_nobody_is_let_speak_in_vain(self, item: ContentItem, settings: LazySettings) -> None:
        settings.TRANSCRIBE_URL = ""

        with pytest.raises(ConflictError) as refused:
            _taken(item)

        assert (refused.value.code, voice.shown(viewer=_viewer(item), item_id=item.id)) == (
            "voice_not_configured",
            None,
        )

    def test_only_drafts_in_review(self, item: ContentItem) -> None:
        _rejected(item)

        with pytest.raises(ConflictError) as refused:
            _taken(item)

        assert (refused.value.given, refused.value.allowed) == ("regenerating", "in_review")


class TestFailing:
    @pytest.mark.parametrize(
        ("profile", "problem"),
        [("401", voice.KEY_REFUSED), ("404", voice.UNREADABLE), ("empty", voice.NOTHING_HEARD)],
    )
    def test_what_no_try_can_mend_ends_at_once_without_audio(
        self, item: ContentItem, fake: FakeOpenAI, profile: str, problem: str
    ) -> None:
        fake.switch(profile)
        note = _taken(item)

        assert voice.write_down(voice_id=note.id) == State.FAILED

        failed = _now(note)
        assert (failed.problem, failed.audio, failed.audio_deleted_at is None) == (problem, None, False)

    def test_a_recording_that_turns_out_too_long_is_not_used(self, item: ContentItem, fake: FakeOpenAI) -> None:
        fake.server.hear = lambda recording: {"text": SAID, "duration": 61.2}
        note = _taken(item)

        voice.write_down(voice_id=note.id)

        assert (_now(note).state, _now(note).problem, _now(note).transcript) == (State.FAILED, voice.TOO_LONG, "")

    @pytest.mark.parametrize("profile", ["500", "429", "dead", "bad_json", "disconnect"])
    def test_a_service_in_trouble_is_tried_three_times(self, item: ContentItem, fake: FakeOpenAI, profile: str) -> None:
        fake.switch(profile)
        note = _taken(item)

        states = []
        for _try in range(5):
            states.append(voice.write_down(voice_id=note.id))
            states.append(voice.write_down(voice_id=note.id))  # too soon: the pause is not over
            _later(note, seconds=60)

        assert states[::2] == [State.WAITING, State.WAITING, State.FAILED, "", ""]
        assert set(states[1::2]) == {""}
        failed = _now(note)
        assert (failed.claims, failed.problem, failed.audio is None) == (3, voice.NO_SERVICE, False)

    def test_the_person_can_have_it_tried_again(self, item: ContentItem, fake: FakeOpenAI) -> None:
        note = _taken(item)
        VoiceNote.objects.filter(id=note.id).update(state=State.FAILED, claims=3, problem=voice.NO_SERVICE)

        again = voice.try_again(viewer=_viewer(item), voice_id=note.id)
        voice.write_down(voice_id=note.id)

        assert (again.state, again.claims) == (State.WAITING, 0)
        assert (_now(note).state, _now(note).problem) == (State.READY, "")
        with pytest.raises(ConflictError):
            voice.try_again(viewer=_viewer(item), voice_id=note.id)

    def test_a_worker_that_dies_leaves_it_to_the_next(self, item: ContentItem) -> None:
        note = _taken(item)
        # What a claim leaves behind when its process is killed.
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE feedback_voicenote SET claims = 1, leased_until = now() + interval '45 s' WHERE id = %s",
                [note.id],
            )

        assert voice.write_down(voice_id=note.id) == ""
        _later(note, seconds=50)
        assert voice.write_down(voice_id=note.id) == State.READY
        assert _now(note).claims == 2


class TestSweeping:
    def test_lost_rings_are_rung_again_and_running_ones_are_left(self, item: ContentItem) -> None:
        note = _taken(item)
        fresh = voice.sweep()
        _later(note, seconds=voice.UNCLAIMED_SECONDS + 1)

        assert (fresh, voice.sweep(), voice.sweep()) == (0, 1, 1)

    def test_the_third_claim_that_dies_is_the_last(self, item: ContentItem) -> None:
        note = _taken(item)
        VoiceNote.objects.filter(id=note.id).update(claims=3, leased_until=note.created_at)

        sweep_voice()

        assert (_now(note).state, _now(note).problem) == (State.FAILED, voice.NO_SERVICE)

    @pytest.mark.parametrize("state", [State.WAITING, State.READY, State.FAILED])
    def test_no_audio_is_older_than_a_day(self, item: ContentItem, state: str) -> None:
        note = _taken(item)
        VoiceNote.objects.filter(id=note.id).update(state=state, transcript="Too pushy")
        _later(note, hours=23, minutes=59)
        voice.sweep()
        kept = _now(note).audio is not None
        _later(note, minutes=2)

        voice.sweep()

        gone = _now(note)
        assert (kept, gone.audio, gone.audio_deleted_at is None) == (True, None, False)
        assert gone.problem == voice.FORGOTTEN
        assert gone.state == (State.FAILED if state == State.FAILED else State.DROPPED)


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_one_has_it_written_down(fake: FakeOpenAI) -> None:
    note = _taken(draft_item())
    both = threading.Barrier(2)
    found = []

    def work() -> None:
        both.wait()
        found.append(voice.write_down(voice_id=note.id))
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(found) == ["", State.READY]
    assert len(fake.server.recordings) == 1
