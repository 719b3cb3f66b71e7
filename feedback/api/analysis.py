"""What a note means, over the API: all of it, or only its mood."""

import uuid
from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from feedback.api.serializers import CATEGORY_CHOICES, AnalysisSerializer, analysis_body
from feedback.services import NOTE_MAX_CHARS
from feedback.understanding import Understood, understand_within
from jarvish_regen.access.api.base import FirmView
from jarvish_regen.access.policy import READ_REJECTIONS
from jarvish_regen.api.codes import Code
from jarvish_regen.api.fields import OneOfField, PlainTextField, ShortIdField, StrictSerializer
from jarvish_regen.api.replies import shaped
from jarvish_regen.api.schema import errors
from jarvish_regen.content import services as content
from jarvish_regen.errors import UnavailableError
from jarvish_regen.language.masking import mask

TEXTS_MAX: Final = 50
# A text takes some 40 ms; who is not served by then is better told to come back.
WITHIN_SECONDS: Final = 2.0
_ANALYSE_EXAMPLE: Final = OpenApiExample(
    "Too pushy, in line 2",
    request_only=True,
    value={"text": "Too pushy, sounds like a salesman in line 2", "category": "tone_inappropriate"},
)
_ONE_EXAMPLE: Final = OpenApiExample("One text", request_only=True, value={"text": "Bilkul bekaar hai, sab galat"})
_MANY_EXAMPLE: Final = OpenApiExample(
    "Several texts", request_only=True, value={"texts": ["Looks good, only shorten it", "बहुत लंबा है"]}
)


class AnalyseSerializer(StrictSerializer):
    """What somebody says about a draft; what they picked and which draft it is help to understand it."""

    text = PlainTextField(max_length=NOTE_MAX_CHARS)
    category = OneOfField(choices=CATEGORY_CHOICES, required=False, allow_null=True, default=None)
    content_id = ShortIdField("item", required=False, allow_null=True, default=None)


class AnalysedSerializer(AnalysisSerializer):
    """An analysis, with the text its positions lie in."""

    text = serializers.CharField(help_text="What was read: your text with personal data masked. Positions lie in it.")
    content_version = serializers.IntegerField(allow_null=True, help_text="The version that `points_to` lies in.")
    model = serializers.CharField()


class SentimentQuerySerializer(StrictSerializer):
    """One text, or up to 50."""

    text = PlainTextField(max_length=NOTE_MAX_CHARS, required=False)
    texts = serializers.ListField(
        child=PlainTextField(max_length=NOTE_MAX_CHARS), required=False, min_length=1, max_length=TEXTS_MAX
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("text" in attrs) == ("texts" in attrs):
            raise ValidationError(
                {
                    "text": ValidationError(
                        "Send text or texts, one of them.", code=Code("one_of", allowed=["text", "texts"])
                    ).detail
                }
            )
        return attrs


class MoodSerializer(serializers.Serializer[Any]):
    """The mood of one text."""

    sentiment = serializers.CharField(help_text="negative, neutral or positive.")
    score = serializers.FloatField(help_text="From -1, a complaint, to 1, praise.")
    emotion = serializers.CharField()
    urgency = serializers.CharField()
    actionability = serializers.FloatField(help_text="How far it says what to do: 0 to 1.")
    language = serializers.CharField(help_text="en, hi, mr or hinglish.")
    confident = serializers.BooleanField(help_text="Whether the model is sure what the text is about.")


class SentimentSerializer(serializers.Serializer[Any]):
    """The moods, in the order of the texts."""

    results = MoodSerializer(many=True)


def _read(text: str, **about: Any) -> Understood:
    found = understand_within(WITHIN_SECONDS, text, **about)
    if found is None:
        raise UnavailableError("Too many texts wait to be understood; try again in a moment.")
    return found


class AnalyseView(FirmView):
    """Understand a text without rejecting anything."""

    rate_class = "understand"

    @extend_schema(
        operation_id="feedback_analyse",
        summary="Read what a note means",
        description="Categories and issues with probabilities and the words that say so, mood, urgency and language. "
        "Nothing is stored. With `content_id`, `points_to` is the place in the draft that the note speaks of. When it "
        "is not `confident`, `question` holds the two categories to ask about.",
        tags=["feedback"],
        request=AnalyseSerializer,
        responses={200: AnalysedSerializer, **errors(400, 401, 403, 404, 415, 429)},
        examples=[_ANALYSE_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        viewer = self.viewer
        viewer.require(READ_REJECTIONS)
        asked = shaped(AnalyseSerializer, request.data)
        item_id: uuid.UUID | None = asked["content_id"]
        version = content.get_item(viewer=viewer, item_id=item_id).current if item_id else None
        draft = version.text if version else ""
        text = mask(asked["text"]).text
        found = _read(text, category=asked["category"], draft=draft or None)
        return Response(
            {
                "text": text,
                "content_version": version.number if version else None,
                "model": found.analysis.model_version,
                **analysis_body(found.analysis, draft=draft),
            }
        )


class SentimentView(FirmView):
    """Read the mood of texts."""

    rate_class = "understand"

    @extend_schema(
        operation_id="analytics_sentiment",
        summary="Read the mood of a text, or of up to 50",
        description="Nothing is stored.",
        tags=["analytics"],
        request=SentimentQuerySerializer,
        responses={200: SentimentSerializer, **errors(400, 401, 403, 415, 429)},
        examples=[_ONE_EXAMPLE, _MANY_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        self.viewer.require(READ_REJECTIONS)
        asked = shaped(SentimentQuerySerializer, request.data)
        texts = asked["texts"] if "texts" in asked else [asked["text"]]
        return Response({"results": [_mood(_read(text)) for text in texts]})


def _mood(found: Understood) -> dict[str, Any]:
    said = found.analysis
    return {
        "sentiment": said.sentiment,
        "score": round(said.sentiment_score, 4),
        "emotion": said.emotion,
        "urgency": said.urgency,
        "actionability": round(said.actionability, 4),
        "language": said.language,
        "confident": said.confident,
    }
