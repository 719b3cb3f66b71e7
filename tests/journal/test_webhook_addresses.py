"""Where webhooks may not go and how long they may take: names that lead inside, receivers that never end."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address

import pytest
from django.conf import LazySettings

from jarvish_regen.journal import webhooks
from jarvish_regen.journal.models import Delivery, Event, WebhookEndpoint
from jarvish_regen.journal.webhooks import Address, LookUp
from tests.factories import FirmFactory

pytestmark = pytest.mark.django_db

Talk = Callable[[socket.socket], None]


def owed_to(url: str) -> Delivery:
    """Return a delivery that is due at an address."""
    firm = FirmFactory()
    endpoint = WebhookEndpoint.objects.create(firm_id=firm.id, url=url, kinds=["version.ready"])
    event = Event.objects.create(kind="version.ready", firm_id=firm.id, payload={})
    return Delivery.objects.create(endpoint=endpoint, event=event)


def leading_to(*answers: str) -> tuple[LookUp, list[tuple[str, int]]]:
    """Return a look-up that gives these addresses for every name, and what it is asked."""
    asked: list[tuple[str, int]] = []

    async def look_up(host: str, port: int) -> Sequence[Address]:
        asked.append((host, port))
        return [ip_address(answer) for answer in answers]

    return look_up, asked


@contextlib.contextmanager
def listening(talk: Talk) -> Iterator[int]:
    """Run a receiver that hears one connection and does `talk` with it; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hear() -> None:
            with contextlib.suppress(OSError):
                connection, _address = server.accept()
                with connection:
                    talk(connection)

        thread = threading.Thread(target=hear)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            server.close()
            thread.join()


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["10.0.0.7"],
        ["172.16.4.4"],
        ["192.168.1.20"],
        ["169.254.169.254"],
        ["100.64.0.9"],
        ["0.0.0.0"],  # noqa: S104  # an answer of a name server
        ["::1"],
        ["fd00::5"],
        ["fe80::1"],
        ["::ffff:10.0.0.7"],
        ["2002:a00:7::"],
        # One public address beside an inner one is how a name is made to pass.
        ["93.184.215.14", "10.0.0.7"],
    ],
    ids=" ".join,
)
def test_a_name_that_leads_inside_is_not_called(answers: list[str]) -> None:
    delivery = owed_to("https://hooks.example.com/hook")
    look_up, asked = leading_to(*answers)

    assert webhooks.deliver(delivery.id, look_up=look_up)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_status, delivery.last_error) == (
        "due",
        None,
        "refused: the name leads inside our network",
    )
    assert asked == [("hooks.example.com", 443)]


def test_a_name_that_leads_nowhere_is_tried_again() -> None:
    delivery = owed_to("https://hooks.example.com/hook")
    look_up, _asked = leading_to()

    webhooks.deliver(delivery.id, look_up=look_up)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_error) == ("due", "refused: the name leads nowhere")


def test_this_machines_own_name_is_refused_before_it_is_looked_up() -> None:
    delivery = owed_to("https://localhost/hook")
    look_up, asked = leading_to("93.184.215.14")

    webhooks.deliver(delivery.id, look_up=look_up)

    delivery.refresh_from_db()
    assert delivery.last_error.startswith("refused: The address is this machine")
    assert asked == []


def test_the_address_that_was_judged_is_the_one_that_is_called_under_its_name(settings: LazySettings) -> None:
    settings.WEBHOOK_ALLOW_LOOPBACK = True
    heard: list[bytes] = []
    look_up, asked = leading_to("127.0.0.1")

    with listening(lambda connection: heard.append(connection.recv(4_096))) as port:
        delivery = owed_to(f"https://hooks.example.com:{port}/hook")
        webhooks.deliver(delivery.id, look_up=look_up)

    assert asked == [("hooks.example.com", port)]
    assert b"hooks.example.com" in heard[0]  # the name that the certificate is asked for


def _hang(connection: socket.socket) -> None:
    while connection.recv(4_096):
        pass


def _drip(connection: socket.socket) -> None:
    connection.recv(4_096)
    connection.settimeout(0.02)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        connection.sendall(b".")  # ends by an error once the other side has gone
        with contextlib.suppress(TimeoutError):
            if not connection.recv(1):
                return


@pytest.mark.parametrize("talk", [_hang, _drip], ids=["hangs", "drips"])
def test_a_receiver_that_does_not_end_is_left_at_the_limit(talk: Talk, settings: LazySettings) -> None:
    settings.WEBHOOK_ALLOW_LOOPBACK = True
    settings.WEBHOOK_TIMEOUT_SECONDS = 0.3

    with listening(talk) as port:
        delivery = owed_to(f"http://127.0.0.1:{port}/hook")
        webhooks.deliver(delivery.id)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries, delivery.last_status, delivery.last_error) == (
        "due",
        1,
        None,
        "no answer within 0.3 s",
    )


@pytest.mark.parametrize("head", [b"Content-Length: 5000000", b"Connection: close"], ids=["said", "unsaid"])
def test_a_reply_of_five_megabytes_is_left_after_its_beginning(head: bytes, settings: LazySettings) -> None:
    settings.WEBHOOK_ALLOW_LOOPBACK = True
    sent: list[int] = []

    def pour(connection: socket.socket) -> None:
        connection.recv(4_096)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        for _ in range(5_000):
            connection.sendall(b"x" * 1_000)
            sent.append(1_000)

    with listening(pour) as port:
        delivery = owed_to(f"http://127.0.0.1:{port}/hook")
        webhooks.deliver(delivery.id)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_status) == ("delivered", 200)
    assert sum(sent) < 5_000_000  # the receiver could not get rid of it all
