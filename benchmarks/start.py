"""How long the system takes to come up, and a worker that was killed to take answers again.

Run by ./jarvish bench start [--kills N] [--json]. A whole system of its own, as `./jarvish up` starts it; a worker's
start counts from SIGKILL to the line it logs when it takes work, model client, rules and shelf included.
"""

import argparse
import os
import signal
import time

from benchmarks.report import circumstances, show
from jarvish_regen.embedded.system import RunningSystem, running_system, throwaway_state_dir

NEEDS_NO_SERVERS = True

_WORKER = "answers"
_POLL_SECONDS = 0.01
_PATIENCE_SECONDS = 60.0
# The supervisor waits longer between restarts of what dies young; this is a worker that has lived.
_LIFE_SECONDS = 12.0


def ready_count(system: RunningSystem) -> int:
    """Return how often the worker has said that it takes work."""
    log = system.state_dir / "log" / f"{_WORKER}.log"
    return log.read_text(errors="replace").count(" ready.") if log.exists() else 0


def wait_for(system: RunningSystem, count: int) -> float:
    """Wait until the worker has said it so often; return when it was seen."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if ready_count(system) >= count:
            return time.monotonic()
        time.sleep(_POLL_SECONDS)
    raise SystemExit(f"the worker did not come back within {_PATIENCE_SECONDS} s.")


def measure(kills: int) -> dict[str, object]:
    """Start a system, kill its worker some times and return the figures in seconds."""
    took = []
    with throwaway_state_dir("bench-start") as directory:
        began = time.monotonic()
        with running_system(directory, with_demo=False) as system:
            up_seconds = time.monotonic() - began
            for _ in range(kills):
                wait_for(system, ready_count(system) or 1)
                time.sleep(_LIFE_SECONDS)
                seen = ready_count(system)
                killed_at = time.monotonic()
                os.kill(system.run().processes[_WORKER], signal.SIGKILL)
                took.append(wait_for(system, seen + 1) - killed_at)
    took.sort()
    return {"up_seconds": round(up_seconds, 2), "worker_back_seconds": [round(seconds, 2) for seconds in took]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    show({**measure(options.kills), **circumstances(0)}, as_json=options.json)


if __name__ == "__main__":
    main()
