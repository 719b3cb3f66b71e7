"""Say how the fake provider may behave: how fast, how often it fails, and how it spoils a reply.

A call that sends ``n`` tokens takes ``first token + n * time a token``. For ``heavy`` a full reply of 200 tokens takes
P50 600 ms and P99 4 s, so a reply with a fifth of the tokens is sooner, as with real models.
"""

from __future__ import annotations

import contextlib
import enum
import json
import math
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

FULL_REPLY_TOKENS = 200
_FIRST_TOKEN_SHARE = 0.4
_P99_NORMAL = 2.326  # the 99th percentile of a standard normal
_TOKEN = re.compile(r"\s*[^\s]{1,4}|\s+")


class Misbehaviour(enum.Enum):
    """What a request gets instead of, or along with, an answer."""

    NONE = "answered"
    ECHO = "echo"
    REFUSE = "refuse"
    DISCONNECT = "disconnect"
    HANG = "hang"
    DRIP = "drip"
    STALL = "stall"
    CUT = "cut"
    TOO_SHORT = "too_short"
    MALFORMED = "malformed"
    NESTED = "nested"
    BAD_UTF8 = "bad_utf8"
    LONE_SURROGATE = "lone_surrogate"
    STREAM_ERROR = "stream_error"
    HTML = "html"
    BAD_JSON = "bad_json"
    WRONG_SCHEMA = "wrong_schema"
    EMPTY = "empty"
    HUGE = "huge"
    TOOL_CALL = "tool_call"
    REFUSAL = "refusal"
    NOT_STREAMED = "not_streamed"
    THROTTLE = "http_429"
    FAIL = "http_500"
    UNAVAILABLE = "http_503"
    KEY_REFUSED = "http_401"
    NOT_FOUND = "http_404"
    REDIRECT = "redirect"


@dataclass(frozen=True, slots=True)
class Profile:
    """One way to behave; ``one_of`` draws how a single request is treated.

    ``p50_seconds`` and ``p99_seconds`` are for a full reply (log-normal between them). ``failures`` are rates by kind.
    """

    name: str
    does: Misbehaviour = Misbehaviour.NONE
    p50_seconds: float = 0.0
    p99_seconds: float = 0.0
    failures: Mapping[Misbehaviour, float] = field(default_factory=dict)
    straggler_rate: float = 0.0
    straggler_seconds: float = 10.0
    first_token_seconds: float = 0.0
    token_seconds: float = 0.0

    def one_of(self, chance: random.Random) -> Profile:
        """Return this profile with the behaviour and times of one request."""
        does = self.does
        draw = chance.random()
        for kind, rate in self.failures.items():
            if draw < rate:
                does = kind
                break
            draw -= rate
        seconds = 0.0
        if self.p50_seconds > 0.0:
            sigma = math.log(self.p99_seconds / self.p50_seconds) / _P99_NORMAL
            seconds = chance.lognormvariate(math.log(self.p50_seconds), sigma)
        if chance.random() < self.straggler_rate:
            seconds = self.straggler_seconds
        token_seconds = seconds * (1 - _FIRST_TOKEN_SHARE) / FULL_REPLY_TOKENS
        return replace(self, does=does, first_token_seconds=seconds * _FIRST_TOKEN_SHARE, token_seconds=token_seconds)


_HEAVY_FAILURES = {
    Misbehaviour.THROTTLE: 0.006,
    Misbehaviour.FAIL: 0.006,
    Misbehaviour.HANG: 0.006,
    Misbehaviour.CUT: 0.006,
    Misbehaviour.BAD_JSON: 0.006,
}

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("instant"),
        Profile("fast", p50_seconds=0.25, p99_seconds=0.9),
        Profile("heavy", p50_seconds=0.6, p99_seconds=4.0, failures=_HEAVY_FAILURES),
        Profile("spiky", p50_seconds=0.3, p99_seconds=0.8, straggler_rate=0.03),
        Profile("slow_tail", p50_seconds=0.3, p99_seconds=0.8, straggler_rate=0.05),
        Profile("slow", p50_seconds=3.0, p99_seconds=8.0),
        Profile("dead", Misbehaviour.REFUSE),
        Profile("429", Misbehaviour.THROTTLE),
        Profile("500", Misbehaviour.FAIL),
        Profile("503", Misbehaviour.UNAVAILABLE),
        Profile("401", Misbehaviour.KEY_REFUSED),
        Profile("404", Misbehaviour.NOT_FOUND),
        *(
            Profile(does.value, does)
            for does in Misbehaviour
            if does is not Misbehaviour.NONE and not does.value.startswith("http_")
        ),
    )
}


