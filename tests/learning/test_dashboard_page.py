"""The page: who may see it, what it says, and that it says so without sockets and without scripts."""

import re
from datetime import datetime, timedelta
from typing import Final

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from jarvish_regen.journal.models import DeadLetter
from jarvish_regen.llm.models import ModelTarget, TargetState
from learning.dashboard.cells import now_of_database
from learning.dashboard.queries import get_dashboard
from learning.dashboard.ranges import RANGES, range_of
from learning.dashboard.rollup import roll_up
from regeneration.models import Regeneration, SimilarityAudit
from tests.admin.world import ROLES, client_of, person
from tests.factories import FirmFactory, draft_item, rejected
from tests.learning.attempts import Attempts

pytestmark = pytest.mark.django_db

# Written by hand: who may watch.
WATCHERS: Final = {"operations", "analyst", "administrator", "superuser"}
# Of those, who sees ledgers, and so gets links to them.
READERS_OF_LEDGERS: Final = {"operations", "administrator", "superuser"}
ADDRESSES: Final = ("/dashboard/", "/dashboard/figures/")


@pytest.fixture
def now() -> datetime:
    return now_of_database()


@pytest.fixture
def operator() -> Client:
    return client_of(person("operations", FirmFactory()))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("address", ADDRESSES)
def test_staff_with_the_right_may_watch_and_nobody_else(role: str, address: str) -> None:
    client = client_of(person(role, FirmFactory()))

    assert client.get(address).status_code == (200 if role in WATCHERS else 403)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_stranger_is_sent_to_the_login(address: str) -> None:
    reply = Client().get(address)

    assert (reply.status_code, reply.headers["Location"]) == (302, f"/accounts/login/?next={address}")


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_is_done_by_posting(operator: Client, address: str) -> None:
    assert operator.post(address).status_code == 405


def test_without_the_second_factor_staff_get_no_further_where_it_is_required(
    operator: Client, settings: LazySettings
) -> None:
    settings.STAFF_MFA_REQUIRED = True

    replies = [operator.get(address) for address in ADDRESSES]

    assert [(reply.status_code, reply.headers.get("Location")) for reply in replies] == [
        (302, reverse("mfa_activate_totp"))
    ] * 2


def test_the_way_to_it_is_shown_to_watchers_only() -> None:
    firm = FirmFactory()
    watcher = client_of(person("analyst", firm)).get("/dashboard/").content.decode()
    member = client_of(person("advisor", firm)).get("/").content.decode()

    assert 'href="/dashboard/"' in watcher
    assert 'href="/dashboard/"' not in member


def _tile(page: str, key: str) -> str:
    found = re.search(rf'data-tile="{key}">(.*?)</div>', page, re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]*>", " ", found[1]).split())


def test_it_says_what_happened(operator: Client, now: datetime) -> None:
    attempts = Attempts()
    for minutes in range(1, 9):
        attempts.ended(now - timedelta(minutes=minutes), answer_ms=100_0, cost_inr="0.5", hedges_count=1, calls_count=2)
    attempts.ended(now - timedelta(minutes=3), rung="prepared", cache_kind="prepared", answer_ms=2000, calls_count=0)
    attempts.ended(now - timedelta(minutes=4), state="no_answer", rung="", answer_ms=1400, failure_reason="timeout")
    attempts.ended(now - timedelta(minutes=20))

    page = operator.get("/dashboard/?range=15m").content.decode()

    assert _tile(page, "answers").startswith("Answers 9 ")
    assert _tile(page, "answers").endswith("800 % more than before")
    assert "80 % less" not in page
    assert "88.9 % and 11.1 % prepared or kept" in _tile(page, "model")
    assert "10.0 % 1 of 10 attempts" in _tile(page, "errors")
    assert "1 of 9 answers" in _tile(page, "late")
    assert "1.70 of which 0.80 hedges" in _tile(page, "calls")
    assert "₹\u202f4.00" in page
    assert "No admissible answer" in page
    assert "No model answered in time" in page


def test_money_and_counts_are_grouped_as_in_india(operator: Client, now: datetime) -> None:
    Attempts().ended(now - timedelta(minutes=3), cost_inr="123456.5")

    assert "₹\u202f1,23,456.50" in operator.get("/dashboard/").content.decode()


@pytest.mark.parametrize("key", [*(one.key for one in RANGES), "nonsense", ""])
def test_every_range_can_be_asked_for_and_anything_else_is_the_hour(operator: Client, now: datetime, key: str) -> None:
    Attempts().ended(now - timedelta(minutes=3))

    page = operator.get("/dashboard/", {"range": key}).content.decode()

    chosen = re.findall(r'<a class="ranges__one" href="\?range=(\w+)" aria-current="page">', page)
    assert chosen == [key if key in {one.key for one in RANGES} else "1h"]


def test_every_chart_stands_over_the_table_it_is_drawn_from(operator: Client, now: datetime) -> None:
    Attempts().ended(now - timedelta(minutes=3))

    page = operator.get("/dashboard/").content.decode()

    charts = re.findall(r'data-chart="(\w+)" data-table="([\w-]+)"', page)
    assert charts == [("line", "speed-table"), ("stack", "answers-table"), ("bars", "stages-table")]
    assert all(f'id="{table}"' in page for _kind, table in charts)
    assert len(re.findall(r'<td data-value="(?:39|40|41)\d"', page)) == 3  # 400 ms, ± 2.5 %


