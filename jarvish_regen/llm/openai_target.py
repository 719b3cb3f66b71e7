"""Ask an OpenAI-compatible endpoint and watch its stream.

Clients have timeouts for an attempt, none for an answer. Here one exchange runs in a task of its own, and whatever that
task does (a stuck socket, one byte a second, a close that hangs) the caller has a result or an error when the deadline
passes. The protocol is one POST and a stream of events, so it is spoken here and not by the openai package: that costs
1.2 s of a process's start and two thirds of a call's time (docs/benchmarks.md).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from jarvish_regen.llm.addresses import check_base_url
from jarvish_regen.llm.base import (
    CLOSING_SECONDS,
    AnswerDeclinedError,
    AnswerIsToolCallError,
    AnswerMalformedError,
    AnswerTooLongError,
    CallRecord,
    Completion,
    DeadlinePassedError,
    LLMError,
    Outcome,
    Request,
    StreamCutError,
    StreamStalledError,
    Target,
    Usage,
)
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.event_stream import EventStream
from jarvish_regen.llm.failures import failure_in_stream, failure_of_status
from jarvish_regen.llm.transport import Answer, GuardedTransport, Transport

logger = logging.getLogger(__name__)

# Thirteen times the longest text an item may have (20,000 characters): nothing longer can be an answer.
MAX_TEXT_BYTES: Final = 256 * 1024
# The figures of a call follow its last token in the same packet or the next; they are not worth more waiting.
_USAGE_WAIT_SECONDS: Final = 0.03
# How long a whole answer's connection may take to end so that the next call can use it.
_DRAIN_SECONDS: Final = 0.2
# As many calls as one hedged answer makes for each of two people who reject at the same moment.
_WARM_CONNECTIONS: Final = 4
_ROLES: Final = frozenset({"system", "user", "assistant"})


class OpenAITarget:
    """Ask one target from one event loop; keeps the connections of its calls.

    ``transport`` replaces the network (a scripted other side). Raises ``UnsafeBaseURLError`` for an address that may
    not be asked, however the ``Target`` was made.
    """

    def __init__(self, target: Target, *, transport: Transport | None = None) -> None:
        check_base_url(target.base_url, allow_loopback=target.allow_loopback)
        self._target = target
        self._transport: Transport = transport or GuardedTransport(
            allow_loopback=target.allow_loopback, max_connections=target.max_concurrency
        )
        self._exchanges: set[asyncio.Task[None]] = set()

    @property
    def target(self) -> Target:
        """Return whom this client asks."""
        return self._target

    @property
    def in_flight(self) -> int:
        """Return how many exchanges hold a connection, those that are just closing included."""
        return len(self._exchanges)

    async def stream(
        self,
        request: Request,
        deadline: Deadline,
        *,
        on_first_token: Callable[[], None] | None = None,
        on_end: Callable[[CallRecord], None] | None = None,
    ) -> Completion:
        """Return the whole answer, at the latest when ``deadline`` passes.

        ``on_first_token`` is called once when text begins; ``on_end`` exactly once with the record of the call, however
        it ends, cancelling included (then the record is all that remains of it). Raises ``LLMError`` with its record.
        Cancelling closes the connection. The answer is whole, well-formed text without NUL or lone surrogates.
        """
        began_at = deadline.clock()
        exchange = _Exchange(self._target, request, deadline, on_first_token)

        def finish(outcome: Outcome, error: str | None = None) -> CallRecord:
            record = exchange.record(began_at=began_at, outcome=outcome, error=error)
            if on_end is not None:
                on_end(record)
            return record

        work = deadline.sooner(CLOSING_SECONDS)
        if work.passed:
            late = DeadlinePassedError("No time was left to ask.")
            late.record = finish(late.outcome, late.reason)
            raise late
        task = asyncio.create_task(exchange.run(self._transport), name=f"llm exchange {self._target.name}")
        self._exchanges.add(task)
        task.add_done_callback(self._forget)
        try:
            await asyncio.wait((task, exchange.answered), timeout=work.left(), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait((task,), timeout=min(CLOSING_SECONDS, deadline.left()))
            finish("cancelled", "Cancelled.")
            raise
        if task.done() and not task.cancelled() and (broken := task.exception()) is not None:
            # A callback of the caller's failed, or we did: not the provider's fault and not to be retried.
            finish("malformed", type(broken).__name__)
            raise broken
        if not exchange.answered.done():
            exchange.fail(DeadlinePassedError("The answer was not whole in time."))
            task.cancel()
            # A task that will not end is left to its socket; its result is taken by _forget.
            await asyncio.wait((task,), timeout=deadline.left())
        failure = exchange.answered.exception()
        if isinstance(failure, LLMError):
            failure.record = finish(failure.outcome, failure.reason)
            raise failure
        return Completion(text=exchange.answered.result(), record=finish("ok"))

    async def warm(self, connections: int = _WARM_CONNECTIONS) -> int:
        """Open connections that wait for the next calls, without asking for a completion.

        Returns how many stand, at the latest after some seconds; a target that cannot be reached gives 0.
        """
        wanted = min(connections, self._target.max_concurrency)
        url = f"{self._target.base_url}/models"
        return await self._transport.warm(url, headers=_headers(self._target), connections=wanted)

    async def close(self) -> None:
        """Cancel what still runs and close the connections; the target cannot be asked after that."""
        for task in tuple(self._exchanges):
            task.cancel()
        if self._exchanges:
            await asyncio.wait(tuple(self._exchanges), timeout=1.0)
        await self._transport.close()

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._exchanges.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("closing a model call failed", extra={"target": self._target.name, "error": repr(error)})


class _Exchange:
    """Run one request; ``answered`` gets the text or the failure, which is before the connection has been put away."""

    def __init__(
        self, target: Target, request: Request, deadline: Deadline, on_first_token: Callable[[], None] | None
    ) -> None:
        self.answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        # A failure nobody waits for any more (the caller was cancelled) is taken here, else asyncio reports it.
        self.answered.add_done_callback(lambda answered: answered.cancelled() or answered.exception())
        self._target = target
        self._request = request
        self._deadline = deadline
        self._on_first_token = on_first_token
        self._pieces: list[str] = []
        self._text_bytes = 0
        self._usage: Usage | None = None
        self._first_token_at: float | None = None
        self._was_sent = False
        self._is_finished = False
        self._answer: Answer | None = None
        self._task: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None

    async def run(self, transport: Transport) -> None:
        """Ask, read, settle ``answered``; then let the connection end in peace."""
        self._task = asyncio.current_task()
        try:
            await self._read(transport)
        except LLMError as failure:
            self.fail(failure)
        except (ValueError, RecursionError) as error:
            # JSONDecodeError, UnicodeDecodeError, and what is nested deeper than anything we would read.
            self.fail(AnswerMalformedError(f"The answer cannot be read ({type(error).__name__})."))
        finally:
            if self._watch is not None:
                self._watch.cancel()
            if self._answer is not None:
                await self._answer.close()

    def fail(self, failure: LLMError) -> None:
        """Settle with a failure unless an answer is already there."""
        if not self.answered.done():
            self.answered.set_exception(failure)

    def record(self, *, began_at: float, outcome: Outcome, error: str | None) -> CallRecord:
        """Return what the call took and cost, its tokens estimated where the provider gave none."""
        usage = self._usage
        if usage is None:
            prompt = self._request.prompt_text() if self._was_sent else ""
            usage = Usage.estimate(prompt=prompt, completion="".join(self._pieces))
        if usage.is_estimated and outcome in ("refused", "http_429", "http_5xx", "auth") and not self._pieces:
            usage = replace(usage, prompt_tokens=0)
        first_token_ms = None if self._first_token_at is None else (self._first_token_at - began_at) * 1000
        return CallRecord(
            target=self._target.name,
            started_ms=0.0,
            first_token_ms=first_token_ms,
            ended_ms=(self._deadline.clock() - began_at) * 1000,
            outcome=outcome,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cost_usd=usage.cost_usd(self._target),
            error=error,
            is_estimated=usage.is_estimated,
        )

    async def _read(self, transport: Transport) -> None:
        body = _body(self._target, self._request)
        self._was_sent = True
        url = f"{self._target.base_url}/chat/completions"
        answer = self._answer = await transport.post(url, headers=_headers(self._target), body=body)
        if answer.status >= 300:
            raise failure_of_status(answer.status, answer.headers)
        media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type == "application/json":
            self._take_whole(_fields(json.loads(await _whole(answer))))
            return
        if media_type != "text/event-stream":
            raise AnswerMalformedError(f"The answer is {_known_type(media_type)}, not a stream of events.")
        events = EventStream()
        is_done = False
        async for piece in answer.pieces():
            if is_done:
                continue  # read to its end, so that the next call can have the connection
            for event in events.feed(piece):
                if event.startswith(b"[DONE]"):
                    is_done = True
                    break
                self._take(json.loads(event.decode()))
            self._see_whether_it_is_enough()
            if is_done:
                self._end_of_stream()
                self._watch_for(_DRAIN_SECONDS)
        self._end_of_stream()

    def _end_of_stream(self) -> None:
        if not self._is_finished:
            raise StreamCutError("The stream ended before the answer was finished.")
        self._settle()

    def _watch_for(self, seconds: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = asyncio.get_running_loop().call_later(seconds, self._on_silence)

    def _on_silence(self) -> None:
        # Settled here and not where the cancelling arrives: on its way it closes the stream, which may take long.
        if self._is_finished:
            self._settle()
        else:
            self.fail(StreamStalledError(f"Silent for {self._target.stall_seconds} s after it began."))
        if self._task is not None:
            self._task.cancel()

    def _take(self, event: object) -> None:
        chunk = _fields(event)
        if error := chunk.get("error"):
            raise failure_in_stream(error)
        if isinstance(chunk.get("usage"), dict):
            self._usage = _usage(_fields(chunk["usage"]))
        choices = chunk.get("choices")
        for one in choices[:1] if isinstance(choices, list) else ():
            choice = _fields(one)
            delta = _fields(choice.get("delta"))
            _refuse_what_is_no_text(delta)
            if content := delta.get("content"):
                self._add(content)
                self._watch_for(self._target.stall_seconds)
            self._end(choice.get("finish_reason"))

    def _see_whether_it_is_enough(self) -> None:
        stop_when = self._request.stop_when
        if not self._is_finished and stop_when is not None and self._pieces and stop_when("".join(self._pieces)):
            self._is_finished = True
        if self._is_finished and not self.answered.done():
            if self._usage is None:
                self._watch_for(_USAGE_WAIT_SECONDS)
            else:
                self._settle()
                self._watch_for(_DRAIN_SECONDS)

    def _take_whole(self, completion: dict[str, object]) -> None:
        """Take an answer from an endpoint that does not stream."""
        choices = completion.get("choices")
        if not isinstance(choices, list) or not choices:
            raise AnswerMalformedError("The answer has no choices.")
        choice = _fields(choices[0])
        message = _fields(choice.get("message"))
        _refuse_what_is_no_text(message)
        if isinstance(completion.get("usage"), dict):
            self._usage = _usage(_fields(completion["usage"]))
        self._add(message.get("content") or "")
        self._end(choice.get("finish_reason"))
        self._is_finished = True
        self._settle()

    def _add(self, piece: object) -> None:
        if not isinstance(piece, str):
            raise AnswerMalformedError("A piece of the stream is not text.")
        if self._first_token_at is None and piece:
            self._first_token_at = self._deadline.clock()
            if self._on_first_token is not None:
                self._on_first_token()
        self._text_bytes += len(piece.encode("utf-8", "surrogatepass"))
        if self._text_bytes > MAX_TEXT_BYTES:
            raise AnswerTooLongError(f"More than {MAX_TEXT_BYTES} bytes of text.")
        self._pieces.append(piece)

    def _end(self, finish_reason: object) -> None:
        if finish_reason is None:
            return
        if finish_reason == "length":
            raise StreamCutError("The answer reached the limit of output tokens.")
        if finish_reason == "content_filter":
            raise AnswerDeclinedError("A filter withheld the answer.")
        if finish_reason in ("tool_calls", "function_call"):
            raise AnswerIsToolCallError("The model asks for a tool.")
        self._is_finished = True

    def _settle(self) -> None:
        if self.answered.done():
            return
        text = "".join(self._pieces)
        if not text.strip():
            self.fail(AnswerMalformedError("The answer is empty."))
        elif "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            self.fail(AnswerMalformedError("The answer holds characters that are no text."))
        else:
            self.answered.set_result(text)


def _headers(target: Target) -> dict[str, str]:
    headers = {
        "Accept": "text/event-stream, application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "User-Agent": "jarvish-regen",
    }
    if target.api_key:  # local models take none
        headers["Authorization"] = f"Bearer {target.api_key}"
    return headers


def _body(target: Target, request: Request) -> bytes:
    if not all(message["role"] in _ROLES for message in request.messages):
        raise AnswerMalformedError("A message has an unknown role.")
    body: dict[str, object] = {
        "model": target.model,
        "messages": [dict(message) for message in request.messages],
        "max_tokens": request.max_output_tokens,
        "temperature": request.temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if (shape := _shape(target, request)) is not None:
        body["response_format"] = shape
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _shape(target: Target, request: Request) -> dict[str, object] | None:
    """Return what holds the answer to a shape: what is asked for, as far as the endpoint can."""
    if request.response_format != "json" or target.structured_output == "none":
        return None
    if target.structured_output == "json_schema" and request.json_schema is not None:
        return {"type": "json_schema", "json_schema": dict(request.json_schema)}
    return {"type": "json_object"}


async def _whole(answer: Answer) -> bytes:
    pieces: list[bytes] = []
    received = 0
    async for piece in answer.pieces():
        received += len(piece)
        if received > 2 * MAX_TEXT_BYTES:  # JSON may write a letter of two bytes with six
            raise AnswerTooLongError(f"More than {2 * MAX_TEXT_BYTES} bytes of JSON.")
        pieces.append(piece)
    return b"".join(pieces)


def _refuse_what_is_no_text(message: Mapping[str, object]) -> None:
    if message.get("tool_calls") or message.get("function_call"):
        raise AnswerIsToolCallError("The model asks for a tool.")
    if message.get("refusal"):
        raise AnswerDeclinedError("The model declined.")


def _fields(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise AnswerMalformedError("A piece of the stream has another shape.")
    return value


def _usage(usage: Mapping[str, object]) -> Usage:
    prompt_tokens, completion_tokens = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not isinstance(prompt_tokens, int) or not isinstance(completion_tokens, int):
        raise AnswerMalformedError("The figures of the call are no numbers.")
    return Usage(max(0, prompt_tokens), max(0, completion_tokens))


def _known_type(media_type: str) -> str:
    return media_type if media_type in ("text/html", "text/plain", "application/xml") else "of another type"
