"""Views of what happens next."""

import re
import uuid
from typing import Any, Final

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from escalation import services, waiting
from escalation.api.serializers import (
    ApprovalRequestSerializer,
    ApprovalSerializer,
    AskPersonSerializer,
    BulkResultsSerializer,
    CaseSerializer,
    ReceiptSerializer,
    answer_body,
    approval_body,
    bulk_accepted,
    bulk_refused,
    case_body,
    receipt_body,
)
from feedback.api.serializers import (
    BulkRejectionSerializer,
    BulkRejectionsSerializer,
    RejectionSerializer,
    rejection_of,
)
from jarvish_regen.access.api.base import FirmView
from jarvish_regen.access.policy import APPROVE, ASK_PERSON, REJECT, Viewer
from jarvish_regen.api.replies import answered, each_once, items_of, misshapen, once_for, refusal, shaped
from jarvish_regen.api.schema import IDEMPOTENCY_KEY, PREFER, errors
from jarvish_regen.content import services as content
from jarvish_regen.content.api.views import ItemView
from jarvish_regen.content.compliance.gate import ReadyText
from jarvish_regen.errors import ConflictError, JarvishError
from jarvish_regen.ids import from_short
from jarvish_regen.journal.idempotency import Reply
from regeneration.api.serializers import AnswerSerializer, RegenerationSerializer, regeneration_body
from regeneration.queries import elapsed_ms, get_regeneration, shown_grade

WAIT_MAX_SECONDS: Final = 10.0
_WAIT: Final = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6}(?:\.\d{1,6})?)\"?\s*(?:$|[,;])", re.IGNORECASE)
_REJECTION_EXAMPLE: Final = OpenApiExample(
    "Marked words and a note",
    request_only=True,
    value={
        "category": "compliance_violation",
        "severity": "critical",
        "issues": [{"code": "guaranteed_returns_claim", "start": 0, "end": 18, "quote": "Guaranteed returns"}],
        "note": "We may not promise returns.",
        "version": 1,
    },
)
_QUICK_REJECTION_EXAMPLE: Final = OpenApiExample(
    "A category alone", request_only=True, value={"category": "tone_inappropriate"}
)
_BULK_EXAMPLE: Final = OpenApiExample(
    "Two drafts",
    request_only=True,
    value={
        "items": [
            {
                "content_id": "cnt_01kaq4pf2yf889tbvb3j74yyg1",
                "category": "compliance_violation",
                "severity": "critical",
                "issues": [{"code": "guaranteed_returns_claim", "quote": "Guaranteed returns"}],
            },
            {
                "content_id": "cnt_01kaq4pf2yf88ryehdkse0ptj2",
                "category": "tone_inappropriate",
                "severity": "minor",
                "note": "Too stiff for WhatsApp.",
            },
        ]
    },
)
_APPROVAL_EXAMPLE: Final = OpenApiExample("The version you read", request_only=True, value={"version": 1})
_ASK_PERSON_EXAMPLE: Final = OpenApiExample(
    "With a reason", request_only=True, value={"reason": "Is the comparison with a deposit allowed here?"}
)


def wait_seconds(prefer: str | None) -> float:
    """Return how long the caller would wait (RFC 7240, `wait`), at most ten seconds; 0 for no or another preference."""
    found = _WAIT.search(prefer or "")
    return min(float(found[1]), WAIT_MAX_SECONDS) if found else 0.0


def answered_in_time(request: Request, viewer: Viewer, reply: Reply) -> Response:
    """Return the receipt of an attempt, or its answer when the caller would wait and it is there in time."""
    seconds = wait_seconds(request.headers.get("Prefer"))
    if not seconds:
        return answered(reply)
    return answered(_waited(viewer, reply, seconds=seconds), headers={"Preference-Applied": f"wait={seconds:g}"})


def _waited(viewer: Viewer, reply: Reply, *, seconds: float) -> Reply:
    receipt: dict[str, Any] = reply.body
    if receipt["regeneration_id"] is None:
        return reply
    regeneration_id = from_short("regeneration", receipt["regeneration_id"])
    waiting.wait_until_settled(regeneration_id, seconds=seconds)
    regeneration = get_regeneration(viewer=viewer, regeneration_id=regeneration_id)
    if regeneration.answer is None:
        return Reply(202, {**receipt, "state": str(regeneration.item.state)}, reply.is_replay)
    return Reply(200, answer_body(receipt, regeneration, regeneration.answer), reply.is_replay)


class SettledItemView(ItemView):
    """A draft, its running attempt settled first if its time is over: readers see the answer and not the wait."""

    def before_reading(self, item_id: uuid.UUID) -> None:
        content.get_item(viewer=self.viewer, item_id=item_id)
        services.settle_open_attempt(item_id=item_id)


