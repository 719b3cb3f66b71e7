from django.apps import AppConfig


class JournalConfig(AppConfig):
    name = "jarvish_regen.journal"
    label = "journal"
    verbose_name = "Journal"
