"""Addresses of the timeline.

One attempt's own address is on the floor above, which settles what is due before it is read.
"""

from django.urls import path

from regeneration.api import views

urlpatterns = [path("content/<cnt:item_id>/rejections", views.RejectionsView.as_view(), name="rejections")]
