"""Firms, people and tokens, as a Django application."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "jarvish_regen.access"
    label = "access"
    verbose_name = "People and access"
