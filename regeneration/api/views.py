"""The timeline of a draft, the other versions of an answer, and the firm's own figures."""

import uuid
from datetime import timedelta
from typing import Final

from django.db.models import prefetch_related_objects
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.api.serializers import StoredRejectionSerializer
from feedback.models import Feedback
from jarvish_regen.access.api.base import FirmView
from jarvish_regen.access.policy import READ_REJECTIONS, REJECT
from jarvish_regen.api.replies import answered, asked, once_for, shaped
from jarvish_regen.api.schema import IDEMPOTENCY_KEY, errors
from jarvish_regen.content import services as content
from jarvish_regen.content.api.serializers import version_body
from jarvish_regen.ids import to_short
from jarvish_regen.journal.idempotency import Reply
from regeneration import variants
from regeneration.api.serializers import (
    ChoiceRequestSerializer,
    ChoiceSerializer,
    ChosenSerializer,
    MetricsQuerySerializer,
    MetricsSerializer,
    RejectionsQuerySerializer,
    TimelineSerializer,
    choice_body,
    metrics_body,
    regeneration_body,
)
from regeneration.figures import firm_figures
from regeneration.queries import elapsed_ms, rejections_of

METRICS_DAYS: Final = 7
_CHOICE_EXAMPLE: Final = OpenApiExample(
    "The second one", request_only=True, value={"candidate_id": "cdt_01kaq4pf2yf889tbvb3j74yyg1"}
)


class RejectionsView(FirmView):
    """A draft's rejections."""

    @extend_schema(
        operation_id="content_rejections_list",
        summary="Read a draft's rejections, newest first",
        tags=["feedback"],
        parameters=[RejectionsQuerySerializer],
        responses={200: TimelineSerializer, **errors(400, 401, 403, 404, 429)},
    )
    def get(self, request: Request, item_id: uuid.UUID) -> Response:
        self.viewer.require(READ_REJECTIONS)
        item = content.get_item(viewer=self.viewer, item_id=item_id)
        wanted = asked(RejectionsQuerySerializer, request)
        limit, offset = wanted["limit"], wanted["offset"]
        found = rejections_of(item)
        page = list(found[offset : offset + limit])
        if wanted["includeRegenerations"]:
            prefetch_related_objects(page, "regenerations__version", "regenerations__answer", "regenerations__upgrade")
        rejections = [
            {
                **StoredRejectionSerializer(one).data,
                "regenerations": _attempts(one) if wanted["includeRegenerations"] else None,
            }
            for one in page
        ]
        return Response({"count": found.count(), "limit": limit, "offset": offset, "rejections": rejections})


class VariantsView(FirmView):
    """The other versions of an answer."""

    @extend_schema(
        operation_id="regenerations_variants_create",
        summary="Ask for two or three other versions of an answer",
        description="202 while they are being made (within 5 s; `variants.ready` on the channel says when), 200 when "
        "they are there. There may be none: then no other valid text was found. Only while the answer is in review and "
        "nobody has acted on it.",
        tags=["regenerations"],
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={
            202: ChoiceSerializer,
            200: OpenApiResponse(ChoiceSerializer, "They are there."),
            **errors(401, 403, 404, 409, 422, 429),
        },
    )
    def post(self, request: Request, regeneration_id: uuid.UUID) -> Response:
        viewer = self.viewer
        viewer.require(REJECT)

        def work() -> Reply:
            choice = variants.ask_for_variants(viewer=viewer, regeneration_id=regeneration_id)
            return Reply(200 if choice.state == "ready" else 202, choice_body(choice))

        return answered(once_for(request, work))

    @extend_schema(
        operation_id="regenerations_variants_list",
        summary="Read the other versions of an answer",
        tags=["regenerations"],
        responses={200: ChoiceSerializer, **errors(401, 403, 404, 429)},
    )
    def get(self, request: Request, regeneration_id: uuid.UUID) -> Response:
        return Response(choice_body(variants.get_choice(viewer=self.viewer, regeneration_id=regeneration_id)))


class ChoiceView(FirmView):
    """Choose one of the other versions."""

    @extend_schema(
        operation_id="regenerations_choice",
        summary="Make one of the other versions the current one",
        description="The choice is kept as a preference. Once, and only while nobody has acted on the answer.",
        tags=["regenerations"],
        parameters=[IDEMPOTENCY_KEY],
        request=ChoiceRequestSerializer,
        responses={200: ChosenSerializer, **errors(400, 401, 403, 404, 409, 413, 415, 422, 429)},
        examples=[_CHOICE_EXAMPLE],
    )
    def post(self, request: Request, regeneration_id: uuid.UUID) -> Response:
        viewer = self.viewer
        viewer.require(REJECT)

        def work() -> Reply:
            wanted = shaped(ChoiceRequestSerializer, request.data)
            version = variants.choose(
                viewer=viewer, regeneration_id=regeneration_id, candidate_id=wanted["candidate_id"]
            )
            body = {"regeneration_id": to_short("regeneration", regeneration_id), "version": version_body(version)}
            return Reply(200, body)

        return answered(once_for(request, work))


class MetricsView(FirmView):
    """The firm's own figures."""

    @extend_schema(
        operation_id="regenerate_metrics",
        summary="Read your firm's own figures: speed, sources, cost",
        description="An advisor sees their own drafts' figures.",
        tags=["regenerations"],
        parameters=[MetricsQuerySerializer],
        responses={200: MetricsSerializer, **errors(400, 401, 403, 429)},
    )
    def get(self, request: Request) -> Response:
        self.viewer.require(READ_REJECTIONS)
        since = asked(MetricsQuerySerializer, request).get("since") or timezone.now() - timedelta(days=METRICS_DAYS)
        return Response(metrics_body(firm_figures(viewer=self.viewer, since=since)))


def _attempts(feedback: Feedback) -> list[dict[str, object]]:
    attempts = sorted(feedback.regenerations.all(), key=lambda one: one.attempt)
    return [regeneration_body(one, elapsed_ms=elapsed_ms(one)) for one in attempts]
