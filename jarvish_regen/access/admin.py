"""People at the desk: firms, accounts, places, tokens, invitations, roles."""

from typing import Any, ClassVar

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group
from django.db.models import Count, Model, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from knox.models import AuthToken

from jarvish_regen.access import services
from jarvish_regen.access.models import Firm, Invitation, Membership, Role, Token, User
from jarvish_regen.desk import (
    STAFF_GROUPS,
    HistoryAdmin,
    Questions,
    ReadOnlyAdmin,
    ReasonForm,
    act,
    actor_of,
    age,
    button,
    display,
    link,
    short,
)

# What libraries register shows digests, secrets and keys, or is edited past our services.
for library_model in (EmailAddress, Authenticator, AuthToken, Group):
    if admin.site.is_registered(library_model):
        admin.site.unregister(library_model)

# Django's own login knows neither the rate limit nor the second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.index_title = _("Everything at the desk")


@admin.register(Group)
class GroupAdmin(ReadOnlyAdmin):
    """Roles as permission groups. They are laid out from the fixture at every migration."""

    list_display = ("name", "people", "allowed")
    fields = ("name", "shown_permissions")
    search_fields = ("name",)
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        rows = rows.annotate(people=Count("user", distinct=True), allowed=Count("permissions", distinct=True))
        return rows

    @display(description=_("people"), ordering="people")
    def people(self, group: Any) -> int:
        return int(group.people)

    @display(description=_("permissions"), ordering="allowed")
    def allowed(self, group: Any) -> int:
        return int(group.allowed)

    @display(description=_("may"))
    def shown_permissions(self, group: Group) -> str:
        rows = group.permissions.select_related("content_type").order_by("content_type__app_label", "codename")
        return ", ".join(f"{row.content_type.app_label}.{row.codename}" for row in rows) or "–"


@admin.register(Firm)
class FirmAdmin(HistoryAdmin):
    """The walls behind which texts stay."""

    firm_path = "id"
    short_kind = "firm"
    list_display = ("name", "shown_id", "compliance_profile", "people", "since")
    list_filter = ("compliance_profile",)
    search_fields = ("name", "slug")
    fields = ("name", "slug", "compliance_profile")
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).annotate(people=Count("membership"))
        return rows

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @display(description=_("id"))
    def shown_id(self, firm: Firm) -> str:
        return short("firm", firm.id)

    @display(description=_("people"), ordering="people")
    def people(self, firm: Any) -> int:
        return int(firm.people)

    @display(description=_("age"), ordering="created_at")
    def since(self, firm: Firm) -> str:
        return age(firm.created_at)


class UserQuestions(Questions):
    """What somebody asks of accounts."""

    asked: ClassVar = {
        "staff": (_("May come to the desk"), Q(is_staff=True)),
        "services": (_("Integrations"), Q(is_service=True)),
        "placeless": (_("No place in a firm"), Q(membership__isnull=True)),
        "closed": (_("Closed accounts"), Q(is_active=False)),
    }


