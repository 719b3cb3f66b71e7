"""Addresses of tokens and webhooks."""

from django.urls import path

from jarvish_regen.access.api import views

urlpatterns = [
    path("tokens", views.TokensView.as_view(), name="tokens"),
    path("tokens/<slug:token_key>", views.TokenView.as_view(), name="token"),
    path("webhooks", views.WebhooksView.as_view(), name="webhooks"),
    path("webhooks/<whk:endpoint_id>", views.WebhookView.as_view(), name="webhook"),
    path("webhooks/<whk:endpoint_id>/test", views.WebhookTestView.as_view(), name="webhook_test"),
    path("webhooks/<whk:endpoint_id>/deliveries", views.DeliveriesView.as_view(), name="deliveries"),
    path(
        "webhooks/<whk:endpoint_id>/deliveries/<dlv:delivery_id>/replay",
        views.DeliveryReplayView.as_view(),
        name="replay",
    ),
]
