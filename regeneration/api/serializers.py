"""Shapes of attempts and their answers."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from feedback.api.serializers import StoredRejectionSerializer
from jarvish_regen.api.fields import StrictSerializer
from jarvish_regen.content.api.serializers import PieceSerializer, VersionSerializer, item_link, version_body
from jarvish_regen.content.states import ItemState
from jarvish_regen.ids import to_short
from jarvish_regen.language.worddiff import word_diff
from regeneration.models import Regeneration, RegenerationState, Stage, Urgency
from regeneration.queries import queue_position


class ResolutionSerializer(serializers.Serializer[Any]):
    """What became of one named issue, and how that is known."""

    code = serializers.CharField()
    quote = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(
        choices=[
            ("checked", "a check decides"),
            ("estimated", "a model estimates"),
            ("changed", "changed, not proven"),
            ("unresolved", "still there"),
        ]
    )
    says = serializers.CharField(help_text="In words.")


class LinksSerializer(serializers.Serializer[Any]):
    """Where to read on."""

    content = serializers.CharField()
    regeneration = serializers.CharField(allow_null=True)
    events = serializers.CharField()


class RegenerationSerializer(serializers.Serializer[Any]):
    """One attempt: how far it is, and, once its answer clock has run out, its answer."""

    id = serializers.CharField()
    content_id = serializers.CharField()
    rejection_id = serializers.CharField()
    attempt = serializers.IntegerField()
    tactic = serializers.CharField()
    queue = serializers.ChoiceField(choices=Urgency.choices)
    queue_position = serializers.IntegerField(
        allow_null=True, help_text="Waiting attempts ahead of this one; null once it is taken."
    )
    state = serializers.ChoiceField(choices=RegenerationState.choices)
    stage = serializers.ChoiceField(choices=Stage.choices)
    elapsed_ms = serializers.IntegerField(help_text="From the stored rejection to the answer, or to now.")
    stored_at = serializers.DateTimeField()
    answer_due_at = serializers.DateTimeField()
    rung = serializers.CharField(allow_null=True, help_text="Where the answer came from: model, repair …")
    answer_ms = serializers.IntegerField(allow_null=True)
    # Admissible, every named issue resolved, the rest untouched.
    is_valid = serializers.BooleanField(allow_null=True)  # type: ignore[assignment]  # the stored name
    reason = serializers.CharField(allow_blank=True)
    resolutions = ResolutionSerializer(many=True)
    version = VersionSerializer(allow_null=True)
    diff = PieceSerializer(many=True)
    ledger = serializers.DictField(help_text="Where the milliseconds went; calls, tokens, cost.")


class AnswerSerializer(serializers.Serializer[Any]):
    """A rejection that has its answer."""

    rejection_id = serializers.CharField()
    case_id = serializers.CharField()
    regeneration_id = serializers.CharField()
    state = serializers.ChoiceField(choices=ItemState.choices)
    version = VersionSerializer()
    diff = PieceSerializer(many=True)
    resolutions = ResolutionSerializer(many=True)
    rung = serializers.CharField()
    is_valid = serializers.BooleanField()  # type: ignore[assignment]  # the stored name
    reason = serializers.CharField(allow_blank=True)
    answer_ms = serializers.IntegerField()
    links = LinksSerializer()


class RejectionsQuerySerializer(StrictSerializer):
    """A page of the timeline."""

    limit = serializers.IntegerField(min_value=1, max_value=100, required=False, default=20)
    offset = serializers.IntegerField(min_value=0, max_value=100_000, required=False, default=0)
    includeRegenerations = serializers.BooleanField(required=False, default=False)  # noqa: N815  # the API's published name


class TimelineRejectionSerializer(StoredRejectionSerializer):
    """A rejection with the attempts that answered it; `regenerations` is null unless asked for."""

    regenerations = RegenerationSerializer(many=True, allow_null=True)


class TimelineSerializer(serializers.Serializer[Any]):
    """The rejections of a draft, newest first."""

    count = serializers.IntegerField()
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()
    rejections = TimelineRejectionSerializer(many=True)


def regeneration_body(regeneration: Regeneration, *, elapsed_ms: int, with_answer: bool = True) -> dict[str, Any]:
    """Return an attempt as plain JSON values. Expects version and answer to be loaded."""
    answer = regeneration.answer if with_answer else None
    due_at = regeneration.stored_at.timestamp() + settings.REGENERATION_DEADLINE_SECONDS
    return {
        "id": regeneration.short_id,
        "content_id": to_short("item", regeneration.item_id),
        "rejection_id": to_short("feedback", regeneration.feedback_id),
        "attempt": regeneration.attempt,
        "tactic": regeneration.tactic,
        "queue": regeneration.urgency,
        "queue_position": queue_position(regeneration) if regeneration.state == RegenerationState.QUEUED else None,
        "state": regeneration.state,
        "stage": regeneration.stage,
        "elapsed_ms": regeneration.answer_ms if regeneration.answer_ms is not None else elapsed_ms,
        "stored_at": regeneration.stored_at.isoformat(),
        "answer_due_at": regeneration.stored_at.fromtimestamp(due_at, tz=regeneration.stored_at.tzinfo).isoformat(),
        "rung": regeneration.rung or None,
        "answer_ms": regeneration.answer_ms,
        "is_valid": regeneration.is_valid,
        "reason": regeneration.reason,
        "resolutions": regeneration.resolutions,
        "version": version_body(answer) if answer else None,
        "diff": diff_body(regeneration.version.text, answer.text) if answer else [],
        "ledger": regeneration.ledger,
    }


def diff_body(old: str, new: str) -> list[dict[str, str]]:
    """Return the word diff of two texts as plain JSON values."""
    return [{"kind": piece.kind, "text": piece.text} for piece in word_diff(old, new)]


def links_of(regeneration: Regeneration) -> dict[str, Any]:
    """Return where to read on about an attempt."""
    return {
        "content": item_link(regeneration.item),
        "regeneration": f"/api/v1/regenerations/{regeneration.short_id}",
        "events": "/api/v1/events",
    }
