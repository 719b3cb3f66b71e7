"""Where this floor asks others over the network: one event loop a process, started by the first question."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from django.db import connection

from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.loop import EngineLoop

engine = EngineLoop()

Result = TypeVar("Result")


def ask(coroutine: Coroutine[Any, Any, Result], deadline: Deadline) -> Result:
    """Return what the coroutine returns; raises as `EngineLoop.run` does.

    Gives the thread's database connection back first: who waits half a minute must not hold one that an answer needs.
    """
    if not connection.in_atomic_block:
        connection.close()
    return engine.run(coroutine, deadline)
