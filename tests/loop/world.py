"""A running system as the stories see it: over its public doors, with a look at the rows where nobody may read."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import redis
from websockets.sync.client import ClientConnection, connect

from jarvish_regen.embedded import process
from jarvish_regen.embedded.paths import ROOT, StateDir
from jarvish_regen.embedded.programs import child_environment
from jarvish_regen.embedded.system import RunningSystem
from jarvish_regen.ids import from_short
from tests.embedded.waiting import wait_until

WARNING: Final = "Mutual Fund investments are subject to market risks, read all scheme related documents carefully."
SIGNATURE: Final = "Asha Rao | AMFI-registered Mutual Fund Distributor | ARN-123456"
GUARANTEE: Final = "This plan gives a guaranteed return of 15% every year."
STIFF: Final = "Kindly be informed that periodic contributions are to be remitted henceforth."
PLAIN: Final = "Put in a little each month, and raise it when you can."
_HTTP_SECONDS: Final = 30.0
_HEAR_SECONDS: Final = 30.0


def guaranteed_text(extra: str = "") -> str:
    """Return a text that breaks a critical rule by one sentence which can be taken out."""
    return (
        f"Start a small SIP this month and raise it with your salary. {GUARANTEE} "
        f"Talk to your family about what the money is for.{extra}\n\n{WARNING}\n\n{SIGNATURE}"
    )


def stiff_text() -> str:
    """Return an admissible text whose stiff sentence only a model can rewrite."""
    body = f"A goal is easier to keep when it is written down. {STIFF} Write yours on paper today."
    return f"{body}\n\n{WARNING}\n\n{SIGNATURE}"


def guaranteed() -> dict[str, Any]:
    """Return the rejection of a guaranteed text."""
    return {
        "category": "compliance_violation",
        "severity": "critical",
        "note": "We may not promise returns.",
        "issues": [{"code": "guaranteed_returns_claim", "quote": GUARANTEE}],
    }


def too_formal() -> dict[str, Any]:
    """Return the rejection of a stiff text."""
    return {"category": "tone_inappropriate", "severity": "minor", "issues": [{"code": "too_formal", "quote": STIFF}]}


def rewriting(find: str = STIFF, replace: str = PLAIN) -> str:
    """Return a model's reply that replaces some words."""
    return json.dumps({"edits": [{"find": find, "replace": replace, "fixes": ["too_formal"]}], "full_text": None})


@dataclass(frozen=True)
class Advisor:
    """An advisor's own software, with the advisor's token."""

    firm_id: str
    token: str
    http: httpx.Client
    address: str

    def send(self, text: str | None = None, **more: Any) -> str:
        """Send a draft in and return its content id."""
        response = self.http.post("/api/v1/content", json=draft(text, **more))
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    def reject(
        self, content_id: str, said: Mapping[str, Any] | None = None, *, key: str | None = None, wait: int | None = None
    ) -> httpx.Response:
        """Reject a draft; `wait` asks for the answer within so many seconds."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        if wait is not None:
            headers["Prefer"] = f"wait={wait}"
        return self.http.post(f"/api/v1/content/{content_id}/reject", json=dict(said or guaranteed()), headers=headers)

    def rejected(self, content_id: str, said: Mapping[str, Any] | None = None) -> str:
        """Reject a draft and return the id of the attempt."""
        response = self.reject(content_id, said)
        assert response.status_code == 202, response.text
        return str(response.json()["regeneration_id"])

    def read(self, path: str) -> Any:
        """Return what the API says at an address below /api/v1/."""
        response = self.http.get(f"/api/v1/{path}")
        assert response.status_code == 200, response.text
        return response.json()

    def answer(self, regeneration_id: str) -> Any:
        """Poll an attempt until it is settled and return it."""
        seen: list[Any] = []

        def is_settled() -> bool:
            seen[:] = [self.read(f"regenerations/{regeneration_id}")]
            return seen[0]["state"] not in ("queued", "running")

        wait_until(is_settled, what=f"{regeneration_id} is settled")
        return seen[0]

    @contextlib.contextmanager
    def following(self, content_id: str, *, since: int | None = None) -> Iterator["Follower"]:
        """Follow a draft over the WebSocket; subscribed when it begins."""
        address = f"ws{self.address.removeprefix('http')}/ws/live/"
        with connect(address, additional_headers={"Authorization": f"Token {self.token}"}) as socket:
            follower = Follower(socket)
            follower.subscribe(f"item.{content_id}", since=since)
            yield follower


class Follower:
    """What a socket says, in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.first: dict[str, Any] = {}
        self.hints: list[dict[str, Any]] = []

    def subscribe(self, topic: str, *, since: int | None) -> None:
        """Ask for a topic; `first` is what comes back."""
        asked = {"subscribe": topic} | ({} if since is None else {"since": since})
        self._socket.send(json.dumps(asked))
        self.first = json.loads(self._socket.recv(timeout=_HEAR_SECONDS))

    def hear_until(self, kind: str) -> list[dict[str, Any]]:
        """Return all hints so far, once a stored event of this kind was among them."""
        while not any(hint["kind"] == kind and hint["seq"] is not None for hint in self.hints):
            self.hints.append(json.loads(self._socket.recv(timeout=_HEAR_SECONDS)))
        return self.hints

    def stages(self) -> list[str]:
        """Return the stages heard, in the order they came."""
        return [hint["stage"] for hint in self.hints if hint.get("stage")]


