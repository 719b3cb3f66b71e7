"""Addresses of the vocabulary."""

from django.urls import path

from feedback.api import views, voice

urlpatterns = [
    path("taxonomy", views.TaxonomyView.as_view(), name="taxonomy"),
    path("content/<cnt:item_id>/voice", voice.RecordView.as_view(), name="record_voice"),
    path("voice/<voc:voice_id>", voice.VoiceView.as_view(), name="voice"),
]
