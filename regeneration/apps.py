"""Attempts, as a Django application."""

from django.apps import AppConfig


class RegenerationConfig(AppConfig):
    name = "regeneration"
    label = "regeneration"
    verbose_name = "Regeneration"
