"""Drafts at the desk: who speaks, the drafts, their versions with what the rules said."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from jarvish_regen.content.models import AdvisorProfile, ContentItem, ContentVersion
from jarvish_regen.content.states import ItemState
from jarvish_regen.desk import HistoryAdmin, Questions, ReadOnlyAdmin, ReadOnlyInline, age, display, link, prose

STATE_LABELS = {
    str(ItemState.IN_REVIEW.label): "info",
    str(ItemState.REGENERATING.label): "primary",
    str(ItemState.WITH_PEOPLE.label): "warning",
    str(ItemState.APPROVED.label): "success",
}
BAND_LABELS = {"green": "success", "amber": "warning", "red": "danger"}


def item_link(item: ContentItem) -> SafeString:
    """Return a link to a draft's page at the desk."""
    return link(reverse("admin:content_contentitem_change", args=[item.pk]), item.short_id)


def version_link(version: ContentVersion | None) -> str | SafeString:
    """Return a link to a version's page at the desk, or a dash."""
    if version is None:
        return "–"
    words = gettext("version %(number)s") % {"number": version.number}
    return link(reverse("admin:content_contentversion_change", args=[version.pk]), words)


def findings_table(findings: Iterable[Mapping[str, Any]], *, none: str = "") -> SafeString:
    """Return what the rules found, worst first: how bad, what in words, and the words it is about."""
    order = {"critical": 0, "major": 1, "minor": 2}
    rows = sorted(findings, key=lambda finding: order.get(finding["severity"], 3))
    if not rows:
        return format_html("<p>{}</p>", none or gettext("The rules found nothing."))
    body = format_html_join(
        "",
        '<tr><td><span class="desk-severity desk-severity-{}">{}</span></td><td>{}{}</td><td>{}</td></tr>',
        (
            (
                finding["severity"],
                finding["severity"],
                finding["message"],
                format_html('<q class="desk-quote" dir="auto">{}</q>', finding["span"]) if finding.get("span") else "",
                finding["rule"],
            )
            for finding in rows
        ),
    )
    return format_html('<table class="desk-findings"><tbody>{}</tbody></table>', body)


@admin.register(AdvisorProfile)
class AdvisorProfileAdmin(HistoryAdmin):
    """In whose name texts speak. The registration number shown here is the one the rules ask for."""

    firm_path = "firm_id"
    list_display = ("registered_name", "registration_no", "registrant_type", "firm", "user", "shown_languages")
    list_filter = ("registrant_type",)
    list_select_related = ("firm", "user")
    search_fields = ("registered_name", "arn", "euin", "sebi_number", "user__email")
    autocomplete_fields = ("user", "firm")
    ordering = ("registered_name",)
    fieldsets = (
        (None, {"fields": ("firm", "user", "registered_name")}),
        (_("Registration"), {"fields": ("registrant_type", "arn", "euin", "sebi_number")}),
        (_("Voice"), {"fields": ("languages", "audience", "voice", "signature", "city", "phone")}),
    )

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    @display(description=_("languages"))
    def shown_languages(self, profile: AdvisorProfile) -> str:
        return ", ".join(profile.languages)


class ItemQuestions(Questions):
    """What somebody asks of the drafts."""

    asked: ClassVar = {
        "people": (_("Waiting for a person"), Q(state=ItemState.WITH_PEOPLE)),
        "critical": (
            _("Failed a critical rule on arrival"),
            Q(Exists(ContentVersion.objects.filter(item=OuterRef("pk"), number=1, has_critical=True))),
        ),
        "review": (_("Waiting for the advisor"), Q(state=ItemState.IN_REVIEW)),
        "rewriting": (_("Being rewritten"), Q(state=ItemState.REGENERATING)),
        "blocked": (
            _("Current text breaks a rule"),
            ~Q(state__in=[ItemState.APPROVED, ItemState.WITHDRAWN]) & Q(current__is_admissible=False),
        ),
    }


class VersionInline(ReadOnlyInline):
    """The texts of one draft, newest first."""

    model = ContentVersion
    fk_name = "item"
    fields = ("shown_version", "origin", "band", "is_admissible", "created_at")
    ordering = ("-number",)
    verbose_name_plural = _("Versions")

    @display(description=_("text"))
    def shown_version(self, version: ContentVersion) -> str:
        return version_link(version)


