"""The dashboard's figures for Prometheus, made from the same reads when somebody asks.

Nothing is counted in processes: the facts are PostgreSQL's, so every process tells the same. Kept for a few seconds.
No label names a firm, a person or a draft.
"""

import ipaddress
import secrets
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from learning.dashboard.cells import Cell, histogram_of, now_of_database
from learning.dashboard.histogram import TOP_BUCKET, count_up_to, upper_ms
from learning.dashboard.queries import Now, get_audits_of_all_time, get_dead_letters_waiting, get_now, get_totals
from learning.lifecycle import drift
from learning.models import Subject
from learning.training.drift import STATES
from regeneration.models import RegenerationState

_KEPT_AS = "metrics"
# Bounds of the histogram that Prometheus sees: each 7th bucket of ours, a factor of 1.41 apart, from 1 ms to 80 s.
_BOUNDS = range(0, min(TOP_BUCKET, 232), 7)
_BREAKER_STATES = ("closed", "half_open", "open")


@never_cache
@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """Give all figures in Prometheus' text format to whoever has the token, or, without one, to this machine."""
    if not _may_read(request):
        return HttpResponse("Not allowed.\n", status=403, content_type="text/plain; charset=utf-8")
    text: bytes | None = cache.get(_KEPT_AS)
    if text is None:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Figures())
        text = generate_latest(registry)
        cache.set(_KEPT_AS, text, settings.METRICS_KEEP_SECONDS)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return secrets.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())
    # Behind a proxy everybody comes from this machine.
    is_passed_on = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return not settings.IS_PRODUCTION and not is_passed_on and _is_loopback(request.META.get("REMOTE_ADDR", ""))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class _Figures(Collector):
    """Everything that is told, read once."""

    def describe(self) -> Iterable[Metric]:
        """Say nothing beforehand: describing would read it all."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        at = now_of_database()
        cells = get_totals(at)
        yield from _of_attempts([cell for cell in cells if cell.subject == Subject.ATTEMPT])
        yield _seconds(
            "jarvish_stage_seconds",
            "Time of the ledger's stages.",
            "stage",
            [cell for cell in cells if cell.subject == Subject.STAGE],
        )
        approved = CounterMetricFamily("jarvish_approved_texts", "Versions approved for use.")
        approved.add_metric([], sum(cell.count for cell in cells if cell.subject == Subject.APPROVAL))
        yield approved
        yield from _of_audits()
        yield from _of_now(get_now(at))
        yield from _of_drift()
        letters = GaugeMetricFamily("jarvish_dead_letters", "Work given up on that waits for a decision.")
        letters.add_metric([], get_dead_letters_waiting())
        yield letters


def _of_attempts(cells: list[Cell]) -> Iterator[Metric]:
    answered = [cell for cell in cells if cell.state == RegenerationState.ANSWERED]
    yield _counted("jarvish_attempts", "Attempts that ended.", ("state", "rung"), cells)
    yield _counted("jarvish_cache_hits", "Answers from what was kept.", ("cache_kind",), answered)
    yield _counted("jarvish_model_failures", "Why no model's valid text was the answer.", ("failure_reason",), cells)
    yield _seconds("jarvish_answer_seconds", "From the stored rejection to the stored answer.", "rung", answered)
    sums: tuple[tuple[str, str, float], ...] = (
        ("jarvish_late_answers", "Answers past the answer clock.", sum(cell.late_count for cell in answered)),
        ("jarvish_valid_answers", "Answers with every named issue resolved.", sum(c.valid_count for c in answered)),
        ("jarvish_errors", "Attempts that ended without an answer.", sum(c.count for c in cells if c not in answered)),
        ("jarvish_model_calls", "Calls to models, hedges included.", sum(cell.calls_count for cell in cells)),
        ("jarvish_hedges", "Calls made because another was slow or failed.", sum(c.hedges_count for c in cells)),
        ("jarvish_cost_rupees", "What all calls cost.", float(sum(cell.cost_inr for cell in cells))),
    )
    for name, documentation, value in sums:
        family = CounterMetricFamily(name, documentation)
        family.add_metric([], value)
        yield family


def _counted(name: str, documentation: str, labels: tuple[str, ...], cells: Iterable[Cell]) -> Metric:
    """Return a counter of cells by their own names; what has none of them is left out."""
    totals: dict[tuple[str, ...], int] = {}
    for cell in cells:
        values = tuple(str(getattr(cell, label)) for label in labels)
        if any(values):
            totals[values] = totals.get(values, 0) + cell.count
    family = CounterMetricFamily(name, documentation, labels=labels)
    for values, count in sorted(totals.items()):
        family.add_metric(values, count)
    return family


def _seconds(name: str, documentation: str, label: str, cells: list[Cell]) -> Metric:
    family = HistogramMetricFamily(name, documentation, labels=[label])
    for value in sorted({str(getattr(cell, label)) for cell in cells}):
        own = [cell for cell in cells if getattr(cell, label) == value]
        histogram = histogram_of(own)
        buckets = [(f"{upper_ms(bound) / 1000:.6g}", float(count_up_to(histogram, bound))) for bound in _BOUNDS]
        buckets.append(("+Inf", float(sum(histogram.values()))))
        family.add_metric([value], buckets, sum_value=sum(cell.total_ms for cell in own) / 1000)
    return family


def _of_audits() -> Iterator[Metric]:
    family = CounterMetricFamily(
        "jarvish_cache_judged", "Kept answers judged by what people did with them.", labels=["cache_kind", "verdict"]
    )
    for kind, right, wrong, _open in get_audits_of_all_time().kinds:
        family.add_metric([kind, "right"], right)
        family.add_metric([kind, "wrong"], wrong)
    yield family


def _of_drift() -> Iterator[Metric]:
    moved = GaugeMetricFamily(
        "jarvish_drift", "How far this week's notes moved from the month before.", labels=["figure"]
    )
    state = GaugeMetricFamily("jarvish_drift_state", "0 as before, 1 watch, 2 alarm.", labels=["figure"])
    for figure in drift.kept_figures(timezone.now()):
        moved.add_metric([figure.name], figure.value)
        state.add_metric([figure.name], float(STATES.index(figure.state)))
    yield from (moved, state)


def _of_now(now: Now) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("jarvish_queue_waiting", "Work that waits, by PostgreSQL.", labels=["queue"])
    running = GaugeMetricFamily("jarvish_queue_running", "Work under way, by PostgreSQL.", labels=["queue"])
    oldest = GaugeMetricFamily("jarvish_queue_oldest_seconds", "Age of the oldest that waits.", labels=["queue"])
    rings = GaugeMetricFamily("jarvish_broker_rings", "Rings in the broker, where it answers.", labels=["queue"])
    for queue in now.queues:
        waiting.add_metric([queue.name], queue.waiting)
        running.add_metric([queue.name], queue.running)
        oldest.add_metric([queue.name], queue.oldest_seconds)
        if queue.rings is not None:
            rings.add_metric([queue.name], queue.rings)
    yield from (waiting, running, oldest, rings)
    breakers = GaugeMetricFamily(
        "jarvish_target_breaker", "1 for the state a target's breaker is in.", labels=["target", "state"]
    )
    in_flight = GaugeMetricFamily("jarvish_target_in_flight", "Calls under way at a target.", labels=["target"])
    for target in now.targets:
        for state in _BREAKER_STATES:
            breakers.add_metric([target.name, state], float(target.breaker == state))
        in_flight.add_metric([target.name], target.in_flight)
    yield from (breakers, in_flight)
