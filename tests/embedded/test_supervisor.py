"""`./jarvish up` with real processes: it starts them, keeps them running, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from jarvish_regen.embedded import process
from jarvish_regen.embedded.address import choose_port
from jarvish_regen.embedded.output import Terminal
from jarvish_regen.embedded.paths import ROOT, StateDir
from jarvish_regen.embedded.runfile import Run, read_run
from jarvish_regen.embedded.servers import owner_of
from jarvish_regen.embedded.system import RunningSystem, running_system, throwaway_state_dir
from tests.embedded.waiting import wait_until

PROCESSES = ("web", "beat")


@pytest.fixture(scope="module")
def system() -> Iterator[RunningSystem]:
    """Return a running system that every test here leaves running."""
    with (
        throwaway_state_dir("supervisor") as state_dir,
        running_system(state_dir, processes=PROCESSES, with_demo=False) as running,
    ):
        yield running


def pids(run: Run) -> dict[str, int]:
    """Return the pids of processes and servers by name."""
    return {**run.processes, **run.servers}


def test_only_the_named_processes_run_and_their_pids_are_written_down(system: RunningSystem) -> None:
    run = system.run()

    assert run.phase == "ready"
    assert run.pid == system.process.pid
    assert set(run.processes) == set(PROCESSES)
    assert set(run.servers) == {"postgres", "valkey"}
    assert all(process.is_alive(pid) for pid in pids(run).values())
    assert StateDir(system.state_dir).run_file.stat().st_mode & 0o077 == 0


def test_the_pages_answer_at_the_address(system: RunningSystem) -> None:
    with urllib.request.urlopen(f"{system.address}/health/live") as response:  # noqa: S310  # our own address
        assert response.status == 200


def test_a_second_up_says_where_the_first_one_is(system: RunningSystem, launcher_environment: dict[str, str]) -> None:
    environment = launcher_environment | {"JARVISH_STATE_DIR": str(system.state_dir)}

    second = run_launcher("up", environment=environment)

    assert second.returncode == 0
    assert second.stdout == f"Jarvish Regen is already running at {system.address}/ (process {system.process.pid}).\n"
    assert system.process.poll() is None


@pytest.mark.parametrize("name", ["web", "beat", "postgres", "valkey"])
def test_what_is_killed_is_started_again(system: RunningSystem, name: str) -> None:
    before = pids(system.run())

    os.kill(before[name], signal.SIGKILL)

    wait_until(lambda: pids(system.run()).get(name, before[name]) != before[name], what=f"{name} is started again")
    wait_until(lambda: is_usable(system, name), what=f"{name} is usable again")
    after = pids(system.run())
    assert {other: pid for other, pid in after.items() if other != name} == {
        other: pid for other, pid in before.items() if other != name
    }


def is_usable(system: RunningSystem, name: str) -> bool:
    """Tell whether this process or server does what it is there for."""
    run = system.run()
    try:
        match name:
            case "postgres":
                psycopg.connect(run.environment["DATABASE_URL"]).close()
            case "valkey":
                client = redis.Redis.from_url(run.environment["REDIS_URL"])
                client.ping()
                client.close()
            case "web":
                urllib.request.urlopen(f"{system.address}/health/live").close()  # noqa: S310  # our own address
    except (OSError, psycopg.OperationalError, redis.RedisError):
        return False
    return process.is_alive(pids(run)[name])


def test_output_without_a_terminal_has_no_colours(system: RunningSystem) -> None:
    text = system.output_file.read_text()

    assert f"Jarvish Regen is ready at {system.address}/" in text
    assert "\x1b" not in text


def test_nothing_outlives_a_killed_supervisor_and_the_next_start_works(
    state_dir: Path, launcher_environment: dict[str, str]
) -> None:
    with running_system(state_dir, processes=("beat",), with_demo=False) as running:
        started = pids(running.run())
        running.process.kill()
        running.process.wait()

        wait_until(lambda: not any(map(process.is_alive, started.values())), what="all children end with it")

    with running_system(state_dir, processes=("beat",), with_demo=False) as again:
        restarted = pids(again.run())
        stop = run_launcher("stop", environment=launcher_environment)

        assert (stop.returncode, stop.stdout) == (0, "Stopping …\nStopped.\n")
        assert again.process.wait() == 0
        assert [name for name, pid in restarted.items() if process.is_alive(pid)] == []
    assert read_run(StateDir(state_dir)) is None
    assert owner_of(StateDir(state_dir)) is None


def test_an_interrupt_in_the_middle_of_the_start_ends_everything(
    state_dir: Path, launcher_environment: dict[str, str]
) -> None:
    starting = start_up(launcher_environment, "--processes", "beat", "--no-demo")
    wait_until(lambda: read_run(StateDir(state_dir)) is not None, what="the supervisor has begun")

    starting.send_signal(signal.SIGINT)
    starting.communicate()

    assert starting.returncode == 0
    assert owner_of(StateDir(state_dir)) is None
    assert process.find_by_program(program="valkey-server", cwd=state_dir / "valkey") == []


def test_a_start_that_cannot_succeed_ends_with_one_sentence_and_code_one(
    state_dir: Path, launcher_environment: dict[str, str]
) -> None:
    # A given database is a deployment, which has no default for the secret key.
    given = {"DATABASE_URL": f"postgresql://nobody@/none?host={state_dir}/nowhere"}

    failed = start_up(launcher_environment | given, "--processes", "beat", "--quiet")
    output, _ = failed.communicate()

    assert failed.returncode == 1
    assert "jarvish: migrate failed with code 1: " in output.decode()
    assert owner_of(StateDir(state_dir)) is None


def run_launcher(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `./jarvish` to its end."""
    return subprocess.run([ROOT / "jarvish", *arguments], env=environment, capture_output=True, text=True, check=False)


def start_up(environment: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    """Start a supervisor as `./jarvish up` does, with its output in a pipe."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "jarvish_regen.embedded", "up", *arguments],
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_a_taken_port_is_said_with_the_next_free_one() -> None:
    reader, writer = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = choose_port(port, terminal=Terminal(is_quiet=True, descriptor=writer))
    os.close(writer)
    said = os.read(reader, 4_096).decode()
    os.close(reader)

    assert found > port
    assert said == f"Port {port} is taken; using {found}.\n"
