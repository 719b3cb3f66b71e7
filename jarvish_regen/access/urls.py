"""Pages of people and firms."""

from django.conf import settings
from django.urls import path
from django.views.generic import RedirectView

from jarvish_regen.access import pages

app_name = "access"
urlpatterns = [
    path("sign-up/", pages.sign_up, name="sign_up"),
    path("invitation/<str:token>/", pages.accept, name="accept"),
    path("settings/", pages.settings, name="settings"),
    path("settings/invite/", pages.invite, name="invite"),
    path("settings/tokens/", pages.tokens, name="tokens"),
    path("settings/tokens/<str:token_key>/revoke/", pages.revoke_token, name="revoke_token"),
    path("settings/webhooks/", pages.webhooks, name="webhooks"),
    path("settings/webhooks/<uuid:endpoint_id>/stop/", pages.stop_webhook, name="stop_webhook"),
    path("theme/", pages.theme, name="theme"),
    path("help/", pages.help_page, name="help"),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}img/favicon.svg", permanent=True)),
]
