"""What every benchmark prints: figures with the commit, the seed and the machine they belong to."""

import json
import os
import platform
import random
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def quantiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """Return count, P50, P95, P99 and the largest of some durations in milliseconds."""
    ordered = sorted(milliseconds)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)

    return {"n": len(ordered), "p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": round(ordered[-1], 2)}


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value at a share of ascending values; 0.0 of none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def interval(
    values: Sequence[float], figure: Callable[[Sequence[float]], float], *, seed: int, rounds: int = 400
) -> tuple[float, float]:
    """Return the bounds between which 95 % of the figures of resamples lie (bootstrap); rounded to 4 digits."""
    chance = random.Random(seed)
    figures = sorted(figure(chance.choices(values, k=len(values))) for _ in range(rounds))
    return round(quantile(figures, 0.025), 4), round(quantile(figures, 0.975), 4)


def machine() -> dict[str, Any]:
    """Return what the figures were taken on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "cpu": model or platform.processor() or "unknown",
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "load_1min": round(os.getloadavg()[0], 2),
    }


def commit() -> str:
    """Return the commit the figures belong to, marked when files differ from it."""
    described = subprocess.run(  # fixed words, no input
        ["git", "describe", "--always", "--dirty"],  # noqa: S607
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"


def circumstances(seed: int) -> dict[str, Any]:
    """Return what a figure means nothing without."""
    return {
        "commit": commit(),
        "seed": seed,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 2),
    }


def show(figures: dict[str, Any], *, as_json: bool) -> None:
    """Print figures for people, or as one JSON object."""
    if as_json:
        print(json.dumps(figures, ensure_ascii=False))
        return
    for name, value in figures.items():
        if isinstance(value, dict):
            print(f"{name:<28} " + "  ".join(f"{key} {inner}" for key, inner in value.items()))
        else:
            print(f"{name:<28} {value}")
