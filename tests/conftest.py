"""What every test shares."""

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from hypothesis import settings as hypothesis_settings
from rest_framework.test import APIClient

import jarvish_regen.celery  # noqa: F401  a commit rings, on the real broker
from feedback import understanding
from jarvish_regen.access.models import User
from regeneration import answering
from regeneration.fallbacks import forget_shelf
from regeneration.fallbacks.loading import load_files
from tests.factories import token_for

# Hypothesis would fail an example that takes long; how long something takes is for the benchmarks.
hypothesis_settings.register_profile("project", deadline=None)
hypothesis_settings.load_profile("project")


def pytest_configure() -> None:
    # Else what a test finds on the shelf would depend on whether a test that empties tables ran before it.
    settings.SHELF_LOADED_ON_MIGRATE = False
    settings.MODELS_REGISTERED_ON_MIGRATE = False
    # Else a target that one test breaks would be avoided by the next, and threads would write beside their databases.
    settings.LLM_HEALTH_SHARED = False


def pytest_unconfigure() -> None:
    # It tends its targets in a thread, and would log of them when there is no log any more.
    answering.close()


@pytest.fixture(autouse=True)
def _own_shelf() -> Iterator[None]:
    """Let no test see what another had on the shelf: a process keeps it for some seconds."""
    forget_shelf()
    yield
    forget_shelf()


@pytest.fixture(autouse=True)
def _own_models() -> Iterator[None]:
    """Let no test read with a model that another let in: a process keeps it for some seconds."""
    understanding.forget()
    yield
    understanding.forget()


@pytest.fixture
def full_shelf(db: None) -> None:
    """Put what the product ships on the shelf."""
    load_files()
    forget_shelf()


@pytest.fixture
def api_for() -> Callable[..., APIClient]:
    """Return a maker of API clients that carry a user's token."""

    def make(user: User, scopes: list[str] | None = None) -> APIClient:
        client = APIClient()
        secret = token_for(user) if scopes is None else token_for(user, scopes)
        client.credentials(HTTP_AUTHORIZATION=f"Token {secret}")
        return client

    return make
