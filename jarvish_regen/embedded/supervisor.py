"""`./jarvish up`: start the servers and the product's processes, keep them running, stop them in order."""

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jarvish_regen.embedded import prepared, process
from jarvish_regen.embedded.address import answers_live, choose_port
from jarvish_regen.embedded.child import Child, Restarts, reason_of
from jarvish_regen.embedded.errors import EmbeddedError
from jarvish_regen.embedded.forked import ForkServer
from jarvish_regen.embedded.output import ProcessLog, Terminal
from jarvish_regen.embedded.paths import ROOT, StateDir
from jarvish_regen.embedded.programs import HOST, all_programs, child_environment
from jarvish_regen.embedded.runfile import Phase, Run, write_run
from jarvish_regen.embedded.servers import Servers

_GRACE_SECONDS = 30.0  # the web's graceful time-out is 25 s, and so is the workers' soft shutdown
_PROBE_EVERY_SECONDS = 0.1
_FAILURES_BEFORE_READY = 5
_TICK_SECONDS = 0.5
_WORKERS_READY_SECONDS = 20.0

_Take = Callable[[bytes], object]


@dataclass(frozen=True)
class UpOptions:
    """Say what to start. processes: names, or None for all."""

    port: int
    processes: frozenset[str] | None
    with_demo: bool


class _StopRequestedError(Exception):
    """Raised between two steps of the start when somebody asked to stop."""


