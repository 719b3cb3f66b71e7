"""Rate limits: told with every answer, kept in a window, no reason to close the product when their store is away."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from jarvish_regen.access.models import User
from jarvish_regen.api.throttles import SlidingWindowThrottle
from tests.factories import AdvisorProfileFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller(api_for: Callable[..., APIClient]) -> APIClient:
    user: User = AdvisorProfileFactory().user
    return api_for(user)


@pytest.fixture
def store_away(settings: Any) -> Iterator[None]:
    """Point the limits at a store where nobody answers."""
    settings.RATE_LIMIT_STORAGE_URL = "redis://127.0.0.1:1/0"
    SlidingWindowThrottle._limiter = None
    yield
    SlidingWindowThrottle._limiter = None


def test_every_answer_says_what_is_left(caller: APIClient, settings: Any) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "read": "5/minute"}

    first, second = caller.get("/api/v1/content"), caller.get("/api/v1/content")

    assert first.headers["RateLimit-Policy"] == '"read";q=5;w=60'
    assert first.headers["RateLimit"].startswith('"read";r=4;')
    assert second.headers["RateLimit"].startswith('"read";r=3;')


def test_one_too_many_is_told_when_to_come_back(caller: APIClient, settings: Any) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "read": "2/minute"}
    for _ in range(2):
        assert caller.get("/api/v1/content").status_code == 200

    refused = caller.get("/api/v1/content")

    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 120
    assert refused.json()["errors"][0]["code"] == "throttled"


def test_two_callers_have_windows_of_their_own(api_for: Callable[..., APIClient], settings: Any) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "read": "1/minute"}
    one, other = (api_for(AdvisorProfileFactory().user) for _ in range(2))
    one.get("/api/v1/content")

    assert (one.get("/api/v1/content").status_code, other.get("/api/v1/content").status_code) == (429, 200)


@pytest.mark.usefixtures("store_away")
def test_without_its_store_reads_pass_and_bulk_does_not(caller: APIClient) -> None:
    assert caller.get("/api/v1/content").status_code == 200
    assert caller.post("/api/v1/feedback/bulk", {"items": []}, format="json").status_code == 429
