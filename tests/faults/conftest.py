"""One system with two vendors, whose ways to PostgreSQL and Valkey can be cut. Each story leaves it whole."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from jarvish_regen.embedded.servers import running_servers
from jarvish_regen.embedded.system import running_system, throwaway_state_dir
from tests.embedded.waiting import wait_until
from tests.fake_openai import FakeOpenAI
from tests.loop.world import Advisor, World, rewriting, stiff_text, too_formal
from tests.proxy import Proxy, socket_in

RETRY_AFTER_SECONDS = 6.0


@dataclass
class Faults:
    """A running system, everything around it that can fail, and the rejections of the story so far."""

    world: World
    provider: FakeOpenAI
    postgres: Proxy
    valkey: Proxy
    rejected: list[tuple[Advisor, str]] = field(default_factory=list)

    def reject(self, advisor: Advisor | None = None) -> str:
        """Reject a stiff draft, which a model mends better than rules do; return the attempt.

        A new firm each time, unless one is given: a firm's kept answers would spare the call.
        """
        advisor = advisor or self.world.advisor()
        content_id = advisor.send(stiff_text())
        regeneration_id = advisor.rejected(content_id, too_formal())
        self.rejected.append((advisor, content_id))
        return regeneration_id

    def answered(self, advisor: Advisor | None = None) -> dict[str, Any]:
        """Reject a draft and return its attempt's row once it is settled."""
        return self.world.wait_until_settled_unread(self.reject(advisor))

    def calls_to(self, target: int) -> int:
        """Return how often a target was asked for a text; a check of its health is no such call."""
        return len(self.asked_at(target))

    def asked_at(self, target: int) -> list[float]:
        """Return when a target was asked for a text, on the provider's clock."""
        return [asked.at for asked in self.provider.log if asked.target == target and not _is_check(asked.body)]

    def open_alarms(self) -> set[str]:
        """Return the targets that are left alone and said so."""
        return {name for (name,) in self.world.rows("SELECT target FROM llm_targetalarm WHERE closed_at IS NULL")}

    def wait_until_a_model_answers(self) -> None:
        """Wait until a rejection is answered by a worker with a model's text."""
        wait_until(lambda: self.answered()["rung"] == "model", what="a model answers")

    def heal(self) -> None:
        """Let everything around the system work again and wait until the system has noticed."""
        self.postgres.heal()
        self.valkey.heal()
        self.provider.switch("instant", faults={})
        self.provider.respond_with(lambda messages: rewriting())
        wait_until(lambda: self.open_alarms() == set(), what="both targets are asked again")
        self.wait_until_a_model_answers()


def _is_check(body: object) -> bool:
    return isinstance(body, dict) and (body.get("max_tokens") or body.get("max_completion_tokens") or 1_000) < 10


@pytest.fixture(scope="session")
def _faulty_system() -> Iterator[Faults]:
    with (
        FakeOpenAI("instant", targets=2, retry_after_seconds=RETRY_AFTER_SECONDS) as provider,
        throwaway_state_dir("servers") as servers_dir,
        running_servers(servers_dir, fsync=False) as servers,
        Proxy(socket_in(servers.database_url)) as postgres,
        Proxy(socket_in(servers.redis_url)) as valkey,
        throwaway_state_dir("faults") as state_dir,
    ):
        targets = [
            {"name": name, "url": url, "model": "fake", "key": "sk-fake", "vendor": f"vendor of the {name}"}
            for name, url in zip(("first", "second"), provider.urls, strict=True)
        ]
        faultpoints = state_dir / "faultpoints"
        faultpoints.mkdir()
        environment = {
            "JARVISH_TEST": "1",
            "JARVISH_MODEL_URL": "",
            "JARVISH_MODELS": json.dumps(targets),
            "JARVISH_FAULTPOINTS_DIR": str(faultpoints),
            "DATABASE_URL": f"postgresql://jarvish@127.0.0.1:{postgres.port}/jarvish",
            "REDIS_URL": f"redis://127.0.0.1:{valkey.port}",
            **{f"JARVISH_RATE_LIMIT_{kind}": "100000/minute" for kind in ("READ", "WRITE", "BULK")},
        }
        processes = ("web", "answers", "solo", "relay")
        with running_system(state_dir, processes=processes, with_demo=False, environment=environment) as system:
            world = World(system, faultpoints)
            yield Faults(world, provider, postgres, valkey)
            world.close()


@pytest.fixture
def faults(_faulty_system: Faults) -> Iterator[Faults]:
    """Return the system, whole. After the story it is healed; each rejection must have come to an end people can use,
    and the whole record must hold.
    """
    _faulty_system.rejected.clear()
    _faulty_system.provider.respond_with(lambda messages: rewriting())
    yield _faulty_system
    _faulty_system.heal()
    for advisor, content_id in _faulty_system.rejected:
        item = advisor.read(f"content/{content_id}")
        is_answered = (
            item["state"] == "in_review" and item["current"]["number"] > 1 and item["current"]["is_admissible"]
        )
        assert is_answered or item["state"] == "with_people", item
    _faulty_system.world.check_record()
