"""What every test shares."""

from collections.abc import Callable

import pytest
from hypothesis import settings as hypothesis_settings
from rest_framework.test import APIClient

import jarvish_regen.celery  # noqa: F401  a commit rings, on the real broker
from jarvish_regen.access.models import User
from tests.factories import token_for

# Hypothesis would fail an example that takes long; how long something takes is for the benchmarks.
hypothesis_settings.register_profile("project", deadline=None)
hypothesis_settings.load_profile("project")


@pytest.fixture
def api_for() -> Callable[..., APIClient]:
    """Return a maker of API clients that carry a user's token."""

    def make(user: User, scopes: list[str] | None = None) -> APIClient:
        client = APIClient()
        secret = token_for(user) if scopes is None else token_for(user, scopes)
        client.credentials(HTTP_AUTHORIZATION=f"Token {secret}")
        return client

    return make
