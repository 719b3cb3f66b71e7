"""Shapes and fields that name what is wrong and what is allowed."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from jarvish_regen.api.codes import Code
from jarvish_regen.ids import PREFIXES, from_short, to_short


class StrictSerializer(serializers.Serializer[Any]):
    """A shape that refuses keys it does not know, naming them and those it does."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                allowed = sorted(name for name, field in self.fields.items() if not field.read_only)
                raise ValidationError(
                    {
                        name: ValidationError("Unknown field.", code=Code("unknown_field", allowed=allowed)).detail
                        for name in unknown
                    }
                )
        return super().to_internal_value(data)


class OneOfField(serializers.ChoiceField):
    """A choice that answers a wrong value with the allowed list."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str) and data in self.choices:
            return data
        allowed = [str(choice) for choice in self.choices]
        raise ValidationError(
            "This value is not in the allowed list.", code=Code("invalid_choice", given=data, allowed=allowed)
        )


class PlainTextField(serializers.CharField):
    """Text kept as it was given: no trimming (a position in it would move), a stated maximum."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("trim_whitespace", False)
        kwargs.setdefault("max_length", settings.CONTENT_TEXT_MAX_CHARS)
        super().__init__(**kwargs)


@extend_schema_field({"type": "string", "example": "cnt_01jd9m8qk3e5w7n2v4x6z8b0c1"})
class ShortIdField(serializers.Field[uuid.UUID, Any, str, Any]):
    """A UUID inside, `cnt_…` outside."""

    def __init__(self, kind: str, **kwargs: Any) -> None:
        self.kind = kind
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> uuid.UUID:
        try:
            return from_short(self.kind, data if isinstance(data, str) else "")
        except ValueError as error:
            raise ValidationError(
                "Not an id of this kind.", code=Code("invalid_id", given=data, allowed=f"{PREFIXES[self.kind]}_…")
            ) from error

    def to_representation(self, value: uuid.UUID) -> str:
        return to_short(self.kind, value)


class ErrorItemSerializer(serializers.Serializer[Any]):
    """One thing that is wrong."""

    code = serializers.CharField()
    detail = serializers.CharField(help_text="In words.")
    field = serializers.CharField(allow_null=True, help_text="Path of the field, such as issues.0.quote.")
    given = serializers.JSONField(allow_null=True)
    allowed = serializers.JSONField(allow_null=True)


class ErrorSerializer(serializers.Serializer[Any]):
    """The one shape of every error."""

    type = serializers.ChoiceField(choices=["validation_error", "client_error", "server_error"])
    errors = ErrorItemSerializer(many=True)  # type: ignore[assignment]  # the wire shape names it so
