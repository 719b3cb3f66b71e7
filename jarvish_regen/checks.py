"""Wrong settings fail at the start, each with an id and a hint. Registered by `learning.apps`.

jarvish.E001  REDIS_URL is of a kind the broker cannot use
jarvish.E002  the rule pack cannot be used
jarvish.E003  the times do not fit into each other
jarvish.E004  a count is too small
jarvish.E005  a rate limit cannot be read
jarvish.E006  production is open: hosts, address, debugging
jarvish.E007  production's signing key is too short
jarvish.E008  the processes may take more database connections than there are
jarvish.E009  the models of the environment cannot be used
jarvish.E010  the endpoint for recordings cannot be used
jarvish.W001  the model has no key
jarvish.W002  the processes leave fewer than a fifth of the database connections to others
"""

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import OperationalError, connections
from limits import parse

from jarvish_regen.content.compliance.pack import PackError, current_pack
from jarvish_regen.llm.targets import check_base_url, from_json, from_settings
from jarvish_regen.llm.transcription import build_endpoint

REDIS_SCHEMES: Final = ("redis", "rediss", "unix", "sentinel")
SECRET_KEY_MIN_CHARS: Final = 50  # Django's own measure (security.W009)
CONNECTIONS_SHARE: Final = 0.8  # the rest is for people, backups and migrations

_Check = Callable[..., Sequence[CheckMessage]]


def check_redis_url(**_: Any) -> list[CheckMessage]:
    """Refuse a Redis Cluster, whose slots break the broker's multi-key commands (celery/celery#9436)."""
    address = settings.REDIS_URL
    scheme = urlsplit(address).scheme
    if scheme in REDIS_SCHEMES and "cluster" not in address.lower():
        return []
    return [
        Error(
            f"REDIS_URL is of the kind {scheme or 'unknown'!r}, which cannot carry the queues.",
            hint="Give one server (redis://, rediss://, unix://) or a Sentinel set; a Redis Cluster is not possible.",
            id="jarvish.E001",
        )
    ]


def check_rule_pack(**_: Any) -> list[CheckMessage]:
    """Refuse to start with a rule pack that cannot be used."""
    try:
        current_pack()
    except PackError as error:
        return [
            Error(
                f"The rule pack cannot be used: {error}",
                hint="Mend jarvish_regen/content/compliance/rules.yaml at the line named, or restore it.",
                id="jarvish.E002",
            )
        ]
    return []


def check_times(**_: Any) -> list[CheckMessage]:
    """Hold the order that the promises rest on: answer < lease, soft limit < hard limit < redelivery."""
    transport = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    orders = [
        ("REGENERATION_DEADLINE_SECONDS", settings.REGENERATION_DEADLINE_SECONDS),
        ("REGENERATION_LEASE_SECONDS", settings.REGENERATION_LEASE_SECONDS),
    ]
    limits = [
        ("CELERY_TASK_SOFT_TIME_LIMIT", settings.CELERY_TASK_SOFT_TIME_LIMIT),
        ("CELERY_TASK_TIME_LIMIT", settings.CELERY_TASK_TIME_LIMIT),
        ("visibility_timeout", transport["visibility_timeout"]),
    ]
    found: list[CheckMessage] = []
    for chain in (orders, limits):
        for (small, less), (large, more) in zip([("0", 0), *chain], chain, strict=False):
            if not less < more:
                found.append(
                    Error(
                        f"{large} ({more}) is not more than {small} ({less}).",
                        hint="An answer ends before its lease, a task before it is delivered again.",
                        id="jarvish.E003",
                    )
                )
    return found


def check_counts(**_: Any) -> list[CheckMessage]:
    """Refuse counts with which nothing would ever be done."""
    least = {
        "REGENERATION_CLAIMS_MAX": 2,  # the last claim runs alone, so there is one before it
        "CONTENT_TEXT_MAX_CHARS": 1,
        "BULK_ITEMS_MAX": 1,
        "DATABASE_POOL_MAX_CONNECTIONS": 1,
        "DATABASE_PROCESSES": 1,
        "IDEMPOTENCY_KEEP_HOURS": 1,
    }
    return [
        Error(f"{name} is {getattr(settings, name)}.", hint=f"It is a number of at least {minimum}.", id="jarvish.E004")
        for name, minimum in least.items()
        if getattr(settings, name) < minimum
    ]


def check_rate_limits(**_: Any) -> list[CheckMessage]:
    """Refuse a rate limit that cannot be read: it would fail at the first call instead."""
    found: list[CheckMessage] = []
    for name, limit in settings.RATE_LIMITS.items():
        try:
            parse(limit)
        except ValueError:
            found.append(
                Error(
                    f"The rate limit {limit!r} for {name} cannot be read.",
                    hint=f"Write JARVISH_RATE_LIMIT_{name.upper()} as 300/minute.",
                    id="jarvish.E005",
                )
            )
    return found


