"""Addresses of the vocabulary."""

from django.urls import path

from feedback.api import analysis, views, voice

urlpatterns = [
    path("taxonomy", views.TaxonomyView.as_view(), name="taxonomy"),
    path("feedback/analyse", analysis.AnalyseView.as_view(), name="analyse"),
    path("analytics/sentiment", analysis.SentimentView.as_view(), name="sentiment"),
    path("content/<cnt:item_id>/voice", voice.RecordView.as_view(), name="record_voice"),
    path("voice/<voc:voice_id>", voice.VoiceView.as_view(), name="voice"),
]
