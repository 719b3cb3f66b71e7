"""The dashboard's socket: who gets in, what is said and how often, and how it ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.conf import LazySettings
from django.contrib.auth.models import Group

from jarvish_regen.access.models import User
from learning.dashboard.access import GROUP, tell_watchers
from learning.dashboard.consumers import FRAME_MAX_CHARS, MISTAKES_MAX
from learning.routing import DASHBOARD_PATH, websocket_application
from tests.admin.world import ROLES, client_of, person
from tests.factories import FirmFactory, draft_item, rejected, token_for
from tests.sockets import WebsocketCommunicator

pytestmark = pytest.mark.django_db(transaction=True)

# Written by hand: who may watch.
WATCHERS: Final = {"operations", "analyst", "administrator", "superuser"}
Open = Callable[..., Awaitable[WebsocketCommunicator]]


@pytest.fixture(autouse=True)
def the_roles(transactional_db: None) -> None:
    """Lay out the staff groups, which a flush of the tables takes away."""
    from django.core.management import call_command

    call_command("loaddata", "roles", verbosity=0)


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Return a maker of connections; they are closed, and the layer with them, at the end."""
    made: list[WebsocketCommunicator] = []

    async def open_socket(*, session: str | None = None, origin: str = "http://testserver") -> WebsocketCommunicator:
        headers = [(b"host", b"testserver"), (b"origin", origin.encode())]
        headers += [(b"cookie", f"sessionid={session}".encode())] if session is not None else []
        socket = WebsocketCommunicator(websocket_application, DASHBOARD_PATH, headers=headers)
        made.append(socket)
        connected, _code = await socket.connect(timeout=10)
        assert connected
        return socket

    yield open_socket
    for socket in made:
        await socket.disconnect(timeout=10)
    await get_channel_layer().flush()


@sync_to_async
def _person(role: str) -> tuple[User, str]:
    user = person(role, FirmFactory())
    return user, str(client_of(user).cookies["sessionid"].value)


async def _said(socket: WebsocketCommunicator) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await socket.receive_from(timeout=10))
    return found


async def _closed_with(socket: WebsocketCommunicator) -> int:
    while True:
        output = await socket.receive_output(timeout=15)
        if output["type"] == "websocket.close":
            return int(output["code"])


async def _ping(socket: WebsocketCommunicator, number: int) -> list[dict[str, Any]]:
    """Return what comes up to the answer to a ping, without it."""
    await socket.send_to(text_data=json.dumps({"ping": number}))
    heard = []
    while (message := await _said(socket)) != {"pong": number}:
        heard.append(message)
    return heard


async def _change(times: int = 1) -> None:
    for _ in range(times):
        message = {"type": "hint", "group": GROUP, "hint": {"seq": None, "kind": "figures", "id": ""}}
        await get_channel_layer().group_send(GROUP, message)


@pytest.mark.parametrize("role", ROLES)
async def test_watchers_get_in_and_everybody_else_is_closed_on(opened: Open, role: str) -> None:
    _user, session = await _person(role)
    socket = await opened(session=session)

    if role in WATCHERS:
        assert await _said(socket) == {"watching": "dashboard"}
    else:
        assert await _closed_with(socket) == 4403


async def test_a_stranger_is_closed_on(opened: Open) -> None:
    assert await _closed_with(await opened()) == 4401


async def test_another_sites_page_does_not_connect() -> None:
    _user, session = await _person("operations")
    headers = [
        (b"host", b"testserver"),
        (b"origin", b"https://evil.example"),
        (b"cookie", f"sessionid={session}".encode()),
    ]

    assert (await WebsocketCommunicator(websocket_application, DASHBOARD_PATH, headers=headers).connect())[0] is False


async def test_a_token_is_no_way_in() -> None:
    user, _session = await _person("superuser")
    secret = await sync_to_async(token_for)(user)
    headers = [(b"host", b"testserver"), (b"authorization", f"Token {secret}".encode())]
    socket = WebsocketCommunicator(websocket_application, DASHBOARD_PATH, headers=headers)

    connected, code = await socket.connect()

    assert (connected and await _closed_with(socket)) in (False, 4401), code


