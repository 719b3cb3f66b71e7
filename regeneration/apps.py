"""Attempts, as a Django application: its receivers listen from here on."""

from django.apps import AppConfig
from django.conf import settings
from django.db import connection
from django.db.models.signals import post_migrate


class RegenerationConfig(AppConfig):
    """The engine's floor. What it ships for its tables is written once they are there."""

    name = "regeneration"
    label = "regeneration"
    verbose_name = "Regeneration"

    def ready(self) -> None:
        from regeneration import receivers  # noqa: F401  registering is what the import is for

        post_migrate.connect(_load_shipped_shelf, sender=self)


def _load_shipped_shelf(**signal: object) -> None:
    # `flush` sends the signal too, and means an empty database; only migrating has a plan.
    if "plan" not in signal or not settings.SHELF_LOADED_ON_MIGRATE:
        return
    from regeneration.fallbacks.loading import load_files  # it reads models, which are there only now
    from regeneration.models import DefaultText

    if DefaultText._meta.db_table in connection.introspection.table_names():
        load_files()
