"""Removing the state of one checkout."""

import contextlib
import shutil
from pathlib import Path

from jarvish_regen.embedded.paths import StateDir, short_socket_dir
from jarvish_regen.embedded.postgres import SYSTEM_PLACES

# Only what is ours: JARVISH_STATE_DIR may name a directory that holds other things too.
_OURS = (
    *("owner.lock", "users.lock", "run.json", "run.json.*", "prepared.json", "place", "up.log", "secret_key*"),
    *("log", "run", "postgres", "postgres.new-*", "postgres-programs-*", "valkey", "beat-schedule*", "static", "media"),
)


def remove_state(state: StateDir) -> None:
    """Remove everything the product keeps in the state directory, backups excepted. Its servers must be stopped."""
    place = _place_of(state)
    if place is not None:
        shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(short_socket_dir(state.path), ignore_errors=True)
    for pattern in _OURS:
        for found in state.path.glob(pattern):
            if found.is_dir() and not found.is_symlink():
                shutil.rmtree(found)
            else:
                found.unlink()
    with contextlib.suppress(OSError):  # backups, or somebody else's files
        state.path.rmdir()


def _place_of(state: StateDir) -> Path | None:
    """Return the directory outside the state directory that is ours, if there is one."""
    if not state.place_file.exists():
        return None
    place = Path(state.place_file.read_text().strip())
    return place if place.parent == SYSTEM_PLACES else None