@admin.register(ContentItem)
class ContentItemAdmin(ReadOnlyAdmin):
    """Drafts and where they stand. A draft moves by what people and the machine do, never by editing its state."""

    firm_path = "firm_id"
    short_kind = "item"
    text_columns = frozenset({"shown_draft", "topic", "shown_text", "shown_findings", "shown_facts"})
    list_display = ("shown_draft", "shown_id", "shown_state", "shown_band", "shown_critical", "advisor", "since")
    list_filter = (ItemQuestions, "channel", "language")
    list_select_related = ("advisor", "current", "firm")
    search_fields = ("external_id", "advisor__registered_name")
    ordering = ("-created_at",)
    inlines = (VersionInline,)
    fieldsets = (
        (
            None,
            {"fields": ("shown_id", "shown_state", "channel", "language", "advisor", "firm", "external_id", "slot_at")},
        ),
        (_("Current text"), {"fields": ("topic", "shown_text", "shown_findings", "shown_facts")}),
        (_("Times"), {"fields": ("created_at", "changed_at")}),
    )

    def get_list_display(self, request: HttpRequest) -> list[str]:
        """Name a draft by its topic where that may be read, and by its id alone where not."""
        shown = list(super().get_list_display(request))
        return [name for name in shown if name != "shown_id"] if "shown_draft" in shown else shown

    def rows_with_id(self, found: Any) -> Q:
        return Q(pk=found) | Q(versions__id=found) | Q(advisor_id=found)

    @display(description=_("draft"), ordering="topic", header=True)
    def shown_draft(self, item: ContentItem) -> list[str]:
        said = f"{item.get_channel_display()}, {item.get_language_display()}"
        return [item.topic or said, f"{said} · {item.short_id}"]

    @display(description=_("id"))
    def shown_id(self, item: ContentItem) -> str:
        return item.short_id

    @display(description=_("state"), ordering="state", label=STATE_LABELS)
    def shown_state(self, item: ContentItem) -> str:
        return str(ItemState(item.state).label)

    @display(description=_("risk"), ordering="current__risk_score", label=BAND_LABELS)
    def shown_band(self, item: ContentItem) -> str | None:
        return item.current.band if item.current else None

    @display(description=_("rules"), ordering="current__has_critical", label={"critical": "danger"}, empty_value="–")
    def shown_critical(self, item: ContentItem) -> str | None:
        return "critical" if item.current and item.current.has_critical else None

    @display(description=_("text"))
    def shown_text(self, item: ContentItem) -> str:
        return prose(item.current.text if item.current else "")

    @display(description=_("the rules say"))
    def shown_findings(self, item: ContentItem) -> str:
        return findings_table(item.current.findings if item.current else ())

    @display(description=_("approved facts"))
    def shown_facts(self, item: ContentItem) -> str:
        return "; ".join(item.approved_facts) or "–"

    @display(description=_("age"), ordering="created_at")
    def since(self, item: ContentItem) -> str:
        return age(item.created_at)


class VersionQuestions(Questions):
    """What somebody asks of the texts."""

    asked: ClassVar = {
        "critical": (_("Breaks a critical rule"), Q(has_critical=True)),
        "blocked": (_("May not be used"), Q(is_admissible=False)),
        "arrived_bad": (_("Failed a critical rule on arrival"), Q(number=1, has_critical=True)),
    }


@admin.register(ContentVersion)
class ContentVersionAdmin(ReadOnlyAdmin):
    """Texts as they were written, each with what the rules said of it then."""

    firm_path = "item__firm_id"
    short_kind = "version"
    text_columns = frozenset({"shown_text", "shown_findings"})
    list_display = (
        "shown_id",
        "shown_item",
        "number",
        "origin",
        "shown_band",
        "is_admissible",
        "shown_critical",
        "since",
    )
    list_filter = (VersionQuestions, "origin")
    list_select_related = ("item",)
    ordering = ("-created_at",)
    fieldsets = (
        (None, {"fields": ("shown_id", "shown_item", "number", "origin", "content_class", "created_at")}),
        (_("Text"), {"fields": ("shown_text",)}),
        (_("Rules"), {"fields": ("shown_band", "risk_score", "is_admissible", "shown_findings", "pack_sha256")}),
    )

    def rows_with_id(self, found: Any) -> Q:
        return Q(pk=found) | Q(item_id=found)

    @display(description=_("id"))
    def shown_id(self, version: ContentVersion) -> str:
        return version.short_id

    @display(description=_("draft"))
    def shown_item(self, version: ContentVersion) -> str:
        return item_link(version.item)

    @display(description=_("risk"), ordering="risk_score", label=BAND_LABELS)
    def shown_band(self, version: ContentVersion) -> str:
        return version.band

    @display(description=_("rules"), ordering="has_critical", label={"critical": "danger"}, empty_value="–")
    def shown_critical(self, version: ContentVersion) -> str | None:
        return "critical" if version.has_critical else None

    @display(description=_("text"))
    def shown_text(self, version: ContentVersion) -> str:
        return prose(version.text)

    @display(description=_("the rules say"))
    def shown_findings(self, version: ContentVersion) -> str:
        return findings_table(version.findings)

    @display(description=_("age"), ordering="created_at")
    def since(self, version: ContentVersion) -> str:
        return age(version.created_at)
