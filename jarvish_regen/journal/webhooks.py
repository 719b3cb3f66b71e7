"""Tell firms' own systems what happened: signed, repeated until taken, never to an address inside our network.

A delivery is a row written in the sealer's transaction, so no crash loses one; the ring is only a nudge. Bodies and
headers
follow the Standard Webhooks specification 1.0; the id is the same at each try.
"""

import asyncio
import json
import logging
import socket
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from standardwebhooks import Webhook

from jarvish_regen.addresses import UnsafeBaseURLError, check_base_url, is_public
from jarvish_regen.ids import to_short
from jarvish_regen.journal.models import Delivery, Event, WebhookEndpoint
from jarvish_regen.journal.services import Ring, public_details, ring_again

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)

KINDS: Final = (
    "content.arrived",
    "item.moved",
    "version.ready",
    "version.approved",
    "regeneration.finished",
    "case.moved",
)
TEST_KIND: Final = "webhook.test"
DELIVER_TASK: Final = "journal.deliver"
NOTIFY_QUEUE: Final = "notify"
# After the first try: short for a restart, long for a weekend's repair.
RETRY_SECONDS: Final = (5, 30, 120, 600, 3_600, 21_600)
REPLY_MAX_BYTES: Final = 64 * 1024
_LEASE_SECONDS: Final = 60  # a sender that died is followed by another after this
_GONE: Final = 410
_BATCH: Final = 100

Details = Callable[[Event], Mapping[str, Any]]
Address = IPv4Address | IPv6Address
LookUp = Callable[[str, int], Awaitable[Sequence[Address]]]
_details: list[Details] = []


@dataclass(frozen=True)
class Answer:
    """What came of one try: a status, or why there was none."""

    status: int | None
    error: str

    @property
    def is_taken(self) -> bool:
        """True when the receiver said so with a 2xx."""
        return self.status is not None and 200 <= self.status < 300


class RefusedAddressError(Exception):
    """The address is not one that may be called."""


def adds_details(details: Details) -> Details:
    """Let a higher floor add to what webhooks say of an event: what it returns goes into the body's `data`."""
    _details.append(details)
    return details


def check_url(url: str) -> None:
    """Raise UnsafeBaseURLError, in words, unless webhooks may go to this URL."""
    check_base_url(url, allow_loopback=settings.WEBHOOK_ALLOW_LOOPBACK, allow_query=True)


def owe(events: Iterable[Event]) -> list[uuid.UUID]:
    """Write a delivery for each endpoint that wants to hear of each event, in the caller's transaction.

    Returns their ids.
    """
    wanted = [event for event in events if event.kind in KINDS]
    if not wanted:
        return []
    endpoints = list(WebhookEndpoint.objects.filter(firm_id__in={event.firm_id for event in wanted}, is_active=True))
    rows = [
        Delivery(endpoint=endpoint, event=event)
        for event in wanted
        for endpoint in endpoints
        if endpoint.firm_id == event.firm_id and event.kind in endpoint.kinds
    ]
    Delivery.objects.bulk_create(rows)
    return [row.id for row in rows]


def ring_for(delivery_ids: Iterable[uuid.UUID]) -> None:
    """Ring for deliveries that are committed; `deliver_due` finds those whose ring is lost."""
    for delivery_id in delivery_ids:
        if not ring_again(Ring(DELIVER_TASK, {"delivery_id": str(delivery_id)}, NOTIFY_QUEUE)):
            return


def send_test(endpoint: WebhookEndpoint) -> Delivery:
    """Owe an endpoint a test event, in the caller's transaction, and ring for it after the commit."""
    event = Event.objects.create(kind=TEST_KIND, firm_id=endpoint.firm_id, payload={})
    delivery = Delivery.objects.create(endpoint=endpoint, event=event)
    transaction.on_commit(lambda: ring_for([delivery.id]))
    return delivery


def replay(delivery: Delivery) -> bool:
    """Make a settled delivery due again, in the caller's transaction; False when it is under way anyway."""
    changed = (
        Delivery.objects.filter(id=delivery.id)
        .exclude(state=Delivery.State.DUE)
        .update(state=Delivery.State.DUE, tries=0, due_at=Now())
    )
    if changed:
        transaction.on_commit(lambda: ring_for([delivery.id]))
    return bool(changed)


def body_of(event: Event) -> dict[str, Any]:
    """Return what is sent of an event: `{"type", "timestamp", "data"}`; ids in their short form."""
    found: dict[str, Any] = {"event_id": to_short("event", event.id), **public_details(event)}
    if event.item_id:
        found["content_id"] = to_short("item", event.item_id)
    for details in _details:
        found |= details(event)
    return {"type": event.kind, "timestamp": event.created_at.astimezone(UTC).isoformat(), "data": found}


def deliver_due() -> int:
    """Try what is due; finds what lost its ring or its sender. Returns how many were tried."""
    due = list(
        Delivery.objects.filter(state=Delivery.State.DUE, due_at__lte=Now())
        .order_by("due_at")
        .values_list("id", flat=True)[:_BATCH]
    )
    return sum(deliver(delivery_id) for delivery_id in due)


