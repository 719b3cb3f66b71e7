"""Name the values and errors that every model client shares.

The tree of errors; each answers ``retryable`` (may a further call be made now?) and ``outcome``::

    LLMError
    ├── TargetUnreachableError      refused    nobody listens, no name, TLS failed
    ├── TargetThrottledError        http_429   carries retry_after_seconds
    ├── TargetFailedError           http_5xx   its side broke, before or in the stream
    ├── KeyRefusedError             auth       401 and 403; not retryable
    ├── RequestRefusedError         refused    any other 3xx or 4xx; not retryable
    ├── DeadlinePassedError         timeout    no time left; not retryable
    ├── StreamStalledError          stalled    it began and then fell silent
    ├── StreamCutError              cut        it ended before it was finished
    └── AnswerMalformedError        malformed  bytes, encoding or shape that is no answer
        ├── AnswerDeclinedError     malformed  the model refused, or a filter withheld the text
        ├── AnswerIsToolCallError   malformed  it wants a tool; none was offered
        └── AnswerTooLongError      malformed  past the limit of bytes
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Protocol

from jarvish_regen.llm.deadline import Deadline

Outcome = Literal[
    "ok", "timeout", "refused", "http_429", "http_5xx", "cut", "stalled", "malformed", "cancelled", "auth"
]
OUTCOMES: tuple[Outcome, ...] = (
    "ok",
    "timeout",
    "refused",
    "http_429",
    "http_5xx",
    "cut",
    "stalled",
    "malformed",
    "cancelled",
    "auth",
)

# Why a race started a call: the first; the last one took long; it had no token; it failed; its answer was no good.
Why = Literal["first", "hedge", "late_token", "failed", "not_valid"]
HEDGES: tuple[Why, ...] = ("hedge", "late_token")

# How an endpoint can be held to a shape: not at all, to any JSON object, or to a schema.
StructuredOutput = Literal["none", "json_object", "json_schema"]
STRUCTURED_OUTPUTS: tuple[StructuredOutput, ...] = ("none", "json_object", "json_schema")

# What a call keeps of its own deadline to close its socket in: cancelling takes some turns of the loop, no more.
CLOSING_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Target:
    """Name one model at one OpenAI-compatible address.

    ``base_url`` ends before ``/chat/completions``. ``stall_seconds`` is the longest silence between two pieces of text
    once the first has come. ``allow_loopback`` is set from the environment only, for models on this machine.
    ``vendor`` names who fails together with it (empty: it fails alone); ``region`` is for people to read.
    """

    name: str
    base_url: str
    model: str
    api_key: str = field(repr=False)
    tier: str = "strong"
    max_concurrency: int = 8
    price_in_usd_per_mtok: float = 0.0
    price_out_usd_per_mtok: float = 0.0
    stall_seconds: float = 0.6
    allow_loopback: bool = False
    vendor: str = ""
    region: str = ""
    structured_output: StructuredOutput = "json_object"

    @property
    def fails_with(self) -> str:
        """Return what names the group of targets that fail together: the vendor, else the target itself."""
        return self.vendor or self.name


@dataclass(frozen=True, slots=True)
class Usage:
    """Count the tokens of one call; ``is_estimated`` when the provider never said (cut, cancelled)."""

    prompt_tokens: int
    completion_tokens: int
    is_estimated: bool = False

    @classmethod
    def estimate(cls, *, prompt: str, completion: str) -> Usage:
        """Estimate tokens as UTF-8 bytes / 4, rounded up: right for English, high for Devanagari (errs to dear)."""
        return cls(-(-len(_utf8(prompt)) // 4), -(-len(_utf8(completion)) // 4), is_estimated=True)

    def cost_usd(self, target: Target) -> float:
        """Return what the call cost at the target's prices, in US dollars."""
        dollars_a_token_in = target.price_in_usd_per_mtok / 1_000_000
        dollars_a_token_out = target.price_out_usd_per_mtok / 1_000_000
        return self.prompt_tokens * dollars_a_token_in + self.completion_tokens * dollars_a_token_out