class Supervisor:
    """Run one system. The caller owns the state directory and calls `run` once, from the main thread."""

    def __init__(self, state: StateDir, *, options: UpOptions, terminal: Terminal) -> None:
        self._state = state
        self._options = options
        self._terminal = terminal
        self._servers = Servers(state, given=os.environ)
        self._server_restarts = {server.name: Restarts() for server in self._servers.embedded}
        self._selector = selectors.DefaultSelector()
        self._children: dict[str, Child] = {}
        self._environment: dict[str, str] = {}
        self._fork_server: ForkServer | None = None
        self._preload_log = ProcessLog("preload", path=state.logs / "preload.log", terminal=terminal)
        self._port = 0
        self._phase: Phase = "starting"
        self._stop_requests = 0
        self._began_at = time.monotonic()

    def run(self) -> int:
        """Start, supervise until asked to stop, stop. Return the exit code: 0 stopped on request, 1 could not start."""
        self._listen_for_signals()
        try:
            self._start()
            self._supervise()
        except _StopRequestedError:
            return 0
        except EmbeddedError as error:
            self._terminal.say(f"jarvish: {error}")
            return 1
        finally:
            self._stop()
        return 0

    def _listen_for_signals(self) -> None:
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        self._wakeup = (reader, writer)  # the writer must stay open
        self._selector.register(reader, selectors.EVENT_READ, None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_stop_signal)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # wakes the loop
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def _on_stop_signal(self, *_: object) -> None:
        self._stop_requests += 1

    def _start(self) -> None:
        wanted = [one for one in all_programs(self._state, port=0) if self._is_wanted(one.name)]
        if any(one.name == "web" for one in wanted):
            self._port = choose_port(self._options.port, terminal=self._terminal)
        self._environment = child_environment(self._state, servers=self._servers.environment())
        if self._port:
            self._environment["JARVISH_PORT"] = str(self._port)
            self._environment.setdefault("JARVISH_PUBLIC_URL", self._address)
        self._write_run()
        self._fork_server = self._start_fork_server()  # it imports while the servers start
        if self._servers.embedded:
            self._terminal.say("Starting PostgreSQL and Valkey …")
        self._servers.start()
        self._write_run()
        self._wait_for_fork_server(self._fork_server)
        logins = self._prepare_database()
        for program in all_programs(self._state, port=self._port):
            if self._is_wanted(program.name):
                log = ProcessLog(program.name, path=self._state.logs / f"{program.name}.log", terminal=self._terminal)
                self._children[program.name] = Child(program, log)
                self._spawn(self._children[program.name])
        self._write_run()
        self._wait_until_ready()
        self._phase = "ready"
        self._write_run()
        self._greet(logins)

    def _is_wanted(self, name: str) -> bool:
        return self._options.processes is None or name in self._options.processes

    def _prepare_database(self) -> tuple[prepared.Login, ...]:
        """Migrate and load the demo, unless this very cluster was filled from the same sources before."""
        fingerprint = prepared.fingerprint()
        known = prepared.recall(self._state)
        postgres = self._servers.postgres
        if (
            known is not None
            and postgres is not None
            and not postgres.is_new
            and known.fingerprint == fingerprint
            and (known.has_demo or not self._options.with_demo)
        ):
            return known.logins if self._options.with_demo else ()
        self._terminal.say("Preparing the database …")
        self._manage("migrate", "--no-input")
        if not self._options.with_demo:
            self._terminal.say("The demo firms are not loaded.")
            prepared.remember(self._state, prepared.Prepared(fingerprint=fingerprint, has_demo=False, logins=()))
            return ()
        is_loaded = self._load_demo()
        logins = prepared.logins_from_json(self._manage("demo_logins", "--json", may_be_missing=True))
        if is_loaded:
            done = prepared.Prepared(fingerprint=fingerprint, has_demo=True, logins=logins)
            prepared.remember(self._state, done)
        return logins

    def _load_demo(self) -> bool:
        """Load the demo firms; tell whether that worked. Raises EmbeddedError when it fails in a new cluster.

        Over the state of an earlier release it may fail, because people have worked with those drafts since; that is
        no reason to keep them from their work.
        """
        try:
            self._manage("load_demo", may_be_missing=True)
        except EmbeddedError as error:
            if self._servers.postgres is None or self._servers.postgres.is_new:
                raise
            self._terminal.say(f"The demo stays as it is: {error}")
            return False
        return True

    def _manage(self, *arguments: str, may_be_missing: bool = False) -> str:
        """Run a management command to its end, show and return its output. Raises EmbeddedError when it fails."""
        name = arguments[0]
        log = ProcessLog(name, path=self._state.logs / f"{name}.log", terminal=self._terminal)
        chunks: list[bytes] = []

        def take(chunk: bytes) -> None:
            chunks.append(chunk)
            if "--json" not in arguments:
                log.feed(chunk)

        child = self._launch(name, [str(ROOT / "manage.py"), *arguments])
        try:
            self._pump(child, take)
        finally:
            process.stop(child, stop_signal=signal.SIGTERM, timeout_seconds=_GRACE_SECONDS)
            self._drain(child, take)
            log.close()
        output = b"".join(chunks).decode(errors="replace")
        if child.returncode == 0:
            return output
        if may_be_missing and f"Unknown command: '{name}'" in output:
            self._terminal.say(f"Skipped: there is no management command {name}.")
            return ""
        raise EmbeddedError(
            f"{name} failed with code {child.returncode}: {' / '.join(output.strip().splitlines()[-3:])}"
        )

    def _pump(self, child: process.Handle, take: _Take) -> None:
        """Hand over the output of a passing child until it ends. Raises _StopRequestedError."""
        self._register(child, take)
        while child.poll() is None:
            self._handle_events(_TICK_SECONDS)
            self._raise_if_stopped()

    def _wait_until_ready(self) -> None:
        """Pump logs until the pages answer and the workers take work. Raises EmbeddedError when the pages keep ending.

        The workers are not waited for without end: the answer does not depend on them.
        """
        while self._port and not answers_live(self._port):
            self._tick(_PROBE_EVERY_SECONDS)
            web = self._children["web"]
            if web.restarts.failures >= _FAILURES_BEFORE_READY:
                raise EmbeddedError(
                    f"the web process ended {web.restarts.failures} times; see {self._state.logs / 'web.log'}."
                )
        patience_ends_at = time.monotonic() + _WORKERS_READY_SECONDS
        while time.monotonic() < patience_ends_at and not all(one.has_said_ready for one in self._children.values()):
            self._tick(_PROBE_EVERY_SECONDS)
        self._tick(0)

    def _supervise(self) -> None:
        while True:
            self._tick(_TICK_SECONDS)

    def _tick(self, timeout_seconds: float) -> None:
        """Wait for output or a signal, then restart what ended. Raises _StopRequestedError."""
        every = [*(child.restarts for child in self._children.values()), *self._server_restarts.values()]
        due = [restarts.restart_at for restarts in every if restarts.restart_at is not None]
        if due:
            timeout_seconds = min(timeout_seconds, max(0.0, min(due) - time.monotonic()))
        self._handle_events(timeout_seconds)
        self._raise_if_stopped()
        for child in self._children.values():
            self._look_after(child)
        self._look_after_servers()

    def _look_after(self, child: Child) -> None:
        name = child.program.name
        if child.process is not None and (code := child.process.poll()) is not None:
            self._drain(child.process, child.hear)
            child.process = None
            wait_seconds = child.restarts.has_ended()
            self._terminal.say(f"{name} ended ({reason_of(code)}); starting it again in {wait_seconds:.1f} s.")
            self._write_run()
        elif child.restarts.is_due():
            self._spawn(child)
            self._write_run()

    def _look_after_servers(self) -> None:
        for name, restarts in self._server_restarts.items():
            if restarts.is_due():
                # A stale lock file may end it once more; then it is tried again.
                self._servers.restart(name)
                restarts.has_started()
                self._write_run()
            elif restarts.restart_at is None and (code := self._servers.children[name].poll()) is not None:
                wait_seconds = restarts.has_ended()
                self._terminal.say(f"{name} ended ({reason_of(code)}); starting it again in {wait_seconds:.1f} s.")

    def _spawn(self, child: Child) -> None:
        child.process = self._launch(child.program.name, child.program.argv)
        child.restarts.has_started()
        self._register(child.process, child.hear)

    def _launch(self, name: str, argv: Sequence[str]) -> process.Handle:
        """Start a process of the product, forked where that works. argv: as after `python`."""
        if self._fork_server is not None and self._fork_server.is_usable():
            with contextlib.suppress(OSError):
                return self._fork_server.fork(name=name, argv=argv)
        # Every process survives a kill -9 by design; a clean end after the supervisor's own death would only be slower.
        return process.spawn(
            [sys.executable, *argv],
            output=subprocess.PIPE,
            death_signal=signal.SIGKILL,
            env=self._environment,
            cwd=ROOT,
        )

    def _start_fork_server(self) -> ForkServer:
        server = ForkServer(environment=self._environment, cwd=ROOT)
        self._register(server.process, self._preload_log.feed)
        self._selector.register(server.connection, selectors.EVENT_READ, None)
        return server

    def _wait_for_fork_server(self, server: ForkServer) -> None:
        while not server.is_settled():
            self._handle_events(_PROBE_EVERY_SECONDS)
            self._raise_if_stopped()
        if not server.is_usable():
            self._terminal.say("Importing once did not work; every process imports for itself, which takes longer.")

    def _register(self, child: process.Handle, take: _Take) -> None:
        assert child.stdout is not None  # noqa: S101  # it was started with a pipe
        os.set_blocking(child.stdout.fileno(), False)
        self._selector.register(child.stdout, selectors.EVENT_READ, take)

    def _drain(self, child: process.Handle, take: _Take) -> None:
        """Take what an ended child left in its pipe, and close it."""
        if child.stdout is None or child.stdout.closed:
            return
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(child.stdout.fileno(), 65_536):
                take(chunk)
        with contextlib.suppress(KeyError):
            self._selector.unregister(child.stdout)
        child.stdout.close()

    def _handle_events(self, timeout_seconds: float) -> None:
        for key, _ in self._selector.select(timeout_seconds):
            if self._fork_server is not None and key.fileobj is self._fork_server.connection:
                if not self._fork_server.is_usable() and self._fork_server.is_settled():
                    self._selector.unregister(key.fileobj)
                continue
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(key.fd, 4_096)
                continue
            try:
                chunk = os.read(key.fd, 65_536)
            except BlockingIOError:
                continue
            if chunk:
                key.data(chunk)
            else:
                self._selector.unregister(key.fileobj)

    def _raise_if_stopped(self) -> None:
        if self._stop_requests:
            raise _StopRequestedError

    def _stop(self) -> None:
        """Stop workers, then the pages, then the servers; a second signal kills what is still running."""
        self._phase = "stopping"
        if self._children:
            self._terminal.say("Stopping …")
            self._write_run()
        for ends_last in (False, True):
            self._stop_children([one for one in self._children.values() if one.program.ends_last is ends_last])
        if self._fork_server is not None:
            self._fork_server.stop()
        for log in (self._preload_log, *(child.log for child in self._children.values())):
            log.close()
        self._servers.stop()
        self._state.run_file.unlink(missing_ok=True)
        if self._children:
            self._terminal.say("Stopped.")

    def _stop_children(self, children: Sequence[Child]) -> None:
        running = [(child, child.process) for child in children if child.process is not None]
        for _, running_process in running:
            running_process.send_signal(signal.SIGTERM)
        requests, deadline = self._stop_requests, time.monotonic() + _GRACE_SECONDS
        while any(running_process.poll() is None for _, running_process in running):
            if time.monotonic() > deadline or self._stop_requests > max(requests, 1):
                for _, running_process in running:
                    running_process.send_signal(signal.SIGKILL)
                    running_process.wait()
            self._handle_events(_PROBE_EVERY_SECONDS)
        for child, running_process in running:
            self._drain(running_process, child.hear)

    @property
    def _address(self) -> str:
        return f"http://{HOST}:{self._port}" if self._port else ""

    def _write_run(self) -> None:
        processes = {name: child.process.pid for name, child in self._children.items() if child.process is not None}
        servers = {name: child.pid for name, child in self._servers.children.items()}
        urls = {name: url for name, url in self._servers.environment().items() if name.endswith("_URL")}
        run = Run(
            pid=os.getpid(),
            phase=self._phase,
            port=self._port,
            address=self._address,
            processes=processes,
            servers=servers,
            environment=urls,
        )
        write_run(self._state, run)

    def _greet(self, logins: Sequence[prepared.Login]) -> None:
        took = f"after {time.monotonic() - self._began_at:.1f} s"
        lines = ["", f"Jarvish Regen is ready at {self._address}/ ({took})." if self._port else f"Ready ({took}).", ""]
        if logins and self._port:
            lines.append("Log in as")
            for login in logins:
                lines += [f"  {login.who}: {login.email}  password {login.password}", f"      {login.to_try}"]
            lines.append("")
        lines += [
            "Ctrl-C or ./jarvish stop ends it; ./jarvish demo plays the main job.",
            f"Logs: {self._state.logs}",
            "",
        ]
        self._terminal.say("\n".join(lines))
