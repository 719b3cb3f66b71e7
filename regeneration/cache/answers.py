"""Look up and keep answers: the same request, the same faulty sentence, a request that says the same in other words."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, Final, Literal

from django.conf import settings
from django.utils.translation import gettext as _

from jarvish_regen.language.embedder import Embedder, NgramEmbedder
from jarvish_regen.language.words import normalise_for_comparison
from regeneration.cache.entries import FORMAT, KeptAnswer, KeptEdit, answer_from, size_of
from regeneration.cache.identity import Identity, identity_of, slotted_brief
from regeneration.cache.keys import CacheScope, cache_key, fingerprint, recipe_key, tag_of
from regeneration.cache.lifetimes import seconds_to_keep
from regeneration.cache.nearby import cosine_to, meant_keys, packed, said_in, said_key, threshold_of
from regeneration.cache.recipes import Fault, candidate_from, faults_of, mendings_in
from regeneration.cache.tiers import EPOCH_CHECK_SECONDS, EPOCH_KEY, Counts, Memory, SingleFlight, Valkey
from regeneration.edits import ProposedEdit, anchor_edits, splice
from regeneration.job import CandidateText, FeedbackBrief, Job, Verdict, once_a_job
from regeneration.local_repair import with_known_texts
from regeneration.resolution.comparison import edits_between, mark_of

logger = logging.getLogger(__name__)

HitKind = Literal["exact", "recipe", "similar"]

# What costs nothing to make again, what was kept already, and what answers no feedback in particular.
NEVER_KEPT: Final = frozenset({"repair", "cache", "similar", "template", "library", "default"})
_EPOCH_SECONDS: Final = 90 * 24 * 3600
# A lock that outlives its holder (a crash) must not outlive the answer clock.
_FLIGHT_SECONDS: Final = 2
_FLIGHT_POLL_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class CacheHit:
    """Hold one kept answer, put into today's words. It is a candidate like any other: validate it before use.

    ``similarity`` is the cosine for kind ``similar`` and None otherwise.
    """

    kind: HitKind
    candidate: CandidateText
    similarity: float | None = None


@dataclass(frozen=True)
class Purged:
    """Tell how many entries a purge took, or would take, out of Valkey and out of this process.

    ``is_reached`` is False when Valkey was away: then what it holds, and other processes' memory, stayed.
    """

    shared: int
    in_memory: int
    is_reached: bool = True


@dataclass(frozen=True)
class _Request:
    """Hold one job as the cache sees it: identity apart, text and feedback slotted."""

    job: Job
    identity: Identity
    text: str
    brief: FeedbackBrief

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(self.brief, self.job.constraints)

    def exact_key(self, scope: CacheScope) -> str:
        return cache_key(scope, self.text, self.fingerprint)


class AnswerCache:
    """Keep valid answers with identity slotted out, in this process's memory and in Valkey. Thread-safe.

    Nothing here raises when Valkey is away, and nothing here judges: who takes a hit validates it by today's rules.
    """

    def __init__(
        self,
        *,
        memory_max_bytes: int,
        valkey: Valkey | None = None,
        embedder: Callable[[], Embedder] = NgramEmbedder,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._memory = Memory(max_bytes=memory_max_bytes, clock=clock)
        self._valkey = valkey or Valkey(clock=clock)
        self._embedder = embedder
        self._clock = clock
        self._now = now
        self._flights = SingleFlight()
        self._lock = threading.Lock()
        self._epoch: int | None = None
        self._epoch_checked_at = float("-inf")
        self.counts = Counts()

    def look_up(self, scope: CacheScope, job: Job) -> tuple[CacheHit, ...]:
        """Return what is kept for ``job``, best first: the exact answer alone, else a similar request's and a recipe's.

        What this process has in memory is answered from there; all else is asked of Valkey in one round trip.
        """
        self._watch_epoch()
        request = _request_of(job)
        if request is None:
            return ()
        exact_key = request.exact_key(scope)
        if hit := _exact_hit(request, answer_from(self._in_memory([exact_key]).get(exact_key))):
            self.counts.hit("exact")
            return (hit,)
        meant = meant_keys(scope, request.text, request.brief, job.constraints)
        faults = {fault: _recipe_keys(scope, request, fault) for fault in faults_of(job)}
        values = self._values([exact_key, *meant, *(key for keys in faults.values() for key in keys)])
        if hit := _exact_hit(request, answer_from(values.get(exact_key))):
            self.counts.hit("exact")
            return (hit,)
        found = (
            self._similar_hit(request, [values[key] for key in meant if key in values]),
            self._recipe_hit(
                scope,
                request,
                {fault: [values[key] for key in keys if key in values] for fault, keys in faults.items()},
            ),
        )
        hits = [hit for hit in found if hit is not None]
        for hit in hits:
            self.counts.hit(hit.kind)
        self.counts.misses += not hits
        return tuple(hits)

    def keep(
        self, scope: CacheScope, job: Job, candidate: CandidateText, verdict: Verdict, *, only_exact: bool = False
    ) -> bool:
        """Keep a valid answer and the recipes in it; False when it is not kept.

        ``only_exact`` keeps it for the very same request alone: quick enough for the answer's own path, where others
        may be waiting for it.

        Not kept: what is not valid, what any process makes again for nothing, and a text in which some identity would
        remain. Call it after the answer is given: it may validate once more.
        """
        if not verdict.is_valid or candidate.rung in NEVER_KEPT:
            return False
        seconds = seconds_to_keep(job, now=self._now())
        request = _request_of(job)
        if request is None or seconds <= 0:
            return False
        kept = _kept_form(request.identity, candidate)
        if kept is None:
            return False
        values: dict[str, Any] = {request.exact_key(scope): kept.as_json()}
        if not only_exact:
            values |= self._for_others(scope, request, candidate, kept)
        until = self._now().timestamp() + seconds
        for key, value in values.items():
            value["until"] = until
            self._remember(key, value, seconds)
        self._valkey.put_many(values, seconds=seconds)
        return True

    def _for_others(
        self, scope: CacheScope, request: _Request, candidate: CandidateText, kept: KeptAnswer
    ) -> dict[str, Any]:
        """Return what is kept for requests that say the same in other words, and for the same sentence elsewhere."""
        job = request.job
        values: dict[str, Any] = {}
        said = said_in(request.brief)
        embedder = self._embedder()
        vector = {"vector": packed(embedder.embed([said])[0]) if said else "", "encoder": embedder.name}
        for key in meant_keys(scope, request.text, request.brief, job.constraints):
            values[key] = {**kept.as_json(), **vector}
        said_as_key = said_key(scope, request.brief)
        for fault, words in mendings_in(job, candidate):
            sentence, new_words = request.identity.slotted(fault.sentence), request.identity.slotted(words)
            if sentence is not None and new_words is not None:
                for code in fault.codes:
                    values[recipe_key(scope, sentence, code)] = {
                        "format": FORMAT,
                        "new": new_words,
                        "said": said_as_key,
                    }
        return values

    @contextmanager
    def one_at_a_time(self, scope: CacheScope, job: Job, *, wait_seconds: float) -> Iterator[bool]:
        """Yield True to the one thread that is to answer this very request; False once another has, so look up again.

        Within a process threads wait for each other; another process that has begun is waited for by asking Valkey.
        """
        request = _request_of(job)
        if request is None:
            yield True
            return
        key = request.exact_key(scope)
        with self._flights.leading(key, wait_seconds=wait_seconds) as leads:
            if not leads:
                yield False
                return
            lock = f"flight:{key}"
            is_first = self._valkey.add(lock, 1, seconds=_FLIGHT_SECONDS)
            if not is_first and self._appears(key, wait_seconds):
                yield False
                return
            try:
                yield True
            finally:
                if is_first:
                    self._valkey.drop(lock)

    def purge(
        self,
        *,
        firm_id: uuid.UUID | None = None,
        prompt_version: str | None = None,
        pack_sha256: str | None = None,
        dry_run: bool = False,
    ) -> Purged:
        """Forget what was kept for a firm, a prompt version, a rule pack, or everything when none is named.

        Other processes forget their memory within a second. With ``dry_run`` nothing is forgotten, only counted.
        """
        tags = [
            firm_id.hex if firm_id else "*",
            tag_of(prompt_version) if prompt_version is not None else "*",
            tag_of(pack_sha256) if pack_sha256 is not None else "*",
        ]
        pattern = f"*:{':'.join(tags)}:*"

        def matches(key: str) -> bool:
            parts = key.split(":")
            return len(parts) > 4 and all(tag in ("*", part) for tag, part in zip(tags, parts[1:4], strict=True))

        if dry_run:
            found = len(self._valkey.keys(pattern))
            return Purged(found, self._memory.count(matches), not self._valkey.is_resting)
        shared, in_memory = self._valkey.delete(pattern), self._memory.drop(matches)
        is_told = self._valkey.count_up(EPOCH_KEY, seconds=_EPOCH_SECONDS) is not None
        return Purged(shared, in_memory, is_told)

    def warm(self, requests: Iterable[tuple[CacheScope, Job, CandidateText, Verdict]]) -> int:
        """Keep answers found before, such as a firm's latest after a purge; return how many were kept."""
        return sum(self.keep(scope, job, candidate, verdict) for scope, job, candidate, verdict in requests)

    @property
    def size_bytes(self) -> int:
        """What this process keeps in memory, in bytes."""
        return self._memory.size_bytes

    def exact_key(self, scope: CacheScope, job: Job) -> str:
        """Return the key of the exact answer. Raises ValueError for a job that no answer can be kept of."""
        request = _request_of(job)
        if request is None:
            raise ValueError("the job's texts cannot be parted from someone's identity")
        return request.exact_key(scope)

    def forget_memory(self) -> int:
        """Forget what this process keeps in memory, and nothing elsewhere; return how many entries that were."""
        return self._memory.drop(lambda _key: True)

    def kept(self, key: str) -> KeptAnswer | None:
        """Return what is kept under an exact key, still slotted, from memory or from Valkey."""
        return answer_from(self._values([key]).get(key))

    def _similar_hit(self, request: _Request, values: Iterable[Any]) -> CacheHit | None:
        """Return the answer to a request of the same meaning whose words are near enough."""
        for stored in values:
            kept = answer_from(stored)
            embedder = self._embedder()
            cosine = cosine_to(stored, said_in(request.brief), embedder) if kept else None
            if kept is None or cosine is None or cosine < threshold_of(embedder.name):
                continue
            candidate = _moved_over(request, kept)
            if candidate is not None:
                says = _("A request that says the same was answered before; checked again now.")
                return CacheHit("similar", _said(candidate, says), round(cosine, 4))
        return None

    def _recipe_hit(
        self, scope: CacheScope, request: _Request, faults: Mapping[Fault, Sequence[Any]]
    ) -> CacheHit | None:
        """Return what known mendings of the faulty sentences make of the text."""
        candidate = candidate_from(request.job, _known_mendings(scope, request, faults))
        if candidate is None:
            return None
        return CacheHit("recipe", _said(candidate, _("Mended as the same sentence was before; checked again now.")))

    def _in_memory(self, keys: Iterable[str]) -> dict[str, Any]:
        found = {key: value for key in keys if (value := self._memory.get(key)) is not None}
        for _key in found:
            self.counts.hit("memory")
        return found

    def _values(self, keys: list[str]) -> dict[str, Any]:
        found = self._in_memory(keys)
        missing = [key for key in keys if key not in found]
        now = self._now().timestamp()
        for key, value in self._valkey.get_many(missing).items():
            until = value.get("until") if isinstance(value, dict) else None
            if isinstance(until, int | float) and until > now:
                self.counts.hit("valkey")
                self._remember(key, value, until - now)
                found[key] = value
        return found

    def _remember(self, key: str, value: Any, seconds: float) -> None:
        self._memory.put(key, value, size_bytes=size_of(value), seconds=seconds)

    def _appears(self, key: str, wait_seconds: float) -> bool:
        """Ask until an answer of another process is there, or the time is over."""
        until = self._clock() + wait_seconds
        while self._clock() < until:
            if self._values([key]):
                return True
            time.sleep(_FLIGHT_POLL_SECONDS)
        return False

    def _watch_epoch(self) -> None:
        """Forget this process's memory when somebody purged since the last look, at most one question a second."""
        now = self._clock()
        with self._lock:
            if now - self._epoch_checked_at < EPOCH_CHECK_SECONDS:
                return
            self._epoch_checked_at = now
        epoch = self._valkey.get_many([EPOCH_KEY]).get(EPOCH_KEY, 0)
        if self._valkey.is_resting:
            return
        if self._epoch is not None and epoch != self._epoch:
            self.forget_memory()
        self._epoch = epoch