@admin.register(User)
class UserAdmin(HistoryAdmin):
    """People and service accounts. An account is closed, never deleted: what it did keeps its name."""

    firm_path = "membership__firm_id"
    short_kind = "user"
    list_display = ("email", "full_name", "shown_place", "is_staff", "is_active", "last_login")
    list_filter = (UserQuestions,)
    list_select_related = ("membership__firm",)
    search_fields = ("email", "full_name")
    ordering = ("email",)
    fieldsets = (
        (None, {"fields": ("email", "full_name", "is_active")}),
        (_("At the desk"), {"fields": ("is_staff", "groups", "shown_place", "is_superuser")}),
        (_("Account"), {"fields": ("is_service", "last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "full_name", "is_staff", "groups")}),)
    readonly_fields = ("shown_place", "is_superuser", "is_service", "last_login", "date_joined")
    filter_horizontal = ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keep superusers' accounts to superusers: whoever changes an address can have its password reset."""
        is_above = obj is not None and obj.is_superuser and not getattr(request.user, "is_superuser", False)
        return bool(super().has_change_permission(request, obj)) and not is_above

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            # The groups of a firm's roles come with the place in the firm.
            kwargs["queryset"] = Group.objects.filter(name__in=STAFF_GROUPS)
            kwargs["required"] = False
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save an account; a new one has no password until its owner asks for a link to set one."""
        obj.email = obj.email.lower()
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the groups and keep the one that comes with the person's place."""
        super().save_related(request, form, formsets, change)
        membership = getattr(form.instance, "membership", None)
        if membership is not None:
            form.instance.groups.add(*Group.objects.filter(name=membership.role))

    @display(description=_("place"), empty_value="–")
    def shown_place(self, user: User) -> str | None:
        membership = getattr(user, "membership", None)
        return f"{Role(membership.role).label}, {membership.firm.name}" if membership else None


@admin.register(Membership)
class MembershipAdmin(HistoryAdmin):
    """A person's one place: the firm, and the role there."""

    firm_path = "firm_id"
    list_display = ("user", "role", "firm")
    list_filter = ("role",)
    list_select_related = ("user", "firm")
    search_fields = ("user__email", "user__full_name", "firm__name")
    short_kind = "user"
    fields = ("user", "firm", "role")
    autocomplete_fields = ("user", "firm")
    ordering = ("firm__name", "user__email")

    def rows_with_id(self, found: Any) -> Q:
        return Q(user_id=found) | Q(firm_id=found)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("user",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        """Give the place through the service, which keeps the permission group with it."""
        kept = services.give_place(firm=obj.firm, user=obj.user, role=obj.role)
        obj.pk = kept.pk

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        services.take_place(membership=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for membership in queryset.select_related("user"):
            services.take_place(membership=membership)


class TokenQuestions(Questions):
    """What somebody asks of tokens."""

    asked: ClassVar = {
        "unused": (_("Never used"), Q(last_used_at__isnull=True)),
        "ended": (_("Expired"), Q(expiry__lt=Now())),
        "endless": (_("Never ends"), Q(expiry__isnull=True)),
    }


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin):
    """What acts for people. A row's key is the token's digest, so pages and addresses name it by its first letters."""

    firm_path = "user__membership__firm_id"
    list_display = ("shown_name", "token_key", "shown_owner", "shown_scopes", "last_used_at", "expiry")
    list_display_links = None
    list_filter = (TokenQuestions,)
    list_select_related = ("user",)
    search_fields = ("name", "token_key", "user__email")
    fields = ("name", "token_key", "shown_owner", "shown_scopes", "created", "expiry", "last_used_at")
    ordering = ("-created",)
    actions = None
    actions_detail = ("revoke",)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Token | None:
        """Return a token by the first letters; its digest is taken off the row before anything can show it."""
        found: Token | None = self.get_queryset(request).select_related("user").filter(token_key=object_id).first()
        if found is not None:
            found.digest = found.token_key
        return found

    @display(description=_("name"), ordering="name")
    def shown_name(self, token: Token) -> SafeString:
        return link(reverse("admin:access_token_change", args=[quote(token.token_key)]), token.name)

    @display(description=_("acts for"), ordering="user__email")
    def shown_owner(self, token: Token) -> str:
        return str(token.user)

    @display(description=_("may"))
    def shown_scopes(self, token: Token) -> str:
        return ", ".join(token.scopes)

    def has_revoke_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(request.user.has_perm("access.delete_token"))

    @button(
        description=_("Revoke"),
        icon="key_off",
        permissions=["revoke"],
        dialog={
            "title": _("Revoke this token?"),
            "description": _("Whatever uses it stops working at once. It cannot be brought back."),
            "form_class": ReasonForm,
            "form_submit_text": _("Revoke"),
        },
    )
    def revoke(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        """Revoke a token in its firm's stead."""
        token = self.require_object(request, object_id)
        return act(
            request,
            lambda: services.revoke_as_staff(
                token_key=token.token_key, actor_id=actor_of(request), reason=form.cleaned_data["reason"]
            ),
            done=gettext("The token is revoked."),
            back=reverse("admin:access_token_changelist"),
        )


class InvitationQuestions(Questions):
    """What somebody asks of invitations."""

    asked: ClassVar = {
        "open": (_("Still open"), Q(accepted_at__isnull=True, expires_at__gt=Now())),
        "expired": (_("Expired unanswered"), Q(accepted_at__isnull=True, expires_at__lte=Now())),
        "accepted": (_("Accepted"), Q(accepted_at__isnull=False)),
    }


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Places offered by e-mail. Firms offer them; the link itself is not shown."""

    firm_path = "firm_id"
    short_kind = "invitation"
    list_display = ("email", "shown_firm", "role", "shown_sender", "expires_at", "accepted_at")
    fields = ("email", "shown_firm", "role", "shown_sender", "created_at", "expires_at", "accepted_at")
    list_filter = (InvitationQuestions,)
    list_select_related = ("firm", "invited_by")
    search_fields = ("email", "firm__name")
    ordering = ("-created_at",)

    @display(description=_("firm"), ordering="firm__name")
    def shown_firm(self, invitation: Invitation) -> str:
        return invitation.firm.name

    @display(description=_("from"))
    def shown_sender(self, invitation: Invitation) -> str:
        return str(invitation.invited_by or "–")
