"""Readable logs: one prefixed line on the terminal, the plain line in a bounded file."""

import os
import select
from pathlib import Path
from typing import IO

LOG_MAX_BYTES = 5_000_000
_LINE_MAX_BYTES = 3_900  # a pipe that select() calls writable takes PIPE_BUF (4,096) bytes without blocking
_PATIENCE_SECONDS = 1.0
_NAME_WIDTH = 16
_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95)


class Terminal:
    """Write lines to standard output without ever blocking on it.

    Whoever reads our output may stop reading (a pager, a test); the supervisor must go on. Lines nobody takes are
    dropped here; the files have them all.
    """

    def __init__(self, *, is_quiet: bool, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_quiet = is_quiet
        self._is_closed = False
        self._is_stuck = False
        self.has_colour = (
            os.isatty(self._descriptor) and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        )
        self._colours: dict[str, int] = {}

    def say(self, text: str) -> None:
        """Write our own words, also when quiet."""
        for line in text.splitlines() or [""]:
            self._write(line)

    def show(self, name: str, line: str) -> None:
        """Write one line of the process `name`, unless quiet."""
        if self._is_quiet:
            return
        label = f"{name:<{_NAME_WIDTH}} |"
        if self.has_colour:
            colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
            label = f"\x1b[{colour}m{label}\x1b[0m"
        self._write(f"{label} {line}")

    def _write(self, line: str) -> None:
        if self._is_closed:
            return
        payload = line.encode("utf-8", errors="replace")[:_LINE_MAX_BYTES] + b"\n"
        try:
            patience = 0.0 if self._is_stuck else _PATIENCE_SECONDS
            self._is_stuck = not select.select([], [self._descriptor], [], patience)[1]
            if not self._is_stuck:
                os.write(self._descriptor, payload)
        except OSError:  # the reader is gone
            self._is_closed = True


class ProcessLog:
    """Cut the output of one process into lines for the terminal and its file (at most two files of 5 MB)."""

    def __init__(self, name: str, *, path: Path, terminal: Terminal) -> None:
        self._name = name
        self._path = path
        self._terminal = terminal
        self._pending = b""
        self._file: IO[bytes] = path.open("ab")

    def feed(self, chunk: bytes) -> list[str]:
        """Take what the process wrote; return the lines that are complete now."""
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        if len(self._pending) > _LINE_MAX_BYTES:
            lines.append(self._pending)
            self._pending = b""
        texts = [line.decode("utf-8", errors="replace").rstrip("\r") for line in lines]
        for text in texts:
            self._file.write(text.encode() + b"\n")
            self._terminal.show(self._name, text)
        self._file.flush()
        if self._file.tell() > LOG_MAX_BYTES:
            self._file.close()
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._file = self._path.open("ab")
        return texts

    def close(self) -> None:
        """Write the unfinished line and close the file."""
        if self._pending:
            self.feed(b"\n")
        self._file.close()
