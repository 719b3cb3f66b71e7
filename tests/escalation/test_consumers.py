"""The live socket: who gets in, what they may hear, what they missed, and how it ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.test import Client

from escalation import consumers
from escalation.routing import websocket_application
from jarvish_regen.access.models import Membership, Role, Token, User
from jarvish_regen.content.models import ContentItem
from jarvish_regen.ids import new_id, to_short
from jarvish_regen.journal.live import firm_group, item_group
from jarvish_regen.journal.models import Chain, Event
from jarvish_regen.journal.sealer import seal
from tests.factories import AdvisorProfileFactory, MembershipFactory, draft_item, rejected, token_for
from tests.sockets import WebsocketCommunicator

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., Awaitable[WebsocketCommunicator]]


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Return a maker of connections; they are closed, and the layer with them, at the end."""
    made: list[WebsocketCommunicator] = []

    async def open_socket(
        *, token: str | None = None, session: str | None = None, origin: str | None = None
    ) -> WebsocketCommunicator:
        headers = [(b"host", b"testserver")]
        headers += [(b"authorization", f"Token {token}".encode())] if token is not None else []
        headers += [(b"cookie", f"sessionid={session}".encode())] if session is not None else []
        headers += [(b"origin", origin.encode())] if origin is not None else []
        socket = WebsocketCommunicator(websocket_application, "/ws/live/", headers=headers)
        made.append(socket)
        connected, _code = await socket.connect(timeout=10)
        assert connected
        return socket

    yield open_socket
    for socket in made:
        await socket.disconnect(timeout=10)
    await get_channel_layer().flush()


async def _said(socket: WebsocketCommunicator) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await socket.receive_from(timeout=10))
    return found


async def _ask(socket: WebsocketCommunicator, **message: Any) -> dict[str, Any]:
    await socket.send_to(text_data=json.dumps(message))
    return await _said(socket)


async def _closed_with(socket: WebsocketCommunicator) -> int:
    while True:
        output = await socket.receive_output(timeout=15)
        if output["type"] == "websocket.close":
            return int(output["code"])


@sync_to_async
def _item_and_token() -> tuple[ContentItem, str]:
    item = draft_item()
    return item, token_for(item.advisor.user)


@sync_to_async
def _session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return str(client.cookies["sessionid"].value)


async def test_an_integrator_hears_of_an_item_from_its_rejection_on(opened: Open) -> None:
    item, token = await _item_and_token()
    socket = await opened(token=token)
    topic = f"item.{item.short_id}"

    subscribed = await _ask(socket, subscribe=topic)
    await sync_to_async(rejected)(item)
    await sync_to_async(seal)()
    kinds = {(await _said(socket))["kind"] for _ in range(5)}

    assert subscribed == {"subscribed": topic, "seq": 0}
    assert kinds == {"content.arrived", "item.moved", "feedback.captured", "case.opened", "regeneration.opened"}


async def test_what_was_missed_is_replayed_once_in_order(opened: Open) -> None:
    item, token = await _item_and_token()
    await sync_to_async(rejected)(item)
    await sync_to_async(seal)()
    socket = await opened(token=token)
    topic = f"item.{item.short_id}"

    subscribed = await _ask(socket, subscribe=topic, since=1)
    replayed = [await _said(socket) for _ in range(4)]
    await get_channel_layer().group_send(
        item_group(item.id),
        {"type": "hint", "group": item_group(item.id), "hint": {"seq": 5, "kind": "again", "id": item.short_id}},
    )
    pong = await _ask(socket, ping=3)

    assert subscribed == {"subscribed": topic, "seq": 5}
    assert [(hint["topic"], hint["seq"], hint["id"]) for hint in replayed] == [
        (topic, seq, item.short_id) for seq in (2, 3, 4, 5)
    ]
    assert pong == {"pong": 3}


async def test_who_missed_too_much_is_told_to_read_anew(opened: Open) -> None:
    item, token = await _item_and_token()

    @sync_to_async
    def fill() -> None:
        seal()
        Event.objects.bulk_create(
            Event(kind="item.moved", firm_id=item.firm_id, item_id=item.id, seq=number) for number in range(2, 1103)
        )
        Chain.objects.update(last_event_seq=1102)

    await fill()
    socket = await opened(token=token)
    topic = f"item.{item.short_id}"

    assert await _ask(socket, subscribe=topic, since=1) == {"subscribed": topic, "seq": 1102}
    assert await _said(socket) == {"refresh": True, "topic": topic}


