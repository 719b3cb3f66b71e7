"""The supervisor's side of the fork server: children that behave like `subprocess.Popen`."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from jarvish_regen.embedded import process
from jarvish_regen.embedded.forkserver import REQUEST_MAX_BYTES

_REPLY_SECONDS = 10.0


class ForkServer:
    """Hold the fork server of one supervisor. Where it cannot work (`is_usable`), processes are started one by one.

    connection: readable when there is news, which every method takes in; at its end too.
    """

    def __init__(self, *, environment: Mapping[str, str], cwd: Path) -> None:
        self.connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = [sys.executable, "-P", "-m", "jarvish_regen.embedded.forkserver", str(theirs.fileno())]
        self.process = process.spawn(
            argv,
            output=subprocess.PIPE,
            death_signal=signal.SIGKILL,
            env=environment,
            cwd=cwd,
            inherited=[theirs.fileno()],
        )
        theirs.close()
        self._codes: dict[int, int] = {}
        self._is_ready = False

    def is_settled(self) -> bool:
        """Tell whether it is known by now if it can work."""
        self._hear(0)
        return self._is_ready or self.process.poll() is not None

    def is_usable(self) -> bool:
        """Tell whether children can be forked from it."""
        self._hear(0)
        return self._is_ready and self.process.poll() is None

    def fork(self, *, name: str, argv: Sequence[str]) -> "ForkedChild":
        """Fork a child. argv as after `python`. Raises OSError when the server has just ended."""
        reader, writer = os.pipe()
        try:
            request = json.dumps({"name": name, "argv": list(argv)}).encode()
            socket.send_fds(self.connection, [request], [writer])
            pid = self._hear(_REPLY_SECONDS)
            if pid is None:
                raise OSError("the fork server does not answer")
            return ForkedChild(self, pid=pid, stdout=os.fdopen(reader, "rb", buffering=0))
        except OSError:
            os.close(reader)
            raise
        finally:
            os.close(writer)

    def code_of(self, pid: int) -> int | None:
        """Return the exit code of a child that has ended, else None. Children are killed with the server."""
        self._hear(0)
        if pid not in self._codes and self.process.poll() is not None:
            return -signal.SIGKILL
        return self._codes.get(pid)

    def stop(self) -> None:
        """End the server, after its children."""
        self.connection.close()
        process.stop(self.process, stop_signal=signal.SIGTERM, timeout_seconds=5.0)

    def _hear(self, timeout_seconds: float) -> int | None:
        """Take what the server says; return the pid of a new child as soon as there is one."""
        deadline = time.monotonic() + timeout_seconds
        with contextlib.suppress(OSError):
            while select.select([self.connection], [], [], max(0.0, deadline - time.monotonic()))[0]:
                message = self.connection.recv(REQUEST_MAX_BYTES)
                if not message:
                    return None
                found = json.loads(message)
                if "ready" in found:
                    self._is_ready = True
                elif "code" in found:
                    self._codes[found["pid"]] = found["code"]
                else:
                    return int(found["pid"])
        return None


class ForkedChild:
    """Hold one child of the fork server; it has the methods of Popen that the supervisor uses."""

    def __init__(self, server: ForkServer, *, pid: int, stdout: IO[bytes]) -> None:
        self._server = server
        self.pid = pid
        self.stdout: IO[bytes] | None = stdout
        self.returncode: int | None = None
        try:
            self._handle = os.pidfd_open(pid)
        except ProcessLookupError:  # ended already, and was waited for
            self._handle = -1

    def poll(self) -> int | None:
        """Return the exit code once the child has ended, else None."""
        if self.returncode is None:
            self.returncode = self._server.code_of(self.pid)
            if self.returncode is not None and self._handle >= 0:
                os.close(self._handle)
                self._handle = -1
        return self.returncode

    def send_signal(self, sig: int) -> None:
        """Send a signal, never to a stranger that got the pid later."""
        if self.poll() is None and self._handle >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, sig)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code. Raises subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            time.sleep(0.01)
        return code
