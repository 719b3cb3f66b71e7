"""A wrong setting is named at the start, with an id and a hint."""

from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from pytest_django import Settings

from jarvish_regen import checks


def _found(check: Any, **arguments: Any) -> list[str | None]:
    messages: list[CheckMessage] = check(**arguments)
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


def test_the_settings_as_they_are_have_nothing_against_them() -> None:
    assert [message for message in run_checks(tags=["jarvish"]) if str(message.id).startswith("jarvish.")] == []


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("redis://127.0.0.1:6379", []),
        ("rediss://user:word@cache.example:6380", []),
        ("unix:///run/valkey.sock", []),
        ("redis+cluster://a:6379", ["jarvish.E001"]),
        ("redis://a:6379?cluster=true", ["jarvish.E001"]),
        ("amqp://a", ["jarvish.E001"]),
        ("", ["jarvish.E001"]),
    ],
)
def test_a_redis_cluster_is_refused(address: str, expected: list[str], settings: Settings) -> None:
    settings.REDIS_URL = address

    assert _found(checks.check_redis_url) == expected


def test_an_answer_clock_longer_than_its_lease_is_refused(settings: Settings) -> None:
    settings.REGENERATION_LEASE_SECONDS = settings.REGENERATION_DEADLINE_SECONDS

    assert _found(checks.check_times) == ["jarvish.E003"]


def test_a_redelivery_before_the_task_has_ended_is_refused(settings: Settings) -> None:
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": settings.CELERY_TASK_TIME_LIMIT}

    assert _found(checks.check_times) == ["jarvish.E003"]


def test_a_single_claim_is_refused(settings: Settings) -> None:
    settings.REGENERATION_CLAIMS_MAX = 1

    assert _found(checks.check_counts) == ["jarvish.E004"]


def test_a_rate_limit_that_cannot_be_read_is_refused(settings: Settings) -> None:
    settings.RATE_LIMITS = {"read": "1200/minute", "write": "often"}

    assert _found(checks.check_rate_limits) == ["jarvish.E005"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"DEBUG": True}, ["jarvish.E006"]),
        ({"ALLOWED_HOSTS": []}, ["jarvish.E006"]),
        ({"ALLOWED_HOSTS": ["*"]}, ["jarvish.E006"]),
        ({"PUBLIC_URL": "http://desk.example"}, ["jarvish.E006"]),
        ({"SECRET_KEY": "short"}, ["jarvish.E007"]),
    ],
)
def test_production_is_closed(changes: dict[str, Any], expected: list[str], settings: Settings) -> None:
    good = {
        "IS_PRODUCTION": True,
        "DEBUG": False,
        "ALLOWED_HOSTS": ["desk.example"],
        "PUBLIC_URL": "https://desk.example",
        "SECRET_KEY": "k" * 50,
    }
    for name, value in (good | changes).items():
        setattr(settings, name, value)

    assert _found(checks.check_production) == expected


def test_a_model_without_its_key_is_said(settings: Settings) -> None:
    settings.MODEL_URL, settings.MODEL_KEY = "https://models.example/v1", ""

    assert _found(checks.check_model) == ["jarvish.W001"]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("MODELS", "not json"),
        ("MODELS", '{"name": "a"}'),
        ("MODELS", '[{"name": "a", "url": "https://models.example/v1"}]'),
        ("MODELS", '[{"name": "a", "url": "https://10.0.0.8/v1", "model": "m"}]'),
        ("MODEL_URL", "ftp://models.example/v1"),
        ("MODEL_NAME", "one,two,three"),
    ],
)
def test_models_that_can_never_be_asked_are_refused(name: str, given: str, settings: Settings) -> None:
    settings.MODEL_URL, settings.MODEL_KEY = "https://models.example/v1", "key"
    assert _found(checks.check_targets) == []

    setattr(settings, name, given)

    assert _found(checks.check_targets) == ["jarvish.E009"]


@pytest.mark.parametrize(
    ("name", "given"),
    [("TRANSCRIBE_URL", "https://10.0.0.8/v1"), ("TRANSCRIBE_KEY", "k\nX: y"), ("TRANSCRIBE_MODEL", " ")],
)
def test_an_endpoint_for_recordings_that_can_never_be_asked_is_refused(
    name: str, given: str, settings: Settings
) -> None:
    settings.TRANSCRIBE_URL, settings.TRANSCRIBE_KEY = "https://voices.example/v1", "key"
    assert _found(checks.check_transcription) == []

    setattr(settings, name, given)

    assert _found(checks.check_transcription) == ["jarvish.E010"]


@pytest.mark.django_db
@pytest.mark.parametrize(("processes", "expected"), [(1, []), (100_000, ["jarvish.E008"])])
def test_more_connections_than_the_database_gives_are_refused(
    processes: int, expected: list[str], settings: Settings
) -> None:
    settings.DATABASE_PROCESSES = processes

    assert _found(checks.check_connections, databases=["default"]) == expected
