"""Feedback that is said instead of typed: taken in, written down in the background, confirmed by who said it.

The row is the truth and holds the audio until its words are confirmed or given up, a day at most. A crash loses
nothing: a claim is counted before the work and runs out, and the sweep rings again.
"""

import logging
import threading
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from feedback.asking import ask
from feedback.audio import ALLOWED, FILE_NAMES, media_type_of, seconds_of
from feedback.events import VoiceTaken
from feedback.models import Feedback, VoiceNote
from jarvish_regen.access.policy import REJECT, Viewer
from jarvish_regen.content import services as content
from jarvish_regen.content.models import ContentItem
from jarvish_regen.content.states import ItemState
from jarvish_regen.errors import ConflictError, InputError, NotFoundError, TooLargeError
from jarvish_regen.ids import new_id, to_short
from jarvish_regen.journal import services as journal
from jarvish_regen.language.identify import identify
from jarvish_regen.language.masking import mask
from jarvish_regen.llm.base import AnswerMalformedError, KeyRefusedError, LLMError, RequestRefusedError
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.transcription import Transcriber, Transcript, build_endpoint

logger = logging.getLogger(__name__)

WRITE_TASK: Final = "feedback.write_down"
SWEEP_TASK: Final = "feedback.sweep_voice"
# A person looks at the form meanwhile, and a batch of new drafts fills `prepare` for minutes.
QUEUE: Final = "normal"
# Of the threads that answer rejections, so many may wait for transcripts; what comes on top is left to the sweep.
AT_ONCE_MAX: Final = 8

CLAIMS_MAX: Final = 3
# A minute of speech takes services some seconds; one that has not answered by then will not.
DEADLINE_SECONDS: Final = 30.0
LEASE_SECONDS: Final = 45.0
# Between two tries at a service that is in trouble: 10 s, then 20 s.
PAUSE_SECONDS: Final = 10.0
# What nobody has taken by then was rung in vain.
UNCLAIMED_SECONDS: Final = 10.0
TRANSCRIPT_MAX_CHARS: Final = 5_000

places = threading.BoundedSemaphore(AT_ONCE_MAX)

State = VoiceNote.State
OPEN_STATES: Final = (State.WAITING, State.READY, State.FAILED)

TOO_LONG: Final = gettext_noop("The recording is longer than a minute. Record a shorter one, or type your note.")
NOTHING_HEARD: Final = gettext_noop("No words were heard. Record again closer to the microphone, or type your note.")
UNREADABLE: Final = gettext_noop("The recording could not be read. Record it again, or type your note.")
KEY_REFUSED: Final = gettext_noop(
    "Voice notes are out of order until the operator has renewed a key. Type your note; the recording is not needed."
)
NO_SERVICE: Final = gettext_noop("Writing it down failed three times. Try again in some minutes, or type your note.")
FORGOTTEN: Final = gettext_noop("It was not sent within a day, so the recording was deleted. Record again or type.")


@dataclass(frozen=True)
class Heard:
    """What a recording came to: its words, or a sentence on why there are none. `may_help`: another try might."""

    text: str = ""
    seconds: float | None = None
    problem: str = ""
    may_help: bool = False


@dataclass(frozen=True)
class VoiceShown:
    """Where the voice note of a form stands, as its page shows it. `id` names words that sending would confirm."""

    state: str
    id: str
    words: str
    language: str
    problem: str
    may_try_again: bool
    seconds_max: int
    megabytes_max: int

    @property
    def is_waiting(self) -> bool:
        """Say whether it is being written down."""
        return self.state == State.WAITING

    @property
    def is_ready(self) -> bool:
        """Say whether its words are there."""
        return self.state == State.READY


def is_offered() -> bool:
    """Say whether there is anybody to write recordings down."""
    return bool(settings.TRANSCRIBE_URL)


