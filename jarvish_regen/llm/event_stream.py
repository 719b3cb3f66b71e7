"""Cut a stream of bytes into server-sent events, as the WHATWG standard has them, without trusting the sender."""

from __future__ import annotations

import re

_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventStream:
    """Collect the bytes of one answer; ``feed`` returns the data of each event that is whole by then.

    Names, ids, comments and pings are passed over. How much may be collected is for the caller to limit.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[bytes]:
        """Take what has come and return the data of the events that ended in it, in their order."""
        waits_for_more = not (self._pieces and self._pieces[0].endswith(b"\r"))
        if waits_for_more and b"\n" not in piece and b"\r" not in piece:
            # Joined only when a line ends: a line that comes byte by byte costs no more than its length.
            self._pieces.append(piece)
            return []
        held = b"".join((*self._pieces, piece))
        # A carriage return at the end may be half of a line end.
        kept_back = held.endswith(b"\r")
        lines = _LINE_END.split(held[:-1] if kept_back else held) if b"\r" in held else held.split(b"\n")
        rest = lines.pop()
        self._pieces = [rest + b"\r"] if kept_back else [rest]
        return self._events(lines)

    def _events(self, lines: list[bytes]) -> list[bytes]:
        events = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif not line and self._data:
                events.append(b"\n".join(self._data))
                self._data = []
        return events
