"""Read what somebody says about a draft, once: the result is remembered by the model and a hash of what was said.

No raw text is a key and none is kept: personal data is masked before anything is read. One bounded thread a process
reads for those who wait; when it has too much to do, they get nothing and go on without.
"""

import hashlib
import json
import logging
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTimeError
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from cachetools import LRUCache
from django.core.cache import caches
from django_redis.exceptions import ConnectionInterrupted
from redis.exceptions import RedisError

from feedback.analysis import Analysis, Evidence, FoundCategory, FoundIssue, analyse_many
from feedback.models_in_use import InUse, models_in_use
from jarvish_regen.language.masking import mask

logger = logging.getLogger(__name__)

REMEMBERED_SECONDS: Final = 3600  # longer than anybody takes over one form
_IN_MEMORY_MAX: Final = 512  # some 2 kB each
# At 40 ms a message whoever is last in the queue waits a third of a second.
QUEUE_MAX: Final = 8


@dataclass(frozen=True)
class Understood:
    """What was understood, and by which model.

    ``took_ms`` is what reading took when it was done; ``issues_from`` the probability from which the model says an
    issue is there.
    """

    analysis: Analysis
    model_version_id: uuid.UUID | None
    took_ms: float
    issues_from: float

    @property
    def issues(self) -> tuple[FoundIssue, ...]:
        """The issues it is sure of, most probable first; the strongest of an unsure reading is not among them.

        What is missing stands nowhere: a place the note names beside it is that of something else.
        """
        sure = (issue for issue in self.analysis.issues if issue.probability > self.issues_from)
        return tuple(replace(issue, points_to=None) if issue.code.startswith("missing_") else issue for issue in sure)

    @property
    def is_pressing(self) -> bool:
        """Say whether somebody is in a hurry and complains."""
        return self.analysis.urgency == "high" and self.analysis.sentiment == "negative"


def understand(
    text: str, *, category: str | None = None, draft: str | None = None, model: InUse | None = None
) -> Understood:
    """Return what a message means, remembered or read now, in this thread; ``model`` defaults to the one in use.

    Positions are those of the masked text, which is the text itself where it holds no personal data.

    Raises:
        ValueError: for an unknown category.
        ArtefactError: where not even the shipped model loads.
    """
    used = model or models_in_use.champion()
    plain = mask(text).text
    key = _key(used, plain, category, draft)
    return _remembered(key) or _read(used, key, plain, category, draft)


def known(text: str, *, category: str | None = None, draft: str | None = None) -> Understood | None:
    """Return what was understood of exactly this before; None when it is not remembered. Reads nothing by itself."""
    return _remembered(_key(models_in_use.champion(), mask(text).text, category, draft))


def understand_within(
    seconds: float, text: str, *, category: str | None = None, draft: str | None = None
) -> Understood | None:
    """Return what a message means if that is known or can be had in time, else None.

    Read on the one thread for this: a message that is not ready in time is remembered all the same.

    Raises ValueError and ArtefactError as ``understand`` does.
    """
    used = models_in_use.champion()
    plain = mask(text).text
    key = _key(used, plain, category, draft)
    return _remembered(key) or _reader.read(seconds, (used, key, plain, category, draft))


class Reader:
    """Read messages one after the other on one thread, so many of them at most."""

    def __init__(self, *, queue_max: int) -> None:
        self._room = threading.BoundedSemaphore(queue_max)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="understanding")

    def read(self, seconds: float, asked: tuple[InUse, str, str, str | None, str | None]) -> Understood | None:
        """Return the reading, or None when there is no room or it is not there in time."""
        if not self._room.acquire(blocking=False):
            logger.warning("too many messages wait to be understood")
            return None
        try:
            reading = self._thread.submit(_read, *asked)
        except RuntimeError:  # the process is ending
            self._room.release()
            return None
        reading.add_done_callback(lambda _done: self._room.release())
        try:
            return reading.result(timeout=seconds)
        except NotInTimeError:
            return None


_reader: Final = Reader(queue_max=QUEUE_MAX)
_memory: Final[LRUCache[str, Understood]] = LRUCache(maxsize=_IN_MEMORY_MAX)
_memory_lock: Final = threading.Lock()


def forget() -> None:
    """Forget what this process remembers, the models in use too."""
    models_in_use.forget()
    with _memory_lock:
        _memory.clear()


def _key(used: InUse, text: str, category: str | None, draft: str | None) -> str:
    said = json.dumps([text, category or "", draft or ""], ensure_ascii=False)
    # The same weights under another row are another model: whose word it was is part of the result.
    by = f"{used.model.version}:{used.model_version_id or 'shipped'}"
    return f"understood:{by}:{hashlib.sha256(said.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _read(used: InUse, key: str, text: str, category: str | None, draft: str | None) -> Understood:
    began_at = time.perf_counter()
    (analysis,) = analyse_many([text], categories=[category or None], drafts=[draft], model=used.model)
    took_ms = round((time.perf_counter() - began_at) * 1000, 1)
    issues = used.model.issues
    found = Understood(analysis, used.model_version_id, took_ms, issues.threshold if issues is not None else 1.0)
    with _memory_lock:
        _memory[key] = found
    try:
        caches["answers"].set(key, _as_kept(found), REMEMBERED_SECONDS)
    except (ConnectionInterrupted, RedisError, OSError):
        logger.info("what was understood is remembered in this process only")
    return found


def _remembered(key: str) -> Understood | None:
    with _memory_lock:
        found = _memory.get(key)
    if found is not None:
        return found
    try:
        kept = caches["answers"].get(key)
        found = _from_kept(kept) if kept else None
    except (ConnectionInterrupted, RedisError, OSError):
        return None
    except (KeyError, TypeError, ValueError):
        logger.warning("what was remembered cannot be read; it is read anew")
        return None
    if found is not None:
        with _memory_lock:
            _memory[key] = found
    return found


def _as_kept(found: Understood) -> dict[str, Any]:
    version_id = found.model_version_id
    return {**asdict(found), "model_version_id": str(version_id) if version_id else None}


def _from_kept(kept: Mapping[str, Any]) -> Understood:
    said = dict(kept["analysis"])
    version_id = kept["model_version_id"]
    analysis = Analysis(
        **{
            **said,
            "categories": tuple(
                FoundCategory(one["code"], one["probability"], tuple(Evidence(**words) for words in one["evidence"]))
                for one in said["categories"]
            ),
            "issues": tuple(
                FoundIssue(**{**one, "points_to": tuple(one["points_to"]) if one["points_to"] else None})
                for one in said["issues"]
            ),
            "question": tuple(said["question"]) if said["question"] else None,
        }
    )
    return Understood(analysis, uuid.UUID(version_id) if version_id else None, kept["took_ms"], kept["issues_from"])
