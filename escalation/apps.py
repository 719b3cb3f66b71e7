"""Cases, as a Django application: its receivers listen from here on."""

from django.apps import AppConfig


class EscalationConfig(AppConfig):
    name = "escalation"
    label = "escalation"
    verbose_name = "Cases"

    def ready(self) -> None:
        from escalation import receivers  # noqa: F401  registering is what the import is for
