"""Model targets at the desk: which endpoints may be asked. Keys stay in the environment."""

import os
from typing import ClassVar

from django.contrib import admin
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from jarvish_regen.desk import HistoryAdmin, Questions, display
from jarvish_regen.llm.models import ModelTarget


class TargetQuestions(Questions):
    """What somebody asks of the targets."""

    asked: ClassVar = {
        "asked": (_("May be asked"), Q(is_active=True)),
        "resting": (_("Switched off"), Q(is_active=False)),
    }


@admin.register(ModelTarget)
class ModelTargetAdmin(HistoryAdmin):
    """Endpoints beside the one given by the environment."""

    list_display = ("name", "model", "tier", "is_active", "has_key", "max_concurrency", "base_url")
    list_filter = (TargetQuestions, "tier")
    search_fields = ("name", "model", "base_url")
    ordering = ("name",)
    formfield_overrides: ClassVar = {models.URLField: {"assume_scheme": "https"}}
    fieldsets = (
        (None, {"fields": ("name", "is_active", "tier")}),
        (_("Where"), {"fields": ("base_url", "model", "key_variable")}),
        (_("Limits and price"), {"fields": ("max_concurrency", "price_in_usd_per_mtok", "price_out_usd_per_mtok")}),
    )

    @display(description=_("key is set"), boolean=True)
    def has_key(self, target: ModelTarget) -> bool:
        return bool(os.environ.get(target.key_variable))