def check_production(**_: Any) -> list[CheckMessage]:
    """Refuse to serve the world with what is fine on one's own machine."""
    if not settings.IS_PRODUCTION:
        return []
    wrong = [
        (settings.DEBUG, "DEBUG is on.", "It shows settings and source to strangers."),
        (not settings.ALLOWED_HOSTS, "JARVISH_ALLOWED_HOSTS is empty.", "Name the hosts people come by."),
        ("*" in settings.ALLOWED_HOSTS, "JARVISH_ALLOWED_HOSTS takes every host.", "Name the hosts people come by."),
        (
            urlsplit(settings.PUBLIC_URL).scheme != "https",
            f"JARVISH_PUBLIC_URL is {settings.PUBLIC_URL}.",
            "Links in e-mails need the https address that people use.",
        ),
    ]
    found: list[CheckMessage] = [
        Error(said, hint=hint, id="jarvish.E006") for is_wrong, said, hint in wrong if is_wrong
    ]
    if len(settings.SECRET_KEY) < SECRET_KEY_MIN_CHARS:
        found.append(
            Error(
                f"JARVISH_SECRET_KEY has fewer than {SECRET_KEY_MIN_CHARS} characters.",
                hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe(50))'",
                id="jarvish.E007",
            )
        )
    return found


def check_targets(**_: Any) -> list[CheckMessage]:
    """Refuse models that can never be asked: without this every answer would silently come from rules."""
    try:
        from_settings(url=settings.MODEL_URL, key=settings.MODEL_KEY, model=settings.MODEL_NAME)
        from_json(settings.MODELS, environment=os.environ)
    except ValueError as error:
        hint = "See docs/targets.md for what JARVISH_MODEL_URL, JARVISH_MODEL_NAME and JARVISH_MODELS may hold."
        return [Error(f"A model of the environment cannot be used: {error}", hint=hint, id="jarvish.E009")]
    return []


def check_transcription(**_: Any) -> list[CheckMessage]:
    """Refuse an endpoint for recordings that can never be asked: each recording would fail instead."""
    if not settings.TRANSCRIBE_URL:
        return []
    try:
        build_endpoint(
            url=settings.TRANSCRIBE_URL,
            key=settings.TRANSCRIBE_KEY,
            model=settings.TRANSCRIBE_MODEL,
            allow_loopback=True,
        )
    except ValueError as error:
        hint = "See docs/voice.md for what JARVISH_TRANSCRIBE_URL, _KEY and _MODEL may hold."
        return [Error(f"Recordings cannot be written down: {error}", hint=hint, id="jarvish.E010")]
    return []


def check_model(**_: Any) -> list[CheckMessage]:
    """Say that a model is configured and cannot be asked."""
    if not settings.MODEL_URL or settings.MODEL_KEY or _is_local(settings.MODEL_URL):
        return []
    return [
        Warning(
            "JARVISH_MODEL_URL is set and JARVISH_MODEL_KEY is not; the model will refuse us.",
            hint="Set JARVISH_MODEL_KEY or JARVISH_MODEL_KEY_FILE, or leave the address out.",
            id="jarvish.W001",
        )
    ]


def _is_local(address: str) -> bool:
    try:
        check_base_url(address, allow_loopback=False)
    except ValueError:
        return True
    return False


def check_connections(databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Compare what all processes together may take with what the database gives.

    Runs with `migrate` and `check --database default`.
    """
    found: list[CheckMessage] = []
    for alias in databases or ():
        try:
            with connections[alias].cursor() as cursor:
                cursor.execute("SHOW max_connections")
                given = int(cursor.fetchone()[0])
        except OperationalError:
            continue  # whoever runs the command is told that the database is away
        wanted = settings.DATABASE_PROCESSES * settings.DATABASE_POOL_MAX_CONNECTIONS
        said = f"{settings.DATABASE_PROCESSES} processes may take {wanted} of {given} database connections."
        hint = "Lower JARVISH_DATABASE_POOL_MAX_CONNECTIONS, or raise max_connections."
        if wanted > given:
            found.append(Error(said, hint=hint, id="jarvish.E008"))
        elif wanted > given * CONNECTIONS_SHARE:
            found.append(Warning(said, hint=hint, id="jarvish.W002"))
    return found


PLAIN_CHECKS: Final[tuple[_Check, ...]] = (
    check_redis_url,
    check_rule_pack,
    check_times,
    check_counts,
    check_rate_limits,
    check_production,
    check_targets,
    check_transcription,
    check_model,
)


def register_all() -> None:
    """Register every check with Django; once a process."""
    for check in PLAIN_CHECKS:
        register(check, "jarvish")
    register(check_connections, Tags.database)