def test_the_fragment_is_the_changing_part_of_the_page(operator: Client, now: datetime) -> None:
    Attempts().ended(now - timedelta(minutes=3))

    fragment = operator.get("/dashboard/figures/?range=24h").content.decode()

    assert fragment.startswith('<div class="dash" data-figures="/dashboard/figures/?range=24h"')
    assert "<html" not in fragment
    assert _tile(fragment, "answers").startswith("Answers 1 ")


def test_without_scripts_it_refreshes_itself_and_has_a_button(operator: Client) -> None:
    page = operator.get("/dashboard/").content.decode()

    assert '<noscript><meta http-equiv="refresh" content="30"></noscript>' in page
    assert '<a class="button button--small without-script" href="?range=1h">Refresh</a>' in page


def test_it_is_kept_by_no_cache(operator: Client) -> None:
    assert {operator.get(one).headers["Cache-Control"] for one in ADDRESSES} == {"private, no-store"}


@pytest.mark.parametrize("role", sorted(WATCHERS))
def test_the_slowest_answers_lead_to_their_ledger(role: str, now: datetime) -> None:
    slow = Attempts().ended(now - timedelta(minutes=3), answer_ms=9000)
    client = client_of(person(role, FirmFactory()))
    link = reverse("admin:regeneration_regeneration_change", args=[slow.id])

    page = client.get("/dashboard/").content.decode()

    assert (link in page) == (role in READERS_OF_LEDGERS)
    assert slow.short_id in page
    if role in READERS_OF_LEDGERS:
        assert client.get(link).status_code == 200


def test_no_client_text_reaches_the_page(now: datetime) -> None:
    rejected(draft_item(text="Kingfisher lane. It gives guaranteed returns every year."))
    Attempts().ended(now - timedelta(minutes=3))

    page = client_of(person("superuser", FirmFactory())).get("/dashboard/?range=30d").content.decode()

    assert "Kingfisher" not in page


def test_queues_show_what_waits_and_for_how_long() -> None:
    receipt = rejected(draft_item())
    assert receipt.regeneration is not None
    Regeneration.objects.filter(id=receipt.regeneration.id).update(
        urgency="critical", stored_at=now_of_database() - timedelta(seconds=90)
    )

    board = {queue.name: queue for queue in get_dashboard(range_of("15m")).now.queues}

    assert list(board) == ["critical", "high", "normal", "low", "prepare", "notify", "outbox"]
    assert (board["critical"].waiting, board["critical"].running) == (1, 0)
    assert 90 <= board["critical"].oldest_seconds < 150
    assert board["critical"].rings is not None
    assert board["outbox"].rings is None


def test_a_broker_that_is_away_costs_the_lengths_and_nothing_else(settings: LazySettings, operator: Client) -> None:
    settings.BROKER_REDIS_URL = "unix:///nowhere/valkey.sock"

    reply = operator.get("/dashboard/")

    assert reply.status_code == 200
    assert all(queue.rings is None for queue in get_dashboard(range_of("15m")).now.queues)


def test_kept_answers_that_were_wrong_are_told(operator: Client, now: datetime) -> None:
    attempts = Attempts()
    for verdict in ("right", "right", "right", "wrong", "open"):
        row = attempts.ended(now - timedelta(minutes=1), rung="cache", cache_kind="similar")
        SimilarityAudit.objects.create(regeneration=row, kind="similar", verdict=verdict)

    page = operator.get("/dashboard/").content.decode()

    assert "25.0 % of those judged were wrong" in _tile(page, "cache")


def _rows(page: str, key: str) -> list[list[str]]:
    table = re.search(rf'data-rows="{key}">.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    assert table
    return [
        [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in table[1].split("</tr>")[:-1]
    ]


def test_dead_letters_and_targets_are_told(operator: Client, now: datetime) -> None:
    DeadLetter.objects.create(
        subject_kind="regeneration", subject_id=FirmFactory().id, task="x", queue="solo", reason="x", claims=3
    )
    ModelTarget.objects.create(
        name="Vendor east", base_url="https://models.example/v1", model="small", key_variable="JARVISH_VENDOR_KEY"
    )

    for process, state, in_flight in (("worker-1", "closed", 2), ("worker-2", "open", 1)):
        TargetState.objects.create(
            target="Vendor west", process=process, model="large", state=state, in_flight=in_flight, calls=10,
            failures=1, max_concurrency=8, since=now, updated_at=now,
        )  # fmt: skip

    page = operator.get("/dashboard/").content.decode()

    assert _tile(page, "dead") == "Dead letters (past its goal) 1 1 new in this time"
    assert _rows(page, "targets") == [
        ["Vendor east", "Not asked yet", "0", "0", "–", "–", "small"],
        ["Vendor west", "Left alone", "3 / 16", "20", "10.0 %", "–", "large"],
    ]


def test_it_takes_as_many_statements_for_much_as_for_little(operator: Client, now: datetime) -> None:
    attempts = Attempts()
    attempts.ended(now - timedelta(minutes=3))
    roll_up()
    operator.get("/dashboard/")
    with CaptureQueriesContext(connection) as little:
        operator.get("/dashboard/")
    attempts.store(*(attempts.row(now - timedelta(seconds=9 * number)) for number in range(300)))
    roll_up()

    with CaptureQueriesContext(connection) as much:
        operator.get("/dashboard/")

    assert len(much) == len(little) <= 20
