"""Addresses of drafts. One draft's own address is on a higher floor, which settles what is due before it is read."""

from django.urls import path

from jarvish_regen.content.api import views

urlpatterns = [
    path("content", views.ContentView.as_view(), name="content"),
    path("content/<cnt:item_id>/versions/<int:number>", views.VersionView.as_view(), name="version"),
    path("content/<cnt:item_id>/diff", views.DiffView.as_view(), name="diff"),
    path("events", views.EventsView.as_view(), name="events"),
]
