"""Pages of feedback."""

from django.urls import path

from feedback import pages, voice_pages

app_name = "feedback"
urlpatterns = [
    path("items/<cnt:item_id>/reject/", pages.form, name="form"),
    path("items/<cnt:item_id>/reject/draft/", pages.draft, name="draft"),
    path("items/<cnt:item_id>/reject/understand/", pages.understand, name="understand"),
    path("items/<cnt:item_id>/reject/voice/", voice_pages.note, name="voice"),
]
