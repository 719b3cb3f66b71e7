"""Shapes of attempts and their answers."""

from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from feedback.api.serializers import StoredRejectionSerializer
from jarvish_regen.api.fields import ShortIdField, StrictSerializer
from jarvish_regen.content.api.serializers import PieceSerializer, VersionSerializer, item_link, version_body
from jarvish_regen.content.states import ItemState
from jarvish_regen.ids import to_short
from jarvish_regen.language.worddiff import word_diff
from regeneration.figures import FirmFigures
from regeneration.models import Regeneration, RegenerationState, Stage, Urgency
from regeneration.quality import Quality, band_of, quality_of
from regeneration.queries import deadline_seconds, queue_position
from regeneration.variants import Choice


class ResolutionSerializer(serializers.Serializer[Any]):
    """What became of one named issue, and how that is known."""

    code = serializers.CharField()
    quote = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(
        choices=[
            ("checked", "a check decides"),
            ("estimated", "a model estimates"),
            ("changed", "changed, not proven"),
            ("unresolved", "still there"),
        ]
    )
    says = serializers.CharField(help_text="In words.")


class LinksSerializer(serializers.Serializer[Any]):
    """Where to read on."""

    content = serializers.CharField()
    regeneration = serializers.CharField(allow_null=True)
    events = serializers.CharField()


class GoalSerializer(serializers.Serializer[Any]):
    """One goal of the grade."""

    code = serializers.CharField()
    is_required = serializers.BooleanField()
    is_met = serializers.BooleanField()
    share = serializers.FloatField(help_text="How much of it is reached, 0 to 1.")
    known = serializers.ChoiceField(choices=[("checked", "a check decides"), ("estimated", "an estimate decides")])
    says = serializers.CharField(help_text="In words.")


class QualitySerializer(serializers.Serializer[Any]):
    """The grade of an answer: above 79 good, 60 to 79 fair, below 60 poor. `goals` only where one attempt is read."""

    score = serializers.IntegerField()
    band = serializers.CharField(help_text="good, fair or poor.")
    low = serializers.IntegerField(allow_null=True, help_text="Lower end of what it may be.")
    high = serializers.IntegerField(allow_null=True, help_text="Upper end of what it may be.")
    goals = GoalSerializer(many=True)


class UpgradeSerializer(serializers.Serializer[Any]):
    """A better text that came after the answer, while nobody had acted on it."""

    later_ms = serializers.IntegerField(help_text="How long after the answer it came.")
    earlier = VersionSerializer(help_text="The answer it stands in for.")


class VariantSerializer(serializers.Serializer[Any]):
    """Another version to choose."""

    id = serializers.CharField()
    text = serializers.CharField()
    rung = serializers.CharField()
    quality = QualitySerializer(allow_null=True)
    resolutions = ResolutionSerializer(many=True)
    diff = PieceSerializer(many=True)
    is_chosen = serializers.BooleanField()


class ChoiceSerializer(serializers.Serializer[Any]):
    """The other versions of an answer; `channel` is the topic on which they are announced."""

    regeneration_id = serializers.CharField()
    state = serializers.ChoiceField(choices=[("none", "not asked for"), ("making", "being made"), ("ready", "there")])
    channel = serializers.CharField()
    variants = VariantSerializer(many=True)


class ChoiceRequestSerializer(StrictSerializer):
    """Which of the other versions is taken."""

    candidate_id = ShortIdField("candidate")


class ChosenSerializer(serializers.Serializer[Any]):
    """The version that was chosen, now the current one."""

    regeneration_id = serializers.CharField()
    version = VersionSerializer()


class MetricsQuerySerializer(StrictSerializer):
    """From when on."""

    since = serializers.DateTimeField(required=False, help_text="ISO 8601; without it seven days back.")


