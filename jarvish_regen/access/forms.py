"""Forms of sign-up, invitation and settings: shapes with words. The services decide."""

from typing import Any

from django import forms
from django.core.validators import URLValidator
from django.utils.translation import gettext_lazy as _

from jarvish_regen.access.models import Role, Scope
from jarvish_regen.access.services import INVITABLE_ROLES

WEBHOOK_KINDS = [
    ("version.approved", _("A text was approved")),
    ("version.ready", _("A new version is ready")),
    ("case.moved", _("A case changes hands")),
]


def _password() -> forms.CharField:
    return forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 8 characters, not only digits."),
    )


class SignUpForm(forms.Form):
    firm_name = forms.CharField(
        label=_("Name of your firm"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "organization"})
    )
    full_name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    email = forms.EmailField(label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    password = _password()


class AcceptForm(forms.Form):
    full_name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password = _password()


class NameForm(forms.Form):
    full_name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )


class InviteForm(forms.Form):
    email = forms.EmailField(label=_("E-mail"))
    role = forms.ChoiceField(label=_("Role"), choices=[(str(role), Role(role).label) for role in INVITABLE_ROLES])


class TokenForm(forms.Form):
    """A token for the person themself, or, for the firm's administrator, for an integration."""

    name = forms.CharField(label=_("What is it for?"), max_length=80)
    scopes = forms.MultipleChoiceField(label=_("It may"), widget=forms.CheckboxSelectMultiple)
    days = forms.TypedChoiceField(
        label=_("It ends after"),
        coerce=int,
        choices=[(30, _("30 days")), (90, _("90 days")), (365, _("a year"))],
        initial=90,
    )

    def __init__(self, *args: Any, for_integration: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [choice for choice in Scope.choices if not (for_integration and choice[0] == Scope.APPROVE)]
        self.fields["scopes"].choices = offered  # type: ignore[attr-defined]


class WebhookForm(forms.Form):
    url = forms.CharField(
        label=_("Address"),
        max_length=500,
        validators=[URLValidator(schemes=["https"])],
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
    )
    kinds = forms.MultipleChoiceField(
        label=_("Tell it when"), choices=WEBHOOK_KINDS, widget=forms.CheckboxSelectMultiple
    )
