"""The product's own processes: their command lines and the environment they run in."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from jarvish_regen.embedded.paths import ROOT, StateDir

HOST = "127.0.0.1"

# As root Celery prints eight lines of advice about pickle, which we do not accept anyway.
_CELERY_AS_ROOT = "ignore:You're running the worker with superuser"


@dataclass(frozen=True)
class Program:
    """Describe one process of the product.

    argv: what follows `python`. ends_last: it is stopped after the workers, whose answers it shows. ready_line: a
    regular expression of the line by which it says that it takes work, where it says so.
    """

    name: str
    argv: tuple[str, ...]
    ends_last: bool = False
    ready_line: str | None = None


def all_programs(state: StateDir, *, port: int) -> list[Program]:
    """Return every process in the order it is started: the pages first, because a person waits for them."""
    web = [
        *("-m", "uvicorn", "jarvish_regen.asgi:application", "--host", HOST, "--port", str(port)),
        *("--ws-max-size", "65536", "--ws-ping-interval", "20", "--timeout-graceful-shutdown", "25"),
        *("--no-access-log", "--lifespan", "off"),
    ]
    return [
        Program(name="web", argv=tuple(web), ends_last=True),
        _worker("answers", concurrency=32, queues="critical,high,normal,low"),
        Program(name="relay", argv=(str(ROOT / "manage.py"), "run_relay")),
        _worker("reserve-critical", concurrency=1, queues="critical"),
        _worker("reserve-low", concurrency=1, queues="low"),
        _worker("solo", concurrency=1, queues="solo"),
        _worker("background", concurrency=4, queues="prepare,notify,learn"),
        Program(name="beat", argv=(*_celery("beat"), "--schedule", str(state.beat_schedule), "--pidfile", "")),
    ]


def child_environment(state: StateDir, *, servers: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of every child process: ours, plus where the servers and the state are."""
    return {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), _CELERY_AS_ROOT])),
        "PYTHONPATH": os.pathsep.join(dict.fromkeys([str(ROOT), *_inherited_path()])),
        "DJANGO_SETTINGS_MODULE": "jarvish_regen.settings",
        "JARVISH_STATE_DIR": str(state.path),
        **servers,
    }


def manage_argv(*arguments: str) -> list[str]:
    """Return the command line of a management command."""
    return [sys.executable, str(ROOT / "manage.py"), *arguments]


def _worker(name: str, *, concurrency: int, queues: str) -> Program:
    options = ["-P", "threads", "-c", str(concurrency), "-Q", queues, "-n", f"{name}@%h"]
    # Nobody listens to a worker's heartbeats; each is a message to every worker, every two seconds.
    argv = (*_celery("worker"), *options, "--without-gossip", "--without-mingle", "--without-heartbeat")
    return Program(name=name, argv=argv, ready_line=rf"{name}@\S+ ready\.")


def _celery(command: str) -> list[str]:
    return ["-m", "celery", "--quiet", "-A", "jarvish_regen", command, "--loglevel", "INFO"]


def _inherited_path() -> list[str]:
    return [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
