"""The dashboard as the template shows it: figures in words, Indian grouping, rupees, and how they have moved. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from learning.dashboard.figures import ORIGINS, Figures, Quantiles
from learning.dashboard.histogram import ERROR
from learning.dashboard.queries import Dashboard, WorstAnswer
from learning.dashboard.words import BREAKERS, CACHES, QUEUES, REASONS, RUNGS, STAGES, STATES, words_for
from learning.dashboard.words import ORIGINS as ORIGIN_WORDS

# PERFORMANCE.md, "Goals": what an answer may take.
GOALS_MS: Final = (800, 1400, 1500)
ERRORS_GOAL: Final = 0.001  # FEATURES.md, D10
MODEL_GOAL: Final = 0.95
NOTHING: Final = "–"
GOOD, FAIR, BAD, PLAIN = "good", "fair", "bad", "plain"


@dataclass(frozen=True)
class Tile:
    """One figure with its name, what belongs to it, and how it has moved since the stretch before."""

    key: str
    title: str
    value: str
    note: str
    change: str = ""
    tone: str = PLAIN


@dataclass(frozen=True)
class ShownCell:
    """A cell of a table: its words, and the number that a chart draws (None: not drawn)."""

    words: str
    value: float | None = None


@dataclass(frozen=True)
class Chart:
    """A chart and its table: one is drawn from the other. kind: line, stack or bars. colours: one a column."""

    key: str
    kind: str
    unit: str
    title: str
    says: str
    columns: Sequence[tuple[str, str]]  # words, name of the colour
    first: str
    rows: Sequence[tuple[str, Sequence[ShownCell]]]
    goal: int | None = None

    @property
    def has_any(self) -> bool:
        """True when there is something to draw."""
        return any(cell.value for _label, cells in self.rows for cell in cells)


@dataclass(frozen=True)
class Table:
    """A table without a chart. tones: of the first cell of each row, where it says something."""

    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str], str]]  # name, cells, tone


@dataclass(frozen=True)
class ShownWorst:
    """One of the slowest answers in words."""

    answer: WorstAnswer
    took: str
    rung: str
    what: str


@dataclass(frozen=True)
class Shown:
    """All that the template needs."""

    at: str
    span_words: str
    tiles: Sequence[Tile]
    charts: Sequence[Chart]
    rungs: Table
    caches: Table
    wrong_share: str
    queues: Table
    targets: Table
    failures: Table
    worst: Sequence[ShownWorst]
    error_percent: str
    is_empty: bool


def shown(dashboard: Dashboard) -> Shown:
    """Return a dashboard in words, in the active language and time zone."""
    figures = dashboard.figures
    return Shown(
        at=date_format(timezone.localtime(dashboard.now.at), "j M, H:i:s"),
        span_words=_("%(since)s to now") % {"since": date_format(timezone.localtime(figures.span.since), "j M, H:i")},
        tiles=_tiles(dashboard),
        charts=(_speed_chart(figures), _answers_chart(figures), _stages_chart(figures)),
        rungs=_rungs_table(figures),
        caches=_caches_table(dashboard),
        wrong_share=percent(dashboard.audits.wrong_share),
        queues=_queues_table(dashboard),
        targets=_targets_table(dashboard),
        failures=_failures_table(figures),
        worst=[_shown_worst(answer) for answer in dashboard.worst],
        error_percent=number_format(round(ERROR * 100, 1)),
        is_empty=figures.attempts == 0,
    )


def whole(value: int) -> str:
    """Return a count in Indian grouping: 1,00,000."""
    return number_format(value, 0, use_l10n=True, force_grouping=True)


def milliseconds(value: float | None) -> str:
    """Return milliseconds, from ten seconds on in seconds; a dash for none."""
    if value is None:
        return NOTHING
    if value >= 10_000:
        return _("%(seconds)s s") % {"seconds": number_format(round(value / 1000, 1), 1)}
    return _("%(ms)s ms") % {"ms": whole(round(value))}


def percent(share: float | None) -> str:
    """Return a share as per cent with one decimal; a dash for none."""
    return NOTHING if share is None else f"{number_format(round(share * 100, 1), 1)} %"


def rupees(value: Decimal | None) -> str:
    """Return rupees; small amounts with the paise's own parts."""
    if value is None:
        return NOTHING
    decimals = 2 if value >= 1 or value == 0 else 4
    return f"₹\u202f{number_format(value, decimals, use_l10n=True, force_grouping=True)}"


