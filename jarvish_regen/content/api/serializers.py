"""Shapes of drafts, versions and events."""

from typing import Any, Final

from django.conf import settings
from rest_framework import serializers

from jarvish_regen.api.fields import ErrorItemSerializer, OneOfField, PlainTextField, ShortIdField, StrictSerializer
from jarvish_regen.content.models import Channel, ContentClass, ContentItem, ContentVersion, Language
from jarvish_regen.content.services import Arrival, Draft
from jarvish_regen.content.states import ItemState
from jarvish_regen.ids import to_short

CHANNEL_CHOICES: Final = list(Channel.choices)
LANGUAGE_CHOICES: Final = list(Language.choices)
BAND_CHOICES: Final = [("green", "0 to 39"), ("amber", "40 to 69"), ("red", "70 to 100")]
FACTS_MAX: Final = 50
VERSION_MAX: Final = 1_000_000


class DraftSerializer(StrictSerializer):
    """A draft as it is handed in."""

    text = PlainTextField(allow_blank=True, help_text="The whole text. Line breaks and emoji are kept as they are.")
    channel = OneOfField(choices=CHANNEL_CHOICES)
    language = OneOfField(choices=LANGUAGE_CHOICES)
    external_id = serializers.CharField(
        max_length=100,
        required=False,
        default="",
        allow_blank=True,
        help_text="Your own id: sending it again changes nothing.",
    )
    advisor_email = serializers.CharField(
        max_length=254,
        required=False,
        default="",
        allow_blank=True,
        help_text="In whose name the text speaks. An advisor may leave it out.",
    )
    content_class = OneOfField(
        choices=list(ContentClass.choices),
        required=False,
        default="",
        allow_blank=True,
        help_text="Derived from the text when left out.",
    )
    topic = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    approved_facts = serializers.ListField(
        child=serializers.CharField(max_length=300),
        required=False,
        max_length=FACTS_MAX,
        help_text="Figures and names that a new version may use.",
    )
    slot_at = serializers.DateTimeField(required=False, allow_null=True, help_text="When it is meant to go out.")

    @staticmethod
    def draft(shaped: dict[str, Any]) -> Draft:
        """Return the validated shape as a draft."""
        return Draft(**{**shaped, "approved_facts": tuple(shaped.get("approved_facts", ()))})


class DraftsSerializer(StrictSerializer):
    """Many drafts at once."""

    items = DraftSerializer(many=True, max_length=settings.BULK_ITEMS_MAX)  # type: ignore[call-arg]  # many=True takes it


class FindingSerializer(serializers.Serializer[Any]):
    """What one rule found. Positions are code points into the text; null where something is missing from it."""

    rule = serializers.CharField()
    code = serializers.CharField(help_text="Issue code of the taxonomy.")
    title = serializers.CharField()
    severity = serializers.ChoiceField(choices=[("critical", "critical"), ("major", "major"), ("minor", "minor")])
    start = serializers.IntegerField(allow_null=True)
    end = serializers.IntegerField(allow_null=True)
    span = serializers.CharField(allow_null=True)
    message = serializers.CharField()
    source = serializers.CharField(help_text="The law behind the rule.")  # type: ignore[assignment]  # the stored name


class VersionSummarySerializer(serializers.Serializer[ContentVersion]):
    """What a list says of a version."""

    id = serializers.CharField(source="short_id")
    number = serializers.IntegerField()
    origin = serializers.ChoiceField(choices=ContentVersion.Origin.choices)
    content_class = serializers.ChoiceField(choices=ContentClass.choices)
    risk_score = serializers.IntegerField(min_value=0, max_value=100)
    band = serializers.ChoiceField(choices=BAND_CHOICES)
    is_admissible = serializers.BooleanField(help_text="No critical or major rule of the firm's profile is broken.")
    has_critical = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class VersionSerializer(VersionSummarySerializer):
    """A version with its text and what the rules said of it when it was written."""

    text = serializers.CharField()
    findings = FindingSerializer(many=True)


class AdvisorSerializer(serializers.Serializer[Any]):
    """In whose name a text speaks."""

    registered_name = serializers.CharField()
    registrant_type = serializers.ChoiceField(choices=[("MFD", "MFD"), ("RIA", "RIA")])
    registration_no = serializers.CharField()


class ItemSummarySerializer(serializers.Serializer[ContentItem]):
    """A draft in a list."""

    id = serializers.CharField(source="short_id")
    external_id = serializers.CharField(allow_blank=True)
    advisor = AdvisorSerializer()
    channel = serializers.ChoiceField(choices=CHANNEL_CHOICES)
    language = serializers.ChoiceField(choices=LANGUAGE_CHOICES)
    topic = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=ItemState.choices)
    current = VersionSummarySerializer(allow_null=True)
    slot_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()


class ItemSerializer(ItemSummarySerializer):
    """A draft with its current text, findings and the list of its versions."""

    current = VersionSerializer(allow_null=True)
    approved_facts = serializers.ListField(child=serializers.CharField())
    versions = VersionSummarySerializer(many=True, source="listed_versions")
    channel_topic = serializers.SerializerMethodField(help_text="Topic of the WebSocket to subscribe to.")

    def get_channel_topic(self, item: ContentItem) -> str:
        return f"item.{item.short_id}"


