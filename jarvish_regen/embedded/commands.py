"""The commands of `./jarvish` other than `up`. Each returns its exit code: 0 done, 1 fell short, 2 wrong usage."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from jarvish_regen.embedded import prepared, process
from jarvish_regen.embedded.errors import EmbeddedError, StateInUseError
from jarvish_regen.embedded.paths import ROOT, StateDir
from jarvish_regen.embedded.postgres import dump_database
from jarvish_regen.embedded.programs import child_environment, manage_argv
from jarvish_regen.embedded.runfile import read_run
from jarvish_regen.embedded.servers import Servers, owned, owner_of, running_servers, unused, used
from jarvish_regen.embedded.state import remove_state
from jarvish_regen.embedded.system import running_system, throwaway_state_dir

# A supervisor gives its workers and its pages 30 s each, its servers 20 s each.
STOP_SECONDS = 110.0
_BUSY_SECONDS = 60.0
_POLL_SECONDS = 0.1

_Action = Callable[[Mapping[str, str]], int]


def status(state: StateDir, *, as_json: bool) -> int:
    """Print what is running, and where. 1 when nothing is."""
    run = read_run(state)
    if as_json:
        shown = {name: value for name, value in asdict(run).items() if name != "environment"} if run else {}
        print(json.dumps({"running": run is not None, **shown}))
    elif run is None:
        owner = owner_of(state)
        print(f"Not running; process {owner.pid} ({owner.purpose}) uses the servers." if owner else "Not running.")
    else:
        print(f"Jarvish Regen is {run.phase} at {run.address}/ (process {run.pid})." if run.address else f"{run.phase}")
        for name, pid in {**run.servers, **run.processes}.items():
            print(f"  {name:<17} {pid}")
    return 0 if run else 1


def stop(state: StateDir) -> int:
    """Stop the running system, or servers an earlier one left behind."""
    owner = owner_of(state)
    if owner is None:
        with owned(state, purpose="stop"):
            Servers(state, given=os.environ).stop_orphans()
        print("Nothing is running.")
        return 0
    if owner.purpose != "up":
        raise StateInUseError(
            f"process {owner.pid} ({owner.purpose}) is using {state.path}; it stops its servers itself."
        )
    print("Stopping …", flush=True)
    if not process.stop_pid(owner.pid, stop_signal=signal.SIGTERM, timeout_seconds=STOP_SECONDS):
        raise EmbeddedError(f"process {owner.pid} does not end.")
    print("Stopped.")
    return 0


def reset(state: StateDir, *, is_sure: bool) -> int:
    """Remove all state. Asks on a terminal; elsewhere it needs --yes."""
    if not state.path.exists():
        print("There is no state to remove.")
        return 0
    if not is_sure:
        if not sys.stdin.isatty():
            print("jarvish: reset removes the database; without a terminal it needs --yes.", file=sys.stderr)
            return 2
        answer = input(f"Remove the database and all other state in {state.path}? Type yes: ")
        if answer.strip().lower() != "yes":
            print("Nothing was removed.")
            return 1
    with owned(state, purpose="reset"):
        Servers(state).stop_orphans()
        remove_state(state)
    print("All state was removed." + (f" Backups are kept in {state.backups}." if state.backups.exists() else ""))
    return 0


def backup(state: StateDir) -> int:
    """Write a pg_dump of the database to the backups directory and print its path."""

    def dump(environment: Mapping[str, str]) -> int:
        state.backups.mkdir(mode=0o700, exist_ok=True)
        target = state.backups / f"jarvish-{datetime.now(UTC):%Y%m%d-%H%M%S}.dump"
        dump_database(environment["DATABASE_URL"], target=target)
        print(f"{target} ({target.stat().st_size:,} bytes; pg_restore reads it)")
        return 0

    return _with_servers(state, purpose="backup", action=dump)


def manage(state: StateDir, arguments: Sequence[str]) -> int:
    """Run a management command on the running servers, or on servers started for it."""
    if not arguments:
        print("Usage: ./jarvish manage COMMAND [arguments]; `./jarvish manage help` lists them.", file=sys.stderr)
        return 2
    prepared.forget(state)
    return _with_servers(
        state,
        purpose=f"manage {arguments[0]}",
        action=lambda environment: run_in_foreground(manage_argv(*arguments), environment=environment),
    )


def demo(state: StateDir, arguments: Sequence[str]) -> int:
    """Play the main job against the running system. 2 when none is running."""
    run = read_run(state)
    if run is None or run.phase != "ready" or not run.address:
        print("jarvish: demo needs a running system; start one with ./jarvish up and try again.", file=sys.stderr)
        return 2
    environment = child_environment(state, servers={**run.environment, **_embedded_mark()})
    environment |= {"JARVISH_PORT": str(run.port)}
    environment.setdefault("JARVISH_PUBLIC_URL", run.address)
    return run_in_foreground(manage_argv("demo", "--url", run.address, *arguments), environment=environment)


_WHOLE_SYSTEMS: Final = ("tests/embedded", "tests/loop", "tests/faults")


def test(arguments: Sequence[str]) -> int:
    """Run pytest on throw-away servers and return its exit code. --slow adds the slow tests.

    Without a selection all tests run in three parts: those that share the servers side by side, then those that start
    and kill whole systems, which want the machine for themselves.
    """
    passed_on = [_absolute_if_path(one) for one in arguments if one != "--slow"]
    selection = [] if "--slow" in arguments else ["-m", "not slow"]
    # The plugin that the Valkey wheel registers would start a server of its own.
    argv = [sys.executable, "-m", "pytest", "-p", "no:valkey", *selection]
    parts: list[list[str]] = [[]]
    if all(one.startswith("-") for one in passed_on):
        side_by_side = ["-p", "tests.side_by_side", "-n", str(min(2, os.cpu_count() or 1)), "--dist", "loadfile"]
        parts = [
            [*side_by_side, *(f"--ignore={path}" for path in _WHOLE_SYSTEMS)],
            *([path] for path in _WHOLE_SYSTEMS),
        ]
    with throwaway_state_dir("test") as directory, running_servers(directory, fsync=False) as servers:
        environment = child_environment(StateDir(directory), servers=_urls(servers.database_url, servers.redis_url))
        environment |= {"JARVISH_TEST": "1"}
        return max(run_in_foreground([*argv, *part, *passed_on], environment=environment, cwd=ROOT) for part in parts)


def bench(arguments: Sequence[str]) -> int:
    """Run a benchmark on throw-away servers that keep their promises to the disk.

    One whose module says ``NEEDS_NO_SERVERS = True`` gets none, and addresses where nobody listens.
    """
    known = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py") if "def main(" in path.read_text())
    if not arguments or arguments[0] not in known:
        print(
            f"Usage: ./jarvish bench NAME [arguments]; NAME is one of: {', '.join(known) or 'none yet'}.",
            file=sys.stderr,
        )
        return 2
    argv = [sys.executable, "-m", f"benchmarks.{arguments[0]}", *arguments[1:]]
    if "\nNEEDS_NO_SERVERS = True\n" in (ROOT / "benchmarks" / f"{arguments[0]}.py").read_text():
        nowhere = _urls("postgresql://nobody@127.0.0.1:1/none", "redis://127.0.0.1:1")
        with throwaway_state_dir("bench") as directory:
            return run_in_foreground(argv, environment=child_environment(StateDir(directory), servers=nowhere))
    with throwaway_state_dir("bench") as directory, running_servers(directory) as servers:
        environment = child_environment(StateDir(directory), servers=_urls(servers.database_url, servers.redis_url))
        return run_in_foreground(argv, environment=environment)


def screenshots(state: StateDir, arguments: Sequence[str]) -> int:
    """Take pictures of every page of the running system, or of a throw-away one."""
    argv = [sys.executable, "-m", "tests.browser.screenshots"]
    run = read_run(state)
    if run is not None and run.phase == "ready" and run.address:
        environment = child_environment(state, servers={**run.environment, **_embedded_mark()})
        return run_in_foreground([*argv, "--base-url", run.address, *arguments], environment=environment)
    with throwaway_state_dir("pictures") as directory, running_system(directory) as system:
        servers = {**system.run().environment, "JARVISH_EMBEDDED": "1"}
        environment = child_environment(StateDir(directory), servers=servers)
        return run_in_foreground([*argv, "--base-url", system.address, *arguments], environment=environment)


def run_in_foreground(argv: Sequence[str | Path], *, environment: Mapping[str, str], cwd: Path | None = None) -> int:
    """Run a program on our terminal and return its exit code (128 + signal when a signal ended it).

    Ctrl-C reaches it through the terminal, so we wait for its own answer; TERM and HUP are passed on.
    """
    child = subprocess.Popen(argv, env=dict(environment), cwd=cwd)  # noqa: S603  # our own argument list, no shell
    passed_on = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda received, _: child.send_signal(received)) for number in passed_on}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _with_servers(state: StateDir, *, purpose: str, action: _Action) -> int:
    """Run `action` with the environment of the servers: given, running, or started for its duration."""
    servers = Servers(state, given=os.environ)
    environment = child_environment(state, servers=servers.environment())
    if not servers.embedded:
        return action(environment)
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            with owned(state, purpose=purpose):
                return _with_own_servers(state, servers=servers, environment=environment, action=action)
        except StateInUseError:
            if time.monotonic() > deadline:
                raise
        with used(state):
            if servers.are_ready():
                return action(environment)
        time.sleep(_POLL_SECONDS)  # their owner starts or stops them just now


def _with_own_servers(state: StateDir, *, servers: Servers, environment: Mapping[str, str], action: _Action) -> int:
    try:
        servers.start()
        return action(environment)
    finally:
        with unused(state):
            servers.stop()


def _urls(database_url: str, redis_url: str) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "JARVISH_EMBEDDED": "1"}


def _embedded_mark() -> dict[str, str]:
    return {} if os.environ.get("DATABASE_URL") else {"JARVISH_EMBEDDED": "1"}


def _absolute_if_path(argument: str) -> str:
    """Let a path be given from the directory the person stands in, although pytest runs at the root."""
    path, separator, rest = argument.partition("::")
    return f"{Path(path).absolute()}{separator}{rest}" if path and Path(path).exists() else argument