def seconds(value: float) -> str:
    """Return an age in the unit that fits it."""
    if value < 120:
        return _("%(seconds)s s") % {"seconds": number_format(round(value, 1), 1)}
    if value < 7200:
        return _("%(minutes)s min") % {"minutes": whole(round(value / 60))}
    return _("%(hours)s h") % {"hours": whole(round(value / 3600))}


def ratio(value: float | None) -> str:
    """Return a number for each request, with two decimals; a dash for none."""
    return NOTHING if value is None else number_format(round(value, 2), 2)


def change(now: float | None, before: float | None) -> str:
    """Return how a figure has moved against the stretch before, in per cent of that; empty where it cannot be said."""
    if now is None or not before:
        return ""
    moved = round((now / before - 1) * 100)
    if moved == 0:
        return _("as before")
    return (_("%(percent)s %% more than before") if moved > 0 else _("%(percent)s %% less than before")) % {
        "percent": whole(abs(moved))
    }


def points(now: float | None, before: float | None) -> str:
    """Return how a share has moved, in percentage points."""
    if now is None or before is None:
        return ""
    moved = round((now - before) * 100, 1)
    if moved == 0:
        return _("as before")
    return (_("%(points)s points up") if moved > 0 else _("%(points)s points down")) % {
        "points": number_format(abs(moved), 1)
    }


def _tone(value: float | None, goal: float, *, wants_more: bool = False) -> str:
    if value is None:
        return PLAIN
    return GOOD if (value >= goal if wants_more else value <= goal) else BAD


def _tiles(dashboard: Dashboard) -> list[Tile]:
    figures, before, now = dashboard.figures, dashboard.before, dashboard.now
    letters = dashboard.dead_letters
    speeds = zip(
        (("p50", _("Half within")), ("p95", _("95 % within")), ("p99", _("99 % within"))),
        _triple(figures.quantiles),
        _triple(before.quantiles),
        GOALS_MS,
        strict=True,
    )
    return [
        Tile(
            "answers",
            _("Answers"),
            whole(figures.answers),
            _("%(rate)s a minute") % {"rate": number_format(round(figures.answers_per_minute, 1), 1)},
            change(figures.answers, before.answers),
        ),
        *(
            Tile(
                key,
                title,
                milliseconds(ms),
                _("goal: %(goal)s") % {"goal": milliseconds(goal)},
                change(ms, ms_before),
                _tone(ms, goal),
            )
            for (key, title), ms, ms_before, goal in speeds
        ),
        Tile(
            "model",
            _("Written by a model"),
            percent(figures.model_share),
            _("and %(share)s prepared or kept") % {"share": percent(figures.kept_share)},
            points(figures.model_share, before.model_share),
            PLAIN if figures.model_share is None else _tone(_from_models(figures), MODEL_GOAL, wants_more=True),
        ),
        Tile(
            "errors",
            _("Without an answer"),
            percent(figures.error_share),
            _("%(count)s of %(all)s attempts")
            % {"count": whole(figures.attempts - figures.answers), "all": whole(figures.attempts)},
            points(figures.error_share, before.error_share),
            _tone(figures.error_share, ERRORS_GOAL),
        ),
        Tile(
            "late",
            _("Past the answer clock"),
            whole(figures.late),
            _("of %(all)s answers") % {"all": whole(figures.answers)},
            "",
            PLAIN if not figures.answers else _tone(figures.late, 0),
        ),
        Tile(
            "calls",
            _("Calls a request"),
            ratio(figures.calls_per_request),
            _("of which %(hedges)s hedges") % {"hedges": ratio(figures.hedges_per_request)},
            change(figures.calls_per_request, before.calls_per_request),
        ),
        Tile(
            "cost",
            _("Cost"),
            rupees(figures.cost_inr),
            _("%(cost)s an approved text") % {"cost": rupees(figures.cost_per_approved_inr)}
            if figures.approved
            else _("no text approved in this time"),
            change(float(figures.cost_inr), float(before.cost_inr)),
        ),
        Tile(
            "cache",
            _("From what was kept"),
            percent(figures.hit_share),
            _("%(share)s of those judged were wrong") % {"share": percent(dashboard.audits.wrong_share)},
            points(figures.hit_share, before.hit_share),
        ),
        Tile(
            "queue",
            _("Waiting now"),
            whole(now.waiting),
            _("the oldest for %(age)s") % {"age": seconds(now.oldest_seconds)} if now.waiting else _("nobody waits"),
            "",
            _tone(now.oldest_seconds, 1.4),
        ),
        Tile(
            "dead",
            _("Dead letters"),
            whole(letters.waiting),
            _("%(count)s new in this time") % {"count": whole(letters.new)},
            "",
            _tone(letters.waiting, 0),
        ),
    ]