def take(*, viewer: Viewer, item_id: uuid.UUID, audio: bytes) -> VoiceNote:
    """Store a recording about a draft and have it written down. An earlier one that is not settled is given up.

    Leaves a waiting VoiceNote, an audit entry, VoiceTaken and its ring.

    Raises:
        NotFoundError: the item is not there, or not the viewer's.
        ConflictError: nobody is there to write it down (`voice_not_configured`), or the draft is not in review.
        InputError: the bytes are no recording of a kind that is taken, or it runs longer than a minute.
        TooLargeError: more bytes than are taken.
    """
    viewer.require(REJECT)
    item = content.get_item(viewer=viewer, item_id=item_id)
    if not is_offered():
        raise ConflictError(
            _("Voice notes are not set up here; type your note."),
            code="voice_not_configured",
            field="audio",
            allowed=[],
        )
    if item.state != ItemState.IN_REVIEW:
        raise ConflictError(
            _("Only a draft that is in review can be spoken about; this one is “%(state)s”.")
            % {"state": ItemState(item.state).label},
            field="state",
            given=item.state,
            allowed=ItemState.IN_REVIEW.value,
        )
    media_type, seconds = _looked_at(audio)
    note = VoiceNote(
        id=new_id(), item=item, author_id=viewer.user_id, audio=audio, media_type=media_type, seconds=seconds
    )
    with transaction.atomic():
        _give_up(_open_notes(viewer, item_id))
        note.save(force_insert=True)
        _audit(note, item.firm_id, "record", actor_id=viewer.user_id, to_state=State.WAITING)
        journal.publish(VoiceTaken(firm_id=item.firm_id, item_id=item.id, actor_id=viewer.user_id, voice_id=note.id))
    return note


def _looked_at(audio: bytes) -> tuple[str, float | None]:
    """Return a recording's media type and seconds. Raises as `take` does."""
    if not audio:
        raise InputError(_("The recording is empty."), field="audio", given=0, code="empty")
    if len(audio) > settings.VOICE_AUDIO_MAX_BYTES:
        raise TooLargeError(
            _("The recording has too many bytes."),
            field="audio",
            given=len(audio),
            allowed=settings.VOICE_AUDIO_MAX_BYTES,
        )
    media_type = media_type_of(audio)
    if not media_type:
        raise InputError(
            _("This is no recording of a kind we take."),
            field="audio",
            given=audio[:12].hex(" "),
            allowed=list(ALLOWED),
            code="unknown_format",
        )
    seconds = seconds_of(audio, media_type)
    if seconds is not None and seconds > settings.VOICE_AUDIO_MAX_SECONDS:
        raise InputError(
            _(TOO_LONG),
            field="audio",
            given=round(seconds, 1),
            allowed=settings.VOICE_AUDIO_MAX_SECONDS,
            code="too_long",
        )
    return media_type, seconds


def get_note(*, viewer: Viewer, voice_id: uuid.UUID) -> VoiceNote:
    """Return a voice note of the viewer's own on a draft that exists for them, without its audio.

    Raises NotFoundError.
    """
    viewer.require(REJECT)
    found = (
        VoiceNote.objects.defer("audio")
        .filter(id=voice_id, author_id=viewer.user_id, item__in=ContentItem.objects.visible_to(viewer))
        .first()
    )
    if found is None:
        raise NotFoundError(_("There is no such voice note."), field="id", given=to_short("voice", voice_id))
    return found


def open_note(*, viewer: Viewer, item_id: uuid.UUID) -> VoiceNote | None:
    """Return the viewer's voice note on a draft that is not settled yet, without its audio; None when there is none.

    One that can neither be used nor tried again any more counts as long as its sentence is news: an hour.
    """
    is_news = ~Q(state=State.FAILED) | Q(audio__isnull=False) | Q(created_at__gte=Now() - timedelta(hours=1))
    return _open_notes(viewer, item_id).filter(is_news).defer("audio").order_by("-created_at").first()


def shown(*, viewer: Viewer, item_id: uuid.UUID) -> VoiceShown | None:
    """Return what the form shows of speaking; None where nobody is there to write it down."""
    if not is_offered() or not viewer.may(REJECT):
        return None
    note = open_note(viewer=viewer, item_id=item_id)
    return VoiceShown(
        state=note.state if note else "",
        id=note.short_id if note else "",
        words=note.transcript if note else "",
        language=note.language if note else "",
        problem=problem_words(note) if note else "",
        may_try_again=bool(note and note.state == State.FAILED and note.audio_deleted_at is None),
        seconds_max=int(settings.VOICE_AUDIO_MAX_SECONDS),
        megabytes_max=settings.VOICE_AUDIO_MAX_BYTES // (1024 * 1024),
    )


def problem_words(note: VoiceNote) -> str:
    """Return why a recording has no words, in the reader's language; empty when nothing is wrong."""
    return _(note.problem) if note.problem else ""


def _open_notes(viewer: Viewer, item_id: uuid.UUID) -> QuerySet[VoiceNote]:
    return VoiceNote.objects.filter(item_id=item_id, author_id=viewer.user_id, state__in=OPEN_STATES)


