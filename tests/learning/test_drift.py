"""A planted shift is found; a month of the same stream raises no alarm."""

import logging
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from feedback.models import Analysis
from jarvish_regen.content.models import ModelVersion
from learning.lifecycle import drift
from learning.training.drift import Notes, figures_of, psi
from tests.learning.labelled import analysed, rejection

CATEGORIES = ("tone_inappropriate", "length_issue", "factual_error", "compliance_violation", "brand_violation")
LANGUAGES = ("en", "hi", "mr", "hinglish")
SHARES = (0.35, 0.25, 0.2, 0.15, 0.05)


def _stream(rng: np.random.Generator, count: int, *, shares: tuple[float, ...] = SHARES, unsure: float = 0.2) -> Notes:
    categories = rng.choice(CATEGORIES, count, p=shares)
    languages = rng.choice(LANGUAGES, count, p=(0.5, 0.2, 0.1, 0.2))
    return Notes(
        categories={each: int((categories == each).sum()) for each in CATEGORIES},
        languages={each: int((languages == each).sum()) for each in LANGUAGES},
        confidences=rng.beta(6, 2, count).tolist(),
        unsure=(rng.random(count) < unsure).astype(float).tolist(),
        apart=(rng.random(count) < 0.15).astype(float).tolist(),
    )


def _states(before: Notes, now: Notes) -> dict[str, str]:
    return {figure.name: figure.state for figure in figures_of(before, now)}


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("a_week", [60, 400])
def test_a_stable_stream_raises_no_alarm_in_thirty_days(seed: int, a_week: int) -> None:
    rng = np.random.default_rng(seed)

    states = [_states(_stream(rng, 4 * a_week), _stream(rng, a_week)) for _day in range(30)]

    assert [found for found in states if "alarm" in found.values()] == []


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_shift_of_categories_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)

    found = _states(_stream(rng, 800), _stream(rng, 200, shares=(0.1, 0.1, 0.2, 0.55, 0.05)))

    assert found["categories"] == "alarm"
    assert found["languages"] != "alarm"


@pytest.mark.parametrize("seed", range(5))
def test_a_model_that_grows_unsure_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)

    assert _states(_stream(rng, 800), _stream(rng, 200, unsure=0.45))["unsure"] == "alarm"


def test_a_few_notes_are_not_judged() -> None:
    rng = np.random.default_rng(1)

    assert figures_of(_stream(rng, 400), _stream(rng, 49)) == []


def test_psi_is_the_known_sum() -> None:
    # Shares .5/.5 and .8/.2 of so many that half a note is nothing: .3 ln 1.6 + -.3 ln .4 = .416.
    assert psi({"a": 500_000, "b": 500_000}, {"a": 800_000, "b": 200_000}) == pytest.approx(0.4159, abs=1e-3)
    assert psi({"a": 3, "b": 4}, {"a": 3, "b": 4}) == pytest.approx(0.0)


def _versions(count: int, name: str) -> list[ModelVersion]:
    return ModelVersion.objects.bulk_create(
        ModelVersion(
            kind="analysis",
            name=f"{name}-{number}",
            state="retired",
            artefact_sha256=f"{name}-{number}",
            data_sha256="d",
            schema_sha256="s",
            encoder="e5",
        )
        for number in range(count)
    )


@pytest.mark.django_db
def test_an_alarm_is_logged_with_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    feedback = rejection()
    known = analysed(feedback, CATEGORIES[0])
    values = {
        field.attname: getattr(known, field.attname)
        for field in Analysis._meta.concrete_fields
        if field.name not in ("id", "model_version", "created_at", "primary_category")
    }
    Analysis.objects.all().delete()
    stretch = {CATEGORIES[0]: now - timedelta(days=20), CATEGORIES[1]: now - timedelta(days=2)}
    # One note read by many models: what is asked here is the reading of rows, and each rejection costs a whole loop.
    Analysis.objects.bulk_create(
        Analysis(**values, primary_category=category, created_at=at, model_version=version)
        for category, at in stretch.items()
        for version in _versions(60, category)
    )

    with caplog.at_level(logging.WARNING, logger="learning.lifecycle.drift"):
        alarms = drift.watch(now)

    assert [figure.name for figure in alarms] == ["categories", "disagreement"]
    assert {str(drift.ADVICE[name]) for name in ("categories", "disagreement")} == {
        record.__dict__["advice"] for record in caplog.records
    }
    assert drift.figures_at(now + timedelta(days=90)) == []
