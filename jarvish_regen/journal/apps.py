"""What happened and who is told, as a Django application."""

from django.apps import AppConfig


class JournalConfig(AppConfig):
    name = "jarvish_regen.journal"
    label = "journal"
    verbose_name = "Journal"
