"""Which models may be asked: the environment's target first, then the admin's active rows."""

import logging
import os
import threading
import time
from typing import Final

from django.conf import settings

from jarvish_regen.llm.base import Target
from jarvish_regen.llm.models import ModelTarget
from jarvish_regen.llm.targets import build_target, from_settings

logger = logging.getLogger(__name__)

_KEPT_SECONDS: Final = 5.0  # a row changed in the admin works after that; a query per answer would be one too many
_lock = threading.Lock()
_kept: tuple[float, tuple[Target, ...]] = (float("-inf"), ())


def active_targets() -> tuple[Target, ...]:
    """Return the targets that may be asked now, best first; empty when no model is configured.

    A row whose key variable is not set, or whose address is no longer allowed, is left out with a warning.
    """
    global _kept  # one short-lived value a process, swapped whole
    with _lock:
        read_at, targets = _kept
        if time.monotonic() - read_at < _KEPT_SECONDS:
            return targets
        targets = (*_from_environment(), *_from_rows())
        _kept = (time.monotonic(), targets)
        return targets


def forget_targets() -> None:
    """Read the rows again at the next call."""
    global _kept  # as above
    with _lock:
        _kept = (float("-inf"), ())


def _from_environment() -> tuple[Target, ...]:
    target = from_settings(url=settings.MODEL_URL, key=settings.MODEL_KEY, model=settings.MODEL_NAME)
    return (target,) if target else ()


def _from_rows() -> tuple[Target, ...]:
    found = []
    for row in ModelTarget.objects.filter(is_active=True).order_by("name"):
        key = os.environ.get(row.key_variable, "")
        if not key:
            logger.warning("model key missing", extra={"target": row.name, "variable": row.key_variable})
            continue
        try:
            target = build_target(
                name=row.name,
                url=row.base_url,
                key=key,
                model=row.model,
                tier=row.tier,
                max_concurrency=row.max_concurrency,
                price_in_usd_per_mtok=float(row.price_in_usd_per_mtok),
                price_out_usd_per_mtok=float(row.price_out_usd_per_mtok),
            )
        except ValueError as error:
            logger.warning("model target unusable", extra={"target": row.name, "error": str(error)})
            continue
        found.append(target)
    return tuple(found)
