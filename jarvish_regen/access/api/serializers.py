"""Shapes of tokens and webhooks."""

from typing import Any, Final

from rest_framework import serializers

from jarvish_regen.access.models import Scope, Token
from jarvish_regen.api.fields import OneOfField, ShortIdField, StrictSerializer
from jarvish_regen.journal.models import Delivery, WebhookEndpoint
from jarvish_regen.journal.webhooks import KINDS

SCOPE_CHOICES: Final = [(str(scope), str(label)) for scope, label in Scope.choices]
KIND_CHOICES: Final = [(kind, kind) for kind in KINDS]


class TokenRequestSerializer(StrictSerializer):
    """A token to be made."""

    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(child=OneOfField(choices=SCOPE_CHOICES), min_length=1, max_length=len(SCOPE_CHOICES))
    for_integration = serializers.BooleanField(
        required=False, default=False, help_text="For a system of the firm; its administrator only."
    )
    days = serializers.IntegerField(min_value=1, max_value=3650, required=False, default=365)


class TokenSerializer(serializers.Serializer[Token]):
    """A token as it is listed."""

    key = serializers.CharField(source="token_key", help_text="The first characters: names the token, opens nothing.")
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    is_integration = serializers.BooleanField(source="user.is_service")
    created_at = serializers.DateTimeField(source="created")
    expires_at = serializers.DateTimeField(source="expiry", allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


class IssuedTokenSerializer(TokenSerializer):
    """A token just made. `secret` is shown this once and is null in a repeated reply."""

    secret = serializers.CharField(allow_null=True)


class TokensSerializer(serializers.Serializer[Any]):
    """Tokens, newest first."""

    tokens = TokenSerializer(many=True)


class WebhookRequestSerializer(StrictSerializer):
    """An address to be told."""

    url = serializers.CharField(max_length=500, help_text="https, and on the public internet.")
    kinds = serializers.ListField(child=OneOfField(choices=KIND_CHOICES), min_length=1, max_length=len(KIND_CHOICES))


class WebhookSerializer(serializers.Serializer[WebhookEndpoint]):
    """An address that is told."""

    id = ShortIdField("endpoint")
    url = serializers.CharField()
    kinds = serializers.ListField(child=serializers.CharField())
    is_active = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class MadeWebhookSerializer(WebhookSerializer):
    """An address just added. `secret` signs what is sent; it is shown this once and is null in a repeated reply."""

    secret = serializers.CharField(allow_null=True)


class WebhooksSerializer(serializers.Serializer[Any]):
    """Addresses, newest first."""

    webhooks = WebhookSerializer(many=True)


class DeliverySerializer(serializers.Serializer[Delivery]):
    """One event on its way to one address."""

    id = ShortIdField("delivery")
    event_id = ShortIdField("event")
    kind = serializers.CharField(source="event.kind")
    state = serializers.ChoiceField(choices=Delivery.State.choices)
    tries = serializers.IntegerField()
    due_at = serializers.DateTimeField()
    last_status = serializers.IntegerField(allow_null=True)
    last_error = serializers.CharField(allow_blank=True)


class DeliveriesQuerySerializer(StrictSerializer):
    """A page of deliveries."""

    state = OneOfField(choices=Delivery.State.choices, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=100, required=False, default=50)
    offset = serializers.IntegerField(min_value=0, max_value=100_000, required=False, default=0)


class DeliveriesSerializer(serializers.Serializer[Any]):
    """Deliveries to one address, newest first."""

    deliveries = DeliverySerializer(many=True)


class OwedDeliverySerializer(serializers.Serializer[Any]):
    """A delivery that will be tried at once."""

    delivery_id = serializers.CharField()
