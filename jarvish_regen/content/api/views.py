"""Views of drafts, versions and events."""

import uuid

from django.conf import settings
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from jarvish_regen.access.api.base import FirmView
from jarvish_regen.access.policy import SEND_DRAFTS
from jarvish_regen.api.replies import answered, asked, each_once, items_of, misshapen, once_for, refusal, shaped
from jarvish_regen.api.schema import IDEMPOTENCY_KEY, errors
from jarvish_regen.content import queries, services
from jarvish_regen.content.api.serializers import (
    ArrivalSerializer,
    ArrivalsSerializer,
    DiffQuerySerializer,
    DiffSerializer,
    DraftSerializer,
    DraftsSerializer,
    EventsQuerySerializer,
    EventsSerializer,
    ItemListQuerySerializer,
    ItemPageSerializer,
    ItemSerializer,
    ItemSummarySerializer,
    VersionSerializer,
    arrival_body,
    refused_body,
)
from jarvish_regen.ids import to_short
from jarvish_regen.journal.idempotency import Reply
from jarvish_regen.journal.services import public_details
from jarvish_regen.language.worddiff import word_diff

_DRAFT_EXAMPLE = OpenApiExample(
    "One draft",
    request_only=True,
    value={
        "text": "Guaranteed returns for every saver! Start an SIP today. Mutual Fund investments are subject to market "
        "risks, read all scheme related documents carefully.",
        "channel": "whatsapp",
        "language": "en",
        "external_id": "crm-4711",
        "advisor_email": "asha@example.com",
    },
)
_DRAFTS_EXAMPLE = OpenApiExample(
    "Two drafts",
    request_only=True,
    value={
        "items": [
            {
                "text": "A goal is easier to keep when it is written down. Write yours on paper today.",
                "channel": "linkedin",
                "language": "en",
                "external_id": "crm-4712",
                "advisor_email": "asha@example.com",
                "topic": "Writing a goal down",
            },
            {
                "text": "हर महीने थोड़ी बचत कीजिए। म्यूचुअल फंड निवेश बाज़ार जोखिमों के अधीन हैं।",
                "channel": "whatsapp",
                "language": "hi",
                "external_id": "crm-4713",
                "advisor_email": "asha@example.com",
                "approved_facts": ["₹500 a month is the least one can begin with"],
                "slot_at": "2026-12-01T09:00:00+05:30",
            },
        ]
    },
)


