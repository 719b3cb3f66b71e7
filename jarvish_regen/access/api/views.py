"""Views of tokens and webhooks. Tokens are managed in person: a token never makes another."""

import uuid
from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from jarvish_regen.access import services
from jarvish_regen.access import webhooks as webhooks_of_firm
from jarvish_regen.access.api.base import FirmView
from jarvish_regen.access.api.serializers import (
    DeliveriesQuerySerializer,
    DeliveriesSerializer,
    DeliverySerializer,
    IssuedTokenSerializer,
    MadeWebhookSerializer,
    OwedDeliverySerializer,
    TokenRequestSerializer,
    TokenSerializer,
    TokensSerializer,
    WebhookRequestSerializer,
    WebhookSerializer,
    WebhooksSerializer,
)
from jarvish_regen.access.policy import MANAGE_FIRM, Viewer
from jarvish_regen.api.replies import answered, asked, once_for, shaped
from jarvish_regen.api.schema import IDEMPOTENCY_KEY, errors
from jarvish_regen.errors import ConflictError, ForbiddenError
from jarvish_regen.ids import to_short
from jarvish_regen.journal import webhooks
from jarvish_regen.journal.idempotency import Reply
from jarvish_regen.journal.models import Delivery, WebhookEndpoint

_TOKEN_EXAMPLE: Final = OpenApiExample(
    "For the firm's own system",
    request_only=True,
    value={
        "name": "CRM",
        "scopes": ["content:read", "content:write", "feedback:read", "feedback:write"],
        "for_integration": True,
        "days": 90,
    },
)
_WEBHOOK_EXAMPLE: Final = OpenApiExample(
    "Ready and approved texts",
    request_only=True,
    value={"url": "https://hooks.example.com/jarvish", "kinds": ["version.ready", "version.approved"]},
)


class InPersonView(FirmView):
    """A view that a person alone may call, signed in: whoever holds a token cannot widen what it may do."""

    @property
    def person(self) -> Viewer:
        """Who asks, in person. Raises ForbiddenError for a token."""
        if self.viewer.scopes is not None:
            raise ForbiddenError(
                "Tokens and webhooks are managed in person, not by a token.",
                field="scopes",
                given=sorted(self.viewer.scopes),
            )
        return self.viewer


def _with_secret(reply: Reply, secret: str | None) -> Reply:
    # The reply that is kept under the key has no secret in it: it is shown once and stored nowhere.
    return Reply(reply.status, {**reply.body, "secret": secret}, reply.is_replay)


