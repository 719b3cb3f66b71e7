"""Views of further attempts on request: open one or many, follow one."""

import uuid
from typing import Final

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from escalation import services
from escalation.api.further_serializers import (
    BATCH_MAX,
    RegenerateBatchSerializer,
    RegenerateReceiptSerializer,
    RegenerateResultsSerializer,
    RegenerateSerializer,
    StatusSerializer,
    batch_accepted,
    batch_refused,
    further_attempt_of,
    further_body,
    status_body,
)
from escalation.api.views import answered_in_time
from escalation.requests import request_attempt
from jarvish_regen.access.api.base import FirmView
from jarvish_regen.access.policy import REJECT
from jarvish_regen.api.replies import answered, each_once, items_of, misshapen, once_for, refusal, shaped
from jarvish_regen.api.schema import IDEMPOTENCY_KEY, PREFER, errors
from jarvish_regen.errors import JarvishError
from jarvish_regen.journal.idempotency import Reply
from regeneration.api.serializers import AnswerSerializer, regeneration_body
from regeneration.queries import elapsed_ms, get_regeneration, shown_grade

_EXAMPLE: Final = OpenApiExample(
    "Shorter, without a word",
    request_only=True,
    value={
        "rejection_id": "rej_01kaq4pf2yf889tbvb3j74yyg1",
        "strategy": "auto",
        "urgency": "high",
        "constraints": {"maxLength": 400, "tone": "warm", "excludeTerms": ["assured"]},
        "fallbackOptions": {"rungs": ["repair", "template"]},
        "maxProcessingTime": 1200,
    },
)
_QUICK_EXAMPLE: Final = OpenApiExample(
    "Once more", request_only=True, value={"rejection_id": "rej_01kaq4pf2yf889tbvb3j74yyg1"}
)
_BATCH_EXAMPLE: Final = OpenApiExample(
    "Two rejections",
    request_only=True,
    value={
        "items": [
            {"rejection_id": "rej_01kaq4pf2yf889tbvb3j74yyg1", "strategy": "whole_text"},
            {"rejection_id": "rej_01kaq4pf2yf88ryehdkse0ptj2", "urgency": "low"},
        ]
    },
)


class RegenerateView(FirmView):
    """Ask for a further attempt."""

    @extend_schema(
        operation_id="regenerate",
        summary="Ask for another answer to a stored rejection",
        description=(
            "202 with the attempt. Its draft must be in review with an answer of the machine, else 409 with the state. "
            "The version in review stays where nothing better is found. With `Prefer: wait=2`: 200 with the new "
            "version when there is one in time. The Idempotency-Key keeps the 202."
        ),
        tags=["regenerations"],
        parameters=[IDEMPOTENCY_KEY, PREFER],
        request=RegenerateSerializer,
        responses={
            202: RegenerateReceiptSerializer,
            200: OpenApiResponse(AnswerSerializer, "Waited for: the new version."),
            **errors(400, 401, 403, 404, 409, 413, 415, 422, 429),
        },
        examples=[_EXAMPLE, _QUICK_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        viewer = self.viewer
        viewer.require(REJECT)

        def work() -> Reply:
            asked = further_attempt_of(shaped(RegenerateSerializer, request.data))
            return Reply(202, further_body(request_attempt(viewer=viewer, asked=asked)))

        return answered_in_time(request, viewer, once_for(request, work))


class RegenerateBatchView(FirmView):
    """Ask for many further attempts."""

    rate_class = "bulk"

    @extend_schema(
        operation_id="regenerate_batch",
        summary=f"Ask for up to {BATCH_MAX} further attempts",
        description="One result each, in order; a bad one never undoes a good one.",
        tags=["regenerations"],
        parameters=[IDEMPOTENCY_KEY],
        request=RegenerateBatchSerializer,
        responses={207: RegenerateResultsSerializer, **errors(400, 401, 403, 413, 415, 422, 429)},
        examples=[_BATCH_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        viewer = self.viewer
        viewer.require(REJECT)

        def work(given: object) -> Reply:
            try:
                asked = further_attempt_of(shaped(RegenerateSerializer, given))
                receipt = request_attempt(viewer=viewer, asked=asked)
            except ValidationError as error:
                return Reply(400, batch_refused(given, misshapen(error, given)))
            except JarvishError as error:
                return Reply(error.http_status, batch_refused(given, refusal(error)))
            return Reply(202, batch_accepted(receipt))

        items = items_of(request.data, allowed=BATCH_MAX)
        replies, seen = each_once(request, items, work)
        results = [
            reply.body if "status" in reply.body else batch_refused(given, reply.body)
            for given, reply in zip(items, replies, strict=True)
        ]
        return answered(Reply(207, {"items": results}, is_replay=seen))


class RegenerateStatusView(FirmView):
    """Follow an attempt."""

    @extend_schema(
        operation_id="regenerate_status",
        summary="Read how far an attempt is",
        description="`answer` is there once the attempt is settled, at the latest when its answer clock has run out.",
        tags=["regenerations"],
        responses={200: StatusSerializer, **errors(401, 403, 404, 429)},
    )
    def get(self, request: Request, regeneration_id: uuid.UUID) -> Response:
        found = get_regeneration(viewer=self.viewer, regeneration_id=regeneration_id)
        if found.is_open and services.settle_if_due(regeneration_id=found.id):
            found = get_regeneration(viewer=self.viewer, regeneration_id=regeneration_id)
        body = regeneration_body(found, elapsed_ms=elapsed_ms(found), grade=shown_grade(found))
        return Response(status_body(body, is_settled=not found.is_open))
