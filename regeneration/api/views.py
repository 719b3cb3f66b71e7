"""The timeline of a draft: its rejections and, where asked for, the attempts that answered them."""

import uuid

from django.db.models import prefetch_related_objects
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.api.serializers import StoredRejectionSerializer
from feedback.models import Feedback
from jarvish_regen.access.api.base import FirmView
from jarvish_regen.access.policy import READ_REJECTIONS
from jarvish_regen.api.replies import asked
from jarvish_regen.api.schema import errors
from jarvish_regen.content import services as content
from regeneration.api.serializers import RejectionsQuerySerializer, TimelineSerializer, regeneration_body
from regeneration.queries import elapsed_ms, rejections_of


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
            prefetch_related_objects(page, "regenerations__version", "regenerations__answer")
        rejections = [
            {
                **StoredRejectionSerializer(one).data,
                "regenerations": _attempts(one) if wanted["includeRegenerations"] else None,
            }
            for one in page
        ]
        return Response({"count": found.count(), "limit": limit, "offset": offset, "rejections": rejections})


def _attempts(feedback: Feedback) -> list[dict[str, object]]:
    attempts = sorted(feedback.regenerations.all(), key=lambda one: one.attempt)
    return [regeneration_body(one, elapsed_ms=elapsed_ms(one)) for one in attempts]
