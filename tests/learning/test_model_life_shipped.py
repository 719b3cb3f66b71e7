"""The model that ships is the one in use from the first start on, and its weights stay out of the database."""

import pytest

from jarvish_regen.content import model_versions
from jarvish_regen.content.model_versions import Trained
from jarvish_regen.content.models import ModelVersion
from learning.lifecycle.shipped import KIND, ensure_shipped, is_usable, shipped_card

pytestmark = pytest.mark.django_db


def _trained_here(content: bytes, **card: object) -> ModelVersion:
    fits = {name: shipped_card()[name] for name in ("schema_hash", "features_hash")}
    return model_versions.register(
        Trained.of_bytes(
            content, kind=KIND, data_sha256="d", schema_sha256="s", encoder="e5-small", card={**fits, **card}
        )
    )


def test_the_first_start_puts_the_shipped_model_in_use_without_its_weights() -> None:
    version = ensure_shipped()

    assert version is not None
    assert (version.state, version.artefact_sha256) == ("champion", shipped_card()["weights_sha256"])
    assert version.name == f"analysis-{version.artefact_sha256[:12]}"
    assert model_versions.artefact_of(version) is None
    assert is_usable(version)


def test_every_further_start_changes_nothing() -> None:
    first, again = ensure_shipped(), ensure_shipped()

    assert first == again
    assert ModelVersion.objects.count() == 1
    assert again is not None
    assert again.history.count() == 2  # registered, put in use


def test_a_model_trained_here_stays_in_use_and_the_shipped_one_goes_on_trial() -> None:
    own = model_versions.promote(_trained_here(b"own").id, why="better")

    assert ensure_shipped() == own
    assert [one.artefact_sha256 for one in ModelVersion.objects.filter(state="challenger")] == [
        shipped_card()["weights_sha256"]
    ]


def test_a_model_trained_for_other_labels_makes_room_for_the_shipped_one() -> None:
    own = model_versions.promote(_trained_here(b"own", schema_hash="of an earlier release").id, why="better")

    version = ensure_shipped()

    own.refresh_from_db()
    assert version is not None
    assert (version.state, own.state) == ("champion", "retired")


def test_the_shipped_model_of_an_earlier_release_makes_room_for_todays() -> None:
    earlier = Trained(
        kind=KIND, artefact=None, artefact_sha256="0" * 64, data_sha256="d", schema_sha256="s", encoder="e5"
    )
    old = model_versions.promote(model_versions.register(earlier).id, why="shipped then")

    version = ensure_shipped()

    old.refresh_from_db()
    assert version is not None
    assert (version.artefact_sha256, old.state) == (shipped_card()["weights_sha256"], "retired")
    assert not is_usable(old)