def profile_from(wanted: str | Mapping[str, Any]) -> Profile:
    """Return a profile by name or from its figures, for example ``{"p50_seconds": 0.4, "failures": {"hang": 0.1}}``.

    ``{"like": "heavy", ...}`` starts from a named one. Raises ``ValueError`` for what is neither.
    """
    if isinstance(wanted, str):
        if wanted not in PROFILES:
            raise ValueError(f"no profile {wanted!r}; there are {', '.join(sorted(PROFILES))}")
        return PROFILES[wanted]
    figures = dict(wanted)
    start = profile_from(str(figures.pop("like", "instant")))
    if "failures" in figures:
        figures["failures"] = {Misbehaviour(kind): float(rate) for kind, rate in figures["failures"].items()}
    if "does" in figures:
        figures["does"] = Misbehaviour(figures["does"])
    try:
        made = replace(start, **{"name": "own", **figures})
    except TypeError as error:
        raise ValueError(f"a profile has no such figure: {error}") from error
    if made.p50_seconds > 0.0 and made.p99_seconds < made.p50_seconds:
        made = replace(made, p99_seconds=made.p50_seconds)
    return made


def answer_tokens(text: str) -> list[str]:
    """Split a text into pieces of up to four letters, about what a model's tokens are; joined they are the text."""
    return _TOKEN.findall(text)


def spoil(reply: str, rates: Mapping[str, float], chance: random.Random) -> str:
    """Return the reply, spoilt in at most one of the ways ``rates`` names."""
    draw = chance.random()
    for name, rate in rates.items():
        if draw < rate:
            return _spoilt(reply, FAULTS[name], chance)
        draw -= rate
    return reply


def _spoilt(reply: str, fault: Callable[[list[dict[str, Any]], random.Random], None], chance: random.Random) -> str:
    with contextlib.suppress(ValueError, AttributeError, TypeError):
        answer = json.loads(reply)
        edits = answer.get("edits") or []
        if isinstance(answer.get("full_text"), str):
            # A whole text is spoilt as one long edit.
            edits = [*edits, {"find": answer["full_text"], "replace": answer["full_text"], "fixes": "", "_whole": True}]
        fault(edits, chance)
        whole = [edit for edit in edits if edit.pop("_whole", False)]
        answer["edits"] = [edit for edit in edits if edit not in whole]
        if isinstance(answer.get("full_text"), str):
            answer["full_text"] = whole[0]["replace"] if whole else None
        return json.dumps(answer, ensure_ascii=False)
    return reply


def _wrong(edits: list[dict[str, Any]], chance: random.Random) -> None:
    """Change something, but not what was asked."""
    for edit in edits:
        words = str(edit["find"]).split(" ")
        edit["replace"] = " ".join([*words[:-1], words[-1] + ","])


def _partial(edits: list[dict[str, Any]], chance: random.Random) -> None:
    """Leave out one edit or, of one alone, half its words."""
    if len(edits) > 1:
        del edits[chance.randrange(len(edits))]
        return
    for edit in edits:
        words = str(edit["replace"]).split(" ")
        edit["replace"] = " ".join(words[: max(1, len(words) // 2)])


def _forbidden(edits: list[dict[str, Any]], chance: random.Random) -> None:
    """Promise what no adviser may."""
    promises = (
        "guaranteed returns of 18% a year",
        "100% safe, zero risk",
        "गारंटीड रिटर्न 15%",
        "the No. 1 fund to buy now",
    )
    for edit in edits[:1]:
        edit["replace"] = f"{edit['replace']} {chance.choice(promises)}"


def _unanchored(edits: list[dict[str, Any]], chance: random.Random) -> None:
    """Quote words that are not in the text."""
    for edit in edits[:1]:
        edit["find"] = f"zq{chance.randrange(10_000)} {str(edit['find'])[::-1]}"


FAULTS: dict[str, Callable[[list[dict[str, Any]], random.Random], None]] = {
    "wrong": _wrong,
    "partial": _partial,
    "forbidden": _forbidden,
    "unanchored": _unanchored,
}
