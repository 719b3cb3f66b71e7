"""From a rejection to its stored answer, on real PostgreSQL: accept, claim, engine, finish.

Run by ./jarvish bench answer [--profile none|instant|fast|heavy|…] [--count N] [--json]. The provider is
tests/fake_openai.py in a process of its own; it charges time for the tokens it sends.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from itertools import cycle, islice
from pathlib import Path

from benchmarks.report import circumstances, quantiles, show


def start_provider(profile: str, seed: int) -> subprocess.Popen[str]:
    """Start the fake provider and name it to the product by environment."""
    command = [sys.executable, "-m", "tests.fake_openai", "--port", "0", "--profile", profile, "--seed", str(seed)]
    provider = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent)
    assert provider.stdout is not None
    os.environ["JARVISH_MODEL_URL"] = json.loads(provider.stdout.readline())["url"]
    os.environ["JARVISH_MODEL_KEY"] = "bench"
    return provider


def measure(count: int, *, only_models: bool) -> dict[str, object]:
    """Reject `count` copies of the demo drafts, one after another, and return the figures."""
    import django  # the provider's address must be in the environment first

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from escalation import services
    from feedback.services import Rejection, SaidIssue
    from jarvish_regen.access.models import User
    from jarvish_regen.access.policy import viewer_of
    from jarvish_regen.content.demo.loader import demo_drafts, draft_of, load_demo
    from jarvish_regen.content.services import receive_drafts
    from regeneration.models import Regeneration

    load_demo()
    rejectable = [
        draft for draft in demo_drafts() if draft.get("rejection", {}).get("suggested_action") not in (None, "escalate")
    ]
    if only_models:
        rejectable = [draft for draft in rejectable if draft["rejection"]["category"] != "compliance_violation"]
    accept_ms: list[float] = []
    answer_ms: list[float] = []
    engine_ms: list[float] = []
    rungs: Counter[str] = Counter()
    calls = 0
    for number, entry in enumerate(islice(cycle(rejectable), count)):
        viewer = viewer_of(User.objects.get(email=entry["advisor"]))
        assert viewer is not None
        copy = draft_of(entry | {"external_id": f"bench-{number}"})
        (arrival,) = receive_drafts(viewer=viewer, drafts=[copy])
        assert arrival.item is not None
        said = entry["rejection"]
        rejection = Rejection(
            category=said["category"],
            severity=said["severity"],
            note=said["note"],
            issues=[SaidIssue(code=issue["code"], quote=issue.get("quote", "")) for issue in said["issues"]],
        )
        began = time.perf_counter()
        receipt = services.receive_rejection(viewer=viewer, item_id=arrival.item.id, said=rejection)
        accepted = time.perf_counter()
        assert receipt.regeneration is not None
        services.take_next_step(regeneration_id=receipt.regeneration.id)
        row = Regeneration.objects.get(id=receipt.regeneration.id)
        accept_ms.append((accepted - began) * 1000)
        engine_ms.append(sum(stage["ms"] for stage in row.ledger["stages"]))
        answer_ms.append(float(row.answer_ms or 0))
        rungs[row.rung or "person"] += 1
        calls += len(row.ledger["calls"])
    return {
        "accept ms": quantiles(accept_ms),
        "engine ms": quantiles(engine_ms),
        "stored answer ms": quantiles(answer_ms),
        "answered by": dict(rungs),
        "provider calls per request": round(calls / count, 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="none", help="a profile of tests/fake_openai.py, or none: no model")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--needs-model", action="store_true", help="only drafts that rules alone cannot prove repaired")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    provider = None if options.profile == "none" else start_provider(options.profile, options.seed)
    try:
        figures = measure(options.count, only_models=options.needs_model)
    finally:
        if provider:
            provider.terminate()
            provider.wait(timeout=5)
    show({"profile": options.profile, **figures, **circumstances(options.seed)}, as_json=options.json)


if __name__ == "__main__":
    main()