async def test_stages_are_forwarded_and_stop_after_unsubscribing(opened: Open) -> None:
    item, token = await _item_and_token()
    socket = await opened(token=token)
    topic, group = f"item.{item.short_id}", item_group(item.id)
    stage = {"seq": None, "kind": "regeneration.stage", "id": "rgn_x", "stage": "drafting", "elapsed_ms": 120}
    await _ask(socket, subscribe=topic)

    await get_channel_layer().group_send(group, {"type": "hint", "group": group, "hint": stage})
    heard = await _said(socket)
    gone = await _ask(socket, unsubscribe=topic)
    await get_channel_layer().group_send(group, {"type": "hint", "group": group, "hint": stage})

    assert (heard, gone) == ({"topic": topic, **stage}, {"unsubscribed": topic})
    assert await _ask(socket, ping=1) == {"pong": 1}


async def test_what_is_not_yours_and_what_is_not_there_are_told_alike(opened: Open) -> None:
    _mine, token = await _item_and_token()
    strange, _token = await _item_and_token()
    colleague = await sync_to_async(lambda: draft_item(AdvisorProfileFactory(firm=_mine.firm)))()
    socket = await opened(token=token)

    for name in (strange.short_id, colleague.short_id, to_short("item", new_id()), "cnt_nonsense"):
        error = (await _ask(socket, subscribe=f"item.{name}"))["error"]
        assert (error["code"], error["field"], error["given"]) == ("not_found", "subscribe", f"item.{name}")
    for topic in ("firm", "nonsense", "", "item.", 7, None, ["firm"]):
        assert (await _ask(socket, subscribe=topic))["error"]["code"] == "not_found"


async def test_a_token_without_the_scope_hears_nothing(opened: Open) -> None:
    item = await sync_to_async(draft_item)()
    socket = await opened(token=await sync_to_async(token_for)(item.advisor.user, ["feedback:write"]))

    assert (await _ask(socket, subscribe=f"item.{item.short_id}"))["error"]["code"] == "not_found"


async def test_the_administrator_hears_the_firm_and_an_advisor_their_own_drafts(opened: Open) -> None:
    item, token = await _item_and_token()
    admin = await sync_to_async(lambda: token_for(MembershipFactory(firm=item.firm).user))()
    desk, advisor = await opened(token=admin), await opened(token=token)
    await _ask(desk, subscribe="firm")
    await _ask(advisor, subscribe="inbox")
    colleagues = await sync_to_async(lambda: draft_item(AdvisorProfileFactory(firm=item.firm)))()
    group = firm_group(item.firm_id)

    for seq, one in ((11, colleagues), (12, item)):
        hint = {"seq": seq, "kind": "item.moved", "id": one.short_id}
        await get_channel_layer().group_send(group, {"type": "hint", "group": group, "hint": hint})

    assert [(await _said(desk))["seq"] for _ in range(2)] == [11, 12]
    assert (await _said(advisor))["seq"] == 12
    assert (await _ask(desk, subscribe="inbox"))["error"]["code"] == "not_found"


async def test_a_session_gets_in_from_our_own_pages_only(opened: Open) -> None:
    item, _token = await _item_and_token()
    session = await _session_of(item.advisor.user)
    socket = await opened(session=session, origin="http://testserver")
    headers = [
        (b"host", b"testserver"),
        (b"cookie", f"sessionid={session}".encode()),
        (b"origin", b"https://evil.example"),
    ]

    assert "subscribed" in await _ask(socket, subscribe=f"item.{item.short_id}")
    assert (await WebsocketCommunicator(websocket_application, "/ws/live/", headers=headers).connect())[0] is False


@pytest.mark.parametrize("token", ["jrv_nonsense", "", "a b", "\x00"])
async def test_nobody_is_told_so_and_closed(opened: Open, token: str) -> None:
    socket = await opened(token=token)

    assert (await _said(socket))["error"]["code"] == "not_authenticated"
    assert await _closed_with(socket) == 4401


async def test_an_anonymous_browser_is_told_so_and_closed(opened: Open) -> None:
    socket = await opened(origin="http://testserver")

    assert await _closed_with(socket) == 4401


async def test_a_session_that_ends_is_cut_off_at_the_next_look(opened: Open, settings: Any) -> None:
    settings.LIVE_RECHECK_SECONDS = 0.05
    item, _token = await _item_and_token()
    session = await _session_of(item.advisor.user)
    socket = await opened(session=session, origin="http://testserver")
    await _ask(socket, subscribe=f"item.{item.short_id}")

    @sync_to_async
    def sign_out() -> None:
        client = Client()
        client.cookies["sessionid"] = session
        client.logout()

    await sign_out()

    assert await _closed_with(socket) == 4401