def _from_models(figures: Figures) -> float:
    return (figures.model_share or 0.0) + (figures.kept_share or 0.0)


def _triple(quantiles: Quantiles) -> tuple[float | None, float | None, float | None]:
    return quantiles.p50_ms, quantiles.p95_ms, quantiles.p99_ms


def _label(figures: Figures, index: int) -> str:
    starts_at = timezone.localtime(figures.steps[index].starts_at)
    if figures.span.step >= timedelta(days=1):
        return date_format(starts_at, "j M")
    return date_format(starts_at, "j M, H:i" if figures.span.step > timedelta(hours=1) else "H:i")


def _speed_chart(figures: Figures) -> Chart:
    return Chart(
        key="speed",
        kind="line",
        unit=_("ms"),
        title=_("How long an answer took"),
        says=_("Milliseconds from the stored rejection to the stored answer, over time: half, 95 % and 99 % within."),
        columns=((_("P50"), "accent"), (_("P95"), "amber"), (_("P99"), "red")),
        first=_("From"),
        rows=[
            (
                _label(figures, index),
                [ShownCell(milliseconds(ms), None if ms is None else round(ms)) for ms in _triple(step.quantiles)],
            )
            for index, step in enumerate(figures.steps)
        ],
        goal=GOALS_MS[1],
    )


def _answers_chart(figures: Figures) -> Chart:
    columns = [(str(ORIGIN_WORDS[origin]), colour) for origin, colour in zip(ORIGINS, _COLOURS, strict=True)]
    return Chart(
        key="answers",
        kind="stack",
        unit="",
        title=_("Answers, by where they came from"),
        says=_("Number of answers over time, stacked by where they came from, with attempts that found none."),
        columns=[*columns, (_("No answer"), "red")],
        first=_("From"),
        rows=[
            (
                _label(figures, index),
                [ShownCell(whole(count), count) for count in (*step.by_origin, step.unanswered)],
            )
            for index, step in enumerate(figures.steps)
        ],
    )


_COLOURS: Final = ("accent", "green", "amber", "ink-soft")


def _stages_chart(figures: Figures) -> Chart:
    return Chart(
        key="stages",
        kind="bars",
        unit=_("ms"),
        title=_("Where the milliseconds go"),
        says=_("Mean milliseconds of each stage of the ledger."),
        columns=((_("Mean"), "accent"), (_("P95"), "amber")),
        first=_("Stage"),
        rows=[
            (
                words_for(stage.stage, STAGES),
                [
                    ShownCell(milliseconds(stage.mean_ms), round(stage.mean_ms, 1)),
                    ShownCell(milliseconds(stage.p95_ms), round(stage.p95_ms, 1)),
                ],
            )
            for stage in figures.stages
        ],
    )


