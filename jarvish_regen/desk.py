"""What every page of the admin shares: whose rows and which texts somebody sees, and what cannot be edited by anyone.

The desk is for staff: reviewers see their own firm, operations see every firm with client texts masked, administrators
see all. A row that is not somebody's to see is not there.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.decorators import action as unfold_action
from unfold.decorators import display as unfold_display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from jarvish_regen.errors import JarvishError
from jarvish_regen.ids import from_short, to_short

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

OPERATIONS: Final = "operations"
ANALYST: Final = "analyst"
ADMINISTRATOR: Final = "administrator"
STAFF_GROUPS: Final = (OPERATIONS, ANALYST, ADMINISTRATOR)
MASKED: Final = _("Masked: your role sees no client texts.")

_F = TypeVar("_F", bound=Callable[..., Any])
_FIELD_LOOKUPS: Final = ("", "__exact", "__isnull")


@dataclass(frozen=True)
class Sight:
    """What somebody sees of the desk: every firm's rows or one firm's (none without a place in one), and the texts."""

    sees_all_firms: bool
    firm_id: uuid.UUID | None
    sees_texts: bool


def sight_of(request: HttpRequest) -> Sight:
    """Return what the request's person sees; two queries, once a request."""
    kept: Sight | None = getattr(request, "_desk_sight", None)
    if kept is None:
        kept = _sight(request.user)
        request._desk_sight = kept  # type: ignore[attr-defined]  # one request, one answer
    return kept


def _sight(user: Any) -> Sight:
    if isinstance(user, AnonymousUser):
        return Sight(False, None, False)
    if user.is_superuser:
        return Sight(True, None, True)
    groups = set(user.groups.values_list("name", flat=True))
    if ADMINISTRATOR in groups:
        return Sight(True, None, True)
    if OPERATIONS in groups:
        return Sight(True, None, False)
    membership = getattr(user, "membership", None)
    return Sight(False, membership.firm_id if membership else None, membership is not None)


def display(**options: Any) -> Callable[[_F], _F]:
    """Say how a method shows in lists and on pages: Unfold's decorator, typed."""
    decorate: Callable[[_F], _F] = unfold_display(**options)
    return decorate


def button(**options: Any) -> Callable[[_F], _F]:
    """Make a method a button of the page: Unfold's decorator, typed.

    Give it a `dialog`: a button without one acts on GET, which anybody's link can do.
    """
    decorate: Callable[[_F], _F] = unfold_action(**options)
    return decorate


class ScopedAdmin(ModelAdmin):
    """A list and page of rows that belong to firms.

    Set `firm_path` to the lookup that leads to the firm's id; rows without a firm are for staff of the operator only.
    Set `short_kind` to the kind of the primary key's short form, so that pasting it into the search finds the row.
    Name in `text_columns` what shows a client's words: it is left out for who sees no texts.
    """

    firm_path: ClassVar[str] = ""
    short_kind: ClassVar[str] = ""
    text_columns: ClassVar[frozenset[str]] = frozenset()
    list_per_page = 50
    show_full_result_count = False  # a second count of the whole table says nothing that decides
    list_fullwidth = True
    compressed_fields = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Keep the rows that exist for the person."""
        rows: QuerySet[Any] = super().get_queryset(request)
        sight = sight_of(request)
        if sight.sees_all_firms:
            return rows
        if not self.firm_path or sight.firm_id is None:
            return rows.none()
        return rows.filter(**{self.firm_path: sight.firm_id})

    def get_list_display(self, request: HttpRequest) -> Sequence[Any]:
        """Leave out the columns with clients' words where they are not to be seen."""
        shown = super().get_list_display(request)
        return shown if sight_of(request).sees_texts else [name for name in shown if name not in self.text_columns]

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Leave out the fields with clients' words where they are not to be seen, and say so."""
        fieldsets = super().get_fieldsets(request, obj)
        if sight_of(request).sees_texts or not self.text_columns:
            return fieldsets
        return masked_fieldsets(fieldsets, self.text_columns)

    @display(description=_("Texts"))
    def masked(self, row: Model) -> str:
        """Say that something is left out."""
        return str(MASKED)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Allow the lookups of the declared filters only: a hidden column must not be guessed letter by letter."""
        filters = self.list_filter if request is None else self.get_list_filter(request)
        if any(getattr(entry, "parameter_name", None) == lookup for entry in filters):
            return True
        names = [entry[0] if isinstance(entry, tuple) else entry for entry in filters]
        return any(lookup == f"{name}{suffix}" for name in names if isinstance(name, str) for suffix in _FIELD_LOOKUPS)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find a row by its id, short or long; else by the declared fields."""
        found = id_in(search_term, self.short_kind)
        if found is not None:
            return queryset.filter(self.rows_with_id(found)), False
        rows, may_repeat = super().get_search_results(request, queryset, search_term)
        if search_term and not self.get_search_fields(request):
            return queryset.none(), False
        return rows, may_repeat

    def rows_with_id(self, found: uuid.UUID) -> Q:
        """Return the condition that a pasted id means. Extend it where other ids lead to the row as well."""
        return Q(pk=found)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the history of a row that exists for the person, and of no other."""
        self.require_object(request, object_id)
        return super().history_view(request, object_id, extra_context)

    def require_object(self, request: HttpRequest, object_id: str) -> Any:
        """Return the row of an address, for who may look at such rows at all.

        Raises:
            PermissionDenied: the person's role sees no such rows.
            Http404: this one is not there, or not the person's to see.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_object(request, unquote(str(object_id)))
        if found is None:
            raise Http404(gettext("There is no such row."))
        return found