async def look_up(host: str, port: int) -> Sequence[Address]:
    """Return the addresses that the machine's resolver has for a name. Raises OSError when it has none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(entry[4][0]) for entry in found]


def deliver(delivery_id: str | uuid.UUID, *, look_up: LookUp = look_up) -> bool:
    """Try one delivery, if it is due; False when it is not, or somebody else has it.

    Claimed by compare-and-swap with a lease; the network is asked outside any transaction. `look_up` says where names
    lead: it is asked once a try, and what it says is called.
    """
    tries = _claim(delivery_id)
    if tries is None:
        return False
    delivery = Delivery.objects.select_related("endpoint", "event").get(id=delivery_id)
    endpoint = delivery.endpoint
    if not endpoint.is_active:
        _note(delivery, tries, Answer(None, "the endpoint is switched off"), state=Delivery.State.FAILED)
        return True
    body = json.dumps(body_of(delivery.event), ensure_ascii=False, separators=(",", ":"))
    answer = asyncio.run(_post(endpoint.url, body, _headers(delivery, endpoint, body), look_up))
    if answer.is_taken:
        _note(delivery, tries, answer, state=Delivery.State.DELIVERED)
    elif answer.status == _GONE:
        WebhookEndpoint.objects.filter(id=endpoint.id).update(is_active=False)
        _note(delivery, tries, answer, state=Delivery.State.FAILED)
    elif tries > len(RETRY_SECONDS):
        _note(delivery, tries, answer, state=Delivery.State.FAILED)
    else:
        _note(delivery, tries, answer, state=Delivery.State.DUE, wait_seconds=RETRY_SECONDS[tries - 1])
    return True


def _claim(delivery_id: str | uuid.UUID) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE journal_delivery SET tries = tries + 1, due_at = clock_timestamp() + make_interval(secs => %s)
                WHERE id = %s AND state = 'due' AND due_at <= clock_timestamp() RETURNING tries""",
            [_LEASE_SECONDS, str(delivery_id)],
        )
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def _note(delivery: Delivery, tries: int, answer: Answer, *, state: Delivery.State, wait_seconds: int = 0) -> None:
    # Only the sender of this very try writes: one that overslept its lease changes nothing.
    Delivery.objects.filter(id=delivery.id, state=Delivery.State.DUE, tries=tries).update(
        state=state,
        due_at=Now() + timedelta(seconds=wait_seconds),
        last_status=answer.status,
        last_error=answer.error[:200],
    )
    if not answer.is_taken:
        logger.warning(
            "webhook not taken",
            extra={"delivery_id": str(delivery.id), "tries": tries, "status": answer.status, "error": answer.error},
        )


def _headers(delivery: Delivery, endpoint: WebhookEndpoint, body: str) -> dict[str, str]:
    message_id = to_short("delivery", delivery.id)
    now = datetime.now(UTC)
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Jarvish-Regen-Webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(endpoint.secret).sign(message_id, now, body),
    }


async def _post(url: str, body: str, headers: Mapping[str, str], look_up: LookUp) -> Answer:
    import httpx  # a tenth of a process's start, and only one that delivers needs it

    limit_seconds = settings.WEBHOOK_TIMEOUT_SECONDS
    try:
        # Over the whole try: a receiver that drips keeps every single wait of the client short.
        async with asyncio.timeout(limit_seconds):
            return await _post_pinned(httpx.URL(url), body, headers, look_up)
    except TimeoutError:
        return Answer(None, f"no answer within {limit_seconds:g} s")
    except (UnsafeBaseURLError, RefusedAddressError) as error:
        return Answer(None, f"refused: {error}")
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return Answer(None, type(error).__name__)


async def _post_pinned(url: "httpx.URL", body: str, headers: Mapping[str, str], look_up: LookUp) -> Answer:
    import httpx  # as above

    # The address that was checked is the one that is called: a name may resolve differently the second time.
    check_url(str(url))
    addresses = await look_up(url.host, url.port or (443 if url.scheme == "https" else 80))
    address = _allowed(addresses)
    pinned = url.copy_with(host=str(address))
    host = url.netloc.decode("ascii")
    async with (
        httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=None) as client,  # noqa: S113  # see _post
        client.stream(
            "POST",
            pinned,
            content=body.encode(),
            headers={**headers, "Host": host},
            extensions={"sni_hostname": url.host},
        ) as response,
    ):
        length = 0
        async for chunk in response.aiter_raw():
            length += len(chunk)
            if length > REPLY_MAX_BYTES:
                break
        if response.is_redirect:
            return Answer(response.status_code, "redirects are not followed")
        return Answer(response.status_code, "" if response.is_success else f"status {response.status_code}")


def _allowed(addresses: Sequence[Address]) -> Address:
    for address in addresses:
        if not (is_public(address) or (settings.WEBHOOK_ALLOW_LOOPBACK and address.is_loopback)):
            raise RefusedAddressError("the name leads inside our network")
    if not addresses:
        raise RefusedAddressError("the name leads nowhere")
    return addresses[0]
