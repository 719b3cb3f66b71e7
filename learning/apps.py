from django.apps import AppConfig
from django.core.management import call_command
from django.db.models.signals import post_migrate


class LearningConfig(AppConfig):
    """The top floor is migrated last: once it is there, every permission exists and the roles can be laid out."""

    name = "learning"
    label = "learning"
    verbose_name = "Learning"

    def ready(self) -> None:
        post_migrate.connect(_load_roles, sender=self)


def _load_roles(**_: object) -> None:
    call_command("loaddata", "roles", verbosity=0)
