"""One model in use a kind, whoever promotes; back to the one before by one call."""

import threading

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from jarvish_regen.content import model_versions
from jarvish_regen.content.model_versions import Trained
from jarvish_regen.content.models import ModelVersion
from jarvish_regen.errors import ConflictError, NotFoundError
from jarvish_regen.ids import new_id

KIND = ModelVersion.Kind.ANALYSIS


def trained(content: bytes = b"weights") -> Trained:
    return Trained.of_bytes(
        content, kind=KIND, data_sha256="d" * 64, schema_sha256="s" * 64, encoder="e5", card={"rows": 3}
    )


def states() -> dict[str, str]:
    return {bytes(one.artefact).decode(): one.state for one in ModelVersion.objects.all()}


@pytest.mark.django_db
def test_a_model_is_registered_once_and_keeps_its_bytes() -> None:
    first = model_versions.register(trained())
    again = model_versions.register(trained())

    assert first.id == again.id
    assert first.state == "challenger"
    assert first.name == f"analysis-{first.artefact_sha256[:12]}"
    assert model_versions.artefact_of(first) == b"weights"
    assert model_versions.champion(KIND) is None
    assert model_versions.challenger(KIND) == first


@pytest.mark.django_db
def test_promoting_retires_the_one_before_and_going_back_is_one_call() -> None:
    old = model_versions.promote(model_versions.register(trained(b"old")).id, why="first")
    new = model_versions.promote(model_versions.register(trained(b"new")).id, why="better on hi")

    assert states() == {"old": "retired", "new": "champion"}
    assert new.parent_id == old.id
    assert model_versions.roll_back(KIND, why="worse on live notes") == old
    assert states() == {"old": "champion", "new": "retired"}
    with pytest.raises(ConflictError):
        model_versions.roll_back(KIND, why="nothing lies behind the first")
    assert list(new.history.order_by("history_date").values_list("state", flat=True)) == [
        "challenger",
        "champion",
        "retired",
    ]


@pytest.mark.django_db
def test_a_refused_model_does_not_come_back() -> None:
    version = model_versions.register(trained())
    model_versions.refuse(version.id, why="worse on mr")

    with pytest.raises(ConflictError) as refused:
        model_versions.promote(version.id, why="all the same")
    assert refused.value.given == "refused"
    with pytest.raises(ConflictError):
        model_versions.refuse(version.id, why="twice")
    with pytest.raises(NotFoundError):
        model_versions.promote(new_id(), why="never seen")


@pytest.mark.django_db
def test_the_database_holds_one_champion_and_keeps_every_model() -> None:
    champion = model_versions.promote(model_versions.register(trained(b"a")).id, why="")
    other = model_versions.register(trained(b"b"))

    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(id=other.id).update(state="champion")
    with pytest.raises(DatabaseError, match="Cannot delete"), transaction.atomic():
        ModelVersion.objects.filter(id=champion.id).delete()


@pytest.mark.django_db(transaction=True)
def test_of_two_promotions_at_once_one_champion_is_left() -> None:
    ids = [model_versions.register(trained(name)).id for name in (b"a", b"b", b"c", b"d")]
    barrier = threading.Barrier(len(ids))
    failures: list[Exception] = []

    def promote(version_id: object) -> None:
        barrier.wait()
        try:
            model_versions.promote(version_id, why="at once")
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=promote, args=(one,)) for one in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert sorted(states().values()) == ["champion", "retired", "retired", "retired"]
