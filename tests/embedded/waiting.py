"""Waiting for a state that another process brings about."""

import time
from collections.abc import Callable

_GIVE_UP_SECONDS = 30.0
_POLL_SECONDS = 0.02


def wait_until(is_so: Callable[[], bool], *, what: str) -> None:
    """Return as soon as `is_so()`; fail with `what` when it does not become so."""
    give_up_at = time.monotonic() + _GIVE_UP_SECONDS
    while not is_so():
        if time.monotonic() > give_up_at:
            raise AssertionError(f"did not happen: {what}")
        time.sleep(_POLL_SECONDS)
