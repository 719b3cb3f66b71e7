"""What a note means, read once: by the model in use, remembered without its words, on one bounded thread."""

import threading
from dataclasses import replace
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext

from feedback import understanding
from feedback.analysis.artefact import FOLDER, WEIGHTS, shipped
from feedback.models_in_use import InUse, models_in_use
from feedback.understanding import Reader, Understood, known, understand, understand_within
from jarvish_regen.content import model_versions
from jarvish_regen.content.model_versions import Trained
from jarvish_regen.content.models import ModelVersion
from jarvish_regen.language.embedder import embedder

pytestmark = pytest.mark.django_db
PUSHY = "Too pushy, sounds like a salesman in line 2"
DRAFT = "Start a SIP today.\nThis offer ends tonight, hurry!\nMutual fund investments are subject to market risks."


@pytest.fixture(autouse=True)
def _empty_memory() -> None:
    caches["answers"].clear()


def _as_trained(artefact: bytes | None, card: dict[str, Any], *, sha256: str = "") -> ModelVersion:
    values = {
        "kind": "analysis",
        "data_sha256": "d" * 64,
        "schema_sha256": "e" * 64,
        "encoder": str(card.get("encoder", "")),
        "card": card,
    }
    trained = (
        Trained.of_bytes(artefact, **values)
        if artefact is not None
        else Trained(artefact=None, artefact_sha256=sha256, **values)
    )
    return model_versions.register(trained)


def _promoted(version: ModelVersion) -> ModelVersion:
    return model_versions.promote(version.id, why="test")


def _card() -> dict[str, Any]:
    return dict(shipped(embedder().name).card)


def test_a_note_becomes_issues_with_a_place_in_the_draft() -> None:
    found = understand(PUSHY, category="tone_inappropriate", draft=DRAFT)

    assert found.analysis.primary_category == "tone_inappropriate"
    assert [issue.code for issue in found.issues][:1] == ["too_salesy"]
    start, end = found.issues[0].points_to or (0, 0)
    assert DRAFT[start:end] == "This offer ends tonight, hurry!"
    assert all(PUSHY[issue.start : issue.end] == issue.span for issue in found.analysis.issues)


def test_what_is_missing_stands_nowhere() -> None:
    found = understand("The risk disclaimer is missing, and line 2 is too pushy", draft=DRAFT)

    places = {issue.code: issue.points_to for issue in found.issues}
    assert places["missing_risk_disclaimer"] is None


def test_what_was_understood_is_remembered_here_and_for_other_processes() -> None:
    first = understand(PUSHY, category="tone_inappropriate", draft=DRAFT)
    here = known(PUSHY, category="tone_inappropriate", draft=DRAFT)
    understanding.forget()
    elsewhere = known(PUSHY, category="tone_inappropriate", draft=DRAFT)

    assert here is first
    assert elsewhere is not first
    assert elsewhere == first


def test_another_note_category_or_draft_is_not_known() -> None:
    understand(PUSHY, category="tone_inappropriate", draft=DRAFT)

    assert known(PUSHY + "!", category="tone_inappropriate", draft=DRAFT) is None
    assert known(PUSHY, category="length_issue", draft=DRAFT) is None
    assert known(PUSHY, category="tone_inappropriate", draft=DRAFT + ".") is None


def test_no_key_and_no_kept_value_holds_personal_data() -> None:
    understand("My PAN ABCPE1234F stands in the draft, take it out", category="compliance_violation")

    cache = caches["answers"]
    keys = [key for key in cache.iter_keys("*") if "understood" in key]
    kept = [str(cache.get(key)) for key in keys]
    assert len(keys) == 1
    assert "PAN-1" in kept[0]
    assert "ABCPE1234F" not in keys[0] + kept[0]
    assert "stands in the draft" not in keys[0]