class MetricsSerializer(serializers.Serializer[Any]):
    """A firm's own figures; milliseconds and shares are null while nothing was answered."""

    since = serializers.DateTimeField()
    attempts = serializers.IntegerField()
    open = serializers.IntegerField()
    answered = serializers.IntegerField()
    no_answer = serializers.IntegerField()
    valid = serializers.IntegerField(help_text="Answers with every named issue resolved.")
    p50_ms = serializers.FloatField(allow_null=True)
    p95_ms = serializers.FloatField(allow_null=True)
    p99_ms = serializers.FloatField(allow_null=True)
    from_model_share = serializers.FloatField(allow_null=True)
    by_rung = serializers.DictField(child=serializers.IntegerField())
    by_cache = serializers.DictField(child=serializers.IntegerField(), help_text="Hits by kind.")
    quality_mean = serializers.FloatField(allow_null=True)
    calls = serializers.IntegerField()
    hedges = serializers.IntegerField()
    cost_inr = serializers.FloatField(help_text="Every call, lost hedges and prepared answers included.")
    approved = serializers.IntegerField(help_text="Drafts rewritten since then and approved.")
    cost_per_approved_inr = serializers.FloatField(allow_null=True)


class RegenerationSerializer(serializers.Serializer[Any]):
    """One attempt: how far it is, and, once its answer clock has run out, its answer."""

    id = serializers.CharField()
    content_id = serializers.CharField()
    rejection_id = serializers.CharField()
    attempt = serializers.IntegerField()
    tactic = serializers.CharField()
    queue = serializers.ChoiceField(choices=Urgency.choices)
    queue_position = serializers.IntegerField(
        allow_null=True, help_text="Waiting attempts ahead of this one; null once it is taken."
    )
    state = serializers.ChoiceField(choices=RegenerationState.choices)
    stage = serializers.ChoiceField(choices=Stage.choices)
    elapsed_ms = serializers.IntegerField(help_text="From the stored rejection to the answer, or to now.")
    stored_at = serializers.DateTimeField()
    answer_due_at = serializers.DateTimeField()
    rung = serializers.CharField(allow_null=True, help_text="Where the answer came from: model, repair …")
    answer_ms = serializers.IntegerField(allow_null=True)
    # Admissible, every named issue resolved, the rest untouched.
    is_valid = serializers.BooleanField(allow_null=True)  # type: ignore[assignment]  # the stored name
    reason = serializers.CharField(allow_blank=True)
    resolutions = ResolutionSerializer(many=True)
    version = VersionSerializer(allow_null=True, help_text="The answer, or the better text that came after it.")
    diff = PieceSerializer(many=True)
    upgrade = UpgradeSerializer(allow_null=True)
    quality = QualitySerializer(allow_null=True)
    cache_kind = serializers.CharField(allow_null=True, help_text="How a kept answer was found: exact, prepared …")
    failure_reason = serializers.CharField(
        allow_null=True, help_text="Why no model's valid text is the answer; null when one is."
    )
    cost_inr = serializers.FloatField(help_text="Rupees for every call, lost hedges included.")
    ledger = serializers.DictField(help_text="Where the milliseconds went; calls, tokens, cost.")


class AnswerSerializer(serializers.Serializer[Any]):
    """A rejection that has its answer."""

    rejection_id = serializers.CharField()
    case_id = serializers.CharField()
    regeneration_id = serializers.CharField()
    state = serializers.ChoiceField(choices=ItemState.choices)
    version = VersionSerializer()
    diff = PieceSerializer(many=True)
    resolutions = ResolutionSerializer(many=True)
    rung = serializers.CharField()
    is_valid = serializers.BooleanField()  # type: ignore[assignment]  # the stored name
    reason = serializers.CharField(allow_blank=True)
    answer_ms = serializers.IntegerField()
    links = LinksSerializer()


class RejectionsQuerySerializer(StrictSerializer):
    """A page of the timeline."""

    limit = serializers.IntegerField(min_value=1, max_value=100, required=False, default=20)
    offset = serializers.IntegerField(min_value=0, max_value=100_000, required=False, default=0)
    includeRegenerations = serializers.BooleanField(required=False, default=False)  # noqa: N815  # the API's published name


class TimelineRejectionSerializer(StoredRejectionSerializer):
    """A rejection with the attempts that answered it; `regenerations` is null unless asked for."""

    regenerations = RegenerationSerializer(many=True, allow_null=True)


class TimelineSerializer(serializers.Serializer[Any]):
    """The rejections of a draft, newest first."""

    count = serializers.IntegerField()
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()
    rejections = TimelineRejectionSerializer(many=True)