class ItemPageSerializer(serializers.Serializer[Any]):
    """A page of drafts, newest first. `next_cursor` is null on the last page."""

    items = ItemSummarySerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class ItemListQuerySerializer(StrictSerializer):
    """Filters of the list."""

    state = OneOfField(choices=list(ItemState.choices), required=False)
    channel = OneOfField(choices=CHANNEL_CHOICES, required=False)
    language = OneOfField(choices=LANGUAGE_CHOICES, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=100, required=False, default=25)
    cursor = serializers.CharField(max_length=200, required=False, help_text="`next_cursor` of the page before.")


class DiffQuerySerializer(StrictSerializer):
    """Which two versions to compare; without them the current one with the one before."""

    to = serializers.IntegerField(min_value=1, max_value=VERSION_MAX, required=False)

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of Python's, so the field cannot be written as an attribute.
        return {
            "from": serializers.IntegerField(min_value=1, max_value=VERSION_MAX, required=False),
            **super().get_fields(),
        }


class PieceSerializer(serializers.Serializer[Any]):
    """A run of text that stayed, went or came."""

    kind = serializers.ChoiceField(choices=[("same", "stayed"), ("del", "went"), ("ins", "came")])
    text = serializers.CharField()


class DiffSerializer(serializers.Serializer[Any]):
    """Two versions word by word. `same` and `del` joined are the old text, `same` and `ins` the new one."""

    to = serializers.IntegerField()
    diff = PieceSerializer(many=True)

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.IntegerField(), **super().get_fields()}


class ArrivalSerializer(serializers.Serializer[Any]):
    """What became of one draft."""

    status = serializers.ChoiceField(
        choices=[("created", "stored"), ("known", "sent before, unchanged"), ("refused", "see errors")]
    )
    id = serializers.CharField(allow_null=True)
    external_id = serializers.CharField(allow_blank=True)
    errors = ErrorItemSerializer(many=True)  # type: ignore[assignment]
    risk_score = serializers.IntegerField(allow_null=True)
    band = serializers.ChoiceField(choices=BAND_CHOICES, allow_null=True)
    is_admissible = serializers.BooleanField(allow_null=True)
    has_critical = serializers.BooleanField(allow_null=True)
    findings = FindingSerializer(many=True)


class ArrivalsSerializer(serializers.Serializer[Any]):
    """One result for each draft, in order."""

    items = ArrivalSerializer(many=True)


def arrival_body(arrival: Arrival) -> dict[str, Any]:
    """Return what became of a draft that was stored, now or before."""
    item = arrival.item
    assert item is not None  # noqa: S101  # a refused draft has an error body instead
    version = item.current
    return {
        "status": arrival.status,
        "id": item.short_id,
        "external_id": item.external_id,
        "errors": [],
        "risk_score": version.risk_score if version else None,
        "band": version.band if version else None,
        "is_admissible": version.is_admissible if version else None,
        "has_critical": version.has_critical if version else None,
        "findings": version.findings if version else [],
    }


def refused_body(given: Any, errors: dict[str, Any]) -> dict[str, Any]:
    """Return what became of a draft that was refused."""
    external_id = given.get("external_id") if isinstance(given, dict) else None
    return {
        "status": "refused",
        "id": None,
        "external_id": external_id if isinstance(external_id, str) else "",
        "errors": errors["errors"],
        "risk_score": None,
        "band": None,
        "is_admissible": None,
        "has_critical": None,
        "findings": [],
    }


class EventsQuerySerializer(StrictSerializer):
    """From where on."""

    since = serializers.IntegerField(
        min_value=0, max_value=2**62, required=False, default=0, help_text="The highest seq you have seen."
    )
    limit = serializers.IntegerField(min_value=1, max_value=1000, required=False, default=200)


class EventSerializer(serializers.Serializer[Any]):
    """One fact. `seq` counts up without a gap within the firm; an advisor sees those of their own drafts."""

    seq = serializers.IntegerField()
    id = ShortIdField("event")
    kind = serializers.CharField()
    item_id = serializers.CharField(allow_null=True)
    details = serializers.DictField(help_text="Ids, states and numbers of this kind of event.")
    created_at = serializers.DateTimeField()


class EventsSerializer(serializers.Serializer[Any]):
    """Events after `since`.

    With `refresh`, too much has happened: read what you show anew and go on from `latest_seq`.
    """

    events = EventSerializer(many=True)
    latest_seq = serializers.IntegerField()
    refresh = serializers.BooleanField()


def version_body(version: ContentVersion) -> dict[str, Any]:
    """Return a version as plain JSON values."""
    body: dict[str, Any] = dict(VersionSerializer(version).data)
    return body


def item_link(item: ContentItem) -> str:
    """Return the API's address of a draft."""
    return f"/api/v1/content/{to_short('item', item.id)}"
