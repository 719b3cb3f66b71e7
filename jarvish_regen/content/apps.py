from django.apps import AppConfig


class ContentConfig(AppConfig):
    name = "jarvish_regen.content"
    label = "content"
    verbose_name = "Content"
