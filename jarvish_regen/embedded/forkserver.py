"""Import the product once and fork its processes from there.

Seven processes that each import Django, Celery and the provider clients take many seconds of CPU; forked from one that
has imported them they are up in a fraction of a second, share their memory, and are back as fast after a crash.

Run by the supervisor as `python -m jarvish_regen.embedded.forkserver DESCRIPTOR`, the descriptor being one end of a
SEQPACKET socket. In: `{"name", "argv"}` with the descriptor of the output. Out: `{"ready": true}` once, then `{"pid"}`
for each request, and `{"pid", "code"}` when a child ended. It ends with the supervisor, and its children end with it.
"""

import ctypes
import gc
import importlib
import json
import multiprocessing
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
from multiprocessing.context import ForkProcess

from jarvish_regen.embedded.shim import PR_SET_PDEATHSIG

REQUEST_MAX_BYTES = 65_536
PR_SET_NAME = 15  # linux/prctl.h

# What the processes load beyond the installed apps themselves. Not jarvish_regen.asgi: its set-up of the logs must come
# after uvicorn's own, as it does without us.
_MODULES = (
    "jarvish_regen.urls",
    "celery.bin.celery",
    "celery.bin.worker",
    "celery.apps.worker",
    "celery.apps.beat",
    "celery.concurrency.thread",
    "celery.worker.consumer",
    "kombu.transport.redis",
    "django.core.handlers.asgi",
    "django.db.backends.postgresql.base",
    "channels.routing",
    "channels_redis.pubsub",
    "psycopg_pool",
    "uvicorn.main",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
)


def main() -> None:
    """Import the product, then fork a child for each request until the supervisor is gone."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    _import_product()
    if threading.active_count() != 1:
        # A lock held by a thread that does not exist in the child would never be released there.
        sys.exit(f"importing the product starts threads: {[thread.name for thread in threading.enumerate()]}")
    gc.collect()
    gc.freeze()  # the collector would write to, and so copy, every page the children share
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _send(connection, {"ready": True})
    children: dict[int, ForkProcess] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is connection:
                    child = _fork(connection)
                    if child is None:
                        return
                    children[child.sentinel] = child
                    selector.register(child.sentinel, selectors.EVENT_READ)
                else:
                    selector.unregister(key.fileobj)
                    ended = children.pop(key.fd)
                    ended.join()
                    _send(connection, {"pid": ended.pid, "code": ended.exitcode})
                    ended.close()


def _import_product() -> None:
    import django  # the environment must have been read by nobody before the supervisor set it

    importlib.import_module("jarvish_regen.celery").app.loader.import_default_modules()
    django.setup()
    for name in _MODULES:
        importlib.import_module(name)
    importlib.import_module("jarvish_regen.warm").warm_up()
    # The system checks have run just now; each worker would run them again.
    os.environ["CELERY_SKIP_CHECKS"] = "1"


def _fork(connection: socket.socket) -> ForkProcess | None:
    """Serve one request; None when the supervisor is gone."""
    message, descriptors, _, _ = socket.recv_fds(connection, REQUEST_MAX_BYTES, 1)
    if not message:
        return None
    request = json.loads(message)
    child = multiprocessing.get_context("fork").Process(
        name=request["name"],
        target=_become,
        args=(request["name"], request["argv"], descriptors[0], os.getpid(), connection),
    )
    child.start()
    os.close(descriptors[0])
    _send(connection, {"pid": child.pid})
    return child


def _become(name: str, argv: list[str], output: int, parent: int, connection: socket.socket) -> None:
    """Run the child's program, `[-m, MODULE, …]` or `[SCRIPT, …]`, as `python …` would."""
    os.setsid()
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    libc.prctl(PR_SET_NAME, f"jarvish {name}".encode()[:15], 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("parent is gone")
    connection.close()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if argv[0] == "-m":
        sys.argv = argv[1:]
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = argv
        runpy.run_path(argv[0], run_name="__main__")


def _send(connection: socket.socket, message: dict[str, object]) -> None:
    connection.send(json.dumps(message).encode())


if __name__ == "__main__":
    main()
