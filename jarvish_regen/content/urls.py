"""Pages of drafts."""

from django.urls import path

from jarvish_regen.content import pages

app_name = "content"
urlpatterns = [
    path("", pages.items, name="items"),
    path("items/<cnt:item_id>/", pages.item, name="item"),
    path("items/<cnt:item_id>/edit/", pages.edit, name="edit"),
    path("items/<cnt:item_id>/compare/", pages.compare, name="compare"),
    path("settings/profile/", pages.profile, name="profile"),
]
