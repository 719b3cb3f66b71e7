"""What a running supervisor says about itself in run.json."""

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Literal

from jarvish_regen.embedded.paths import StateDir
from jarvish_regen.embedded.servers import owner_of

Phase = Literal["starting", "ready", "stopping"]


@dataclass(frozen=True)
class Run:
    """Describe a running supervisor. processes, servers: pid by name. Without web, port is 0 and address empty."""

    pid: int
    phase: Phase
    port: int
    address: str
    processes: dict[str, int]
    servers: dict[str, int]
    environment: dict[str, str] = field(default_factory=dict)  # DATABASE_URL, REDIS_URL


def write_run(state: StateDir, run: Run) -> None:
    """Replace run.json in one step: readers see the old or the new. Its owner alone reads it: URLs hold passwords."""
    unfinished = state.run_file.with_name(f"run.json.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        json.dump(asdict(run), out, indent=1)
    unfinished.replace(state.run_file)


def read_run(state: StateDir) -> Run | None:
    """Return what the running supervisor of this state directory says, or None when none is running."""
    owner = owner_of(state)
    if owner is None or owner.purpose != "up":
        return None
    try:
        run = Run(**json.loads(state.run_file.read_text()))
    except (OSError, ValueError, TypeError):  # not written yet, or by an older version
        return None
    return run if run.pid == owner.pid else None
