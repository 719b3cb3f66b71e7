"""Where the state of one checkout lives."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from jarvish_regen.embedded.errors import EmbeddedError

ROOT = Path(__file__).resolve().parent.parent.parent

# sockaddr_un holds 108 bytes with the closing NUL; PostgreSQL appends a lock file's suffix to the same path.
SOCKET_PATH_MAX_BYTES = 100

POSTGRES_SOCKET_NAME = ".s.PGSQL.5432"


@dataclass(frozen=True)
class StateDir:
    """Name every file of one state directory. Nothing is created by reading a name."""

    path: Path

    @property
    def owner_lock(self) -> Path:
        """Locked (flock) by the one process that may start servers here; holds its pid and purpose as JSON."""
        return self.path / "owner.lock"

    @property
    def users_lock(self) -> Path:
        """Locked shared by commands that use servers they do not own; the owner takes it before stopping them."""
        return self.path / "users.lock"

    @property
    def run_file(self) -> Path:
        """Written by the supervisor: pids, port, address, servers."""
        return self.path / "run.json"

    @property
    def prepared_file(self) -> Path:
        """Written after migrations and demo data: the fingerprint of the sources they came from."""
        return self.path / "prepared.json"

    @property
    def place_file(self) -> Path:
        """Names the directory outside this one where PostgreSQL's files had to go, if they had to."""
        return self.path / "place"

    @property
    def logs(self) -> Path:
        return self.path / "log"

    @property
    def backups(self) -> Path:
        return self.path / "backups"

    @property
    def valkey_data(self) -> Path:
        return self.path / "valkey"

    @property
    def beat_schedule(self) -> Path:
        return self.path / "beat-schedule"

    def create(self) -> None:
        """Create the directory and those that must not be missing in it; existing ones are left as they are."""
        try:
            # Traversable but not listable: PostgreSQL may run as another user underneath.
            self.path.mkdir(mode=0o711, parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
            # WhiteNoise warns at every start when there is no directory of collected files, an empty one included.
            (self.path / "static").mkdir(mode=0o755, exist_ok=True)
        except OSError as error:
            raise EmbeddedError(f"cannot create the state directory {self.path}: {error.strerror}.") from error


def state_dir_from_environment() -> StateDir:
    """Return the state directory: JARVISH_STATE_DIR, else `var/` in the checkout."""
    given = os.environ.get("JARVISH_STATE_DIR")
    return StateDir(Path(given).absolute() if given else ROOT / "var")


def socket_dir(*, base: Path, identity_of: Path) -> Path:
    """Return `base`/run, or a short directory under /tmp when a socket's path there would be too long. Creates it.

    base: where it belongs. identity_of: the state directory, whose path names the short directory.
    Raises EmbeddedError when the short directory belongs to somebody else.
    """
    wished = base / "run"
    if len(os.fsencode(wished / "postgres" / POSTGRES_SOCKET_NAME)) < SOCKET_PATH_MAX_BYTES:
        wished.mkdir(mode=0o711, parents=True, exist_ok=True)
        return wished
    short = short_socket_dir(identity_of)
    # Root lets PostgreSQL's own user traverse it; its socket lies in a 0700 directory of that user inside.
    mode = 0o711 if os.geteuid() == 0 else 0o700
    short.mkdir(mode=mode, exist_ok=True)
    found = short.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o066:
        raise EmbeddedError(f"{short} is not a private directory of this user; remove it and try again.")
    return short


def short_socket_dir(identity_of: Path) -> Path:
    """Return the directory under /tmp that stands in for a state directory whose path is too long for sockets."""
    name = hashlib.sha256(os.fsencode(identity_of.resolve())).hexdigest()[:16]
    return Path("/tmp") / f"jarvish-{name}"  # noqa: S108  # socket_dir checks owner and mode


def is_open_to_others(path: Path) -> bool:
    """Tell whether a user who owns nothing here can reach `path`: every directory above it has o+x."""
    resolved = path.resolve()
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in (resolved, *resolved.parents) if parent.is_dir())
