"""Shapes of receipts, answers, approvals."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from rest_framework import serializers

from escalation.models import Case, CaseState
from escalation.services import Receipt
from feedback.api.serializers import VERSION_MAX
from jarvish_regen.api.fields import ErrorItemSerializer, StrictSerializer
from jarvish_regen.content.api.serializers import VersionSerializer, item_link, version_body
from jarvish_regen.content.compliance.gate import ReadyText
from jarvish_regen.content.models import ContentItem, ContentVersion
from jarvish_regen.content.states import ItemState
from jarvish_regen.ids import to_short
from regeneration.api.serializers import LinksSerializer, diff_body, links_of
from regeneration.models import Regeneration, Urgency
from regeneration.queries import deadline_seconds, queue_position

WEBSOCKET_PATH = "/ws/live/"


class ReceiptSerializer(serializers.Serializer[Any]):
    """A rejection that was taken in. Without an attempt (`regeneration_id` null) a person has it."""

    rejection_id = serializers.CharField()
    case_id = serializers.CharField()
    regeneration_id = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=ItemState.choices)
    queue = serializers.ChoiceField(choices=Urgency.choices, allow_null=True)
    queue_position = serializers.IntegerField(allow_null=True, help_text="Waiting attempts ahead of this one.")
    channel = serializers.CharField(help_text="Topic to subscribe to.")
    websocket = serializers.CharField()
    answer_due_at = serializers.DateTimeField(allow_null=True)
    links = LinksSerializer()


class BulkResultSerializer(serializers.Serializer[Any]):
    """What became of one rejection of many."""

    status = serializers.ChoiceField(choices=[("accepted", "stored"), ("refused", "see errors")])
    content_id = serializers.CharField(allow_null=True)
    rejection_id = serializers.CharField(allow_null=True)
    case_id = serializers.CharField(allow_null=True)
    regeneration_id = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=ItemState.choices, allow_null=True)
    errors = ErrorItemSerializer(many=True)  # type: ignore[assignment]  # the wire shape names it so


class BulkResultsSerializer(serializers.Serializer[Any]):
    """One result for each rejection, in order."""

    items = BulkResultSerializer(many=True)


class ApprovalRequestSerializer(StrictSerializer):
    """Which version is meant; without it the current one."""

    version = serializers.IntegerField(min_value=1, max_value=VERSION_MAX, required=False, allow_null=True)


class ApprovalSerializer(serializers.Serializer[Any]):
    """A text that may be used now."""

    id = serializers.CharField()
    external_id = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=ItemState.choices)
    version = VersionSerializer()
    text = serializers.CharField(help_text="The text as the publish gate released it.")
    notes = serializers.ListField(child=serializers.CharField(), help_text="What is left to do before it is sent.")
    whatsapp_link = serializers.CharField()


class AskPersonSerializer(StrictSerializer):
    """Why a person should look."""

    reason = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class CaseSerializer(serializers.Serializer[Any]):
    """Where a case stands."""

    case_id = serializers.CharField()
    state = serializers.ChoiceField(choices=ItemState.choices)
    case_state = serializers.ChoiceField(choices=CaseState.choices)
    level = serializers.IntegerField()
    why = serializers.CharField()


def receipt_body(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt as plain JSON values."""
    attempt = receipt.regeneration
    links = {"content": item_link(receipt.item), "regeneration": None, "events": "/api/v1/events"}
    position = receipt.ahead
    if attempt and position is None:
        position = queue_position(attempt)
    due_at = attempt.stored_at + timedelta(seconds=deadline_seconds(attempt)) if attempt else None
    return {
        "rejection_id": receipt.feedback.short_id,
        "case_id": receipt.case.short_id,
        "regeneration_id": attempt.short_id if attempt else None,
        "state": str(receipt.item.state),
        "queue": str(attempt.urgency) if attempt else None,
        "queue_position": position if attempt else None,
        "channel": f"item.{receipt.item.short_id}",
        "websocket": WEBSOCKET_PATH,
        "answer_due_at": due_at.isoformat() if due_at else None,
        "links": links if attempt is None else links_of(attempt),
    }


def bulk_accepted(receipt: Receipt) -> dict[str, Any]:
    """Return what became of one rejection of many that was stored."""
    return {
        "status": "accepted",
        "content_id": receipt.item.short_id,
        "rejection_id": receipt.feedback.short_id,
        "case_id": receipt.case.short_id,
        "regeneration_id": receipt.regeneration.short_id if receipt.regeneration else None,
        "state": str(receipt.item.state),
        "errors": [],
    }


def bulk_refused(given: Any, errors: dict[str, Any]) -> dict[str, Any]:
    """Return what became of one rejection of many that was refused."""
    named = given.get("content_id") if isinstance(given, dict) else None
    empty = dict.fromkeys(("rejection_id", "case_id", "regeneration_id", "state"))
    return {
        "status": "refused",
        "content_id": named if isinstance(named, str) else None,
        **empty,
        "errors": errors["errors"],
    }


def answer_body(receipt: dict[str, Any], regeneration: Regeneration, version: ContentVersion) -> dict[str, Any]:
    """Return a receipt whose attempt has its answer."""
    return {
        "rejection_id": receipt["rejection_id"],
        "case_id": receipt["case_id"],
        "regeneration_id": regeneration.short_id,
        "state": str(regeneration.item.state),
        "version": version_body(version),
        "diff": diff_body(regeneration.version.text, version.text),
        "resolutions": regeneration.resolutions,
        "rung": regeneration.rung,
        "is_valid": bool(regeneration.is_valid),
        "reason": regeneration.reason,
        "answer_ms": regeneration.answer_ms or 0,
        "links": receipt["links"],
    }


def approval_body(item: ContentItem, version: ContentVersion, released: ReadyText) -> dict[str, Any]:
    """Return an approved text, ready to be used."""
    return {
        "id": item.short_id,
        "external_id": item.external_id,
        "state": str(item.state),
        "version": version_body(version),
        "text": released.text,
        "notes": list(released.notes),
        "whatsapp_link": f"https://wa.me/?text={quote(released.text)}",
    }


def case_body(item: ContentItem, case: Case) -> dict[str, Any]:
    """Return where a case stands."""
    return {
        "case_id": to_short("case", case.id),
        "state": str(item.state),
        "case_state": str(case.state),
        "level": case.level,
        "why": case.why,
    }
