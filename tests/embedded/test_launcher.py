"""The launcher as a person meets it: usage, exit codes, and commands that need no running system."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jarvish_regen.embedded.paths import ROOT, StateDir
from jarvish_regen.embedded.servers import owned

LAUNCHER = ROOT / "jarvish"


@pytest.fixture
def run(launcher_environment: dict[str, str], tmp_path: Path) -> "Run":
    return Run(launcher_environment, cwd=tmp_path)


class Run:
    """Run `./jarvish` from another directory, without a terminal."""

    def __init__(self, environment: dict[str, str], *, cwd: Path) -> None:
        self._environment = environment
        self._cwd = cwd

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [LAUNCHER, *arguments],
            env=self._environment | environment,
            cwd=self._cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def test_launcher_is_valid_posix_shell() -> None:
    checked = subprocess.run(["/bin/sh", "-n", LAUNCHER], capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stderr) == (0, "")
    assert LAUNCHER.read_text().startswith("#!/bin/sh\n")
    assert LAUNCHER.stat().st_mode & 0o111 == 0o111


@pytest.mark.parametrize("arguments", [[], ["start"], ["--version"]])
def test_wrong_usage_ends_with_two_and_the_usage(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)

    assert result.returncode == 2
    assert result.stdout == ""
    assert "Usage: ./jarvish COMMAND" in result.stderr


def test_help_names_every_command(run: Run) -> None:
    result = run("help")

    assert result.returncode == 0
    commands = set(re.findall(r"^  ([a-z]+)", result.stdout, flags=re.MULTILINE))
    assert commands == {
        *("up", "status", "stop", "demo", "test", "bench", "screenshots", "backup", "reset", "manage", "help"),
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "--port", "70000"],
        ["up", "--processes", "web,nobody"],
        ["manage"],
        ["bench"],
        ["bench", "nothing"],
        ["stop", "now"],
    ],
)
def test_wrong_arguments_end_with_two(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)

    assert result.returncode == 2
    assert "sage: " in result.stderr


@pytest.mark.parametrize(
    ("python", "sentence"),
    [
        (
            None,
            "Python 3.11, 3.12 or 3.13 is needed and none was found on PATH; "
            "install python3 (3.11 or newer) and try again.",
        ),
        (
            # Debian's python3 without python3-venv: everything works but ensurepip.
            f'case "$*" in *ensurepip*) exit 1 ;; esac; exec {sys.executable} "$@"',
            "Python's venv module is missing; "
            "install it (on Debian and Ubuntu: apt install python3-venv) and try again.",
        ),
    ],
    ids=["no python", "no venv module"],
)
def test_what_the_machine_lacks_is_said_in_one_sentence(tmp_path: Path, python: str | None, sentence: str) -> None:
    clone, tools = tmp_path / "clone", tmp_path / "bin"
    clone.mkdir()
    tools.mkdir()
    (clone / "jarvish").write_bytes(LAUNCHER.read_bytes())
    (clone / "requirements.lock").write_text("")
    for name in ("dirname", "readlink", "mkdir", "cmp"):
        (tools / name).symlink_to(Path("/usr/bin") / name)
    if python is not None:
        (tools / "python3").write_text(f"#!/bin/sh\n{python}\n")
        (tools / "python3").chmod(0o755)

    result = subprocess.run(
        ["/bin/sh", clone / "jarvish", "status"], env={"PATH": str(tools)}, capture_output=True, text=True, check=False
    )

    assert result.returncode == 1
    assert result.stderr == f"jarvish: {sentence}\n"


def test_status_and_stop_know_that_nothing_runs(run: Run) -> None:
    status, as_json, stop = run("status"), run("status", "--json"), run("stop")

    assert (status.returncode, status.stdout) == (1, "Not running.\n")
    assert (as_json.returncode, json.loads(as_json.stdout)) == (1, {"running": False})
    assert (stop.returncode, stop.stdout) == (0, "Nothing is running.\n")


def test_demo_needs_a_running_system(run: Run) -> None:
    result = run("demo")

    assert result.returncode == 2
    assert "start one with ./jarvish up" in result.stderr


def test_reset_asks_before_it_removes(run: Run, state_dir: Path) -> None:
    fact = state_dir / "log" / "fact.log"
    fact.parent.mkdir(exist_ok=True)
    fact.write_text("fact")
    stranger = state_dir / "stranger.txt"
    stranger.write_text("not ours")

    unsure = run("reset")
    was_there = fact.exists()
    sure = run("reset", "--yes")

    assert (unsure.returncode, was_there) == (2, True)
    assert "--yes" in unsure.stderr
    assert (sure.returncode, fact.exists()) == (0, False)
    assert stranger.read_text() == "not ours"


def test_manage_runs_on_servers_of_its_own_and_passes_the_exit_code_on(run: Run, state_dir: Path) -> None:
    code = "import sys; from django.db import connection as c; c.ensure_connection(); print(c.pg_version); sys.exit(7)"

    result = run("manage", "shell", "--no-imports", "-c", code)
    left = run("status")

    assert (result.returncode, result.stdout) == (7, "180006\n"), result.stderr
    assert left.stdout == "Not running.\n"
    assert (state_dir / "postgres" / "PG_VERSION").read_text() == "18\n"


def test_up_waits_for_nobody_else_but_says_who_owns_the_state(run: Run, state_dir: Path) -> None:
    with owned(StateDir(state_dir), purpose="up"):
        second = run("up")

    assert second.returncode == 0
    assert second.stdout.startswith("Jarvish Regen is already running (process ")
