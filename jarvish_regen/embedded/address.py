"""Where the pages are: a free port, and whether they answer there."""

import http.client
import socket

from jarvish_regen.embedded.errors import EmbeddedError
from jarvish_regen.embedded.output import Terminal
from jarvish_regen.embedded.programs import HOST


def choose_port(wished: int, *, terminal: Terminal) -> int:
    """Return the wished port, or the next free one and say so; 0 means any free one. Raises EmbeddedError."""
    for port in range(wished, min(wished + 100, 65_536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
        if port != wished:
            terminal.say(f"Port {wished} is taken; using {found}.")
        return found
    raise EmbeddedError(f"port {wished} and the next hundred cannot be used.")


def answers_live(port: int) -> bool:
    """Tell whether the pages answer on this port."""
    connection = http.client.HTTPConnection(HOST, port, timeout=1.0)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
