"""Addresses of the timeline, of other versions and of the firm's figures.

One attempt's own address is on the floor above, which settles what is due before it is read.
"""

from django.urls import path

from regeneration.api import views

urlpatterns = [
    path("content/<cnt:item_id>/rejections", views.RejectionsView.as_view(), name="rejections"),
    path("regenerate/metrics", views.MetricsView.as_view(), name="regenerate_metrics"),
    path("regenerations/<rgn:regeneration_id>/variants", views.VariantsView.as_view(), name="variants"),
    path("regenerations/<rgn:regeneration_id>/choice", views.ChoiceView.as_view(), name="choice"),
]