class ReadOnlyAdmin(ScopedAdmin):
    """Facts: looked at, never added, changed or deleted by hand, not even by superusers."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[str]:
        return flatten_fieldsets(self.get_fieldsets(request, obj))


class HistoryAdmin(SimpleHistoryAdmin, ScopedAdmin):
    """Rows that people edit, with what they were before. Looking back never writes: an old state is typed in again."""

    def revert_disabled(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the history of a row that exists for the person: the library would show that of any row."""
        self.require_object(request, object_id)
        return super().history_view(request, object_id, extra_context)

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Show one former state. The library scopes nothing here and would save a POST from whoever may look."""
        if request.method != "GET":
            raise PermissionDenied
        self.require_object(request, object_id)
        return super().history_form_view(request, object_id, version_id, extra_context)


class ReadOnlyInline(TabularInline):
    """Facts under the row they belong to. `text_columns` as for ScopedAdmin."""

    text_columns: ClassVar[frozenset[str]] = frozenset()
    extra = 0
    can_delete = False
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[str]:
        return flatten_fieldsets(self.get_fieldsets(request, obj))

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Leave out the fields with clients' words where they are not to be seen."""
        fields = list(self.fields or ())
        if not sight_of(request).sees_texts:
            fields = [name for name in fields if name not in self.text_columns]
        return [(None, {"fields": fields})]


class ReadOnlyStack(StackedInline):
    """As ReadOnlyInline, one below the other: for texts, which need the width."""

    text_columns: ClassVar[frozenset[str]] = frozenset()
    extra = 0
    can_delete = False
    get_fieldsets = ReadOnlyInline.get_fieldsets
    has_add_permission = ReadOnlyInline.has_add_permission
    has_change_permission = ReadOnlyInline.has_change_permission
    has_delete_permission = ReadOnlyInline.has_delete_permission
    get_readonly_fields = ReadOnlyInline.get_readonly_fields


class Questions(SimpleListFilter):
    """A filter whose choices are questions somebody comes with. `asked` maps a word to its label and condition.

    With a `default`, the list opens with that question asked, and “All” is one of the choices.
    """

    title = _("Show")
    parameter_name = "ask"
    default: ClassVar[str] = ""
    asked: ClassVar[Mapping[str, tuple["StrOrPromise", Q]]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> "list[tuple[str, StrOrPromise]]":
        return [(word, label) for word, (label, _condition) in self.asked.items()]

    def value(self) -> str | None:
        return super().value() or self.default or None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = self.asked.get(self.value() or "")
        return queryset.filter(known[1]) if known else queryset

    def choices(self, changelist: Any) -> Iterator[Any]:
        shown = super().choices(changelist)
        if self.default:
            next(shown)  # Django's own “All” would come back to the default
        yield from shown


class ReasonForm(BaseDialogForm):
    """Asks why: the answer goes into the audit trail."""

    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "autofocus": True})
    )


def masked_fieldsets(fieldsets: Sequence[Any], text_columns: frozenset[str]) -> list[tuple[Any, dict[str, Any]]]:
    """Return fieldsets without the given names; one that loses all its fields says that they are masked."""
    kept: list[tuple[Any, dict[str, Any]]] = []
    for title, options in fieldsets:
        fields = [name for name in options["fields"] if name not in text_columns]
        kept.append((title, {**options, "fields": fields or ["masked"]}))
    return kept


def id_in(given: str, short_kind: str) -> uuid.UUID | None:
    """Return the UUID that somebody pasted, in its short or its long form; None for other words."""
    words = given.strip()
    try:
        return from_short(short_kind, words) if short_kind and "_" in words else uuid.UUID(words)
    except ValueError:
        return None


def short(kind: str, value: uuid.UUID | None) -> str:
    """Return the outside form of an id, or a dash."""
    return to_short(kind, value) if value else "–"


def actor_of(request: HttpRequest) -> uuid.UUID:
    """Return who presses a button. The desk lets nobody in who is not signed in."""
    if request.user.pk is None:
        raise PermissionDenied
    return request.user.pk


def act(request: HttpRequest, work: Callable[[], Any], *, done: str, back: str) -> HttpResponse:
    """Run one service for a button, say what came of it, and return to a page."""
    try:
        work()
    except JarvishError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, done)
    # A dialog posts through htmx, which follows this header; a plain form follows the redirect.
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": back})
    return HttpResponseRedirect(back)


def prose(text: str) -> SafeString:
    """Return a text as it was written: its lines kept, its markup inert."""
    return format_html('<div class="desk-prose" dir="auto">{}</div>', text) if text else SafeString("–")


def facts(lines: Iterable[tuple[object, object]]) -> SafeString:
    """Return pairs of a name and a value as a small table."""
    rows = format_html_join("", "<tr><th>{}</th><td>{}</td></tr>", lines)
    return format_html('<table class="desk-facts"><tbody>{}</tbody></table>', rows) if rows else SafeString("–")


def bullets(lines: Iterable[object]) -> SafeString:
    """Return lines as a list."""
    rows = format_html_join("", "<li>{}</li>", ((line,) for line in lines))
    return format_html('<ul class="desk-list">{}</ul>', rows) if rows else SafeString("–")


def link(address: str, words: object) -> SafeString:
    """Return a link within the desk."""
    return format_html('<a class="desk-link" href="{}">{}</a>', address, words)


def age(since: datetime | None) -> str:
    """Return how long ago something was, in the largest unit: 3 minutes, 2 days."""
    if since is None:
        return "–"
    return timesince(since, timezone.now(), depth=1)


def words_of(code: str) -> str:
    """Return a code as words: `missing_risk_warning` reads as Missing risk warning."""
    return re.sub(r"[_.]+", " ", code).strip().capitalize()