class RejectView(FirmView):
    """Reject a draft."""

    @extend_schema(
        operation_id="content_reject",
        summary="Reject a draft and say why",
        description=(
            "202 with the attempt that answers it. With `Prefer: wait=2`: 200 with the new version when it is "
            "ready in time. With "
            "`suggested_action` escalate a person takes it and there is no attempt. The Idempotency-Key keeps "
            "the 202; `Prefer` counts afresh at each repetition."
        ),
        tags=["feedback"],
        parameters=[IDEMPOTENCY_KEY, PREFER],
        request=RejectionSerializer,
        responses={
            202: ReceiptSerializer,
            200: OpenApiResponse(AnswerSerializer, "Waited for: the new version."),
            **errors(400, 401, 403, 404, 409, 413, 415, 422, 429),
        },
        examples=[_REJECTION_EXAMPLE, _QUICK_REJECTION_EXAMPLE],
    )
    def post(self, request: Request, item_id: uuid.UUID) -> Response:
        viewer = self.viewer
        viewer.require(REJECT)

        def work() -> Reply:
            said = rejection_of(shaped(RejectionSerializer, request.data), source="api")
            return Reply(202, receipt_body(services.receive_rejection(viewer=viewer, item_id=item_id, said=said)))

        return answered_in_time(request, viewer, once_for(request, work))


class BulkRejectView(FirmView):
    """Reject many drafts."""

    rate_class = "bulk"

    @extend_schema(
        operation_id="feedback_bulk",
        summary="Reject up to 500 drafts",
        description="One result each, in order; a bad one never undoes a good one. Answered behind the "
        "rejections of people who are looking.",
        tags=["feedback"],
        parameters=[IDEMPOTENCY_KEY],
        request=BulkRejectionsSerializer,
        responses={207: BulkResultsSerializer, **errors(400, 401, 403, 413, 415, 422, 429)},
        examples=[_BULK_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        viewer = self.viewer
        viewer.require(REJECT)

        def work(given: object) -> Reply:
            try:
                shape = shaped(BulkRejectionSerializer, given)
                receipt = services.receive_rejection(
                    viewer=viewer, item_id=shape["content_id"], said=rejection_of(shape, source="bulk")
                )
            except ValidationError as error:
                return Reply(400, bulk_refused(given, misshapen(error, given)))
            except JarvishError as error:
                return Reply(error.http_status, bulk_refused(given, refusal(error)))
            return Reply(202, bulk_accepted(receipt))

        items = items_of(request.data, allowed=settings.BULK_ITEMS_MAX)
        replies, seen = each_once(request, items, work)
        results = [
            reply.body if "status" in reply.body else bulk_refused(given, reply.body)
            for given, reply in zip(items, replies, strict=True)
        ]
        return answered(Reply(207, {"items": results}, is_replay=seen))


class RegenerationView(FirmView):
    """One attempt."""

    @extend_schema(
        operation_id="regenerations_retrieve",
        summary="Read an attempt: how far it is, and its answer",
        description="Once the answer clock (1.4 s) has run out, the best admissible text so far is the answer.",
        tags=["regenerations"],
        responses={200: RegenerationSerializer, **errors(401, 403, 404, 429)},
    )
    def get(self, request: Request, regeneration_id: uuid.UUID) -> Response:
        found = get_regeneration(viewer=self.viewer, regeneration_id=regeneration_id)
        if found.is_open and services.settle_if_due(regeneration_id=found.id):
            found = get_regeneration(viewer=self.viewer, regeneration_id=regeneration_id)
        return Response(regeneration_body(found, elapsed_ms=elapsed_ms(found), grade=shown_grade(found)))


class ApproveView(FirmView):
    """Approve a draft for use."""

    @extend_schema(
        operation_id="content_approve",
        summary="Approve the current version for use",
        description="By the advisor in whose name it speaks, in person or by their own token. The reply has the "
        "text as the publish gate released it.",
        tags=["content"],
        parameters=[IDEMPOTENCY_KEY],
        request=ApprovalRequestSerializer,
        responses={200: ApprovalSerializer, **errors(400, 401, 403, 404, 409, 413, 415, 422, 429)},
        examples=[_APPROVAL_EXAMPLE],
    )
    def post(self, request: Request, item_id: uuid.UUID) -> Response:
        viewer = self.viewer
        viewer.require(APPROVE)

        def work() -> Reply:
            wanted = shaped(ApprovalRequestSerializer, request.data)
            version = services.approve(viewer=viewer, item_id=item_id, version_number=wanted.get("version"))
            item = content.get_item(viewer=viewer, item_id=item_id)
            released = content.ready_text(item)
            if not isinstance(released, ReadyText):
                raise ConflictError(
                    "This text breaks a rule and cannot be approved.",
                    code="not_admissible",
                    allowed=list(released.reasons),
                )
            return Reply(200, approval_body(item, version, released))

        return answered(once_for(request, work))


class AskPersonView(FirmView):
    """Hand a draft to a person."""

    @extend_schema(
        operation_id="content_ask_person",
        summary="Hand a draft to a person",
        tags=["content"],
        parameters=[IDEMPOTENCY_KEY],
        request=AskPersonSerializer,
        responses={202: CaseSerializer, **errors(400, 401, 403, 404, 409, 413, 415, 422, 429)},
        examples=[_ASK_PERSON_EXAMPLE],
    )
    def post(self, request: Request, item_id: uuid.UUID) -> Response:
        viewer = self.viewer
        viewer.require(ASK_PERSON)

        def work() -> Reply:
            wanted = shaped(AskPersonSerializer, request.data)
            case = services.ask_person(viewer=viewer, item_id=item_id, reason=wanted["reason"])
            return Reply(202, case_body(content.get_item(viewer=viewer, item_id=item_id), case))

        return answered(once_for(request, work))