@lru_cache(maxsize=1)
def answer_cache() -> AnswerCache:
    """Return this process's cache; its memory is the machine's share of one process."""
    return AnswerCache(memory_max_bytes=settings.ANSWER_CACHE_L1_MAX_BYTES // max(1, settings.DATABASE_PROCESSES))


@once_a_job
def _request_of(job: Job) -> _Request | None:
    """Return the job as the cache sees it, or None when its texts cannot be parted from someone's identity."""
    identity = identity_of(job)
    text, brief = identity.slotted(job.rejected_text), slotted_brief(job, identity)
    if text is None or brief is None:
        return None
    return _Request(job, identity, text, brief)


def _kept_form(identity: Identity, candidate: CandidateText) -> KeptAnswer | None:
    text = identity.slotted(candidate.text)
    if text is None:
        return None
    edits = []
    for edit in candidate.edits:
        old, new = identity.slotted(edit.old), identity.slotted(edit.new)
        if old is None or new is None:
            return None
        edits.append(KeptEdit(old, new, edit.fixes))
    return KeptAnswer(text, tuple(edits))


def _exact_hit(request: _Request, kept: KeptAnswer | None) -> CacheHit | None:
    if kept is None:
        return None
    job, identity = request.job, request.identity
    text = identity.put_in(kept.text)
    if text is None or normalise_for_comparison(text) == "":
        return None
    fixes = {(identity.put_in(edit.old), identity.put_in(edit.new)): edit.fixes for edit in kept.edits}
    edits = tuple(
        replace(edit, fixes=fixes.get((edit.old, edit.new), _codes_in(kept)))
        for edit in edits_between(job.rejected_text, text)
    )
    candidate = CandidateText("cache", text, edits)
    return CacheHit("exact", _said(candidate, _("The same request was answered before; checked again now.")))


def _recipe_keys(scope: CacheScope, request: _Request, fault: Fault) -> list[str]:
    sentence = request.identity.slotted(fault.sentence)
    return [] if sentence is None else [recipe_key(scope, sentence, code) for code in fault.codes]


def _known_mendings(scope: CacheScope, request: _Request, faults: Mapping[Fault, Sequence[Any]]) -> dict[Fault, str]:
    """Return the one mending of each faulty sentence among the values that are kept for it."""
    if not any(faults.values()):
        return {}
    # Who says nothing beside the codes, or the same as then, asks for nothing more.
    fitting = said_key(scope, request.brief) if said_in(request.brief) else None
    known: dict[Fault, str] = {}
    for fault, values in faults.items():
        mendings = set()
        for value in values:
            is_ours = isinstance(value, dict) and value.get("format") == FORMAT
            new = value.get("new") if is_ours and fitting in (None, value.get("said")) else None
            words = request.identity.put_in(new) if isinstance(new, str) else None
            if words is not None:
                mendings.add(words)
        # Two faults of one sentence that were mended in two ways: neither mends both.
        if len(mendings) == 1:
            known[fault] = mendings.pop()
    return known


def _moved_over(request: _Request, kept: KeptAnswer) -> CandidateText | None:
    """Return a kept answer moved over to this job's text, by its edits where they find their places."""
    job, identity = request.job, request.identity
    proposed = []
    for edit in kept.edits:
        old, new = identity.put_in(edit.old), identity.put_in(edit.new)
        if not old or new is None:
            break
        proposed.append(ProposedEdit(old, new, edit.fixes))
    else:
        marked = [mark for issue in job.feedback.issues if (mark := mark_of(job, issue))]
        anchored = anchor_edits(job.rejected_text, proposed, marked=marked)
        if proposed and not anchored.refused:
            text = with_known_texts(job, splice(job.rejected_text, anchored.edits))
            return CandidateText("cache", text, edits_between(job.rejected_text, text, fixes=_codes_in(kept)))
    hit = _exact_hit(request, kept)
    return hit.candidate if hit else None


def _codes_in(kept: KeptAnswer) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code for edit in kept.edits for code in edit.fixes))


def _said(candidate: CandidateText, explanation: str) -> CandidateText:
    return replace(candidate, explanation=explanation)