class ContentView(FirmView):
    """Drafts: send them in, list them."""

    @extend_schema(
        operation_id="content_list",
        summary="List drafts, newest first",
        tags=["content"],
        parameters=[ItemListQuerySerializer],
        responses={200: ItemPageSerializer, **errors(400, 401, 403, 429)},
    )
    def get(self, request: Request) -> Response:
        page = queries.get_page(viewer=self.viewer, **asked(ItemListQuerySerializer, request))
        items = ItemSummarySerializer(list(page.items), many=True)  # type: ignore[arg-type]  # many=True
        return Response({"items": items.data, "next_cursor": page.next_cursor})

    @extend_schema(
        operation_id="content_create",
        summary="Send one draft, or up to 500",
        description=(
            'Send one draft as an object, or many as `{"items": […]}`. Each is checked against the rules at '
            "once. One draft: 201, or 200 when its "
            "`external_id` is known with the same text. Many: 207 with one result each, in order; a bad one "
            "never undoes a good one."
        ),
        tags=["content"],
        parameters=[IDEMPOTENCY_KEY],
        request=PolymorphicProxySerializer(
            component_name="DraftOrDrafts",
            serializers=[DraftSerializer, DraftsSerializer],
            resource_type_field_name=None,
        ),
        responses={
            201: ArrivalSerializer,
            200: OpenApiResponse(ArrivalSerializer, "Sent before, unchanged."),
            207: OpenApiResponse(ArrivalsSerializer, "One result for each of many drafts."),
            **errors(400, 401, 403, 409, 413, 415, 422, 429),
        },
        examples=[_DRAFT_EXAMPLE, _DRAFTS_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        viewer = self.viewer
        viewer.require(SEND_DRAFTS)
        if isinstance(request.data, dict) and "items" in request.data:
            return self._receive_many(request)

        def work() -> Reply:
            arrival = services.receive_drafts(
                viewer=viewer, drafts=[DraftSerializer.draft(shaped(DraftSerializer, request.data))]
            )[0]
            if arrival.error is not None:
                raise arrival.error
            return Reply(201 if arrival.status == "created" else 200, arrival_body(arrival))

        return answered(once_for(request, work))

    def _receive_many(self, request: Request) -> Response:
        viewer = self.viewer

        def work(given: object) -> Reply:
            try:
                draft = DraftSerializer.draft(shaped(DraftSerializer, given))
            except ValidationError as error:
                return Reply(400, refused_body(given, misshapen(error, given)))
            arrival = services.receive_drafts(viewer=viewer, drafts=[draft])[0]
            if arrival.error is not None:
                return Reply(arrival.error.http_status, refused_body(given, refusal(arrival.error)))
            return Reply(201, arrival_body(arrival))

        items = items_of(request.data, allowed=settings.BULK_ITEMS_MAX)
        replies, seen = each_once(request, items, work)
        results = [
            reply.body if "status" in reply.body else refused_body(given, reply.body)
            for given, reply in zip(items, replies, strict=True)
        ]
        return answered(Reply(207, {"items": results}, is_replay=seen))


class ItemView(FirmView):
    """One draft."""

    @extend_schema(
        operation_id="content_retrieve",
        summary="Read a draft: current text, findings, state, versions",
        tags=["content"],
        responses={200: ItemSerializer, **errors(401, 403, 404, 429)},
    )
    def get(self, request: Request, item_id: uuid.UUID) -> Response:
        self.before_reading(item_id)
        item = services.get_item(viewer=self.viewer, item_id=item_id)
        item.listed_versions = list(item.versions.order_by("number"))  # type: ignore[attr-defined]
        return Response(ItemSerializer(item).data)

    def before_reading(self, item_id: uuid.UUID) -> None:
        """Bring the draft up to date; a higher floor that can do so overrides this."""


class VersionView(FirmView):
    """One version of a draft."""

    @extend_schema(
        operation_id="content_version_retrieve",
        summary="Read one version of a draft",
        tags=["content"],
        parameters=[OpenApiParameter("number", int, OpenApiParameter.PATH)],
        responses={200: VersionSerializer, **errors(401, 403, 404, 429)},
    )
    def get(self, request: Request, item_id: uuid.UUID, number: int) -> Response:
        item = services.get_item(viewer=self.viewer, item_id=item_id)
        return Response(VersionSerializer(queries.get_version(item=item, number=number)).data)


class DiffView(FirmView):
    """Two versions of a draft side by side."""

    @extend_schema(
        operation_id="content_diff_retrieve",
        summary="Compare two versions word by word",
        tags=["content"],
        parameters=[DiffQuerySerializer],
        responses={200: DiffSerializer, **errors(400, 401, 403, 404, 429)},
    )
    def get(self, request: Request, item_id: uuid.UUID) -> Response:
        item = services.get_item(viewer=self.viewer, item_id=item_id)
        wanted = asked(DiffQuerySerializer, request)
        newest = item.current.number if item.current else 1
        to = wanted.get("to", newest)
        old = queries.get_version(item=item, number=wanted.get("from", max(1, to - 1)))
        new = queries.get_version(item=item, number=to)
        body = {
            "from": old.number,
            "to": new.number,
            "diff": [{"kind": piece.kind, "text": piece.text} for piece in word_diff(old.text, new.text)],
        }
        return Response(body)


class EventsView(FirmView):
    """What happened since."""

    @extend_schema(
        operation_id="events_list",
        summary="Read the events after a seq",
        description="With WebSockets off, poll here. `refresh` is true when more than 1,000 events were missed.",
        tags=["events"],
        parameters=[EventsQuerySerializer],
        responses={200: EventsSerializer, **errors(400, 401, 403, 429)},
    )
    def get(self, request: Request) -> Response:
        missed = queries.get_missed(viewer=self.viewer, **asked(EventsQuerySerializer, request))
        events = [
            {
                "seq": event.seq,
                "id": to_short("event", event.id),
                "kind": event.kind,
                "item_id": to_short("item", event.item_id) if event.item_id else None,
                "details": public_details(event),
                "created_at": event.created_at,
            }
            for event in missed.events
        ]
        return Response({"events": events, "latest_seq": missed.latest_seq, "refresh": missed.is_too_much})
