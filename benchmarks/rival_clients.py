"""Ask through another client or router; runs in the rivals' own environment and knows nothing of the product.

Started by benchmarks/rivals.py with a JSON plan on standard input; prints one JSON object: the milliseconds of each
request and whether it brought a whole, readable reply.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.arrivals import open_loop

Ask = Callable[[list[dict[str, str]]], Awaitable[str]]

# What each waits for one attempt. None of them knows an end-to-end deadline; this is the most favourable setting that
# still lets a second attempt follow.
ATTEMPT_SECONDS = 1.4
RETRIES = 1
# The openai package waits ten minutes for an endpoint that hangs; nobody counts an answer that late.
GIVE_UP_SECONDS = 15.0


async def openai_client(urls: Sequence[str]) -> Ask:
    """The openai package as its manual shows it: one endpoint, its own time-outs and retries."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key="bench", base_url=urls[0])

    async def ask(messages: list[dict[str, str]]) -> str:
        answer = await client.chat.completions.create(model="fake-strong", messages=messages, max_tokens=700)  # type: ignore[arg-type]
        return answer.choices[0].message.content or ""

    return ask


def _router(urls: Sequence[str], names: Sequence[str]) -> Any:
    import litellm

    litellm.suppress_debug_info = True
    deployments = [
        {"model_name": name, "litellm_params": {"model": "openai/fake-strong", "api_base": url, "api_key": "bench"}}
        for url, name in zip(urls, names, strict=True)
    ]
    return litellm.Router(model_list=deployments, timeout=ATTEMPT_SECONDS, num_retries=RETRIES)


async def litellm_router(urls: Sequence[str]) -> Ask:
    """LiteLLM's Router over both endpoints, with retries."""
    router = _router(urls, ["model"] * len(urls))

    async def ask(messages: list[dict[str, str]]) -> str:
        answer = await router.acompletion(model="model", messages=messages, max_tokens=700)
        return answer.choices[0].message.content or ""

    return ask


async def litellm_fastest_of_2(urls: Sequence[str]) -> Ask:
    """LiteLLM's Router asking both endpoints at once and taking the first answer."""
    names = [f"model-{number}" for number, _ in enumerate(urls)]
    router = _router(urls, names)

    async def ask(messages: list[dict[str, str]]) -> str:
        answer = await router.abatch_completion_fastest_response(
            model=", ".join(names), messages=messages, max_tokens=700
        )
        return answer.choices[0].message.content or ""

    return ask


async def tensorzero_embedded(urls: Sequence[str]) -> Ask:
    """TensorZero inside the process: both endpoints as providers of one model, the second as fallback."""
    from tensorzero import AsyncTensorZeroGateway

    names = [f"p{number}" for number, _ in enumerate(urls)]
    lines = ["[gateway]", "observability.enabled = false", "[models.model]", f"routing = {json.dumps(names)}"]
    for name, url in zip(names, urls, strict=True):
        lines += [
            f"[models.model.providers.{name}]",
            'type = "openai"',
            f'api_base = "{url}/"',
            'model_name = "fake-strong"',
            'api_key_location = "none"',
            f"timeouts.non_streaming.total_ms = {int(ATTEMPT_SECONDS * 1000)}",
        ]
    path = Path(tempfile.mkdtemp()) / "tensorzero.toml"
    path.write_text("\n".join(lines))
    gateway = await AsyncTensorZeroGateway.build_embedded(config_file=str(path), clickhouse_url=None)

    async def ask(messages: list[dict[str, str]]) -> str:
        system = "\n".join(one["content"] for one in messages if one["role"] == "system")
        rest = [one for one in messages if one["role"] != "system"]
        answer = await gateway.inference(
            model_name="model",
            input={"system": system, "messages": rest},
            params={"chat_completion": {"max_tokens": 700}},
        )
        return "".join(getattr(block, "text", None) or "" for block in answer.content)

    return ask


RIVALS: dict[str, Callable[[Sequence[str]], Awaitable[Ask]]] = {
    "openai_client": openai_client,
    "litellm_router": litellm_router,
    "litellm_fastest_of_2": litellm_fastest_of_2,
    "tensorzero_embedded": tensorzero_embedded,
}


def is_whole(reply: str) -> bool:
    """Say whether a reply can be read; whether it is any good nobody but the engine checks."""
    try:
        read = json.loads(reply)
    except ValueError:
        return False
    return isinstance(read, dict) and isinstance(read.get("edits"), list)


async def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Let the plan's requests arrive and return what became of each."""
    ask = await RIVALS[plan["rival"]](plan["urls"])
    prompts: list[list[dict[str, str]]] = plan["prompts"]
    errors: dict[str, int] = {}

    async def one(number: int, lag: float = 0.0) -> tuple[float, bool]:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                whole = is_whole(await ask(prompts[number]))
        except Exception as error:  # whatever it raises, its user got no answer
            errors[type(error).__name__] = errors.get(type(error).__name__, 0) + 1
            whole = False
        return (time.perf_counter() - began) * 1000, whole

    for _ in range(5):
        await one(0)
    print("ready", flush=True)
    sys.stdin.readline()
    errors.clear()
    answers = await open_loop(plan["instants"], one, on_done=lambda: None)
    return {"ms": [ms for ms, _ in answers], "whole": [whole for _, whole in answers], "errors": errors}


def main() -> None:
    """Read the plan, run it, print what came of it."""
    result = asyncio.run(run(json.loads(sys.stdin.readline())))
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