def draft(text: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a draft as it is handed in."""
    words = guaranteed_text() if text is None else text
    return {"text": words, "channel": "email", "language": "en", "content_class": "advertisement", **more}


class World:
    """One running system and what the stories do to it."""

    def __init__(self, system: RunningSystem, faultpoints: Path) -> None:
        self.system = system
        self.address = system.address
        self.faultpoints = faultpoints
        self._state = StateDir(system.state_dir)
        run = system.run()
        self._environment = child_environment(
            self._state, servers={**run.environment, "JARVISH_EMBEDDED": "1", "JARVISH_TEST": "1"}
        )
        self._database = psycopg.connect(run.environment["DATABASE_URL"], autocommit=True)
        self._clients: list[httpx.Client] = []
        self._talking = threading.Lock()
        self._inside = subprocess.Popen(
            [sys.executable, "-m", "tests.loop.inside"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
            cwd=ROOT,
            text=True,
        )

    def close(self) -> None:
        """Let go of everything that was started for this world; the system itself is its owner's."""
        assert self._inside.stdin is not None
        assert self._inside.stdout is not None
        self._inside.stdin.close()
        self._inside.wait(timeout=30)
        self._inside.stdout.close()
        for client in self._clients:
            client.close()
        self._database.close()

    def inside(self, act: str, **arguments: Any) -> Any:
        """Have something done inside; see tests.loop.inside."""
        with self._talking:
            assert self._inside.stdin is not None
            assert self._inside.stdout is not None
            self._inside.stdin.write(json.dumps({"act": act, **arguments}) + "\n")
            self._inside.stdin.flush()
            line = self._inside.stdout.readline()
        assert line, f"{act} failed inside; see the error output"
        return json.loads(line)

    def advisor(self) -> Advisor:
        """Return a new advisor of a new firm."""
        made = self.inside("make_advisor", signature=SIGNATURE)
        headers = {"Authorization": f"Token {made['token']}"}
        client = httpx.Client(base_url=self.address, headers=headers, timeout=_HTTP_SECONDS, trust_env=False)
        self._clients.append(client)
        return Advisor(made["firm_id"], made["token"], client, self.address)

    def rows(self, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Return rows straight from the system's database: a look that settles nothing."""
        with self._database.cursor() as cursor:
            return cursor.execute(sql.encode(), arguments).fetchall()

    def attempt(self, regeneration_id: str) -> dict[str, Any]:
        """Return an attempt's row without reading it through a door that would settle it."""
        names = ("state", "rung", "claims", "fence", "answer_ms", "reason")
        found = self.rows(
            f"SELECT {', '.join(names)} FROM regeneration_regeneration WHERE id = %s",  # noqa: S608  # constant names
            from_short("regeneration", regeneration_id),
        )
        return dict(zip(names, found[0], strict=True))

    def wait_until_settled_unread(self, regeneration_id: str) -> dict[str, Any]:
        """Wait until an attempt is settled by the system itself, read by nobody."""
        wait_until(
            lambda: self.attempt(regeneration_id)["state"] not in ("queued", "running"),
            what=f"{regeneration_id} is settled",
        )
        return self.attempt(regeneration_id)

    def versions(self, content_id: str) -> list[tuple[Any, ...]]:
        """Return number, origin and text of a draft's versions."""
        return self.rows(
            "SELECT number, origin, text FROM content_contentversion WHERE item_id = %s ORDER BY number",
            from_short("item", content_id),
        )

    def pid(self, name: str) -> int:
        """Return the pid of a process or server as of now."""
        run = self.system.run()
        return {**run.processes, **run.servers}[name]

    def kill(self, name: str, signal_number: int) -> int:
        """Send a signal to a process or server of this system and return its pid."""
        pid = self.pid(name)
        os.kill(pid, signal_number)
        return pid

    def wait_until_replaced(self, name: str, old_pid: int) -> None:
        """Wait until the supervisor has started another process in its place."""

        def is_replaced() -> bool:
            run = self.system.run()
            pid = {**run.processes, **run.servers}.get(name, old_pid)
            return pid != old_pid and process.is_alive(pid)

        wait_until(is_replaced, what=f"{name} is started again")

    def log_of(self, name: str) -> str:
        """Return what a process has written so far."""
        return (self._state.logs / f"{name}.log").read_text(errors="replace")

    def wait_until_worker_ready(self, name: str, *, times: int) -> None:
        """Wait until a worker has said that it takes work, so many times in its log."""
        wait_until(lambda: self.log_of(name).count(" ready.") >= times, what=f"{name} takes work")

    def is_live(self) -> bool:
        """Tell whether the pages answer."""
        try:
            return httpx.get(f"{self.address}/health/live", trust_env=False, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def is_valkey_ready(self) -> bool:
        """Tell whether the broker answers."""
        try:
            with redis.Redis.from_url(self.broker_url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    @property
    def broker_url(self) -> str:
        """Return where Valkey is."""
        return self.system.run().environment["REDIS_URL"]

    def arm(self, faultpoint: str, *, deaths: int = 1) -> None:
        """Let so many processes die at a named place."""
        for number in range(deaths):
            (self.faultpoints / f"{faultpoint}.{number}").touch()

    def is_armed(self, faultpoint: str) -> bool:
        """Tell whether deaths are still owed."""
        return any(self.faultpoints.glob(f"{faultpoint}.*"))

    def run_launcher(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `./jarvish …` beside the system, as a person would in the same folder."""
        environment = {name: value for name, value in self._environment.items() if not name.endswith("_URL")}
        return subprocess.run(
            [ROOT / "jarvish", *arguments],
            env=environment | {"JARVISH_STATE_DIR": str(self.system.state_dir)},
            capture_output=True,
            text=True,
            check=False,
        )

    def check_record(self) -> None:
        """Wait for rest and check every promise: nothing lost, nothing twice, all settled, all explained."""
        wait_until(self._is_at_rest, what="every attempt is settled, every event numbered")
        found = self.inside("check_record")
        assert found["violations"] == []
        statuses = self.rows("SELECT count(*) FROM journal_outbox WHERE rung_at IS NULL")
        assert statuses == [(0,)]

    def _is_at_rest(self) -> bool:
        left = self.rows(
            "SELECT (SELECT count(*) FROM regeneration_regeneration WHERE state IN ('queued', 'running'))"
            " + (SELECT count(*) FROM journal_event WHERE seq IS NULL)"
            " + (SELECT count(*) FROM journal_auditentry WHERE seq IS NULL)"
            " + (SELECT count(*) FROM journal_outbox WHERE rung_at IS NULL)"
        )
        return left == [(0,)]
