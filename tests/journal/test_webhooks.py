"""Webhooks, to a real receiver on this machine: signed, repeated with the same id, never into our network."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.conf import LazySettings
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client
from standardwebhooks import Webhook

from escalation.services import approve, settle_if_due
from jarvish_regen.access.webhooks import add_webhook
from jarvish_regen.content.models import ContentItem
from jarvish_regen.errors import InputError
from jarvish_regen.ids import to_short
from jarvish_regen.journal import webhooks
from jarvish_regen.journal.models import Delivery, WebhookEndpoint
from jarvish_regen.journal.sealer import seal
from tests.factories import MembershipFactory, draft_item, let_answer_clock_run_out, rejected, viewer_for

pytestmark = pytest.mark.django_db


@dataclass
class Receiver:
    """The other side: remembers what came, answers what it is told to."""

    port: int = 0
    status: int = 200
    reply: bytes = b"ok"
    location: str = ""
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?team=a"


@pytest.fixture
def receiver(settings: LazySettings) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW_LOOPBACK = True
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.calls.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(told.status)
            if told.location:
                self.send_header("Location", told.location)
            self.send_header("Content-Length", str(len(told.reply)))
            self.end_headers()
            try:
                self.wfile.write(told.reply)
            except OSError:
                self.close_connection = True

        def log_message(self, *args: Any) -> None:
            """Keep the test's output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


def _endpoint(item: ContentItem, url: str, *kinds: str) -> WebhookEndpoint:
    admin = MembershipFactory(firm=item.firm).user
    return add_webhook(viewer=viewer_for(admin), url=url, kinds=kinds or ("content.arrived",))


def _make_due(delivery: Delivery) -> None:
    Delivery.objects.filter(id=delivery.id).update(due_at=Now() - timedelta(seconds=1))


def test_a_sealed_event_is_owed_to_the_endpoints_that_want_it() -> None:
    item, strange = draft_item(), draft_item()
    wants = _endpoint(item, "https://hooks.example.com/a")
    _endpoint(item, "https://hooks.example.com/b", "version.approved")
    _endpoint(strange, "https://hooks.example.com/c", "version.approved")
    stopped = _endpoint(item, "https://hooks.example.com/d")
    WebhookEndpoint.objects.filter(id=stopped.id).update(is_active=False)

    seal()
    seal()

    assert list(Delivery.objects.values_list("endpoint_id", "event__kind", "state")) == [
        (wants.id, "content.arrived", "due")
    ]


def test_an_approval_arrives_signed_with_the_released_text(receiver: Receiver) -> None:
    item = draft_item(external_id="crm-7")
    endpoint = _endpoint(item, receiver.url, "version.approved")
    attempt = rejected(item).regeneration
    assert attempt is not None
    let_answer_clock_run_out(attempt.id)
    settle_if_due(regeneration_id=attempt.id)
    version = approve(viewer=viewer_for(item.advisor.user), item_id=item.id)
    seal()

    assert webhooks.deliver_due() == 1

    headers, body = receiver.calls[0]
    said = Webhook(endpoint.secret).verify(body, headers)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries, delivery.last_status) == ("delivered", 1, 200)
    assert headers["webhook-id"] == to_short("delivery", delivery.id)
    assert (said["type"], said["data"]["text"], said["data"]["channel"], said["data"]["external_id"]) == (
        "version.approved",
        version.text,
        "whatsapp",
        "crm-7",
    )
    assert (said["data"]["content_id"], said["data"]["version_id"]) == (item.short_id, version.short_id)
    assert headers["Host"] == f"127.0.0.1:{receiver.port}"


def test_a_refused_delivery_is_repeated_with_the_same_id_and_given_up_after_seven(receiver: Receiver) -> None:
    item = draft_item()
    _endpoint(item, receiver.url)
    seal()
    receiver.status = 500
    delivery = Delivery.objects.get()

    waits = []
    for _try in range(7):
        assert webhooks.deliver(delivery.id)
        row = Delivery.objects.annotate(left=F("due_at") - Now()).get()
        left_seconds = row.left.total_seconds()
        waits.append(next((wait for wait in webhooks.RETRY_SECONDS if wait - 5 < left_seconds <= wait), 0))
        _make_due(delivery)

    assert waits == [5, 30, 120, 600, 3600, 21600, 0]
    assert webhooks.deliver(delivery.id) is False
    assert Delivery.objects.get().state == "failed"
    assert len({headers["webhook-id"] for headers, _body in receiver.calls}) == 1


def test_what_is_not_due_or_taken_by_another_is_left_alone(receiver: Receiver) -> None:
    item = draft_item()
    _endpoint(item, receiver.url)
    seal()
    delivery = Delivery.objects.get()
    Delivery.objects.update(due_at=Now() + timedelta(seconds=60))

    assert (webhooks.deliver(delivery.id), webhooks.deliver_due(), receiver.calls) == (False, 0, [])


