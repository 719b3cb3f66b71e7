"""Addresses of the dashboard."""

from django.urls import path

from learning.dashboard import pages

app_name = "learning"
urlpatterns = [
    path("dashboard/", pages.dashboard, name="dashboard"),
    path("dashboard/figures/", pages.figures, name="figures"),
]