def _rungs_table(figures: Figures) -> Table:
    return Table(
        (_("Rung"), _("Answers"), _("Share"), _("Resolved"), _("P50"), _("P95"), _("P99")),
        [
            (
                words_for(rung.rung, RUNGS),
                (
                    whole(rung.count),
                    percent(rung.share),
                    percent(rung.valid_share),
                    *(milliseconds(ms) for ms in _triple(rung.quantiles)),
                ),
                PLAIN,
            )
            for rung in figures.rungs
        ],
    )


def _caches_table(dashboard: Dashboard) -> Table:
    judged = {kind: (right, wrong, still_open) for kind, right, wrong, still_open in dashboard.audits.kinds}
    hits = dict(dashboard.figures.hits)
    rows = []
    for kind in dict.fromkeys([*hits, *judged]):
        right, wrong, still_open = judged.get(kind, (0, 0, 0))
        share = wrong / (right + wrong) if right + wrong else None
        count = hits.get(kind, 0)
        of_all = percent(count / dashboard.figures.answers) if dashboard.figures.answers else NOTHING
        rows.append(
            (
                words_for(kind, CACHES),
                (whole(count), of_all, whole(right + wrong), percent(share), whole(still_open)),
                PLAIN,
            )
        )
    return Table((_("Kind"), _("Answers"), _("Share"), _("Judged"), _("Wrong"), _("Not judged yet")), rows)


def _queues_table(dashboard: Dashboard) -> Table:
    return Table(
        (_("Queue"), _("Waiting"), _("Under way"), _("Oldest"), _("Rings in the broker")),
        [
            (
                words_for(queue.name, QUEUES),
                (
                    whole(queue.waiting),
                    whole(queue.running),
                    seconds(queue.oldest_seconds) if queue.waiting else NOTHING,
                    NOTHING if queue.rings is None else whole(queue.rings),
                ),
                PLAIN,
            )
            for queue in dashboard.now.queues
        ],
    )


def _targets_table(dashboard: Dashboard) -> Table:
    tones = {"closed": GOOD, "half_open": FAIR, "open": BAD}
    return Table(
        (_("Target"), _("Breaker"), _("In flight"), _("Calls"), _("Failed"), _("P50"), _("Model")),
        [
            (
                target.name,
                (
                    words_for(target.breaker, BREAKERS),
                    f"{whole(target.in_flight)} / {whole(target.places)}" if target.places else whole(target.in_flight),
                    whole(target.calls),
                    percent(target.failure_share),
                    milliseconds(target.p50_ms),
                    target.model,
                ),
                tones.get(target.breaker, PLAIN),
            )
            for target in dashboard.now.targets
        ],
    )


def _failures_table(figures: Figures) -> Table:
    rows = [(words_for(state, STATES), (whole(count),), BAD) for state, count in figures.errors]
    rows += [(words_for(reason, REASONS), (whole(count),), FAIR) for reason, count in figures.reasons]
    return Table((_("What"), _("Attempts")), rows)


def _shown_worst(answer: WorstAnswer) -> ShownWorst:
    parts = [_("waited %(time)s") % {"time": milliseconds(answer.waited_ms)}] if answer.waited_ms is not None else []
    if answer.slowest_stage:
        stage = words_for(answer.slowest_stage, STAGES).lower()
        parts.append(f"{stage} {milliseconds(answer.slowest_stage_ms)}")
    parts.append(
        ngettext("%(calls)s call", "%(calls)s calls", answer.calls_count) % {"calls": whole(answer.calls_count)}
    )
    rung = words_for(answer.rung, RUNGS) if answer.rung else _("No answer")
    return ShownWorst(answer, milliseconds(answer.answer_ms), rung, " · ".join(parts))
