"""Addresses of what happens next."""

from django.urls import path

from escalation.api import further, views

urlpatterns = [
    path("content/<cnt:item_id>", views.SettledItemView.as_view(), name="item"),
    path("content/<cnt:item_id>/reject", views.RejectView.as_view(), name="reject"),
    path("content/<cnt:item_id>/approve", views.ApproveView.as_view(), name="approve"),
    path("content/<cnt:item_id>/ask-person", views.AskPersonView.as_view(), name="ask_person"),
    path("feedback/bulk", views.BulkRejectView.as_view(), name="bulk"),
    path("regenerate", further.RegenerateView.as_view(), name="regenerate"),
    path("regenerate/batch", further.RegenerateBatchView.as_view(), name="regenerate_batch"),
    path("regenerate/<rgn:regeneration_id>/status", further.RegenerateStatusView.as_view(), name="regenerate_status"),
    path("regenerations/<rgn:regeneration_id>", views.RegenerationView.as_view(), name="regeneration"),
]