def test_gone_switches_the_endpoint_off(receiver: Receiver) -> None:
    item = draft_item()
    _endpoint(item, receiver.url)
    seal()
    receiver.status = 410

    webhooks.deliver_due()

    assert (WebhookEndpoint.objects.get().is_active, Delivery.objects.get().state) == (False, "failed")


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    item = draft_item()
    _endpoint(item, receiver.url)
    seal()
    receiver.status, receiver.location = 307, receiver.url

    webhooks.deliver_due()

    delivery = Delivery.objects.get()
    assert (len(receiver.calls), delivery.state, delivery.last_error) == (1, "due", "redirects are not followed")


def test_a_reply_is_read_no_further_than_64_kilobytes(receiver: Receiver) -> None:
    item = draft_item()
    _endpoint(item, receiver.url)
    seal()
    receiver.reply = b"x" * 5_000_000

    webhooks.deliver_due()

    assert Delivery.objects.get().state == "delivered"


def test_nobody_there_is_tried_again_later(settings: LazySettings) -> None:
    settings.WEBHOOK_ALLOW_LOOPBACK = True
    item = draft_item()
    _endpoint(item, "http://127.0.0.1:9/hook")
    seal()

    webhooks.deliver_due()

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.last_status, delivery.last_error) == ("due", None, "ConnectError")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://127.0.0.1/hook",
        "https://localhost/hook",
        "https://10.0.0.7/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/hook",
        "https://[::ffff:10.0.0.1]/hook",
        "https://0x7f000001/hook",
        "https://2130706433/hook",
        "https://intranet/hook",
        "https://desk.internal/hook",
        "https://user:pass@example.com/hook",
        "https://example.com/hook#part",
        "ftp://example.com/hook",
        "nonsense",
    ],
)
def test_an_address_inside_is_refused_when_it_is_added(url: str) -> None:
    with pytest.raises(InputError) as refused:
        add_webhook(viewer=viewer_for(MembershipFactory().user), url=url, kinds=["version.approved"])

    assert (refused.value.code, WebhookEndpoint.objects.count()) == ("unsafe_address", 0)


def test_an_address_that_became_unsafe_is_refused_when_it_is_called(receiver: Receiver, settings: LazySettings) -> None:
    item = draft_item()
    _endpoint(item, receiver.url)
    seal()
    settings.WEBHOOK_ALLOW_LOOPBACK = False

    webhooks.deliver_due()

    assert receiver.calls == []
    assert Delivery.objects.get().last_error.startswith("refused: ")


def _post(client: Client, path: str, body: object = None) -> Any:
    return client.post(f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json")


def test_the_administrator_manages_webhooks_over_the_api(receiver: Receiver) -> None:
    admin = MembershipFactory().user
    client = Client()
    client.force_login(admin)

    made = _post(client, "webhooks", {"url": receiver.url, "kinds": ["version.approved"]}).json()
    tested = _post(client, f"webhooks/{made['id']}/test").json()
    webhooks.deliver_due()
    listed = client.get(f"/api/v1/webhooks/{made['id']}/deliveries").json()["deliveries"]
    again = _post(client, f"webhooks/{made['id']}/deliveries/{tested['delivery_id']}/replay")
    twice = _post(client, f"webhooks/{made['id']}/deliveries/{tested['delivery_id']}/replay")
    webhooks.deliver_due()

    assert Webhook(made["secret"]).verify(receiver.calls[0][1], receiver.calls[0][0])["type"] == "webhook.test"
    assert [(one["id"], one["kind"], one["state"], one["last_status"]) for one in listed] == [
        (tested["delivery_id"], "webhook.test", "delivered", 200)
    ]
    assert (again.status_code, twice.status_code, len(receiver.calls)) == (202, 409, 2)
    assert "secret" not in client.get("/api/v1/webhooks").json()["webhooks"][0]
    assert client.delete(f"/api/v1/webhooks/{made['id']}").status_code == 204
    assert _post(client, f"webhooks/{made['id']}/test").status_code == 409


def test_webhooks_are_the_administrators_and_the_firms_alone() -> None:
    item = draft_item()
    endpoint = _endpoint(item, "https://hooks.example.com/a")
    advisor, stranger = Client(), Client()
    advisor.force_login(item.advisor.user)
    stranger.force_login(MembershipFactory().user)
    short = f"webhooks/{to_short('endpoint', endpoint.id)}"

    assert (advisor.get("/api/v1/webhooks").status_code, _post(advisor, f"{short}/test").status_code) == (403, 403)
    assert (_post(stranger, f"{short}/test").status_code, stranger.delete(f"/api/v1/{short}").status_code) == (404, 404)
    assert Delivery.objects.count() == 0