@dataclass(frozen=True, slots=True)
class CallRecord:
    """Tell how one call to one target went; never holds a prompt, an answer or a key.

    Milliseconds count from the start of the call; a race shifts them to its own start and says ``why`` it made the
    call. ``error`` is a sentence of ours.
    """

    target: str
    started_ms: float
    first_token_ms: float | None
    ended_ms: float
    outcome: Outcome
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    error: str | None = None
    is_estimated: bool = False
    is_hedge: bool = False
    why: Why = "first"

    def shifted(self, by_ms: float) -> CallRecord:
        """Return the record counted from ``by_ms`` milliseconds earlier."""
        first_token_ms = None if self.first_token_ms is None else self.first_token_ms + by_ms
        return replace(
            self, started_ms=self.started_ms + by_ms, first_token_ms=first_token_ms, ended_ms=self.ended_ms + by_ms
        )


@dataclass(frozen=True, slots=True)
class Request:
    """Hold what a model is asked.

    ``messages`` are chat messages (``{"role": …, "content": …}``). ``stop_when`` sees the text so far after each piece
    and ends the call as complete when it says so (for example once a JSON object has closed). ``json_schema`` (name,
    schema) is sent to endpoints that can hold an answer to it.
    """

    messages: tuple[Mapping[str, str], ...] = field(repr=False)
    max_output_tokens: int = 1024
    temperature: float = 0.2
    response_format: Literal["json", "text"] = "json"
    json_schema: Mapping[str, object] | None = field(default=None, repr=False)
    stop_when: Callable[[str], bool] | None = field(default=None, repr=False)

    def prompt_text(self) -> str:
        """Return all that is sent as one text, to estimate its tokens from."""
        return "\n".join(message.get("content", "") for message in self.messages)


@dataclass(frozen=True, slots=True)
class Completion:
    """Hold a whole answer and the record of the call that brought it."""

    text: str = field(repr=False)
    record: CallRecord


class StreamingTarget(Protocol):
    """Ask one target; what ``openai_target.OpenAITarget`` does and other providers may."""

    @property
    def target(self) -> Target:
        """Return whom it asks."""

    async def stream(
        self,
        request: Request,
        deadline: Deadline,
        *,
        on_first_token: Callable[[], None] | None = None,
        on_end: Callable[[CallRecord], None] | None = None,
    ) -> Completion:
        """Return the whole answer or raise ``LLMError``, at the latest when the deadline passes."""


class LLMError(Exception):
    """Say that a call brought no usable answer; ``record`` is its record, once there is one."""

    outcome: ClassVar[Outcome] = "malformed"
    retryable: bool = True

    def __init__(self, reason: str, *, record: CallRecord | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.record = record


class TargetUnreachableError(LLMError):
    """Nobody answers at the address."""

    outcome = "refused"


class TargetThrottledError(LLMError):
    """The target asks for patience; ``retry_after_seconds`` is its own figure, None if it gave none."""

    outcome = "http_429"

    def __init__(
        self, reason: str, *, retry_after_seconds: float | None = None, record: CallRecord | None = None
    ) -> None:
        super().__init__(reason, record=record)
        self.retry_after_seconds = retry_after_seconds


class TargetFailedError(LLMError):
    """The target broke on its own side."""

    outcome = "http_5xx"


class KeyRefusedError(LLMError):
    """The target does not accept the key."""

    outcome = "auth"
    retryable = False


class RequestRefusedError(LLMError):
    """The target does not accept the request: unknown model, unknown path, a redirect."""

    outcome = "refused"
    retryable = False


class DeadlinePassedError(LLMError):
    """The time was over before the answer was whole."""

    outcome = "timeout"
    retryable = False


class StreamStalledError(LLMError):
    """The answer began and then fell silent."""

    outcome = "stalled"


class StreamCutError(LLMError):
    """The answer ended before it was finished."""

    outcome = "cut"


class AnswerMalformedError(LLMError):
    """What came back is no answer."""

    outcome = "malformed"


class AnswerDeclinedError(AnswerMalformedError):
    """The model refused, or a filter withheld the text."""


class AnswerIsToolCallError(AnswerMalformedError):
    """The model wants a tool; none was offered."""


class AnswerTooLongError(AnswerMalformedError):
    """The answer passed the limit of bytes."""


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
