"""Two systems serve all stories: one with everything, one without workers. Each story leaves them whole."""

from collections.abc import Iterator

import pytest

from jarvish_regen.embedded.system import running_system, throwaway_state_dir
from tests.fake_openai import FakeOpenAI
from tests.loop.world import Advisor, World, rewriting

_LIMITS = {f"JARVISH_RATE_LIMIT_{kind}": "100000/minute" for kind in ("READ", "WRITE", "BULK")}


@pytest.fixture(scope="session")
def the_provider() -> Iterator[FakeOpenAI]:
    """Run the other side of the network."""
    with FakeOpenAI("instant") as fake:
        yield fake


@pytest.fixture(scope="session")
def whole_system(the_provider: FakeOpenAI) -> Iterator[World]:
    """Run pages, workers, relay and background work, with a model connected."""
    with throwaway_state_dir("loop") as state_dir:
        faultpoints = state_dir / "faultpoints"
        faultpoints.mkdir()
        environment = {
            "JARVISH_TEST": "1",
            "JARVISH_MODEL_URL": the_provider.url,
            "JARVISH_MODEL_KEY": "sk-fake",
            "JARVISH_TRANSCRIBE_URL": the_provider.url,
            "JARVISH_WEBHOOK_ALLOW_LOOPBACK": "1",
            "JARVISH_FAULTPOINTS_DIR": str(faultpoints),
            **_LIMITS,
        }
        processes = ("web", "answers", "solo", "relay", "background")
        with running_system(state_dir, processes=processes, environment=environment) as system:
            world = World(system, faultpoints)
            yield world
            world.close()


@pytest.fixture(scope="session")
def workerless_system() -> Iterator[World]:
    """Run pages and relay only: nobody takes work."""
    with throwaway_state_dir("idle") as state_dir:
        environment = {"JARVISH_TEST": "1", "JARVISH_MODEL_URL": "", **_LIMITS}
        with running_system(state_dir, processes=("web", "relay"), with_demo=False, environment=environment) as system:
            world = World(system, state_dir)
            yield world
            world.close()


@pytest.fixture
def world(whole_system: World, the_provider: FakeOpenAI) -> Iterator[World]:
    """Return the whole system with a well-behaved provider; the record must hold after the story."""
    the_provider.switch("instant", faults={})
    the_provider.respond_with(lambda messages: rewriting())
    yield whole_system
    the_provider.switch("instant", faults={})
    whole_system.check_record()


@pytest.fixture
def provider(the_provider: FakeOpenAI, world: World) -> FakeOpenAI:
    """Return the provider of the whole system, to be told how to behave."""
    return the_provider


@pytest.fixture
def idle_world(workerless_system: World) -> Iterator[World]:
    """Return the system without workers; the record must hold after the story."""
    yield workerless_system
    workerless_system.check_record()


@pytest.fixture
def advisor(world: World) -> Advisor:
    """Return an advisor of a new firm in the whole system."""
    return world.advisor()
