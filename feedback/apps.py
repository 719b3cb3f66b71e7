"""Rejections, as a Django application: its receivers listen from here on."""

from django.apps import AppConfig


class FeedbackConfig(AppConfig):
    name = "feedback"
    label = "feedback"
    verbose_name = "Feedback"

    def ready(self) -> None:
        from feedback import receivers  # noqa: F401  registering is what the import is for
