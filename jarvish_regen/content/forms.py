"""The advisor's own words about themself."""

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from jarvish_regen.content.models import AdvisorProfile, Language, RegistrantType


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """Registration, languages, audience and voice."""

    languages = forms.MultipleChoiceField(
        label=_("You write in"), choices=Language.choices, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = AdvisorProfile
        fields: ClassVar = [
            "registrant_type",
            "registered_name",
            "arn",
            "euin",
            "sebi_number",
            "languages",
            "audience",
            "voice",
            "signature",
            "city",
            "phone",
        ]
        labels: ClassVar = {
            "registrant_type": _("You are"),
            "registered_name": _("Registered name"),
            "audience": _("Who reads you"),
            "voice": _("How you sound"),
            "signature": _("Signature"),
            "city": _("City"),
            "phone": _("Phone"),
        }
        help_texts: ClassVar = {
            "registered_name": _("As on your ARN or SEBI certificate, in English letters."),
            "arn": _("Distributors only. ARN-123456"),
            "euin": _("Distributors only. E123456"),
            "sebi_number": _("Investment advisers only. INA000012345"),
            "audience": _("A sentence about your clients. It guides every rewriting."),
            "voice": _("A sentence: warm, brief, formal …"),
            "signature": _("The lines your messages end with."),
        }
        widgets: ClassVar = {
            "audience": forms.Textarea(attrs={"rows": 2}),
            "voice": forms.Textarea(attrs={"rows": 2}),
            "signature": forms.Textarea(attrs={"rows": 3}),
            "phone": forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
        }

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        needed = "arn" if given.get("registrant_type") == RegistrantType.MFD else "sebi_number"
        if not given.get(needed) and needed not in self.errors:
            self.add_error(needed, _("The law wants this number in your messages."))
        return given
