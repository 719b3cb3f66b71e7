"""Drift of what the model in use reads: this week against the four before, and what to do about an alarm."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from django.core.cache import cache
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from feedback.models import Analysis
from learning.training.drift import Figure, Notes, figures_of

logger = logging.getLogger(__name__)

WEEK: Final = timedelta(days=7)
BEFORE: Final = timedelta(days=28)
_KEPT_AS: Final = "drift"
_KEPT_SECONDS: Final = 600
TITLES: Final[dict[str, StrOrPromise]] = {
    "categories": _("Categories heard (PSI)"),
    "languages": _("Languages (PSI)"),
    "confidence": _("Mean confidence"),
    "unsure": _("Share the model is unsure of"),
    "disagreement": _("Share where the person picked another category"),
}
ADVICE: Final[dict[str, StrOrPromise]] = {
    "categories": _("Look whether drafts changed (a new campaign, template or prompt); label a few of the new kind."),
    "languages": _("Look which firm began to write in another language; label some of its notes, then train."),
    "confidence": _("Label unsure notes and train; go back to the earlier model if it began with a new one."),
    "unsure": _("Label unsure notes and train; a strong model takes them meanwhile if one is set up."),
    "disagreement": _("Read notes where person and model disagree; go back to the earlier model if it is wrong."),
}


def figures_at(now: datetime) -> list[Figure]:
    """Return the drift of the seven days before ``now`` against the 28 before those; none with too few notes."""
    return figures_of(_notes(now - WEEK - BEFORE, now - WEEK), _notes(now - WEEK, now))


def kept_figures(now: datetime) -> list[Figure]:
    """Return ``figures_at`` of some minutes ago at most: pages and metrics ask more often than a week changes."""
    found: list[Figure] | None = cache.get(_KEPT_AS)
    if found is None:
        found = figures_at(now)
        cache.set(_KEPT_AS, found, _KEPT_SECONDS)
    return found


def watch(now: datetime) -> list[Figure]:
    """Warn in the log of every figure in alarm, with what to do; return them."""
    alarms = [figure for figure in figures_at(now) if figure.state == "alarm"]
    for figure in alarms:
        logger.warning(
            "what people say has drifted from what the model knew",
            extra={"figure": figure.name, "value": round(figure.value, 3), "advice": str(ADVICE[figure.name])},
        )
    return alarms


def _notes(since: datetime, until: datetime) -> Notes:
    rows = list(
        Analysis.objects.filter(role=Analysis.Role.CHAMPION, created_at__gte=since, created_at__lt=until).values_list(
            "primary_category", "language", "probability", "is_confident", "feedback__category"
        )
    )
    return Notes(
        categories=Counter(row[0] for row in rows),
        languages=Counter(row[1] for row in rows),
        confidences=[row[2] for row in rows],
        unsure=[float(not row[3]) for row in rows],
        apart=[float(row[4] != row[0]) for row in rows if row[4]],
    )
