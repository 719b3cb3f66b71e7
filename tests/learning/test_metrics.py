"""/metrics: who may read, that it says what the page says, and that docs/dashboard.md names each metric there is."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from jarvish_regen.journal.models import DeadLetter
from jarvish_regen.llm.models import ModelTarget
from learning.dashboard.cells import now_of_database, read_cells
from learning.dashboard.figures import figures_of
from learning.dashboard.ranges import range_of
from learning.dashboard.rollup import roll_up
from regeneration.models import SimilarityAudit
from tests.factories import draft_item, rejected
from tests.learning.attempts import Attempts

pytestmark = pytest.mark.django_db

DOCS = Path(__file__).parents[2] / "docs/dashboard.md"


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    cache.delete("metrics")
    yield
    cache.delete("metrics")


@pytest.fixture
def now() -> datetime:
    return now_of_database()


def _history(now: datetime) -> None:
    attempts = Attempts()
    for minutes in range(1, 40):
        attempts.ended(now - timedelta(minutes=minutes), answer_ms=50 * minutes, cost_inr="0.25", hedges_count=1)
    kept = attempts.ended(now - timedelta(minutes=2), rung="cache", cache_kind="similar", answer_ms=30)
    SimilarityAudit.objects.create(regeneration=kept, kind="similar", verdict="wrong")
    attempts.ended(now - timedelta(minutes=5), state="no_answer", rung="", answer_ms=1400, failure_reason="timeout")
    DeadLetter.objects.create(
        subject_kind="regeneration", subject_id=kept.id, task="x", queue="solo", reason="x", claims=3
    )
    ModelTarget.objects.create(
        name="Vendor east", base_url="https://models.example/v1", model="small", key_variable="JARVISH_VENDOR_KEY"
    )


def _samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _read(**headers: str) -> str:
    reply = Client(headers=headers).get("/metrics")
    assert reply.status_code == 200
    return reply.content.decode()


def test_it_says_what_the_page_says(now: datetime) -> None:
    _history(now)
    roll_up()
    span = range_of("1h").span(now_of_database())
    page = figures_of(read_cells(span), span)

    told = _samples(_read())

    by_state = {key: value for key, value in told.items() if key[0] == "jarvish_attempts_total"}
    assert sum(by_state.values()) == page.attempts == 41
    assert told["jarvish_attempts_total", (("rung", "model"), ("state", "answered"))] == 39
    assert told["jarvish_errors_total", ()] == page.attempts - page.answers == 1
    assert told["jarvish_cost_rupees_total", ()] == float(page.cost_inr)
    assert told["jarvish_model_calls_total", ()] == page.calls
    assert told["jarvish_hedges_total", ()] == page.hedges
    assert told["jarvish_late_answers_total", ()] == page.late
    assert told["jarvish_cache_hits_total", (("cache_kind", "similar"),)] == dict(page.hits)["similar"]
    assert told["jarvish_cache_judged_total", (("cache_kind", "similar"), ("verdict", "wrong"))] == 1
    assert told["jarvish_model_failures_total", (("failure_reason", "timeout"),)] == dict(page.reasons)["timeout"]
    assert told["jarvish_dead_letters", ()] == 1
    assert told["jarvish_answer_seconds_count", (("rung", "model"),)] == 39
    assert told["jarvish_answer_seconds_sum", (("rung", "model"),)] == pytest.approx(sum(range(1, 40)) * 0.05)


def test_the_histogram_grows_to_its_count(now: datetime) -> None:
    _history(now)

    told = _samples(_read())

    buckets = [
        (float(dict(labels)["le"]), value)
        for (name, labels), value in told.items()
        if name == "jarvish_answer_seconds_bucket" and dict(labels)["rung"] == "model"
    ]
    values = [value for _bound, value in sorted(buckets)]
    assert values == sorted(values)
    assert (values[0], values[-1]) == (0, 39)
    # 0.05 s to 1.95 s in steps of 0.05: what lies at or below a bound is what its bucket says.
    assert all(value == sum(n * 0.05 <= bound for n in range(1, 40)) for bound, value in buckets)


def test_counters_are_the_same_before_and_after_rolling_up(now: datetime) -> None:
    _history(now)
    rejected(draft_item())
    before = _samples(_read())
    cache.delete("metrics")

    roll_up()

    def counters(samples: dict[tuple[str, tuple[tuple[str, str], ...]], float]) -> dict[object, float]:
        return {key: round(value, 6) for key, value in samples.items() if "queue" not in key[0]}

    assert counters(_samples(_read())) == counters(before)


def test_what_was_read_is_kept_for_all_processes(now: datetime) -> None:
    _history(now)
    first = _read()

    Attempts().ended(now)

    assert _read() == first


def test_the_page_of_the_docs_names_each_metric_and_no_other(now: datetime) -> None:
    _history(now)
    named = set(re.findall(r"^\| `(jarvish_\w+)`", DOCS.read_text(encoding="utf-8"), re.MULTILINE))

    told = re.findall(r"^# TYPE (jarvish_\w+) ", _read(), re.MULTILINE)

    assert set(told) == named
    assert len(told) == len(named)


def test_no_label_names_a_firm_a_person_or_a_draft(now: datetime) -> None:
    _history(now)

    labels = {label for _name, pairs in _samples(_read()) for label, _value in pairs}

    assert labels == {
        "state", "rung", "cache_kind", "failure_reason", "stage", "verdict", "queue", "target", "le",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("header", "status"),
    [(None, 403), ("Bearer wrong", 403), ("wrong", 403), ("", 403), ("Bearer", 403), ("Bearer right-token", 200)],
)
def test_with_a_token_only_the_token_opens(settings: LazySettings, header: str | None, status: int) -> None:
    settings.METRICS_TOKEN = "right-token"

    assert Client(headers={"Authorization": header} if header is not None else {}).get("/metrics").status_code == status


@pytest.mark.parametrize(
    ("address", "passed_on", "is_production", "status"),
    [
        ("127.0.0.1", {}, False, 200),
        ("::1", {}, False, 200),
        ("127.0.0.1", {}, True, 403),
        ("10.0.0.7", {}, False, 403),
        ("203.0.113.9", {}, False, 403),
        ("", {}, False, 403),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, False, 403),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.9"}, False, 403),
    ],
)
def test_without_a_token_only_this_machine_reads(
    settings: LazySettings, address: str, passed_on: dict[str, str], is_production: bool, status: int
) -> None:
    settings.IS_PRODUCTION = is_production

    assert Client(REMOTE_ADDR=address, headers=passed_on).get("/metrics").status_code == status


def test_a_signed_in_person_is_nobody_here(settings: LazySettings) -> None:
    settings.METRICS_TOKEN = "right-token"
    client = Client()
    client.force_login(draft_item().advisor.user)

    assert client.get("/metrics").status_code == 403