def write_down(*, voice_id: uuid.UUID) -> str:
    """Claim a waiting recording, have it written down, store what came of it; return the state it is in then.

    Rung as often as it likes: empty when there was nothing to claim, or when this process waits for as many as it may.
    Nothing remote happens in a transaction.
    """
    if not places.acquire(blocking=False):
        return ""
    try:
        return _write_down(voice_id)
    finally:
        places.release()


def _write_down(voice_id: uuid.UUID) -> str:
    is_free = Q(leased_until=None) | Q(leased_until__lt=Now())
    claimed = VoiceNote.objects.filter(is_free, id=voice_id, state=State.WAITING, claims__lt=CLAIMS_MAX).update(
        claims=F("claims") + 1, leased_until=Now() + timedelta(seconds=LEASE_SECONDS)
    )
    if not claimed:
        return ""
    note = VoiceNote.objects.select_related("item__advisor").get(id=voice_id)
    heard = _hear(bytes(note.audio or b""), note.media_type)
    return _keep(note, heard)


def _hear(audio: bytes, media_type: str) -> Heard:
    """Return what the endpoint makes of a recording."""
    deadline = Deadline.after(DEADLINE_SECONDS)
    try:
        said = ask(_transcribed(audio, media_type, deadline), deadline)
    except KeyRefusedError:
        return Heard(problem=KEY_REFUSED)
    except RequestRefusedError:
        return Heard(problem=UNREADABLE)
    except (LLMError, ValueError) as error:
        kind = error.outcome if isinstance(error, LLMError) else AnswerMalformedError.outcome
        logger.warning("recording not written down", extra={"outcome": kind, "error": type(error).__name__})
        return Heard(problem=NO_SERVICE, may_help=True)
    if said.seconds is not None and said.seconds > settings.VOICE_AUDIO_MAX_SECONDS:
        return Heard(problem=TOO_LONG, seconds=said.seconds)
    if not any(character.isalnum() for character in said.text):
        return Heard(problem=NOTHING_HEARD, seconds=said.seconds)
    return Heard(said.text[:TRANSCRIPT_MAX_CHARS], said.seconds)


async def _transcribed(audio: bytes, media_type: str, deadline: Deadline) -> Transcript:
    endpoint = build_endpoint(
        url=settings.TRANSCRIBE_URL,
        key=settings.TRANSCRIBE_KEY,
        model=settings.TRANSCRIBE_MODEL,
        allow_loopback=True,  # from the environment, which only who runs the server writes
    )
    transcriber = Transcriber(endpoint)
    try:
        return await transcriber.transcribe(
            audio, file_name=FILE_NAMES[media_type], media_type=media_type, deadline=deadline
        )
    finally:
        await transcriber.close()


def _keep(note: VoiceNote, heard: Heard) -> str:
    """Store what came of a claim, unless the lease has gone to another or the note was settled meanwhile."""
    # The count of claims is the fence: each claim raises it, so a late worker's is old.
    mine = VoiceNote.objects.filter(id=note.id, state=State.WAITING, claims=note.claims)
    advisor = note.item.advisor
    if heard.text:
        words = mask(heard.text, names=[advisor.phone] if advisor.phone else []).text
        kept = mine.update(
            state=State.READY,
            transcript=words,
            language=identify(words),
            seconds=note.seconds if note.seconds is not None else heard.seconds,
            leased_until=None,
        )
        return State.READY if kept else ""
    if heard.may_help and note.claims < CLAIMS_MAX:
        pause = timedelta(seconds=PAUSE_SECONDS * note.claims)
        return State.WAITING if mine.update(leased_until=Now() + pause) else ""
    return State.FAILED if _fail(mine, heard.problem, keeps_audio=heard.may_help) else ""


def _fail(notes: QuerySet[VoiceNote], problem: str, *, keeps_audio: bool) -> int:
    """Say that recordings could not be written down; what no further try could mend goes at once."""
    if keeps_audio:
        return notes.update(state=State.FAILED, problem=problem, leased_until=None)
    return notes.update(state=State.FAILED, problem=problem, leased_until=None, audio=None, audio_deleted_at=Now())


def try_again(*, viewer: Viewer, voice_id: uuid.UUID) -> VoiceNote:
    """Have a recording written down that the service failed at. Leaves it waiting, with its ring.

    Raises:
        NotFoundError: it is not there, or not the viewer's.
        ConflictError: it has not failed, or its audio is gone.
    """
    note = get_note(viewer=viewer, voice_id=voice_id)
    item = content.get_item(viewer=viewer, item_id=note.item_id)
    with transaction.atomic():
        moved = VoiceNote.objects.filter(id=voice_id, state=State.FAILED, audio__isnull=False).update(
            state=State.WAITING, claims=0, problem="", leased_until=None
        )
        if not moved:
            raise ConflictError(
                _("This recording cannot be tried again; record another."),
                code="moved_on",
                field="state",
                given=note.state,
            )
        journal.publish(VoiceTaken(firm_id=item.firm_id, item_id=item.id, actor_id=viewer.user_id, voice_id=note.id))
    return get_note(viewer=viewer, voice_id=voice_id)