async def test_a_rejection_is_told(opened: Open) -> None:
    _user, session = await _person("analyst")
    item = await sync_to_async(draft_item)()
    socket = await opened(session=session)
    await _said(socket)

    await sync_to_async(rejected)(item)

    assert await _said(socket) == {"kind": "figures"}


async def test_a_hint_reaches_the_socket_from_any_process(opened: Open) -> None:
    _user, session = await _person("operations")
    socket = await opened(session=session)
    await _said(socket)

    tell_watchers()

    assert await _said(socket) == {"kind": "figures"}


async def test_much_at_once_is_told_once_and_what_comes_meanwhile_once_more(
    opened: Open, settings: LazySettings
) -> None:
    settings.DASHBOARD_PUSH_SECONDS = 0.3
    _user, session = await _person("operations")
    socket = await opened(session=session)
    await _said(socket)

    await _change()
    first = await _said(socket)
    await _change(times=50)
    second = await _said(socket)
    # A ping is answered at once: had the fifty been queued, they would stand before it.
    between = await _ping(socket, 1)

    assert (first, second, between) == ({"kind": "figures"}, {"kind": "figures"}, [])


@pytest.mark.parametrize("loss", ["session", "group", "staff"])
async def test_who_loses_the_right_is_cut_off_at_the_next_look(opened: Open, settings: LazySettings, loss: str) -> None:
    settings.LIVE_RECHECK_SECONDS = 0.1
    user, session = await _person("operations")
    socket = await opened(session=session)
    await _said(socket)

    @sync_to_async
    def lose() -> None:
        if loss == "session":
            user.set_password("another-long-password")
            user.save()
        elif loss == "group":
            user.groups.remove(Group.objects.get(name="operations"))
        else:
            User.objects.filter(pk=user.pk).update(is_staff=False)

    await lose()

    assert await _closed_with(socket) == (4401 if loss == "session" else 4403)


async def test_without_the_second_factor_nobody_watches_where_it_is_required(
    opened: Open, settings: LazySettings
) -> None:
    settings.STAFF_MFA_REQUIRED = True
    _user, session = await _person("operations")

    assert await _closed_with(await opened(session=session)) == 4403


@pytest.mark.parametrize(
    "frame", ["{", "[]", "7", '{"ping": "x"}', '{"ping": 1, "x": 2}', '{"subscribe": "firm"}', "[" * 900]
)
async def test_a_frame_that_means_nothing_is_answered_and_the_socket_stays(opened: Open, frame: str) -> None:
    _user, session = await _person("operations")
    socket = await opened(session=session)
    await _said(socket)

    await socket.send_to(text_data=frame)

    assert (await _said(socket))["error"]["code"] == "unknown_type"
    assert await _ping(socket, 2) == []


async def test_binary_and_huge_frames_and_too_many_mistakes_end_it(opened: Open) -> None:
    _user, session = await _person("operations")
    binary, huge, clumsy = [await opened(session=session) for _ in range(3)]

    await binary.send_to(bytes_data=b"\x00")
    await huge.send_to(text_data="1" * (FRAME_MAX_CHARS + 1))
    for _ in range(MISTAKES_MAX + 1):
        await clumsy.send_to(text_data="{")

    assert [await _closed_with(socket) for socket in (binary, huge, clumsy)] == [4400, 4400, 4429]


async def test_what_follows_the_end_is_not_answered(opened: Open) -> None:
    _user, session = await _person("operations")
    socket = await opened(session=session)
    await _said(socket)
    await socket.send_to(bytes_data=b"\x00")
    code = await _closed_with(socket)

    await socket.send_to(text_data='{"ping": 1}')
    async with asyncio.timeout(10):
        is_quiet = await socket.receive_nothing()

    assert (code, is_quiet) == (4400, True)


async def test_other_addresses_are_the_conductors() -> None:
    assert (await WebsocketCommunicator(websocket_application, "/ws/other/").connect())[0] is False
