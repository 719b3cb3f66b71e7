"""Model endpoints, as a Django application."""

from django.apps import AppConfig


class LlmConfig(AppConfig):
    name = "jarvish_regen.llm"
    label = "llm"
    verbose_name = "Model targets"
