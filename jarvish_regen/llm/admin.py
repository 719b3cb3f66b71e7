"""Model targets at the desk: which endpoints may be asked, how each does, and when one was left alone.

Keys stay in the environment.
"""

import os
from typing import ClassVar

from django.contrib import admin
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from jarvish_regen.desk import HistoryAdmin, Questions, ReadOnlyAdmin, age, display
from jarvish_regen.llm.models import ModelTarget, TargetAlarm, TargetState

_STATE_LABELS = {"closed": "success", "half_open": "warning", "open": "danger"}


class TargetQuestions(Questions):
    """What somebody asks of the targets."""

    asked: ClassVar = {
        "asked": (_("May be asked"), Q(is_active=True)),
        "resting": (_("Switched off"), Q(is_active=False)),
    }


@admin.register(ModelTarget)
class ModelTargetAdmin(HistoryAdmin):
    """Endpoints beside those given by the environment."""

    list_display = ("name", "model", "vendor", "tier", "is_active", "has_key", "max_concurrency", "base_url")
    list_filter = (TargetQuestions, "tier")
    search_fields = ("name", "model", "vendor", "base_url")
    ordering = ("name",)
    formfield_overrides: ClassVar = {models.URLField: {"assume_scheme": "https"}}
    fieldsets = (
        (None, {"fields": ("name", "is_active", "tier")}),
        (_("Where"), {"fields": ("base_url", "model", "key_variable", "vendor", "region")}),
        (_("How it answers"), {"fields": ("structured_output", "stall_seconds")}),
        (_("Limits and price"), {"fields": ("max_concurrency", "price_in_usd_per_mtok", "price_out_usd_per_mtok")}),
    )

    @display(description=_("key is set"), boolean=True)
    def has_key(self, target: ModelTarget) -> bool:
        return bool(os.environ.get(target.key_variable))


class StateQuestions(Questions):
    """What somebody asks of the states."""

    asked: ClassVar = {
        "failing": (_("Left alone or to be probed"), ~Q(state="closed")),
        "throttled": (_("Asked for patience"), Q(throttled_until__isnull=False)),
    }


@admin.register(TargetState)
class TargetStateAdmin(ReadOnlyAdmin):
    """How each target does, as each process sees it; some seconds old at most."""

    list_display = (
        "target",
        "breaker",
        "lasts",
        "load",
        "usual",
        "first_token",
        "calls",
        "failures",
        "last_error",
        "seen",
        "process",
    )
    list_filter = (StateQuestions,)
    search_fields = ("target", "model", "vendor")
    ordering = ("target", "process")
    fieldsets = (
        (None, {"fields": ("target", "model", "vendor", "region", "tier", "process")}),
        (_("Breaker"), {"fields": ("breaker", "since", "reason", "share", "throttled_until")}),
        (_("Load and pace"), {"fields": ("load", "ewma_ms", "first_token_ms", "p50_ms")}),
        (_("Since the process began"), {"fields": ("calls", "failures", "cost_usd", "last_error")}),
        (_("Seen"), {"fields": ("checked_at", "updated_at")}),
    )

    @display(description=_("State"), label=_STATE_LABELS, ordering="state")
    def breaker(self, row: TargetState) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=_("For"), ordering="since")
    def lasts(self, row: TargetState) -> str:
        return age(row.since)

    @display(description=_("Under way"), ordering="in_flight")
    def load(self, row: TargetState) -> str:
        return f"{row.in_flight} / {row.max_concurrency}"

    @display(description=_("Usual answer"), ordering="ewma_ms")
    def usual(self, row: TargetState) -> str:
        return _milliseconds(row.ewma_ms)

    @display(description=_("First token"), ordering="first_token_ms")
    def first_token(self, row: TargetState) -> str:
        return _milliseconds(row.first_token_ms)

    @display(description=_("Seen"), ordering="updated_at")
    def seen(self, row: TargetState) -> str:
        return age(row.updated_at)


class AlarmQuestions(Questions):
    """What somebody asks of the alarms."""

    asked: ClassVar = {
        "open": (_("Going on"), Q(closed_at__isnull=True)),
        "over": (_("Over"), Q(closed_at__isnull=False)),
    }


@admin.register(TargetAlarm)
class TargetAlarmAdmin(ReadOnlyAdmin):
    """The times in which a target was left alone."""

    list_display = ("target", "opened_at", "closed_at", "lasted", "reason", "process")
    list_filter = (AlarmQuestions,)
    search_fields = ("target", "reason")
    ordering = ("-opened_at",)
    fieldsets = ((None, {"fields": ("target", "reason", "opened_at", "closed_at", "lasted", "process")}),)

    @display(description=_("Lasted"))
    def lasted(self, alarm: TargetAlarm) -> str:
        if alarm.closed_at is None:
            return str(_("goes on"))
        return f"{(alarm.closed_at - alarm.opened_at).total_seconds():.1f} s"


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} ms"
