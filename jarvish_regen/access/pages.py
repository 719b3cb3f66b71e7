"""Pages of people and firms: sign-up, invitation, settings, tokens, webhooks, the colour theme, help."""

import uuid

from django.conf import settings as django_settings
from django.contrib import messages
from django.contrib.auth import login
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jarvish_regen.access import services
from jarvish_regen.access.doors import for_viewer, person
from jarvish_regen.access.forms import AcceptForm, InviteForm, NameForm, SignUpForm, TokenForm, WebhookForm
from jarvish_regen.access.models import Firm, Invitation, Membership, Token, User
from jarvish_regen.access.policy import MANAGE_FIRM, Viewer
from jarvish_regen.access.webhooks import add_webhook
from jarvish_regen.access.webhooks import stop_webhook as stop_webhook_of_firm
from jarvish_regen.errors import InputError, NotFoundError
from jarvish_regen.journal.models import WebhookEndpoint

BACKEND = "django.contrib.auth.backends.ModelBackend"
THEMES = ("light", "dark")
THEME_SECONDS = 365 * 24 * 3600


def _say(form: Form, error: InputError) -> None:
    """Put a service's refusal beside the field it is about."""
    form.add_error(error.field if error.field in form.fields else None, error.detail)


@require_http_methods(["GET", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """Open an account for a firm with its first person."""
    if request.user.is_authenticated:
        return redirect("content:items")
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = services.sign_up_firm(**form.cleaned_data)
        except InputError as error:
            _say(form, error)
        else:
            login(request, user, backend=BACKEND)
            messages.success(
                request, _("Welcome. Invite your advisors next; each of them fills in their registration.")
            )
            return redirect("access:settings")
    return render(request, "access/sign_up.html", {"form": form}, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def accept(request: HttpRequest, token: str) -> HttpResponse:
    """Take the place that an invitation offers."""
    try:
        invitation = services.open_invitation(token)
    except NotFoundError as error:
        return render(request, "access/invitation_gone.html", {"detail": error.detail}, status=404)
    form = AcceptForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = services.accept_invitation(token=token, **form.cleaned_data)
        except InputError as error:
            _say(form, error)
        except NotFoundError as error:
            return render(request, "access/invitation_gone.html", {"detail": error.detail}, status=404)
        else:
            login(request, user, backend=BACKEND)
            messages.success(request, _("Welcome to %(firm)s.") % {"firm": invitation.firm.name})
            return redirect(django_settings.LOGIN_REDIRECT_URL)
    return render(
        request, "access/accept.html", {"form": form, "invitation": invitation}, status=400 if form.errors else 200
    )


@require_http_methods(["GET", "POST"])
@for_viewer
def settings(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """Show who somebody is, and where the rest of the settings are; save the name."""
    user = person(request)
    form = NameForm(request.POST or None, initial={"full_name": user.full_name})
    if request.method == "POST" and form.is_valid():
        User.objects.filter(id=user.id).update(full_name=form.cleaned_data["full_name"])
        messages.success(request, _("Saved."))
        return redirect("access:settings")
    manages = viewer.may(MANAGE_FIRM)
    members = (
        Membership.objects.filter(firm_id=viewer.firm_id, user__is_service=False)
        .select_related("user")
        .order_by("user__full_name")
        if manages
        else []
    )
    invitations = (
        Invitation.objects.filter(firm_id=viewer.firm_id, accepted_at=None, expires_at__gt=timezone.now()).order_by(
            "email"
        )
        if manages
        else []
    )
    return render(
        request,
        "access/settings.html",
        {
            "section": "settings",
            "form": form,
            "firm": Firm.objects.get(id=viewer.firm_id),
            "role": Membership(role=viewer.role).get_role_display(),
            "manages": manages,
            "members": [
                {"name": str(member.user), "email": member.user.email, "role": member.get_role_display()}
                for member in members
            ],
            "invitations": [
                {"email": offer.email, "role": offer.get_role_display(), "expires_at": offer.expires_at}
                for offer in invitations
            ],
            "invite_form": InviteForm(),
        },
    )


@require_POST
@for_viewer
def invite(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """Offer somebody a place in the firm by e-mail."""
    viewer.require(MANAGE_FIRM)
    form = InviteForm(request.POST)
    if form.is_valid():
        try:
            services.invite(viewer=viewer, **form.cleaned_data)
        except InputError as error:
            _say(form, error)
        else:
            messages.success(
                request,
                _("The invitation to %(email)s is on its way. It is good for a week.")
                % {"email": form.cleaned_data["email"]},
            )
            return redirect("access:settings")
    return render(request, "access/invite.html", {"section": "settings", "form": form}, status=400)


@require_http_methods(["GET", "POST"])
@for_viewer
def tokens(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """List the tokens that act for the person or the firm's integrations; make one and show it once."""
    manages = viewer.may(MANAGE_FIRM)
    form = TokenForm(request.POST or None, for_integration=manages)
    secret = ""
    if request.method == "POST" and form.is_valid():
        try:
            secret = services.issue_token(viewer=viewer, for_integration=manages, **form.cleaned_data).secret
        except InputError as error:
            _say(form, error)
        else:
            form = TokenForm(for_integration=manages)
    held = Token.objects.filter(user__membership__firm_id=viewer.firm_id).order_by("-created")
    if not manages:
        held = held.filter(user_id=viewer.user_id)
    context = {"section": "settings", "form": form, "tokens": held, "secret": secret, "manages": manages}
    return render(request, "access/tokens.html", context, status=400 if form.errors else 200)


@require_POST
@for_viewer
def revoke_token(request: HttpRequest, viewer: Viewer, token_key: str) -> HttpResponse:
    """End a token at once."""
    services.revoke_token(viewer=viewer, token_key=token_key)
    messages.success(request, _("The token is revoked. Calls with it are refused from now on."))
    return redirect("access:tokens")


@require_http_methods(["GET", "POST"])
@for_viewer
def webhooks(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """List where the firm's events go; add an address and show its signing secret once."""
    viewer.require(MANAGE_FIRM)
    form = WebhookForm(request.POST or None)
    made: WebhookEndpoint | None = None
    if request.method == "POST" and form.is_valid():
        try:
            made = add_webhook(viewer=viewer, **form.cleaned_data)
        except InputError as error:
            _say(form, error)
        else:
            form = WebhookForm()
    endpoints = WebhookEndpoint.objects.filter(firm_id=viewer.firm_id, is_active=True).order_by("-created_at")
    context = {"section": "settings", "form": form, "endpoints": endpoints, "made": made}
    return render(request, "access/webhooks.html", context, status=400 if form.errors else 200)


@require_POST
@for_viewer
def stop_webhook(request: HttpRequest, viewer: Viewer, endpoint_id: uuid.UUID) -> HttpResponse:
    """Stop telling an address."""
    stop_webhook_of_firm(viewer=viewer, endpoint_id=endpoint_id)
    messages.success(request, _("This address is told nothing more."))
    return redirect("access:webhooks")


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Switch between light and dark, for browsers without JavaScript; the script sets the same cookie."""
    wanted = "light" if request.COOKIES.get("theme") == "dark" else "dark"
    back = request.headers.get("referer", "")
    is_ours = url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    response = redirect(back if is_ours else django_settings.LOGIN_REDIRECT_URL)
    response.set_cookie("theme", wanted, max_age=THEME_SECONDS, samesite="Lax", secure=request.is_secure())
    return response


@require_GET
def help_page(request: HttpRequest) -> HttpResponse:
    """Say how the product works, in a screen."""
    return render(request, "access/help.html", {"section": "help"})
