"""Drafts, versions and rules, as a Django application."""

from django.apps import AppConfig
from django.conf import settings

from jarvish_regen.content.compliance.pack import keep_compiled_in


class ContentConfig(AppConfig):
    name = "jarvish_regen.content"
    label = "content"
    verbose_name = "Content"

    def ready(self) -> None:
        from jarvish_regen.content import receivers  # noqa: F401  registering is what the import is for

        keep_compiled_in(settings.STATE_DIR / "compiled")