def drop(*, viewer: Viewer, voice_id: uuid.UUID) -> VoiceNote:
    """Give a voice note up: audio and words go. One that is settled already stays as it is."""
    note = get_note(viewer=viewer, voice_id=voice_id)
    item = content.get_item(viewer=viewer, item_id=note.item_id)
    with transaction.atomic():
        if _give_up(VoiceNote.objects.filter(id=voice_id, state__in=OPEN_STATES)):
            _audit(note, item.firm_id, "drop", actor_id=viewer.user_id, to_state=State.DROPPED)
    return get_note(viewer=viewer, voice_id=voice_id)


def _give_up(notes: QuerySet[VoiceNote]) -> int:
    return notes.update(state=State.DROPPED, transcript="", audio=None, audio_deleted_at=Now(), leased_until=None)


def settle(
    *, viewer: Viewer, item: ContentItem, feedback: Feedback, voice_id: uuid.UUID | None, is_strict: bool = True
) -> None:
    """Confirm the voice note a rejection was made from, and give up the person's others on this draft.

    In the caller's transaction, which stores the rejection: with its commit the audio is gone. Not strict: a note that
    was settled elsewhere meanwhile is passed over, for a page cannot know.

    Raises InputError when `voice_id` names no note of the viewer's own on this item whose words are there.
    """
    open_notes = _open_notes(viewer, item.id)
    if voice_id is not None:
        ready = open_notes.filter(id=voice_id, state=State.READY)
        # Read and locked first: statements of the caller may go out together, and then an update tells no count.
        confirmed = list(ready.select_for_update().values_list("id", flat=True))
        if confirmed:
            ready.update(
                state=State.CONFIRMED, feedback=feedback, audio=None, audio_deleted_at=Now(), leased_until=None
            )
        if not confirmed and is_strict:
            raise InputError(
                _("There is no voice note of yours on this draft whose words could be confirmed."),
                field="voice_note",
                given=to_short("voice", voice_id),
                code="unknown_voice_note",
            )
    _give_up(open_notes)


def sweep() -> int:
    """Ring for recordings that wait with nobody at them, end what was tried too often, delete what is a day old.

    Returns how many rows it touched; safe to run twice at once.
    """
    waiting = VoiceNote.objects.filter(state=State.WAITING)
    is_left = Q(leased_until__lt=Now()) | Q(
        leased_until=None, created_at__lt=Now() - timedelta(seconds=UNCLAIMED_SECONDS)
    )
    ended = _fail(waiting.filter(is_left, claims__gte=CLAIMS_MAX), NO_SERVICE, keeps_audio=True)
    gone = _delete_old_audio()
    left = list(
        waiting.filter(is_left, claims__lt=CLAIMS_MAX).order_by("created_at").values_list("id", flat=True)[:100]
    )
    for voice_id in left:
        if not journal.ring_again(ring_for(voice_id)):
            break  # the broker is away; the next sweep comes soon
    return ended + gone + len(left)


def _delete_old_audio() -> int:
    is_old = Q(created_at__lt=Now() - timedelta(hours=settings.VOICE_AUDIO_KEEP_HOURS))
    with_audio = VoiceNote.objects.filter(is_old, audio__isnull=False)
    failed = _fail(with_audio.filter(state=State.FAILED), FORGOTTEN, keeps_audio=False)
    return failed + with_audio.update(
        state=State.DROPPED,
        problem=FORGOTTEN,
        transcript="",
        audio=None,
        audio_deleted_at=Now(),
        leased_until=None,
    )


def ring_for(voice_id: uuid.UUID) -> journal.Ring:
    """Return the ring that has a recording written down."""
    return journal.Ring(WRITE_TASK, {"voice_id": str(voice_id)}, QUEUE)


def _audit(note: VoiceNote, firm_id: uuid.UUID, act: str, *, actor_id: uuid.UUID, to_state: str) -> None:
    journal.audit(
        firm_id=firm_id,
        subject_kind="voice_note",
        subject_id=note.id,
        act=act,
        actor_id=actor_id,
        from_state="" if act == "record" else note.state,
        to_state=to_state,
    )
