"""The desk's blind labelling, and a model's card: what is shown, and when."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from jarvish_regen.content import model_versions
from learning.lifecycle.shipped import KIND, ensure_shipped
from learning.models import LabelTask, TrainingRow
from tests.admin.world import FirmWorld, client_of, firm_world, list_address, person
from tests.learning.labelled import analysed

pytestmark = pytest.mark.django_db

SURE = {"_form_submitted": "on"}


@pytest.fixture
def own() -> FirmWorld:
    return firm_world("Own")


def _task(own: FirmWorld) -> LabelTask:
    task = LabelTask.objects.get(pk=own.keys["learning.labeltask"])
    LabelTask.objects.filter(pk=task.pk).update(reason="disagreement")
    analysed(task.feedback, "length_issue", probability=0.87)
    return task


def test_a_note_is_shown_without_pick_model_or_reason_until_it_is_labelled(own: FirmWorld) -> None:
    task = _task(own)
    client = client_of(person("reviewer", own.firm))
    page = reverse("admin:learning_labeltask_change", args=[task.pk])

    before = client.get(page).content.decode()
    client.post(
        reverse("admin:learning_labeltask_label", args=[task.pk]), {**SURE, "category": "length_issue", "issues": []}
    )
    after = client.get(page).content.decode()

    assert own.canary in before
    assert [word for word in ("87.0 %", "disagree", task.feedback.author.email) if word in before] == []
    assert "87.0 %" in after
    assert TrainingRow.objects.get(feedback=task.feedback, source="second").categories == ["length_issue"]


def test_ones_own_rejection_is_not_among_the_notes_to_label(own: FirmWorld) -> None:
    task = _task(own)
    reviewer = person("reviewer", own.firm)
    type(task.feedback).objects.filter(pk=task.feedback_id).update(author=reviewer)

    response = client_of(reviewer).get(list_address("learning.labeltask"))

    assert list(response.context["cl"].result_list) == []


def test_a_first_label_is_not_looked_up_while_the_second_is_waited_for(own: FirmWorld) -> None:
    task = _task(own)
    row = TrainingRow.objects.create(
        feedback=task.feedback, source="author", text="x", language="en", categories=["length_issue"]
    )

    response = client_of(person("senior_reviewer", own.firm)).get(
        reverse("admin:learning_trainingrow_change", args=[row.pk])
    )

    assert response.status_code in (302, 404)


def test_the_shipped_models_card_is_a_page_and_going_back_needs_a_model(own: FirmWorld) -> None:
    version = ensure_shipped()
    assert version is not None
    client = client_of(person("administrator", own.firm))

    page = client.get(reverse("admin:content_modelversion_change", args=[version.pk])).content.decode()
    response = client.post(
        reverse("admin:content_modelversion_roll_back", args=[version.pk]), {**SURE, "reason": "Worse."}
    )

    assert version.artefact_sha256 in page
    assert "Marathi" in page
    assert [str(message) for message in get_messages(response.wsgi_request)] == [
        "There is no earlier model to go back to."
    ]
    assert model_versions.champion(KIND) == version
