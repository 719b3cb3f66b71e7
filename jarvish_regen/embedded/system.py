"""A whole running system in a state directory of its own, for tests, benchmarks and pictures."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jarvish_regen.embedded.errors import EmbeddedError
from jarvish_regen.embedded.paths import ROOT, StateDir
from jarvish_regen.embedded.runfile import Run, read_run
from jarvish_regen.embedded.state import remove_state

START_SECONDS = 120.0
STOP_SECONDS = 90.0
_POLL_SECONDS = 0.05
_NOT_INHERITED = (
    "DATABASE_URL",
    "REDIS_URL",
    "JARVISH_EMBEDDED",
    "JARVISH_PORT",
    "JARVISH_PUBLIC_URL",
    "JARVISH_STATE_DIR",
)


@dataclass(frozen=True)
class RunningSystem:
    """Name a running system. process is its supervisor."""

    address: str
    state_dir: Path
    process: subprocess.Popen[bytes]
    output_file: Path

    def run(self) -> Run:
        """Return pids, phase and URLs as of now. Raises EmbeddedError when the supervisor is gone."""
        found = read_run(StateDir(self.state_dir))
        if found is None:
            raise EmbeddedError(f"no supervisor is running in {self.state_dir}.")
        return found


@contextlib.contextmanager
def running_system(
    state_dir: Path,
    *,
    processes: Sequence[str] | None = None,
    with_demo: bool = True,
    environment: Mapping[str, str] | None = None,
) -> Iterator[RunningSystem]:
    """Run `jarvish up` in `state_dir` on a free port for the duration.

    processes: names of those to start, all by default. environment: added to ours; URLs of other servers and ports are
    not inherited. The output is in `state_dir`/up.log. Raises EmbeddedError with its end when it does not come up.
    """
    state_dir = state_dir.absolute()
    StateDir(state_dir).create()
    output_file = state_dir / "up.log"
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    argv = [sys.executable, "-P", "-m", "jarvish_regen.embedded", "up", "--port", "0"]
    argv += [] if with_demo else ["--no-demo"]
    argv += [] if processes is None else ["--processes", ",".join(processes)]
    with output_file.open("ab") as output:
        supervisor = subprocess.Popen(  # noqa: S603  # our own argument list, no shell
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**inherited, "PYTHONPATH": str(ROOT), "JARVISH_STATE_DIR": str(state_dir), **(environment or {})},
        )
    try:
        run = _wait_until_ready(StateDir(state_dir), supervisor, output_file)
        yield RunningSystem(address=run.address, state_dir=state_dir, process=supervisor, output_file=output_file)
    finally:
        supervisor.terminate()
        try:
            supervisor.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()


@contextlib.contextmanager
def throwaway_state_dir(name: str) -> Iterator[Path]:
    """Make a short-lived state directory that PostgreSQL's own user can reach; it is removed at the end."""
    with tempfile.TemporaryDirectory(prefix=f"jarvish-{name}-", ignore_cleanup_errors=True) as directory:
        path = Path(directory)
        path.chmod(0o711)
        try:
            yield path
        finally:
            remove_state(StateDir(path))


def _wait_until_ready(state: StateDir, supervisor: subprocess.Popen[bytes], output_file: Path) -> Run:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        run = read_run(state)
        if run is not None and run.phase == "ready" and run.pid == supervisor.pid:
            return run
        if supervisor.poll() is not None:
            break
        time.sleep(_POLL_SECONDS)
    lines = output_file.read_text(errors="replace").splitlines()
    raise EmbeddedError(f"the system did not come up: {' / '.join(lines[-5:])}")
