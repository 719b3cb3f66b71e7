"""The command line behind `./jarvish`, which has checked the command's name already."""

import argparse
import os
import sys
import time
from collections.abc import Sequence

from jarvish_regen.embedded import commands
from jarvish_regen.embedded.errors import EmbeddedError, StateInUseError
from jarvish_regen.embedded.output import Terminal
from jarvish_regen.embedded.paths import StateDir, state_dir_from_environment
from jarvish_regen.embedded.programs import all_programs
from jarvish_regen.embedded.runfile import read_run
from jarvish_regen.embedded.servers import owned, owner_of
from jarvish_regen.embedded.supervisor import Supervisor, UpOptions

DEFAULT_PORT = 8000
_BUSY_SECONDS = 60.0
_POLL_SECONDS = 0.1


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; what went wrong is one sentence on standard error."""
    command, rest = arguments[0], list(arguments[1:])
    state = state_dir_from_environment()
    try:
        return _run(command, rest, state)
    except EmbeddedError as error:
        print(f"jarvish: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(command: str, rest: list[str], state: StateDir) -> int:
    match command:
        case "manage":
            return commands.manage(state, rest)
        case "test":
            return commands.test(rest)
        case "bench":
            return commands.bench(rest)
        case "demo":
            return commands.demo(state, rest)
        case "screenshots":
            return commands.screenshots(state, rest)
    parser = argparse.ArgumentParser(prog=f"jarvish {command}")
    match command:
        case "up":
            return _up(parser, rest, state)
        case "status":
            parser.add_argument("--json", action="store_true", help="print it as JSON")
            return commands.status(state, as_json=parser.parse_args(rest).json)
        case "reset":
            parser.add_argument("--yes", action="store_true", help="do not ask")
            return commands.reset(state, is_sure=parser.parse_args(rest).yes)
        case "stop":
            parser.parse_args(rest)
            return commands.stop(state)
        case "backup":
            parser.parse_args(rest)
            return commands.backup(state)
    print(f"jarvish: unknown command: {command}", file=sys.stderr)
    return 2


def _up(parser: argparse.ArgumentParser, rest: list[str], state: StateDir) -> int:
    """Start the system. 0 when it was stopped on request, and also when one is running here already."""
    names = [program.name for program in all_programs(state, port=0)]
    parser.add_argument(
        "--port", type=_port, default=os.environ.get("JARVISH_PORT", DEFAULT_PORT), help="0: any free one"
    )
    parser.add_argument("--processes", type=lambda text: _names(text, known=names), help=f"some of {','.join(names)}")
    # Its logins are public, so it goes into a database that was given only when somebody asks for it.
    demo_by_default = not os.environ.get("DATABASE_URL")
    parser.add_argument(
        "--demo",
        action=argparse.BooleanOptionalAction,
        default=demo_by_default,
        help="load the demo firms (default: unless DATABASE_URL is given)",
    )
    parser.add_argument("--quiet", action="store_true", help="leave the processes' logs to the files")
    options = parser.parse_args(rest)
    terminal = Terminal(is_quiet=options.quiet, descriptor=sys.stdout.fileno())
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            with owned(state, purpose="up"):
                chosen = UpOptions(port=options.port, processes=options.processes, with_demo=options.demo)
                return Supervisor(state, options=chosen, terminal=terminal).run()
        except StateInUseError:
            owner = owner_of(state)
            if owner is not None and owner.purpose == "up":
                run = read_run(state)
                where = f" at {run.address}/" if run and run.address else ""
                terminal.say(f"Jarvish Regen is already running{where} (process {owner.pid}).")
                return 0
            if time.monotonic() > deadline:
                raise
        time.sleep(_POLL_SECONDS)  # a passing command uses the servers


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError("a port is between 0 and 65535")
    return port


def _names(text: str, *, known: Sequence[str]) -> frozenset[str]:
    names = frozenset(filter(None, text.split(",")))
    if unknown := names - set(known):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    return names
