"""The roof: every address of the product."""

from django.contrib import admin
from django.urls import include, path, register_converter
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView

from jarvish_regen import health, metrics
from jarvish_regen.caching import public_page
from jarvish_regen.ids import PREFIXES, converter_for

for kind, prefix in PREFIXES.items():
    register_converter(converter_for(kind), prefix)

api_urlpatterns = [
    path("", include("jarvish_regen.access.api.urls")),
    path("", include("jarvish_regen.content.api.urls")),
    path("", include("feedback.api.urls")),
    path("", include("regeneration.api.urls")),
    path("", include("escalation.api.urls")),
]

urlpatterns = [
    path("", include("jarvish_regen.content.urls")),
    path("", include("feedback.urls")),
    path("", include("regeneration.urls")),
    path("", include("escalation.urls")),
    path("", include("jarvish_regen.access.urls")),
    path("", include("learning.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include((api_urlpatterns, "api"))),
    path("api/schema/", public_page(seconds=3600, tag="api-docs")(SpectacularAPIView.as_view()), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("api/redoc/", SpectacularRedocView.as_view(url_name="schema", template_name="redoc.html"), name="redoc"),
    path("health/live", health.live, name="health_live"),
    path("health/ready", health.ready, name="health_ready"),
    path("metrics", metrics.metrics, name="metrics"),
]

handler403 = "django.views.defaults.permission_denied"
handler404 = "django.views.defaults.page_not_found"
handler500 = "django.views.defaults.server_error"
