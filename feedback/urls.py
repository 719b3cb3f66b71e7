"""Pages of feedback."""

from django.urls import path

from feedback import pages

app_name = "feedback"
urlpatterns = [
    path("items/<cnt:item_id>/reject/", pages.form, name="form"),
    path("items/<cnt:item_id>/reject/draft/", pages.draft, name="draft"),
]
