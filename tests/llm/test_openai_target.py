"""How one call ends, against a real server that behaves in every bad way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

import pytest

from jarvish_regen.llm.base import (
    AnswerDeclinedError,
    AnswerIsToolCallError,
    AnswerMalformedError,
    AnswerTooLongError,
    CallRecord,
    Completion,
    KeyRefusedError,
    LLMError,
    Request,
    RequestRefusedError,
    StreamCutError,
    StreamStalledError,
    StructuredOutput,
    Target,
    TargetFailedError,
    TargetThrottledError,
    TargetUnreachableError,
    Usage,
)
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.openai_target import OpenAITarget
from jarvish_regen.llm.targets import build_target
from tests.fake_openai import FakeOpenAI

REPLY = '{"edits": [{"find": "assured 12%", "replace": "market-linked", "fixes": "गारंटी"}], "full_text": null}'
REQUEST = Request(
    messages=({"role": "system", "content": "Answer with edits."}, {"role": "user", "content": "assured 12% returns"})
)


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(respond=lambda messages: REPLY) as server:
        yield server


def target_of(fake: FakeOpenAI, *, stall_seconds: float = 0.6) -> Target:
    return build_target(
        name="fake",
        url=fake.url,
        key="sk-canary",
        model="fake-strong",
        price_in_usd_per_mtok=1.0,
        price_out_usd_per_mtok=2.0,
        stall_seconds=stall_seconds,
        allow_loopback=True,
    )


def ask(
    fake: FakeOpenAI,
    *,
    request: Request = REQUEST,
    seconds: float = 5.0,
    stall_seconds: float = 0.6,
    on_first_token: Callable[[], None] | None = None,
    on_end: Callable[[CallRecord], None] | None = None,
) -> Completion:
    async def call() -> Completion:
        client = OpenAITarget(target_of(fake, stall_seconds=stall_seconds))
        try:
            return await client.stream(request, Deadline.after(seconds), on_first_token=on_first_token, on_end=on_end)
        finally:
            await client.close()

    return asyncio.run(call())


def test_a_streamed_answer_comes_whole_with_its_tokens_and_cost(fake: FakeOpenAI) -> None:
    fake.switch("instant")
    first_tokens: list[bool] = []
    records: list[CallRecord] = []

    completion = ask(fake, on_first_token=lambda: first_tokens.append(True), on_end=records.append)

    assert completion.text == REPLY
    assert first_tokens == [True]
    assert records == [completion.record]
    record = completion.record
    assert (record.outcome, record.error, record.is_estimated) == ("ok", None, False)
    assert record.first_token_ms is not None
    assert 0.0 <= record.first_token_ms <= record.ended_ms
    assert record.completion_tokens > 10
    assert record.cost_usd == pytest.approx((record.prompt_tokens + 2 * record.completion_tokens) / 1_000_000)


def test_the_request_says_what_it_wants(fake: FakeOpenAI) -> None:
    fake.switch("instant")

    ask(fake, request=Request(messages=REQUEST.messages, max_output_tokens=77, temperature=0.5))

    asked = fake.log[-1]
    assert asked.body["max_tokens"] == 77
    assert asked.body["temperature"] == 0.5
    assert asked.body["response_format"] == {"type": "json_object"}
    assert asked.body["messages"] == [dict(message) for message in REQUEST.messages]
    assert asked.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("endpoint", "asked_for", "sent"),
    [
        ("none", "json", None),
        ("json_object", "json", {"type": "json_object"}),
        ("json_schema", "json", {"type": "json_schema", "json_schema": {"name": "edits", "schema": {}}}),
        ("json_schema", "text", None),
    ],
)
def test_an_answer_is_held_to_a_shape_as_far_as_the_endpoint_can(
    fake: FakeOpenAI, endpoint: StructuredOutput, asked_for: Literal["json", "text"], sent: object
) -> None:
    fake.switch("instant")
    request = Request(messages=REQUEST.messages, response_format=asked_for, json_schema={"name": "edits", "schema": {}})

    async def call() -> None:
        client = OpenAITarget(replace(target_of(fake), structured_output=endpoint))
        await client.stream(request, Deadline.after(5.0))
        await client.close()

    asyncio.run(call())

    assert fake.log[-1].body.get("response_format") == sent


def test_nothing_of_the_environment_is_sent_along(fake: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.switch("instant")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-canary")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "prj-canary")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")

    assert ask(fake).text == REPLY
    assert "canary" not in str({name: value for name, value in fake.log[-1].headers.items() if name != "Authorization"})


@pytest.mark.parametrize(
    ("profile", "error", "outcome", "retryable"),
    [
        ("dead", TargetUnreachableError, "refused", True),
        ("disconnect", StreamCutError, "cut", True),
        ("429", TargetThrottledError, "http_429", True),
        ("500", TargetFailedError, "http_5xx", True),
        ("503", TargetFailedError, "http_5xx", True),
        ("stream_error", TargetFailedError, "http_5xx", True),
        ("401", KeyRefusedError, "auth", False),
        ("404", RequestRefusedError, "refused", False),
        ("redirect", RequestRefusedError, "refused", False),
        ("cut", StreamCutError, "cut", True),
        ("too_short", StreamCutError, "cut", True),
        ("malformed", AnswerMalformedError, "malformed", True),
        ("bad_utf8", AnswerMalformedError, "malformed", True),
        ("lone_surrogate", AnswerMalformedError, "malformed", True),
        ("html", AnswerMalformedError, "malformed", True),
        ("empty", AnswerMalformedError, "malformed", True),
        ("huge", AnswerTooLongError, "malformed", True),
        ("tool_call", AnswerIsToolCallError, "malformed", True),
        ("refusal", AnswerDeclinedError, "malformed", True),
        ("stall", StreamStalledError, "stalled", True),
    ],
)
def test_each_failure_has_its_name(
    fake: FakeOpenAI, profile: str, error: type[LLMError], outcome: str, retryable: bool
) -> None:
    fake.switch(profile)
    records: list[CallRecord] = []

    with pytest.raises(LLMError) as caught:
        ask(fake, stall_seconds=0.15, on_end=records.append)

    assert type(caught.value) is error
    assert caught.value.outcome == outcome
    assert caught.value.retryable is retryable
    assert caught.value.record is not None
    assert caught.value.record.outcome == outcome
    assert records == [caught.value.record]
    assert "canary" not in str(caught.value) + repr(caught.value.record)


@pytest.mark.parametrize("profile", ["hang", "drip"])
def test_a_call_that_never_gives_a_token_ends_as_a_timeout(fake: FakeOpenAI, profile: str) -> None:
    fake.switch(profile)

    with pytest.raises(LLMError) as caught:
        ask(fake, seconds=0.2)

    assert caught.value.outcome == "timeout"


@pytest.mark.parametrize("profile", ["bad_json", "wrong_schema"])
def test_words_that_are_no_edits_are_still_words(fake: FakeOpenAI, profile: str) -> None:
    fake.switch(profile)

    assert ask(fake).text.startswith('{"edits"')


def test_an_endpoint_that_does_not_stream_is_understood(fake: FakeOpenAI) -> None:
    fake.switch("not_streamed")

    completion = ask(fake)

    assert completion.text == REPLY
    assert not completion.record.is_estimated


def test_the_wait_a_throttled_target_asks_for_is_told(fake: FakeOpenAI) -> None:
    fake.switch("429")

    with pytest.raises(TargetThrottledError) as caught:
        ask(fake)

    assert caught.value.retry_after_seconds == 2.0


def test_a_call_ends_as_soon_as_the_asker_has_enough(fake: FakeOpenAI) -> None:
    fake.switch("stall")

    completion = ask(fake, request=Request(messages=REQUEST.messages, stop_when=lambda text: "find" in text))

    assert REPLY.startswith(completion.text)
    assert completion.record.outcome == "ok"
    assert completion.record.is_estimated


def test_a_failing_callback_is_not_taken_for_a_failing_target(fake: FakeOpenAI) -> None:
    fake.switch("instant")

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(fake, on_first_token=fail)


def test_an_unknown_role_is_malformed_before_anything_is_sent(fake: FakeOpenAI) -> None:
    fake.switch("instant")
    asked = len(fake.log)

    with pytest.raises(AnswerMalformedError):
        ask(fake, request=Request(messages=({"role": "tool", "content": "x"},)))

    assert len(fake.log) == asked


def test_cancelling_closes_the_connection_and_keeps_the_record(fake: FakeOpenAI) -> None:
    fake.switch("stall")
    records: list[CallRecord] = []

    async def cancel_after_the_first_token() -> None:
        client = OpenAITarget(target_of(fake, stall_seconds=30.0))
        begun = asyncio.Event()
        call = asyncio.create_task(
            client.stream(REQUEST, Deadline.after(30.0), on_first_token=begun.set, on_end=records.append)
        )
        await begun.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert client.in_flight == 0
        await client.close()

    asyncio.run(cancel_after_the_first_token())

    assert [record.outcome for record in records] == ["cancelled"]
    assert records[0].is_estimated
    assert records[0].cost_usd > 0.0


def test_a_finished_call_leaves_its_connection_to_the_next(fake: FakeOpenAI) -> None:
    fake.switch("instant")

    async def ask_twice() -> list[str]:
        client = OpenAITarget(target_of(fake))
        texts = []
        for _ in range(2):
            texts.append((await client.stream(REQUEST, Deadline.after(5.0))).text)
            while client.in_flight:
                await asyncio.sleep(0)
        await client.close()
        return texts

    connections = fake.connections_opened
    assert asyncio.run(ask_twice()) == [REPLY, REPLY]
    assert fake.connections_opened == connections + 1


def test_many_calls_at_once_all_come_back(fake: FakeOpenAI) -> None:
    fake.switch("instant")

    async def ask_many() -> list[Completion]:
        client = OpenAITarget(target_of(fake))
        calls = [client.stream(REQUEST, Deadline.after(20.0)) for _ in range(50)]
        completions = await asyncio.gather(*calls)
        await client.close()
        return completions

    assert {completion.text for completion in asyncio.run(ask_many())} == {REPLY}


def test_devanagari_is_estimated_to_the_dear_side() -> None:
    usage = Usage.estimate(prompt="निवेश", completion="abcd")

    assert usage == Usage(prompt_tokens=4, completion_tokens=1, is_estimated=True)


def test_warm_connections_are_used_by_the_calls_that_follow(fake: FakeOpenAI) -> None:
    fake.switch("instant")

    async def warm_then_ask() -> tuple[int, int, int]:
        client = OpenAITarget(target_of(fake))
        asked = len(fake.log)
        opened = await client.warm(3)
        warmed = fake.connections_opened
        await asyncio.gather(*(client.stream(REQUEST, Deadline.after(5.0)) for _ in range(3)))
        await client.close()
        assert len(fake.log) == asked + 3
        return opened, warmed, fake.connections_opened

    opened, warmed, after = asyncio.run(warm_then_ask())

    assert opened == 3
    assert after == warmed


def test_a_target_that_is_away_is_not_warmed_and_that_is_no_error(fake: FakeOpenAI) -> None:
    fake.switch("dead")

    async def warm() -> int:
        client = OpenAITarget(target_of(fake))
        opened = await client.warm()
        await client.close()
        return opened

    assert asyncio.run(warm()) == 0


def test_nesting_without_end_is_malformed() -> None:
    with FakeOpenAI("nested") as deep, pytest.raises(AnswerMalformedError):
        ask(deep)
