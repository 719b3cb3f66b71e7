"""Start and steer the fake provider of a benchmark, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parent.parent


class Provider:
    """Run ``tests.fake_openai`` as a child; a context manager. ``urls`` are the base URLs of its targets."""

    def __init__(
        self, *, profile: str, targets: int, seed: int, faults: str = "", respond: str = "", retry_after: float = 2.0
    ) -> None:
        command = [sys.executable, "-m", "tests.fake_openai", "--profile", profile, "--targets", str(targets)]
        command += ["--seed", str(seed), "--faults", faults, "--respond", respond, "--retry-after", str(retry_after)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT)
        assert self._process.stdout is not None
        where = json.loads(self._process.stdout.readline())
        self.urls: tuple[str, ...] = tuple(where["urls"])
        self._control_url: str = where["control_url"]

    def __enter__(self) -> Provider:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)

    def change(self, **wanted: Any) -> None:
        """Change how it behaves, as ``tests.fake_openai`` describes it."""
        _ask(self._control_url, json.dumps(wanted).encode())

    def asked(self) -> tuple[int, ...]:
        """Return how many completions each target was asked for."""
        return tuple(state["asked"] for state in _ask(self._control_url)["targets"])


def fixed_reply(messages: object) -> str:
    """Reply with one short edit, so that a provider takes no time to think."""
    return '{"edits": [{"find": "assured 12%", "replace": "market-linked", "fixes": ["x"]}], "full_text": null}'


def _ask(url: str, body: bytes | None = None) -> Any:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310  # our own child
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        return json.load(response)
