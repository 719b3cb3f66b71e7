"""Shapes of further attempts on request. Names follow the published API (maxLength and its like)."""

from typing import Any, Final

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from escalation.api.serializers import ReceiptSerializer, receipt_body
from escalation.requests import AUTO, FurtherAttempt
from escalation.services import Receipt
from jarvish_regen.api.codes import Code
from jarvish_regen.api.fields import ErrorItemSerializer, OneOfField, PlainTextField, ShortIdField, StrictSerializer
from jarvish_regen.content.states import ItemState
from regeneration.answering import FALLBACK_RUNGS
from regeneration.api.serializers import LinksSerializer, RegenerationSerializer
from regeneration.job import TACTICS, Constraints
from regeneration.models import RegenerationState, Stage, Urgency

BATCH_MAX: Final = 50
# Less than this and not even the repair by rules is surely judged; more than the answer clock there is not.
PROCESSING_MIN_MS: Final = 200
PROCESSING_MAX_MS: Final = 1400
LENGTH_MIN: Final = 40
LENGTH_MAX: Final = 20_000


class BetweenField(serializers.IntegerField):
    """A number that answers one out of range with the range."""

    def __init__(self, *, least: int, most: int, **kwargs: Any) -> None:
        self.least, self.most = least, most
        super().__init__(min_value=least, max_value=most, **kwargs)

    def to_internal_value(self, data: Any) -> int:
        value = int(super().to_internal_value(data))
        if not self.least <= value <= self.most:
            raise ValidationError(
                "This number is out of range.",
                code=Code("out_of_range", given=value, allowed=[self.least, self.most]),
            )
        return value


class ConstraintsSerializer(StrictSerializer):
    """What the new text must keep to, beside the feedback."""

    maxLength = BetweenField(  # noqa: N815  # the API's published name
        least=LENGTH_MIN,
        most=LENGTH_MAX,
        required=False,
        allow_null=True,
        help_text="Characters, mandated texts left out.",
    )
    tone = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)
    includeElements = serializers.ListField(  # noqa: N815  # as above
        child=PlainTextField(max_length=200), max_length=10, required=False, default=list
    )
    excludeTerms = serializers.ListField(  # noqa: N815  # as above
        child=PlainTextField(max_length=80), max_length=20, required=False, default=list
    )


class FallbackOptionsSerializer(StrictSerializer):
    """Which kinds of answer may stand in for a model's; an empty list allows none."""

    rungs = serializers.ListField(child=OneOfField(choices=FALLBACK_RUNGS), max_length=len(FALLBACK_RUNGS))


class RegenerateSerializer(StrictSerializer):
    """A further attempt at a stored rejection."""

    rejection_id = ShortIdField("feedback")
    strategy = OneOfField(choices=[AUTO, *TACTICS], required=False, default=AUTO)
    urgency = OneOfField(choices=Urgency.choices, required=False, allow_null=True, default=None)
    constraints = ConstraintsSerializer(required=False)
    fallbackOptions = FallbackOptionsSerializer(required=False, allow_null=True)  # noqa: N815  # as above
    maxProcessingTime = BetweenField(  # noqa: N815  # as above
        least=PROCESSING_MIN_MS,
        most=PROCESSING_MAX_MS,
        required=False,
        allow_null=True,
        help_text="Milliseconds from the request to the answer.",
    )


class RegenerateBatchSerializer(StrictSerializer):
    """Many at once."""

    items = RegenerateSerializer(many=True, max_length=BATCH_MAX)  # type: ignore[call-arg]  # many=True takes it


class StatusLinksSerializer(LinksSerializer):
    """Where to read on, and where the attempt stands."""

    status = serializers.CharField()


class RegenerateReceiptSerializer(ReceiptSerializer):
    """A further attempt that was opened."""

    links = StatusLinksSerializer()


class RegenerateResultSerializer(serializers.Serializer[Any]):
    """What became of one request of many."""

    status = serializers.ChoiceField(choices=[("accepted", "opened"), ("refused", "see errors")])
    rejection_id = serializers.CharField(allow_null=True)
    regeneration_id = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=ItemState.choices, allow_null=True)
    errors = ErrorItemSerializer(many=True)  # type: ignore[assignment]  # the wire shape names it so


class RegenerateResultsSerializer(serializers.Serializer[Any]):
    """One result for each request, in order."""

    items = RegenerateResultSerializer(many=True)


class StatusSerializer(serializers.Serializer[Any]):
    """How far an attempt is; `answer` once it is settled."""

    id = serializers.CharField()
    rejection_id = serializers.CharField()
    state = serializers.ChoiceField(choices=RegenerationState.choices)
    stage = serializers.ChoiceField(choices=Stage.choices)
    queue = serializers.ChoiceField(choices=Urgency.choices)
    queue_position = serializers.IntegerField(allow_null=True)
    elapsed_ms = serializers.IntegerField()
    answer_due_at = serializers.DateTimeField()
    answer = RegenerationSerializer(allow_null=True)


def further_attempt_of(shaped: dict[str, Any]) -> FurtherAttempt:
    """Return the validated shape as what is asked for."""
    demanded = shaped.get("constraints") or {}
    fallback = shaped.get("fallbackOptions")
    return FurtherAttempt(
        feedback_id=shaped["rejection_id"],
        strategy=shaped["strategy"],
        urgency=shaped["urgency"],
        constraints=Constraints(
            max_length=demanded.get("maxLength"),
            tone=demanded.get("tone", ""),
            include_elements=tuple(demanded.get("includeElements", ())),
            exclude_terms=tuple(demanded.get("excludeTerms", ())),
        ),
        fallback_rungs=None if fallback is None else tuple(dict.fromkeys(fallback["rungs"])),
        deadline_ms=shaped.get("maxProcessingTime"),
    )


def further_body(receipt: Receipt) -> dict[str, Any]:
    """Return the receipt of a further attempt as plain JSON values."""
    body = receipt_body(receipt)
    return {**body, "links": {**body["links"], "status": f"/api/v1/regenerate/{body['regeneration_id']}/status"}}


def batch_accepted(receipt: Receipt) -> dict[str, Any]:
    """Return what became of one request of many that was opened."""
    return {
        "status": "accepted",
        "rejection_id": receipt.feedback.short_id,
        "regeneration_id": receipt.regeneration.short_id if receipt.regeneration else None,
        "state": str(receipt.item.state),
        "errors": [],
    }


def batch_refused(given: Any, errors: dict[str, Any]) -> dict[str, Any]:
    """Return what became of one request of many that was refused."""
    named = given.get("rejection_id") if isinstance(given, dict) else None
    return {
        "status": "refused",
        "rejection_id": named if isinstance(named, str) else None,
        "regeneration_id": None,
        "state": None,
        "errors": errors["errors"],
    }


def status_body(attempt: dict[str, Any], *, is_settled: bool) -> dict[str, Any]:
    """Return how far an attempt is, from the body of the attempt itself."""
    names = ("id", "rejection_id", "state", "stage", "queue", "queue_position", "elapsed_ms", "answer_due_at")
    return {**{name: attempt[name] for name in names}, "answer": attempt if is_settled else None}
