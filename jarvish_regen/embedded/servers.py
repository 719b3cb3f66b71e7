"""Both servers of a state directory together, and who owns them.

One process owns a state directory at a time (`owned`): it alone starts and stops servers there. Others may use its
servers (`used`); a passing owner waits for them before it stops (`unused`).
"""

import contextlib
import fcntl
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from jarvish_regen.embedded import process
from jarvish_regen.embedded.errors import EmbeddedError, StateInUseError
from jarvish_regen.embedded.paths import StateDir
from jarvish_regen.embedded.postgres import START_RETRY_SECONDS, Postgres
from jarvish_regen.embedded.valkey import Valkey

# Recovery after a crash replays the log before the first connection is let in.
READY_SECONDS = 60.0
_POLL_SECONDS = 0.02
_RETRY_SECONDS = 0.5
_LOG_MAX_BYTES = 5_000_000


class Server(Protocol):
    """Describe what the supervisor needs to know of a server."""

    name: str
    log_file: Path

    @property
    def url(self) -> str: ...
    def prepare(self) -> None: ...
    def spawn(self) -> subprocess.Popen[bytes]: ...
    def is_ready(self) -> bool: ...
    def finish_start(self) -> None: ...
    def stop_orphans(self) -> None: ...


@dataclass(frozen=True)
class Owner:
    """Describe the process that owns a state directory. purpose: `up`, or the command it runs."""

    pid: int
    purpose: str


@dataclass(frozen=True)
class RunningServers:
    """Name the servers of one state directory by their URLs."""

    database_url: str
    redis_url: str


class Servers:
    """Start, watch and stop the embedded servers of one state directory, which the caller owns.

    A server whose URL is given (`given`: DATABASE_URL, REDIS_URL) is not started and not stopped.
    """

    def __init__(self, state: StateDir, *, fsync: bool = True, given: Mapping[str, str] | None = None) -> None:
        state.create()
        self._given = {
            name: url for name, url in (given or {}).items() if name in ("DATABASE_URL", "REDIS_URL") and url
        }
        self.postgres = None if "DATABASE_URL" in self._given else Postgres(state, fsync=fsync)
        self.valkey = None if "REDIS_URL" in self._given else Valkey(state, fsync=fsync)
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def embedded(self) -> list[Postgres | Valkey]:
        """Return the servers we run ourselves, in the order they start."""
        return [server for server in (self.postgres, self.valkey) if server is not None]

    def environment(self) -> dict[str, str]:
        """Return the variables that tell a child process where the servers are."""
        found = dict(self._given)
        if self.postgres is not None:
            found["DATABASE_URL"] = self.postgres.url
            found["JARVISH_EMBEDDED"] = "1"
        if self.valkey is not None:
            found["REDIS_URL"] = self.valkey.url
        return found

    def start(self) -> None:
        """Start the servers side by side and return when both answer. Raises EmbeddedError with the end of the log."""
        for server in self.embedded:
            _bound(server.log_file)
            server.prepare()
            self.children[server.name] = server.spawn()
        for server in self.embedded:
            self._wait_until_ready(server)
            server.finish_start()

    def restart(self, name: str) -> None:
        """Start a server that ended; it becomes ready by itself."""
        server = next(server for server in self.embedded if server.name == name)
        self.children[name] = server.spawn()

    def are_ready(self) -> bool:
        """Tell whether every embedded server answers, whoever started it."""
        return all(server.is_ready() for server in self.embedded)

    def stop(self) -> None:
        """Stop Valkey, then PostgreSQL, each writing what it holds. Harmless when they are stopped already."""
        for server in reversed(self.embedded):
            if child := self.children.pop(server.name, None):
                process.stop(child, stop_signal=server.stop_signal, timeout_seconds=server.stop_seconds)

    def stop_orphans(self) -> None:
        """Stop servers an earlier owner left behind."""
        for server in reversed(self.embedded):
            server.stop_orphans()

    def _wait_until_ready(self, server: Postgres | Valkey) -> None:
        started = time.monotonic()
        while not server.is_ready():
            waited = time.monotonic() - started
            if (code := self.children[server.name].poll()) is not None:
                if waited > START_RETRY_SECONDS:
                    raise EmbeddedError(f"{server.name} ended with code {code}: {_last_lines(server.log_file)}")
                time.sleep(_RETRY_SECONDS)
                self.restart(server.name)
            elif waited > READY_SECONDS:
                raise EmbeddedError(
                    f"{server.name} did not answer in {READY_SECONDS:.0f} s: {_last_lines(server.log_file)}"
                )
            time.sleep(_POLL_SECONDS)


@contextlib.contextmanager
def owned(state: StateDir, *, purpose: str) -> Iterator[None]:
    """Own the state directory for the duration. Raises StateInUseError at once when somebody else does."""
    state.create()
    with state.owner_lock.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _read_owner(lock)
            who = f"process {owner.pid} ({owner.purpose})" if owner else "another process"
            raise StateInUseError(f"{who} is using {state.path}.") from None
        lock.truncate(0)
        lock.write(json.dumps({"pid": os.getpid(), "purpose": purpose}))
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)


def owner_of(state: StateDir) -> Owner | None:
    """Return the process that owns the state directory now, or None."""
    try:
        lock = state.owner_lock.open("r")
    except OSError:
        return None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read_owner(lock)
        return None


@contextlib.contextmanager
def used(state: StateDir) -> Iterator[None]:
    """Keep the owner of the servers from stopping them (`unused`) for the duration."""
    with state.users_lock.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


@contextlib.contextmanager
def unused(state: StateDir) -> Iterator[None]:
    """Wait until no other command uses the servers, and let none begin while the owner stops them inside."""
    with state.users_lock.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def running_servers(state_dir: Path, *, fsync: bool = True) -> Iterator[RunningServers]:
    """Run both embedded servers in `state_dir` for the duration, whatever DATABASE_URL and REDIS_URL say.

    fsync=False is for throw-away servers. Call it from the main thread: the servers die with the calling thread.
    Raises StateInUseError or EmbeddedError. The directory stays.
    """
    state = StateDir(state_dir.absolute())
    with owned(state, purpose="servers"):
        servers = Servers(state, fsync=fsync)
        try:
            servers.start()
            found = servers.environment()
            yield RunningServers(database_url=found["DATABASE_URL"], redis_url=found["REDIS_URL"])
        finally:
            servers.stop()


def _read_owner(lock: IO[str]) -> Owner | None:
    lock.seek(0)
    try:
        found = json.loads(lock.read())
    except ValueError:
        return None
    return Owner(pid=int(found["pid"]), purpose=str(found["purpose"]))


def _bound(log_file: Path) -> None:
    if log_file.exists() and log_file.stat().st_size > _LOG_MAX_BYTES:
        log_file.replace(log_file.with_suffix(".log.1"))


def _last_lines(log_file: Path) -> str:
    lines = log_file.read_text(errors="replace").splitlines() if log_file.exists() else []
    return " / ".join(lines[-3:]) or "its log is empty."
