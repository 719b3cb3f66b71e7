"""Which models may be asked: the environment's targets first, then the admin's active rows; and the pool of them."""

import logging
import os
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from django.conf import settings

from jarvish_regen.llm.base import Target
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.loop import EngineLoop
from jarvish_regen.llm.models import ModelTarget
from jarvish_regen.llm.pool import Pool
from jarvish_regen.llm.shared import SharedHealth
from jarvish_regen.llm.states import process_name, publish
from jarvish_regen.llm.targets import build_target, from_json, from_settings

logger = logging.getLogger(__name__)

_KEPT_SECONDS: Final = 5.0  # a row changed in the admin works after that; a query per answer would be one too many
_WARM_SECONDS: Final = 5.0
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
        targets = tuple(_first_of_each_name((*_from_environment(), *_from_rows())))
        _kept = (time.monotonic(), targets)
        return targets


def forget_targets() -> None:
    """Read the rows again at the next call."""
    global _kept  # as above
    with _lock:
        _kept = (float("-inf"), ())


def pool_for(engine: EngineLoop) -> Pool:
    """Return the one pool of an engine, with the targets that may be asked now; empty when no model is configured.

    What it knows of a target stays as long as the target does. Its states go to Valkey and PostgreSQL beside the calls.
    """
    targets = active_targets()
    with _lock:
        pooled = _pools.get(engine)
        if pooled is None:
            pooled = _pools[engine] = _Pooled(_shared_pool() if settings.LLM_HEALTH_SHARED else Pool())
        if pooled.targets != targets:
            pooled.pool.use([engine.client(target) for target in targets])
            pooled.targets = targets
        return pooled.pool


def _shared_pool() -> Pool:
    return Pool(shared=SharedHealth(settings.LLM_SHARED_URL, process=process_name()), publish=publish)


def warm_targets(engine: EngineLoop) -> None:
    """Open connections to the targets before the first person waits, and begin to tend the pool. Returns at once."""
    pool = pool_for(engine)
    if pool:
        engine.submit(pool.start(), Deadline.after(_WARM_SECONDS))


@dataclass(eq=False)
class _Pooled:
    pool: Pool
    targets: tuple[Target, ...] = ()


def _forget_pools() -> None:
    global _lock, _pools  # a child of a fork has neither the parent's loop nor its calls
    _lock, _pools = threading.Lock(), weakref.WeakKeyDictionary()


_pools: weakref.WeakKeyDictionary[EngineLoop, _Pooled] = weakref.WeakKeyDictionary()
os.register_at_fork(after_in_child=_forget_pools)


def _from_environment() -> Iterator[Target]:
    try:
        yield from from_settings(url=settings.MODEL_URL, key=settings.MODEL_KEY, model=settings.MODEL_NAME)
        yield from from_json(settings.MODELS, environment=os.environ)
    except ValueError as error:
        logger.warning("model target unusable", extra={"target": "environment", "error": str(error)})


def _first_of_each_name(targets: Iterable[Target]) -> Iterator[Target]:
    seen = set()
    for target in targets:
        if target.name in seen:
            logger.warning("model target unusable", extra={"target": target.name, "error": "The name is taken."})
            continue
        seen.add(target.name)
        yield target


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
                stall_seconds=row.stall_seconds,
                vendor=row.vendor,
                region=row.region,
                structured_output=row.structured_output,
            )
        except ValueError as error:
            logger.warning("model target unusable", extra={"target": row.name, "error": str(error)})
            continue
        found.append(target)
    return tuple(found)
