"""What every benchmark prints: figures with the commit, the seed and the machine they belong to."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def quantiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """Return count, P50, P95, P99 and the largest of some durations in milliseconds."""
    ordered = sorted(milliseconds)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)

    return {"n": len(ordered), "p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": round(ordered[-1], 2)}


def circumstances(seed: int) -> dict[str, Any]:
    """Return what a figure means nothing without."""
    described = subprocess.run(  # fixed words, no input
        ["git", "describe", "--always", "--dirty"],  # noqa: S607
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "commit": described.stdout.strip() or "unknown",
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
