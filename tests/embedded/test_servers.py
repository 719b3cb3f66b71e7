"""The embedded servers: start, stop, adoption of what was left behind, and where their files go."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
import redis

from jarvish_regen.embedded import process
from jarvish_regen.embedded.errors import StateInUseError
from jarvish_regen.embedded.paths import ROOT, SOCKET_PATH_MAX_BYTES, StateDir
from jarvish_regen.embedded.postgres import Postgres, system_identity
from jarvish_regen.embedded.servers import Servers, owned, owner_of, running_servers
from jarvish_regen.embedded.state import remove_state
from jarvish_regen.embedded.valkey import binary
from tests.embedded.waiting import wait_until

# Starts servers, says so, and waits to be killed.
_OWNER = """
import signal, sys
from pathlib import Path
from jarvish_regen.embedded.servers import running_servers
with running_servers(Path(sys.argv[1]), fsync=False):
    print("up", flush=True)
    signal.pause()
"""


def server_pids(state_dir: Path) -> list[int]:
    """Return the pids of all server processes that work on this state directory."""
    home = Postgres(StateDir(state_dir), fsync=False).home
    return [
        *process.find_by_program(program="postgres", cwd=home / "postgres"),
        *process.find_by_program(program="valkey-server", cwd=state_dir / "valkey"),
    ]


def test_both_servers_answer_and_nothing_is_left_after_them(state_dir: Path) -> None:
    with running_servers(state_dir, fsync=False) as servers:
        with psycopg.connect(servers.database_url) as connection:
            row = connection.execute("SELECT '[1,2]'::vector <-> '[1,4]', uuidv7() IS NOT NULL, 'ä' < 'z'").fetchone()
        pong = redis.Redis.from_url(servers.redis_url).ping()
        running = server_pids(state_dir)

    assert row == (2.0, True, False)  # C.UTF-8 sorts by code point
    assert pong is True
    assert len(running) > 2
    assert server_pids(state_dir) == []
    assert owner_of(StateDir(state_dir)) is None


def test_new_databases_carry_pgvector(state_dir: Path) -> None:
    with running_servers(state_dir, fsync=False) as servers:
        with psycopg.connect(servers.database_url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE another")
        with psycopg.connect(servers.database_url.replace("@/jarvish?", "@/another?")) as connection:
            row = connection.execute("SELECT extname FROM pg_extension WHERE extname = 'vector'").fetchone()

    assert row == ("vector",)


def test_facts_and_rings_survive_a_restart(state_dir: Path) -> None:
    with running_servers(state_dir) as servers:
        with psycopg.connect(servers.database_url) as connection:
            connection.execute("CREATE TABLE fact AS SELECT 'अस्वीकृत' AS word")
        redis.Redis.from_url(servers.redis_url).lpush("critical", "ring")

    with running_servers(state_dir) as servers:
        with psycopg.connect(servers.database_url) as connection:
            row = connection.execute("SELECT word FROM fact").fetchone()
        rings = redis.Redis.from_url(servers.redis_url).lrange("critical", 0, -1)

    assert row == ("अस्वीकृत",)
    assert rings == [b"ring"]


def test_given_servers_are_used_exactly_as_given_and_not_started(state_dir: Path) -> None:
    given = {
        "DATABASE_URL": "postgresql://a:b%40c@db.example:6432/x?sslmode=require",
        "REDIS_URL": "rediss://:p@v.example:6380/2",
    }

    both = Servers(StateDir(state_dir), given=given)
    one = Servers(StateDir(state_dir), given={"REDIS_URL": given["REDIS_URL"], "DATABASE_URL": ""})

    assert both.environment() == given
    assert both.embedded == []
    assert [server.name for server in one.embedded] == ["postgres"]
    assert one.environment()["REDIS_URL"] == given["REDIS_URL"]
    assert one.environment()["JARVISH_EMBEDDED"] == "1"


def test_a_second_owner_is_refused(state_dir: Path) -> None:
    with running_servers(state_dir, fsync=False):
        with pytest.raises(StateInUseError, match=f"process {os.getpid()} "), owned(StateDir(state_dir), purpose="up"):
            pytest.fail("two owners at once")
        owner = owner_of(StateDir(state_dir))

    assert owner is not None
    assert (owner.pid, owner.purpose) == (os.getpid(), "servers")


def test_no_server_outlives_an_owner_that_is_killed(state_dir: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(state_dir)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"up\n"
    assert len(server_pids(state_dir)) > 2

    owner.kill()
    owner.wait()
    owner.stdout.close()

    wait_until(lambda: server_pids(state_dir) == [], what="both servers end with their owner")


def test_servers_left_behind_are_stopped_and_replaced(state_dir: Path) -> None:
    with running_servers(state_dir, fsync=False) as servers, psycopg.connect(servers.database_url) as connection:
        connection.execute("CREATE TABLE one AS SELECT 1 AS one")
    orphans = [start_orphan_postgres(state_dir), start_orphan_valkey(state_dir)]
    wait_until(lambda: len(server_pids(state_dir)) > 2, what="the orphans are up")

    with running_servers(state_dir, fsync=False) as servers:
        codes = [orphan.wait() for orphan in orphans]
        with psycopg.connect(servers.database_url) as connection:
            row = connection.execute("SELECT one FROM one").fetchone()
        running = server_pids(state_dir)

    assert codes == [0, 0]  # a clean end, not a kill
    assert row == (1,)
    assert not {orphan.pid for orphan in orphans} & set(running)


def test_a_lock_file_of_a_killed_postmaster_does_not_stop_the_next_start(state_dir: Path) -> None:
    with running_servers(state_dir, fsync=False):
        postmaster = int((postgres_data(state_dir) / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)

    with running_servers(state_dir, fsync=False) as servers, psycopg.connect(servers.database_url) as connection:
        row = connection.execute("SELECT 1").fetchone()

    assert row == (1,)


def test_sockets_of_a_deep_state_directory_move_to_a_short_one(state_dir: Path) -> None:
    deep = state_dir / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True, mode=0o711)
    try:
        with running_servers(deep, fsync=False) as servers, psycopg.connect(servers.database_url) as connection:
            row = connection.execute("SELECT 1").fetchone()
        directory = parse_qs(urlsplit(servers.database_url).query)["host"][0]
        socket = servers.redis_url.removeprefix("unix://")
        modes = [oct(Path(socket).parent.stat().st_mode & 0o066), oct(Path(directory).stat().st_mode & 0o077)]
    finally:
        remove_state(StateDir(deep))

    assert row == (1,)
    assert len(f"{directory}/.s.PGSQL.5432.lock") < SOCKET_PATH_MAX_BYTES
    assert len(socket) < SOCKET_PATH_MAX_BYTES
    assert modes == ["0o0", "0o0"]
    assert not Path(socket).parent.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL to another user")
def test_a_private_state_directory_stays_private(state_dir: Path) -> None:
    private = state_dir / "private"
    private.mkdir(mode=0o700)
    inside = private / "state"
    try:
        with running_servers(inside, fsync=False) as servers, psycopg.connect(servers.database_url) as connection:
            row = connection.execute("SELECT 1").fetchone()
        place = Path((inside / "place").read_text().strip())
        owner = (place / "postgres").stat().st_uid
    finally:
        remove_state(StateDir(inside))

    assert row == (1,)
    assert private.stat().st_mode & 0o077 == 0
    assert owner == system_identity().uid
    assert not place.exists()


def postgres_data(state_dir: Path) -> Path:
    """Return the data directory of this state."""
    return Postgres(StateDir(state_dir), fsync=False).home / "postgres"


def start_orphan_postgres(state_dir: Path) -> subprocess.Popen[bytes]:
    """Start PostgreSQL on this state's data as a process that does not die with anybody."""
    data = postgres_data(state_dir)
    program = Path((data / "postmaster.opts").read_text().split()[0])
    sockets = parse_qs(urlsplit(Postgres(StateDir(state_dir), fsync=False).url).query)["host"][0]
    identity = system_identity() if os.geteuid() == 0 else None
    return subprocess.Popen(
        [program, "-D", data, "-c", "listen_addresses=", "-c", f"unix_socket_directories={sockets}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=identity.uid if identity else None,
        group=identity.gid if identity else None,
        extra_groups=[] if identity else None,
        cwd=data,
    )


def start_orphan_valkey(state_dir: Path) -> subprocess.Popen[bytes]:
    """Start Valkey on this state's data as a process that does not die with anybody."""
    data = state_dir / "valkey"
    return subprocess.Popen(
        [binary(), "--port", "0", "--unixsocket", state_dir / "run" / "valkey.sock", "--appendonly", "yes"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=data,
    )
