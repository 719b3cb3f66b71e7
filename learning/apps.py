"""The top floor, as a Django application."""

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection
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
        post_migrate.connect(_register_shipped_model, sender=self)


def _load_roles(**_: object) -> None:
    call_command("loaddata", "roles", verbosity=0)


def _register_shipped_model(**signal: object) -> None:
    # `flush` sends the signal too, and means an empty database; only migrating has a plan.
    if "plan" not in signal or not settings.MODELS_REGISTERED_ON_MIGRATE:
        return
    from jarvish_regen.content.models import ModelVersion  # models are there only now
    from learning.lifecycle.shipped import ensure_shipped

    if ModelVersion._meta.db_table in connection.introspection.table_names():
        ensure_shipped()
