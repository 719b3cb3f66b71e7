"""Spoken feedback over the API: send a recording, read its words, give it up. A rejection confirms it."""

import hashlib
import uuid
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from feedback import voice
from feedback.models import VoiceNote
from jarvish_regen.access.api.base import FirmView
from jarvish_regen.access.policy import REJECT
from jarvish_regen.api.fields import StrictSerializer
from jarvish_regen.api.replies import KEY_HEADER, answered, caller_of, shaped
from jarvish_regen.api.schema import IDEMPOTENCY_KEY, errors
from jarvish_regen.errors import TooLargeError
from jarvish_regen.ids import to_short
from jarvish_regen.journal.idempotency import Reply, once


class RecordingSerializer(StrictSerializer):
    """A recording: one file of at most a minute and 5 MB; webm, ogg, mp4, m4a, mp3 or wav, known by its bytes."""

    audio = serializers.FileField(allow_empty_file=True)


class VoiceReceiptSerializer(serializers.Serializer[Any]):
    """A recording that was stored; its words follow."""

    id = serializers.CharField()
    state = serializers.ChoiceField(choices=VoiceNote.State.choices)
    link = serializers.CharField(help_text="Where its words will be.")


class VoiceSerializer(serializers.Serializer[Any]):
    """A voice note. Its words are proposals: nothing is rejected before you send them as the note of a rejection."""

    id = serializers.CharField()
    content_id = serializers.CharField()
    state = serializers.ChoiceField(choices=VoiceNote.State.choices)
    media_type = serializers.CharField()
    seconds = serializers.FloatField(allow_null=True)
    transcript = serializers.CharField(allow_blank=True, help_text="Personal data masked.")
    language = serializers.CharField(allow_blank=True, help_text="en, hi, mr or hinglish.")
    problem = serializers.CharField(allow_blank=True, help_text="Why there are no words, and what to do.")
    is_audio_kept = serializers.BooleanField()
    created_at = serializers.DateTimeField()


def voice_body(note: VoiceNote) -> dict[str, Any]:
    """Return a voice note as plain JSON values."""
    return {
        "id": note.short_id,
        "content_id": to_short("item", note.item_id),
        "state": str(note.state),
        "media_type": note.media_type,
        "seconds": note.seconds,
        "transcript": note.transcript,
        "language": note.language,
        "problem": voice.problem_words(note),
        "is_audio_kept": note.audio_deleted_at is None,
        "created_at": note.created_at.isoformat(),
    }


class RecordView(FirmView):
    """Take a recording in."""

    rate_class = "voice"
    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="content_voice",
        summary="Say what is wrong instead of typing it",
        description=(
            "202 with an id: the recording is stored and written down in the background. Read its words at the link, "
            "let the person correct them, and send them as `note` of a rejection with `voice_note` set to the id; that "
            "deletes the recording. So does DELETE, another recording about the same draft, any rejection of it by the "
            "same caller, or a day. 409 `voice_not_configured` where nobody is there to write it down."
        ),
        tags=["feedback"],
        parameters=[IDEMPOTENCY_KEY],
        request={"multipart/form-data": RecordingSerializer},
        responses={202: VoiceReceiptSerializer, **errors(400, 401, 403, 404, 409, 413, 415, 422, 429)},
    )
    def post(self, request: Request, item_id: uuid.UUID) -> Response:
        viewer = self.viewer
        viewer.require(REJECT)
        recording: UploadedFile[bytes] = shaped(RecordingSerializer, request.data)["audio"]
        # Refused by its size before it is read into memory as one piece.
        if (recording.size or 0) > settings.VOICE_AUDIO_MAX_BYTES:
            raise TooLargeError(
                "The recording has too many bytes.",
                field="audio",
                given=recording.size,
                allowed=settings.VOICE_AUDIO_MAX_BYTES,
            )
        audio = recording.read()

        def work() -> Reply:
            note = voice.take(viewer=viewer, item_id=item_id, audio=audio)
            body = {"id": note.short_id, "state": str(note.state), "link": f"/api/v1/voice/{note.short_id}"}
            return Reply(202, body)

        reply = once(
            caller=caller_of(request),
            method="POST",
            path=request.path,
            key=request.headers.get(KEY_HEADER),
            body={"audio": hashlib.sha256(audio).hexdigest()},
            work=work,
        )
        return answered(reply)


class VoiceView(FirmView):
    """Read a voice note of one's own, or give it up."""

    @extend_schema(
        operation_id="voice_retrieve",
        summary="Read what was heard",
        tags=["feedback"],
        responses={200: VoiceSerializer, **errors(401, 403, 404, 429)},
    )
    def get(self, request: Request, voice_id: uuid.UUID) -> Response:
        return Response(voice_body(voice.get_note(viewer=self.viewer, voice_id=voice_id)))

    @extend_schema(
        operation_id="voice_drop",
        summary="Give a recording up",
        description="Deletes the recording and its words; one that is confirmed stays confirmed.",
        tags=["feedback"],
        request=None,
        responses={204: None, **errors(401, 403, 404, 429)},
    )
    def delete(self, request: Request, voice_id: uuid.UUID) -> Response:
        voice.drop(viewer=self.viewer, voice_id=voice_id)
        return Response(status=204)