class TokensView(InPersonView):
    """Tokens: list, make."""

    @extend_schema(
        operation_id="tokens_list",
        summary="List tokens",
        tags=["access"],
        responses={200: TokensSerializer, **errors(401, 403, 429)},
    )
    def get(self, request: Request) -> Response:
        found = services.tokens_of(viewer=self.person)
        return Response({"tokens": TokenSerializer(found, many=True).data})  # type: ignore[arg-type]  # many=True

    @extend_schema(
        operation_id="tokens_create",
        summary="Make a token",
        tags=["access"],
        parameters=[IDEMPOTENCY_KEY],
        request=TokenRequestSerializer,
        responses={201: IssuedTokenSerializer, **errors(400, 401, 403, 409, 413, 415, 422, 429)},
        examples=[_TOKEN_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        viewer = self.person
        secrets: list[str] = []

        def work() -> Reply:
            issued = services.issue_token(viewer=viewer, **shaped(TokenRequestSerializer, request.data))
            secrets.append(issued.secret)
            return Reply(201, _plain(TokenSerializer(issued.token).data))

        reply = once_for(request, work)
        return answered(_with_secret(reply, secrets[0] if secrets else None))


def _plain(shown: Any) -> dict[str, Any]:
    return dict(shown)


class TokenView(InPersonView):
    """One token."""

    @extend_schema(
        operation_id="tokens_revoke",
        summary="Revoke a token",
        tags=["access"],
        request=None,
        responses={204: None, **errors(401, 403, 404, 429)},
    )
    def delete(self, request: Request, token_key: str) -> Response:
        services.revoke_token(viewer=self.person, token_key=token_key)
        return Response(status=204)


class WebhooksView(InPersonView):
    """Webhooks: list, add."""

    @extend_schema(
        operation_id="webhooks_list",
        summary="List webhooks",
        tags=["webhooks"],
        responses={200: WebhooksSerializer, **errors(401, 403, 429)},
    )
    def get(self, request: Request) -> Response:
        self.person.require(MANAGE_FIRM)
        found = WebhookEndpoint.objects.filter(firm_id=self.viewer.firm_id).order_by("-created_at")
        return Response({"webhooks": WebhookSerializer(found, many=True).data})  # type: ignore[arg-type]  # many=True

    @extend_schema(
        operation_id="webhooks_create",
        summary="Add an address to be told",
        description="Signed as the Standard Webhooks specification says: `webhook-id`, `webhook-timestamp`, "
        "`webhook-signature`. Tried seven times over eight hours.",
        tags=["webhooks"],
        parameters=[IDEMPOTENCY_KEY],
        request=WebhookRequestSerializer,
        responses={201: MadeWebhookSerializer, **errors(400, 401, 403, 409, 413, 415, 422, 429)},
        examples=[_WEBHOOK_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        viewer = self.person
        secrets: list[str] = []

        def work() -> Reply:
            endpoint = webhooks_of_firm.add_webhook(viewer=viewer, **shaped(WebhookRequestSerializer, request.data))
            secrets.append(endpoint.secret)
            return Reply(201, _plain(WebhookSerializer(endpoint).data))

        reply = once_for(request, work)
        return answered(_with_secret(reply, secrets[0] if secrets else None))


class WebhookView(InPersonView):
    """One webhook."""

    @extend_schema(
        operation_id="webhooks_stop",
        summary="Stop telling an address",
        tags=["webhooks"],
        request=None,
        responses={204: None, **errors(401, 403, 404, 429)},
    )
    def delete(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        webhooks_of_firm.stop_webhook(viewer=self.person, endpoint_id=endpoint_id)
        return Response(status=204)


class WebhookTestView(InPersonView):
    """A test event."""

    @extend_schema(
        operation_id="webhooks_test",
        summary="Send a test event",
        tags=["webhooks"],
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={202: OwedDeliverySerializer, **errors(401, 403, 404, 409, 429)},
    )
    def post(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        viewer = self.person

        def work() -> Reply:
            endpoint = webhooks_of_firm.get_webhook(viewer=viewer, endpoint_id=endpoint_id)
            if not endpoint.is_active:
                raise ConflictError("This webhook is stopped.", field="is_active", given=False, allowed=True)
            return Reply(202, {"delivery_id": to_short("delivery", webhooks.send_test(endpoint).id)})

        return answered(once_for(request, work))


class DeliveriesView(InPersonView):
    """What was sent to one address."""

    @extend_schema(
        operation_id="webhooks_deliveries_list",
        summary="List deliveries to an address, newest first",
        tags=["webhooks"],
        parameters=[DeliveriesQuerySerializer],
        responses={200: DeliveriesSerializer, **errors(400, 401, 403, 404, 429)},
    )
    def get(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        endpoint = webhooks_of_firm.get_webhook(viewer=self.person, endpoint_id=endpoint_id)
        wanted = asked(DeliveriesQuerySerializer, request)
        found = Delivery.objects.filter(endpoint=endpoint).select_related("event").order_by("-id")
        if "state" in wanted:
            found = found.filter(state=wanted["state"])
        page = found[wanted["offset"] : wanted["offset"] + wanted["limit"]]
        return Response({"deliveries": DeliverySerializer(page, many=True).data})  # type: ignore[arg-type]  # many=True


class DeliveryReplayView(InPersonView):
    """One delivery, once more."""

    @extend_schema(
        operation_id="webhooks_deliveries_replay",
        summary="Send a delivery again, with the same id",
        tags=["webhooks"],
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={202: OwedDeliverySerializer, **errors(401, 403, 404, 409, 429)},
    )
    def post(self, request: Request, endpoint_id: uuid.UUID, delivery_id: uuid.UUID) -> Response:
        viewer = self.person

        def work() -> Reply:
            delivery = webhooks_of_firm.get_delivery(viewer=viewer, endpoint_id=endpoint_id, delivery_id=delivery_id)
            if not delivery.endpoint.is_active:
                raise ConflictError("This webhook is stopped.", field="is_active", given=False, allowed=True)
            if not webhooks.replay(delivery):
                raise ConflictError(
                    "This delivery is under way.",
                    field="state",
                    given=delivery.state,
                    allowed=[str(Delivery.State.DELIVERED), str(Delivery.State.FAILED)],
                )
            return Reply(202, {"delivery_id": to_short("delivery", delivery.id)})

        return answered(once_for(request, work))
