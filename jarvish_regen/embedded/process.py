"""Child processes that die with their parent, and processes found by what they are rather than by a remembered pid."""

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

_SHIM = Path(__file__).with_name("shim.py")


@dataclass(frozen=True)
class Identity:
    """Name the system user a child runs as."""

    name: str
    uid: int
    gid: int


class Handle(Protocol):
    """Describe what the supervisor needs of a child, whichever way it was started."""

    @property
    def pid(self) -> int: ...
    @property
    def stdout(self) -> IO[bytes] | None: ...
    @property
    def returncode(self) -> int | None: ...
    def poll(self) -> int | None: ...
    def send_signal(self, sig: int) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...


def spawn(
    argv: Sequence[str | Path],
    *,
    output: int | IO[bytes],
    death_signal: signal.Signals,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    identity: Identity | None = None,
    inherited: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own; it gets `death_signal` when the calling thread ends.

    argv[0] is an absolute path. Both output streams go to `output`; `inherited` are descriptors it gets too. Call it
    from the main thread, or from one that lives as long as the child shall. A session of its own keeps a terminal's
    Ctrl-C for the supervisor, which stops things in order.
    """
    uid, gid = (identity.uid, identity.gid) if identity else (-1, -1)
    shim = [sys.executable, "-I", "-S", str(_SHIM), str(os.getpid()), str(int(death_signal)), str(uid), str(gid)]
    return subprocess.Popen(  # noqa: S603  # our own argument list, no shell
        [*shim, *argv],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=env,
        cwd=cwd,
        start_new_session=True,
        pass_fds=inherited,
    )


def stop(process: Handle, *, stop_signal: signal.Signals, timeout_seconds: float) -> None:
    """Send `stop_signal`, wait, then SIGKILL. A process that is gone already is fine."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()


def is_alive(pid: int) -> bool:
    """Tell whether a process with this pid exists and is not a zombie."""
    try:
        stat_line = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat_line.rpartition(")")[2].split()[0] not in "ZX"


def find_by_program(*, program: str, cwd: Path) -> list[int]:
    """Return the pids of live processes whose executable is called `program` and that work in `cwd`."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # ended meanwhile, or belongs to somebody else
            executable = (entry / "exe").readlink().name.removesuffix(" (deleted)")
            if executable == program and (entry / "cwd").readlink() == cwd.resolve():
                found.append(int(entry.name))
    return [pid for pid in sorted(found) if is_alive(pid)]


def stop_pid(pid: int, *, stop_signal: signal.Signals, timeout_seconds: float) -> bool:
    """Send a signal to a process that is not our child and wait for its end; tell whether it ended in time."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, stop_signal)
        ended, _, _ = select.select([handle], [], [], timeout_seconds)
        return bool(ended)
    finally:
        os.close(handle)
