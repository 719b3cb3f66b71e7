"""Pages of what happens next."""

from django.urls import path

from escalation import pages

app_name = "escalation"
urlpatterns = [
    path("items/<cnt:item_id>/send/", pages.reject, name="reject"),
    path("items/<cnt:item_id>/answer/", pages.answer, name="answer"),
    path("items/<cnt:item_id>/versions/", pages.other_versions, name="other_versions"),
    path("items/<cnt:item_id>/choose/", pages.choose, name="choose"),
    path("items/<cnt:item_id>/approve/", pages.approve, name="approve"),
    path("items/<cnt:item_id>/ask/", pages.ask, name="ask"),
    path("items/<cnt:item_id>/person/", pages.standing, name="standing"),
]
