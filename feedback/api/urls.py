"""Addresses of the vocabulary."""

from django.urls import path

from feedback.api import views

urlpatterns = [path("taxonomy", views.TaxonomyView.as_view(), name="taxonomy")]
