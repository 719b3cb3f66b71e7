"""How many tokens our prompts take over the demo drafts, each with every tactic, and how long writing one takes.

Counted with o200k_base by bpe-openai. Budgets (DECISIONS 12, FEATURES R26-R28): 500 for what is ours, 200 for the
request beside the rejected and mandated texts. Run by ./jarvish bench prompts [--json].
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import django

django.setup()

from benchmarks.report import circumstances, quantiles, show  # noqa: E402  Django must be set up first
from benchmarks.rules import jobs  # noqa: E402
from jarvish_regen.content.compliance.repair import repair  # noqa: E402
from regeneration.job import TACTICS, Job, Situation  # noqa: E402
from regeneration.prompts import Prompt, estimated_tokens, prompt_version, write_prompt, write_simple_prompt  # noqa: E402
from regeneration.validate import report_on  # noqa: E402

MOST_INSTRUCTIONS, MOST_CONTEXT = 500, 200
NOT_COUNTED = frozenset({"text", "keep_exactly", "inserted_by_us"})
# A real nonce: 16 hexadecimal digits.
NONCE = "0f3a9c5d7b1e2468"


@lru_cache(maxsize=1)
def _encoding() -> Any:  # the package has no types
    with warnings.catch_warnings():
        # It reads its vocabulary by a way that Python has deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        from bpe_openai import get_encoding

        return get_encoding("o200k_base")


def true_tokens(text: str) -> int:
    """Count the tokens of ``text``."""
    return len(_encoding().encode(text))


def parts(prompt: Prompt) -> tuple[str, str]:
    """Return what of a prompt is ours, and what of its data counts against the budget."""
    system, user = (message["content"] for message in prompt.messages)
    lines = user.split("\n")
    (data,) = (line for line in lines if line.startswith('{"text"'))
    context = {name: value for name, value in json.loads(data).items() if name not in NOT_COUNTED}
    ours = "\n".join([system, *(line for line in lines if line != data)])
    return ours, json.dumps(context, ensure_ascii=False)


def _spread(counts: Sequence[int]) -> dict[str, int]:
    ordered = sorted(counts)
    return {
        "n": len(ordered),
        "p50": ordered[len(ordered) // 2],
        "p95": ordered[int(0.95 * len(ordered))],
        "max": ordered[-1],
    }


def measure(all_jobs: Sequence[Job]) -> dict[str, Any]:
    """Return the figures over ``all_jobs`` with every tactic; each advisor has three rejections behind him."""
    ours: list[int] = []
    context: dict[str, list[int]] = {}
    whole: list[int] = []
    simple: list[int] = []
    ratio: list[float] = []
    spent_ms: list[float] = []
    history = Situation(recent_codes=("too_salesy", "unbalanced_risk", "missing_key_point"))
    for job in all_jobs:
        report = report_on(job.rejected_text, job.context)
        mended = repair(job.rejected_text, job.context)
        for tactic in TACTICS:
            asked = replace(job, tactic=tactic, situation=history)
            began = time.perf_counter()
            prompt = write_prompt(asked, repair=mended, before=report, nonce=NONCE)
            spent_ms.append((time.perf_counter() - began) * 1000)
            instructions, told = parts(prompt)
            ours.append(true_tokens(instructions))
            context.setdefault(job.context.language, []).append(true_tokens(told))
            ratio.append(estimated_tokens(told) / true_tokens(told))
            whole.append(true_tokens("\n".join(message["content"] for message in prompt.messages)))
        short = write_simple_prompt(job, before=report, nonce=NONCE)
        simple.append(true_tokens("\n".join(message["content"] for message in short.messages)))
    return {
        "instructions tokens": _spread(ours),
        "context tokens": _spread([count for counts in context.values() for count in counts]),
        **{f"context tokens {language}": _spread(counts) for language, counts in sorted(context.items())},
        "whole prompt tokens": _spread(whole),
        "simple prompt tokens": _spread(simple),
        "estimate / true": {"least": round(min(ratio), 2), "mean": round(sum(ratio) / len(ratio), 2)},
        "write_prompt ms": quantiles(spent_ms),
    }


def main() -> int:
    """Measure and print; 1 when a budget is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(jobs())
    show({**figures, "prompt version": prompt_version(), **circumstances(seed=0)}, as_json=options.json)
    within = (
        figures["instructions tokens"]["max"] <= MOST_INSTRUCTIONS and figures["context tokens"]["max"] <= MOST_CONTEXT
    )
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