def regeneration_body(regeneration: Regeneration, *, elapsed_ms: int, grade: Quality | None = None) -> dict[str, Any]:
    """Return an attempt as plain JSON values. Expects version, answer and upgrade to be loaded."""
    answer = regeneration.upgrade or regeneration.answer
    due_at = regeneration.stored_at.timestamp() + deadline_seconds(regeneration)
    return {
        "id": regeneration.short_id,
        "content_id": to_short("item", regeneration.item_id),
        "rejection_id": to_short("feedback", regeneration.feedback_id),
        "attempt": regeneration.attempt,
        "tactic": regeneration.tactic,
        "queue": regeneration.urgency,
        "queue_position": queue_position(regeneration) if regeneration.state == RegenerationState.QUEUED else None,
        "state": regeneration.state,
        "stage": regeneration.stage,
        "elapsed_ms": regeneration.answer_ms if regeneration.answer_ms is not None else elapsed_ms,
        "stored_at": regeneration.stored_at.isoformat(),
        "answer_due_at": regeneration.stored_at.fromtimestamp(due_at, tz=regeneration.stored_at.tzinfo).isoformat(),
        "rung": regeneration.rung or None,
        "answer_ms": regeneration.answer_ms,
        "is_valid": regeneration.is_valid,
        "reason": regeneration.reason,
        "resolutions": regeneration.resolutions,
        "version": version_body(answer) if answer else None,
        "diff": diff_body(regeneration.version.text, answer.text) if answer else [],
        "upgrade": _upgrade_body(regeneration),
        "quality": quality_body(regeneration.quality, grade),
        "cache_kind": regeneration.cache_kind or None,
        "failure_reason": regeneration.failure_reason or None,
        "cost_inr": float(regeneration.cost_inr),
        "ledger": regeneration.ledger,
    }


def _upgrade_body(regeneration: Regeneration) -> dict[str, Any] | None:
    if regeneration.upgrade is None or regeneration.answer is None:
        return None
    return {
        "later_ms": max(0, (regeneration.upgrade_ms or 0) - (regeneration.answer_ms or 0)),
        "earlier": version_body(regeneration.answer),
    }


def quality_body(score: int | None, grade: Quality | None) -> dict[str, Any] | None:
    """Return a grade as plain JSON values: the score with its goals where they were read."""
    if score is None:
        return None
    names = ("code", "is_required", "is_met", "share", "known", "says")
    return {
        "score": score,
        "band": band_of(score),
        "low": grade.low if grade else None,
        "high": grade.high if grade else None,
        "goals": [{name: goal[name] for name in names} for goal in grade.goals_as_json()] if grade else [],
    }


def choice_body(choice: Choice) -> dict[str, Any]:
    """Return the other versions of an answer as plain JSON values."""
    regeneration = choice.regeneration
    return {
        "regeneration_id": regeneration.short_id,
        "state": choice.state,
        "channel": f"item.{to_short('item', regeneration.item_id)}",
        "variants": [
            {
                "id": to_short("candidate", one.id),
                "text": one.text,
                "rung": one.rung,
                "quality": quality_body(one.quality, quality_of(one.goals)),
                "resolutions": one.resolutions,
                "diff": diff_body(regeneration.version.text, one.text),
                "is_chosen": one.id == choice.chosen_id,
            }
            for one in choice.variants
        ],
    }


def metrics_body(figures: FirmFigures) -> dict[str, Any]:
    """Return a firm's figures as plain JSON values."""
    per_text = figures.cost.per_text_inr
    plain = {name: value for name, value in asdict(figures).items() if name not in ("since", "cost")}
    return {
        "since": figures.since.isoformat(),
        **plain,
        "from_model_share": figures.from_model_share,
        "cost_inr": float(figures.cost.cost_inr),
        "approved": figures.cost.approved_count,
        "cost_per_approved_inr": None if per_text is None else round(float(per_text), 4),
    }


def diff_body(old: str, new: str) -> list[dict[str, str]]:
    """Return the word diff of two texts as plain JSON values."""
    return [{"kind": piece.kind, "text": piece.text} for piece in word_diff(old, new)]


def links_of(regeneration: Regeneration) -> dict[str, Any]:
    """Return where to read on about an attempt."""
    return {
        "content": item_link(regeneration.item),
        "regeneration": f"/api/v1/regenerations/{regeneration.short_id}",
        "events": "/api/v1/events",
    }