def test_what_cannot_be_read_back_is_read_anew() -> None:
    first = understand(PUSHY)
    (key,) = [key for key in caches["answers"].iter_keys("*") if "understood" in key]
    caches["answers"].set(key, {"analysis": {"primary_category": "x"}}, 60)
    understanding.forget()

    assert known(PUSHY) is None
    assert understand(PUSHY).analysis == first.analysis


def test_without_a_champion_the_shipped_model_answers_and_no_row_is_named() -> None:
    assert understand(PUSHY).model_version_id is None


def test_the_champions_own_weights_answer_under_its_name() -> None:
    version = _promoted(_as_trained((FOLDER / WEIGHTS).read_bytes(), _card()))
    models_in_use.forget()

    assert models_in_use.champion().model_version_id == version.id
    assert understand(PUSHY).model_version_id == version.id


def test_a_row_for_shipped_weights_is_named_only_if_it_is_of_these() -> None:
    other = _promoted(_as_trained(None, {}, sha256="0" * 64))
    models_in_use.forget()
    of_other = models_in_use.champion().model_version_id
    own = _promoted(_as_trained(None, {}, sha256=str(_card()["weights_sha256"])))
    models_in_use.forget()

    assert of_other is None
    assert models_in_use.champion().model_version_id == own.id != other.id


@pytest.mark.parametrize("artefact", [b"", b"no weights at all"])
def test_broken_weights_are_logged_and_the_shipped_model_answers(
    artefact: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    _promoted(_as_trained(artefact, _card()))
    models_in_use.forget()

    found = understand(PUSHY)

    assert found.model_version_id is None
    assert found.analysis.model_version == shipped(embedder().name).version
    assert [record.levelname for record in caplog.records if "does not load" in record.message] == ["ERROR"]


def test_a_process_looks_for_another_model_once_in_a_while() -> None:
    models_in_use.champion()

    with CaptureQueriesContext(
        connection,
    ) as queries:
        models_in_use.champion()
        models_in_use.challenger()

    assert len(queries) == 0


def test_a_model_on_trial_is_there_beside_the_one_in_use() -> None:
    version = _as_trained((FOLDER / WEIGHTS).read_bytes(), _card())
    models_in_use.forget()
    challenger = models_in_use.challenger()

    assert challenger is not None
    assert challenger.model_version_id == version.id
    assert models_in_use.champion().model_version_id is None


def test_who_cannot_wait_gets_nothing_and_the_next_who_asks_finds_it() -> None:
    assert understand_within(0.0, PUSHY) is None
    # Behind the first on the one thread, so the first is done when this one is.
    assert understand_within(30.0, PUSHY + " ok") is not None

    assert known(PUSHY) is not None


def test_a_full_queue_turns_away(caplog: pytest.LogCaptureFixture) -> None:
    reader = Reader(queue_max=1)
    slow = _SlowModel()
    used = InUse(replace(shipped(embedder().name), issues=None), None)
    first = threading.Thread(target=reader.read, args=(30.0, (_blocked(used, slow), "k", PUSHY, None, None)))
    first.start()
    slow.begun.wait(30)

    turned_away = reader.read(30.0, (used, "k2", PUSHY, None, None))
    slow.may_end.set()
    first.join(30)

    assert turned_away is None
    assert "too many messages wait" in caplog.text
    let_in: Understood | None = reader.read(30.0, (used, "k2", PUSHY, None, None))
    assert let_in is not None


class _SlowModel:
    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()


class _WaitingModel:
    """A model that is asked for its encoder's name first, and takes its time to say it."""

    def __init__(self, model: Any, slow: _SlowModel) -> None:
        self._model, self._slow = model, slow

    def __getattr__(self, name: str) -> Any:
        self._slow.begun.set()
        self._slow.may_end.wait(30)
        return getattr(self._model, name)


def _blocked(used: InUse, slow: _SlowModel) -> InUse:
    waiting: Any = _WaitingModel(used.model, slow)
    return InUse(waiting, None)
