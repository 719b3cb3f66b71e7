"""Pages of making answers."""

from django.urls import path

from regeneration import prepare_pages

app_name = "regeneration"
urlpatterns = [path("items/<cnt:item_id>/prepare/", prepare_pages.prepare, name="prepare")]
