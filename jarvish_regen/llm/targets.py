"""Make targets from what a form, a row or the environment says."""

from __future__ import annotations

from typing import SupportsFloat

from jarvish_regen.llm.addresses import UnsafeBaseURLError, check_base_url
from jarvish_regen.llm.base import Target

__all__ = ["InvalidTargetError", "UnsafeBaseURLError", "build_target", "check_base_url", "from_settings"]

_COMPLETIONS_PATH = "/chat/completions"


class InvalidTargetError(ValueError):
    """Say in words which part of a target is wrong; ``field`` names it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def build_target(
    *,
    name: str,
    url: str,
    key: str,
    model: str,
    tier: str = "strong",
    max_concurrency: int = 8,
    price_in_usd_per_mtok: SupportsFloat = 0.0,
    price_out_usd_per_mtok: SupportsFloat = 0.0,
    stall_seconds: float = 0.6,
    allow_loopback: bool = False,
) -> Target:
    """Return a checked target.

    Accepts a ``url`` with or without a closing slash or ``/chat/completions``. ``allow_loopback`` may be True only
    where the URL comes from the environment. Raises ``UnsafeBaseURLError`` or ``InvalidTargetError``, both of them
    ``ValueError``.
    """
    base_url = url.strip().rstrip("/").removesuffix(_COMPLETIONS_PATH)
    check_base_url(base_url, allow_loopback=allow_loopback)
    if not name.strip():
        raise InvalidTargetError("name", "A target needs a name.")
    if not model.strip():
        raise InvalidTargetError("model", "A target needs the name of a model.")
    # A key goes into a header: a line end in it would be a second header.
    if not key.isascii() or any(character <= " " or character == "\x7f" for character in key.strip()):
        raise InvalidTargetError("key", "The key holds a character that keys do not have.")
    if not 1 <= max_concurrency <= 1000:
        raise InvalidTargetError("max_concurrency", "Between 1 and 1000 calls at once.")
    if not (float(price_in_usd_per_mtok) >= 0.0 and float(price_out_usd_per_mtok) >= 0.0):
        raise InvalidTargetError("price", "A price is not negative.")
    if not 0.0 < stall_seconds <= 60.0:
        raise InvalidTargetError("stall_seconds", "A stall is between 0 and 60 seconds.")
    return Target(
        name=name.strip(),
        base_url=base_url,
        model=model.strip(),
        api_key=key.strip(),
        tier=tier,
        max_concurrency=max_concurrency,
        price_in_usd_per_mtok=float(price_in_usd_per_mtok),
        price_out_usd_per_mtok=float(price_out_usd_per_mtok),
        stall_seconds=stall_seconds,
        allow_loopback=allow_loopback,
    )


def from_settings(*, url: str, key: str, model: str, name: str = "default", tier: str = "strong") -> Target | None:
    """Return the target the environment names, or None when it names none (answers then come from rule repair).

    Loopback is allowed, since only who runs the server can write its environment.
    """
    if not url.strip():
        return None
    return build_target(name=name, url=url, key=key, model=model, tier=tier, allow_loopback=True)
