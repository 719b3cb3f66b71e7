"""Settings: production has no soft defaults, a wrong value is named, and what servers need is there."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from jarvish_regen import checks

ROOT: Final = Path(__file__).resolve().parent.parent
SECRET: Final = "s3cret-" * 10
PRODUCTION: Final = {
    "JARVISH_PRODUCTION": "1",
    "JARVISH_SECRET_KEY": SECRET,
    "JARVISH_ALLOWED_HOSTS": "desk.jarvish.example",
    "JARVISH_PUBLIC_URL": "https://desk.jarvish.example/",
    "DATABASE_URL": "postgresql://jarvish:word@db.example:6432/jarvish?sslmode=require",
    "REDIS_URL": "redis://cache.example:6379",
}
_SHOW: Final = """
import json
import jarvish_regen.settings as found
print(json.dumps({name: getattr(found, name) for name in dir(found) if name.isupper()}, default=object.__repr__))
"""


def _start(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Read the settings in a process of their own, with nothing of ours in the environment but what is given."""
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("JARVISH_") and name not in ("DATABASE_URL", "REDIS_URL")
    }
    return subprocess.run(
        [sys.executable, "-c", _SHOW],
        cwd=ROOT,
        env={**plain, "JARVISH_STATE_DIR": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _read(tmp_path: Path, **environment: str) -> dict[str, Any]:
    started = _start(tmp_path, **environment)
    assert started.returncode == 0, started.stderr
    found: dict[str, Any] = json.loads(started.stdout)
    return found


def _run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, Any]:
    """Run the settings' file anew in this process, which costs no second start."""
    for name in [name for name in os.environ if name.startswith("JARVISH_")]:
        monkeypatch.delenv(name)
    for name, value in {"JARVISH_STATE_DIR": str(tmp_path), **environment}.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(ROOT / "jarvish_regen/settings.py"))


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The settings of a deployment that is given all it needs, its signing key in a file."""
    state = tmp_path_factory.mktemp("production")
    (state / "key").write_text(SECRET)
    given = {name: value for name, value in PRODUCTION.items() if name != "JARVISH_SECRET_KEY"}
    return _read(state, **given, JARVISH_SECRET_KEY_FILE=str(state / "key"), JARVISH_FAULTPOINTS_DIR=str(state))


def test_production_without_a_signing_key_refuses_to_start_and_says_which(tmp_path: Path) -> None:
    started = _start(tmp_path, **{**PRODUCTION, "JARVISH_SECRET_KEY": ""})

    assert started.returncode != 0
    assert "JARVISH_SECRET_KEY (or JARVISH_SECRET_KEY_FILE) is not set" in started.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_given_database_is_production_unless_said_otherwise(tmp_path: Path) -> None:
    started = _start(tmp_path, DATABASE_URL=PRODUCTION["DATABASE_URL"])

    assert started.returncode != 0
    assert "JARVISH_SECRET_KEY" in started.stderr


def test_production_is_closed(production: dict[str, Any]) -> None:
    expected = {
        "SECRET_KEY": SECRET,
        "DEBUG": False,
        "ALLOWED_HOSTS": ["desk.jarvish.example"],
        "PUBLIC_URL": "https://desk.jarvish.example",
        "CSRF_TRUSTED_ORIGINS": ["https://desk.jarvish.example"],
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_SECURE": True,
        "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 31_536_000,
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
        "SECURE_CONTENT_TYPE_NOSNIFF": True,
        "X_FRAME_OPTIONS": "DENY",
        "STAFF_MFA_REQUIRED": True,
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.Argon2PasswordHasher"],
        "FAULTPOINTS_DIR": None,  # asked for, but only a test may
        "WEBHOOK_ALLOW_LOOPBACK": False,
    }
    assert {name: production[name] for name in expected} == expected


def test_the_database_is_used_as_pgbouncer_in_transaction_mode_allows(production: dict[str, Any]) -> None:
    database = production["DATABASES"]["default"]

    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example", 6432, "jarvish")
    assert database["OPTIONS"]["sslmode"] == "require"
    assert (database["DISABLE_SERVER_SIDE_CURSORS"], database["CONN_MAX_AGE"]) == (True, 0)
    assert database["OPTIONS"].get("prepare_threshold") is None
    assert set(database["OPTIONS"]["pool"]) == {"min_size", "max_size", "timeout"}


def test_no_statement_and_no_lock_waits_for_ever(production: dict[str, Any]) -> None:
    options = production["DATABASES"]["default"]["OPTIONS"]["options"]

    assert options == "-c lock_timeout=2000 -c statement_timeout=15000 -c idle_in_transaction_session_timeout=30000"


def test_a_hung_valkey_costs_a_request_little(production: dict[str, Any]) -> None:
    assert production["CACHES"]["default"]["OPTIONS"]["SOCKET_TIMEOUT"] == 1.0
    assert production["CACHES"]["default"]["OPTIONS"]["SOCKET_CONNECT_TIMEOUT"] == 1.0
    assert production["CELERY_BROKER_TRANSPORT_OPTIONS"]["socket_connect_timeout"] == 1.0
    assert production["CELERY_BROKER_TRANSPORT_OPTIONS"]["queue_order_strategy"] == "priority"
    assert production["CELERY_WORKER_PREFETCH_MULTIPLIER"] == 1


def test_valkeys_databases_are_numbered_apart_on_a_port_and_on_a_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, production: dict[str, Any]
) -> None:
    on_socket = _run_here(tmp_path, monkeypatch, **{**PRODUCTION, "REDIS_URL": "unix:///run/valkey.sock"})

    def addresses(found: dict[str, Any]) -> tuple[str, ...]:
        return (
            found["CELERY_BROKER_URL"],
            found["CACHES"]["default"]["LOCATION"],
            found["CHANNEL_LAYERS"]["default"]["CONFIG"]["hosts"][0],
            found["RATE_LIMIT_STORAGE_URL"],
        )

    assert addresses(production) == tuple(f"redis://cache.example:6379/{number}" for number in range(4))
    assert addresses(on_socket) == (
        "redis+socket:///run/valkey.sock?virtual_host=0",
        "unix:///run/valkey.sock?db=1",
        "unix:///run/valkey.sock?db=2",
        "redis+unix:///run/valkey.sock?db=3",
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("JARVISH_DATABASE_PROCESSES", "many", "JARVISH_DATABASE_PROCESSES is 'many'; write a number."),
        ("JARVISH_MODEL_HEDGE_AFTER_SECONDS", "soon", "JARVISH_MODEL_HEDGE_AFTER_SECONDS is 'soon'; write a number."),
        ("JARVISH_STAFF_MFA_REQUIRED", "perhaps", "JARVISH_STAFF_MFA_REQUIRED is 'perhaps'; write 1 or 0."),
        ("DATABASE_URL", "mysql://jarvish:word@db.example/jarvish", "DATABASE_URL is not an address of the form"),
    ],
)
def test_a_value_that_cannot_be_read_stops_the_start_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        _run_here(tmp_path, monkeypatch, **{**PRODUCTION, name: value})

    assert str(caught.value).startswith(said)
    assert "word@db" not in str(caught.value)  # an address may hold a password


def test_outside_production_a_signing_key_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    keys = [_read(tmp_path)["SECRET_KEY"] for _ in range(2)]

    kept = tmp_path / "secret_key"
    assert keys == [kept.read_text()] * 2
    assert len(keys[0]) >= 50
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


@pytest.mark.parametrize(
    ("name", "value", "check", "code", "said"),
    [
        ("REDIS_URL", "amqp://x", checks.check_redis_url, "jarvish.E001", "REDIS_URL"),
        ("REGENERATION_LEASE_SECONDS", 1.0, checks.check_times, "jarvish.E003", "REGENERATION_LEASE_SECONDS (1.0)"),
        ("REGENERATION_CLAIMS_MAX", 1, checks.check_counts, "jarvish.E004", "REGENERATION_CLAIMS_MAX is 1"),
        ("BULK_ITEMS_MAX", 0, checks.check_counts, "jarvish.E004", "BULK_ITEMS_MAX is 0"),
        ("RATE_LIMITS", {"read": "lots"}, checks.check_rate_limits, "jarvish.E005", "'lots' for read"),
    ],
)
def test_a_wrong_value_is_named_by_a_check_with_a_hint(
    settings: Settings, name: str, value: Any, check: Any, code: str, said: str
) -> None:
    setattr(settings, name, value)

    (found,) = check()

    assert (found.id, bool(found.hint)) == (code, True)
    assert said in found.msg


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"ALLOWED_HOSTS": []}, "jarvish.E006", "JARVISH_ALLOWED_HOSTS is empty."),
        ({"ALLOWED_HOSTS": ["*"]}, "jarvish.E006", "JARVISH_ALLOWED_HOSTS takes every host."),
        ({"DEBUG": True}, "jarvish.E006", "DEBUG is on."),
        ({"PUBLIC_URL": "http://desk.example"}, "jarvish.E006", "JARVISH_PUBLIC_URL is http://desk.example."),
        ({"SECRET_KEY": "short"}, "jarvish.E007", "JARVISH_SECRET_KEY has fewer than 50 characters."),
    ],
)
def test_production_that_is_open_is_named_by_a_check(
    settings: Settings, changes: dict[str, Any], code: str, said: str
) -> None:
    closed = {
        "IS_PRODUCTION": True,
        "DEBUG": False,
        "ALLOWED_HOSTS": ["desk.example"],
        "PUBLIC_URL": "https://desk.example",
        "SECRET_KEY": SECRET,
    }
    for name, value in {**closed, **changes}.items():
        setattr(settings, name, value)

    assert [(found.id, found.msg) for found in checks.check_production()] == [(code, said)]


def test_the_settings_of_this_run_pass_every_check() -> None:
    assert [found for check in checks.PLAIN_CHECKS for found in check()] == []


def test_the_four_answer_queues_are_declared_most_urgent_first() -> None:
    assert settings.ANSWER_QUEUES == ("critical", "high", "normal", "low")
    assert [queue.name for queue in settings.CELERY_TASK_QUEUES][:4] == list(settings.ANSWER_QUEUES)
    assert settings.CELERY_TASK_CREATE_MISSING_QUEUES is False