@pytest.mark.parametrize("change", ["role", "token", "inactive"])
async def test_whoever_loses_their_place_cannot_subscribe_any_more(opened: Open, change: str) -> None:
    item, token = await _item_and_token()
    socket = await opened(token=token)
    await _ask(socket, ping=1)
    user = item.advisor.user
    changes = {
        "role": lambda: Membership.objects.filter(user=user).update(role=Role.REVIEWER),
        "token": lambda: Token.objects.filter(user=user).delete(),
        "inactive": lambda: User.objects.filter(id=user.id).update(is_active=False),
    }
    await sync_to_async(changes[change])()

    await socket.send_to(text_data=json.dumps({"subscribe": f"item.{item.short_id}"}))

    assert await _closed_with(socket) == 4401


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", "parse_error"),
        ("[]", "invalid"),
        ("7", "invalid"),
        ("{}", "unknown_type"),
        ('{"shout": 1}', "unknown_type"),
        ('{"ping": 1, "subscribe": "firm"}', "unknown_type"),
        ('{"ping": "x"}', "invalid"),
        ('{"subscribe": "firm", "since": -1}', "invalid"),
        ('{"subscribe": "firm", "since": "x"}', "invalid"),
        ('{"unsubscribe": "firm"}', "not_found"),
        ("[" * 20_000, "parse_error"),
    ],
)
async def test_a_frame_that_means_nothing_is_answered_and_the_socket_stays(opened: Open, frame: str, code: str) -> None:
    _item, token = await _item_and_token()
    socket = await opened(token=token)

    await socket.send_to(text_data=frame)

    assert (await _said(socket))["error"]["code"] == code
    assert await _ask(socket, ping=1) == {"pong": 1}


async def test_binary_and_huge_frames_and_too_many_mistakes_end_it(opened: Open) -> None:
    _item, token = await _item_and_token()
    binary, huge, clumsy = [await opened(token=token) for _ in range(3)]

    await binary.send_to(bytes_data=b"\x00")
    await huge.send_to(text_data=json.dumps({"subscribe": "x" * 70_000}))
    for _ in range(consumers.MISTAKES_MAX + 1):
        await clumsy.send_to(text_data="{")

    assert [await _closed_with(socket) for socket in (binary, huge, clumsy)] == [4400, 4400, 4429]


async def test_a_fifty_first_topic_is_refused(opened: Open) -> None:
    item, _token = await _item_and_token()
    items = await sync_to_async(
        lambda: [draft_item(item.advisor, text=f"Hello number {number}").short_id for number in range(51)]
    )()
    socket = await opened(token=await sync_to_async(token_for)(item.advisor.user))

    replies = [await _ask(socket, subscribe=f"item.{name}") for name in items]

    assert all("subscribed" in reply for reply in replies[:50])
    assert (replies[50]["error"]["code"], replies[50]["error"]["allowed"]) == ("too_many_topics", 50)


async def test_a_reader_that_does_not_read_is_cut_off_and_holds_nobody_up() -> None:
    item, token = await _item_and_token()
    group = item_group(item.id)
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    subscribed, ended = asyncio.Event(), asyncio.Event()
    codes: list[int] = []

    async def send(message: dict[str, Any]) -> None:
        # The other end of the wire: takes the first answer, then nothing but the end.
        if message["type"] == "websocket.close":
            codes.append(message["code"])
            ended.set()
        elif message["type"] == "websocket.send":
            subscribed.set()
            if "subscribed" not in message["text"]:
                await asyncio.Event().wait()

    scope = {
        "type": "websocket",
        "path": "/ws/live/",
        "headers": [(b"authorization", f"Token {token}".encode())],
        "query_string": b"",
        "subprotocols": [],
    }
    application = asyncio.create_task(websocket_application(scope, incoming.get, send))
    await incoming.put({"type": "websocket.connect"})
    await incoming.put({"type": "websocket.receive", "text": json.dumps({"subscribe": f"item.{item.short_id}"})})
    async with asyncio.timeout(10):
        await subscribed.wait()
    for number in range(consumers.PENDING_MAX + 5):
        hint = {"seq": 100 + number, "kind": "item.moved", "id": item.short_id}
        await get_channel_layer().group_send(group, {"type": "hint", "group": group, "hint": hint})

    async with asyncio.timeout(10):
        await ended.wait()
        await incoming.put({"type": "websocket.disconnect", "code": 4409})
        await application
    await get_channel_layer().flush()
    assert codes == [4409]


async def test_other_addresses_are_refused() -> None:
    assert (await WebsocketCommunicator(websocket_application, "/ws/other/").connect())[0] is False
