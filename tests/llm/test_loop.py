"""One event loop serves every thread of a process."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from jarvish_regen.llm.base import Completion, DeadlinePassedError, Request, Target
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.loop import EngineLoop
from jarvish_regen.llm.targets import build_target
from tests.fake_openai import FakeOpenAI

REQUEST = Request(messages=({"role": "user", "content": "hello"},))


@pytest.fixture
def engine() -> Iterator[EngineLoop]:
    engine = EngineLoop()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(respond=lambda messages: "an answer") as server:
        yield server


def target_of(fake: FakeOpenAI, *, key: str = "k") -> Target:
    return build_target(name="fake", url=fake.url, key=key, model="m", allow_loopback=True)


def test_threads_share_one_loop_and_one_client(engine: EngineLoop, fake: FakeOpenAI) -> None:
    async def ask(deadline: Deadline) -> tuple[Completion, int]:
        completion = await engine.client(target_of(fake)).stream(REQUEST, deadline)
        return completion, id(asyncio.get_running_loop())

    def work(_: int) -> tuple[Completion, int]:
        deadline = Deadline.after(20.0)
        return engine.run(ask(deadline), deadline)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(40)))

    assert {completion.text for completion, _ in results} == {"an answer"}
    assert len({loop for _, loop in results}) == 1
    assert engine.client(target_of(fake)) is engine.client(target_of(fake))


def test_a_coroutine_that_forgets_its_deadline_is_cancelled(engine: EngineLoop) -> None:
    was_cancelled = threading.Event()

    async def forget() -> None:
        try:
            await asyncio.sleep(1e6)
        except asyncio.CancelledError:
            was_cancelled.set()
            raise

    with pytest.raises(DeadlinePassedError):
        engine.run(forget(), Deadline.after(0.05))

    assert was_cancelled.wait(10)


def test_a_blocked_loop_does_not_block_the_thread(engine: EngineLoop) -> None:
    let_go = threading.Event()

    async def block() -> None:
        let_go.wait(10)

    with pytest.raises(DeadlinePassedError):
        engine.run(block(), Deadline.after(0.05))

    assert not let_go.is_set()
    let_go.set()


def test_what_is_late_and_left_runs_on_to_its_own_end(engine: EngineLoop) -> None:
    may_end = threading.Event()

    async def late() -> str:
        await asyncio.to_thread(may_end.wait, 10.0)
        return "done"

    running = engine.submit(late(), Deadline.after(20.0))
    with pytest.raises(DeadlinePassedError):
        engine.result(running, Deadline.after(0.01), leaves_it=True)
    may_end.set()

    assert running.result(timeout=10.0) == "done"


def test_what_a_coroutine_raises_reaches_the_thread(engine: EngineLoop) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        engine.run(fail(), Deadline.after(5.0))


def test_a_thread_may_do_its_own_work_meanwhile(engine: EngineLoop) -> None:
    deadline = Deadline.after(20.0)
    go_on = threading.Event()

    async def wait_for_the_thread() -> str:
        while not go_on.is_set():
            await asyncio.sleep(0)
        return "done"

    future = engine.submit(wait_for_the_thread(), deadline)
    go_on.set()

    assert engine.result(future, deadline) == "done"


def test_a_changed_target_gets_a_new_client(engine: EngineLoop, fake: FakeOpenAI) -> None:
    async def ask(target: Target, deadline: Deadline) -> str:
        return (await engine.client(target).stream(REQUEST, deadline)).text

    for key in ("old", "new"):
        deadline = Deadline.after(20.0)
        assert engine.run(ask(target_of(fake, key=key), deadline), deadline) == "an answer"

    assert [asked.headers["Authorization"] for asked in fake.log[-2:]] == ["Bearer old", "Bearer new"]


def test_a_closed_engine_takes_no_work() -> None:
    engine = EngineLoop()

    async def answer() -> int:
        return 1

    assert engine.run(answer(), Deadline.after(5.0)) == 1
    engine.close()
    engine.close()
    with pytest.raises(RuntimeError):
        engine.run(answer(), Deadline.after(5.0))


def test_closing_ends_what_waits() -> None:
    engine = EngineLoop()
    begun = threading.Event()

    async def wait() -> None:
        begun.set()
        await asyncio.sleep(1e6)

    deadline = Deadline.after(20.0)
    future = engine.submit(wait(), deadline)
    assert begun.wait(10)

    engine.close()

    with pytest.raises(DeadlinePassedError):
        engine.result(future, deadline)


def test_the_loop_cannot_wait_for_itself(engine: EngineLoop) -> None:
    async def inner() -> int:
        return 1

    async def outer() -> int:
        return engine.run(inner(), Deadline.after(5.0))

    with pytest.raises(RuntimeError, match="itself"):
        engine.run(outer(), Deadline.after(5.0))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_a_loop_of_its_own(engine: EngineLoop, fake: FakeOpenAI) -> None:
    async def ask(deadline: Deadline) -> str:
        return (await engine.client(target_of(fake)).stream(REQUEST, deadline)).text

    deadline = Deadline.after(20.0)
    assert engine.run(ask(deadline), deadline) == "an answer"

    child = os.fork()
    if child == 0:
        status = 1
        try:
            deadline = Deadline.after(20.0)
            status = 0 if engine.run(ask(deadline), deadline) == "an answer" else 1
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    deadline = Deadline.after(20.0)
    assert engine.run(ask(deadline), deadline) == "an answer"
