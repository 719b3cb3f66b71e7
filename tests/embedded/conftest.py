"""Every test here starts real processes in a state directory of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jarvish_regen.embedded.system import throwaway_state_dir


@pytest.fixture(scope="module")
def state_dir() -> Iterator[Path]:
    """Return a state directory for the tests of one module; each of them leaves it stopped."""
    with throwaway_state_dir("embedded") as path:
        yield path


@pytest.fixture(scope="module")
def launcher_environment(state_dir: Path) -> dict[str, str]:
    """Return the environment of a person who has set nothing but the state directory."""
    given = ("DATABASE_URL", "REDIS_URL", "JARVISH_")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(given)},
        "JARVISH_STATE_DIR": str(state_dir),
    }
