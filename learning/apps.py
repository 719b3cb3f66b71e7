"""The top floor, as a Django application."""

from django.apps import AppConfig, apps
from django.core.management import call_command
from django.db.models.signals import post_migrate


class LearningConfig(AppConfig):
    """The top floor: what needs every floor below to be there is set up here."""

    name = "learning"
    label = "learning"
    verbose_name = "Learning"

    def ready(self) -> None:
        from jarvish_regen.checks import register_all  # it reads models, which are there only now
        from learning import receivers  # noqa: F401  registering is what the import is for

        register_all()
        # Permissions are made app by app, so roles come after the last app; apps without models send no signal.
        last = [app for app in apps.get_app_configs() if app.models_module][-1]
        post_migrate.connect(_load_roles, sender=last)


def _load_roles(**_: object) -> None:
    call_command("loaddata", "roles", verbosity=0)
