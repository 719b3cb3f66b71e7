"""Make targets from what a form, a row or the environment says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, SupportsFloat
from urllib.parse import urlsplit

from jarvish_regen.llm.addresses import UnsafeBaseURLError, check_base_url
from jarvish_regen.llm.base import STRUCTURED_OUTPUTS, Target

__all__ = ["InvalidTargetError", "UnsafeBaseURLError", "build_target", "check_base_url", "from_json", "from_settings"]

_COMPLETIONS_PATH = "/chat/completions"
_TEXTS: Final = ("name", "url", "model", "key", "key_variable", "tier", "vendor", "region", "structured_output")
_NUMBERS: Final = ("max_concurrency", "price_in_usd_per_mtok", "price_out_usd_per_mtok", "stall_seconds")


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
    vendor: str = "",
    region: str = "",
    structured_output: str = "json_object",
    allow_loopback: bool = False,
) -> Target:
    """Return a checked target.

    Accepts a ``url`` with or without a closing slash or ``/chat/completions``. ``allow_loopback`` may be True only
    where the URL comes from the environment. Without a ``vendor`` the host (and port) of the URL stands for it: what
    shares an address fails together. Raises ``UnsafeBaseURLError`` or ``InvalidTargetError``, both of them
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
    if structured_output not in STRUCTURED_OUTPUTS:
        raise InvalidTargetError("structured_output", f"One of {', '.join(STRUCTURED_OUTPUTS)}.")
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
        vendor=vendor.strip() or urlsplit(base_url).netloc,
        region=region.strip(),
        structured_output=next(one for one in STRUCTURED_OUTPUTS if one == structured_output),
    )


def from_settings(*, url: str, key: str, model: str, name: str = "default", tier: str = "strong") -> tuple[Target, ...]:
    """Return the targets the environment names; none when it names none (answers then come from rule repair).

    ``url`` may be a list parted by commas, and then so may ``key`` and ``model``: one for all, or one each. The second
    target is called ``default-2`` and so on. Loopback is allowed, since only who runs the server can write its
    environment. Raises ``ValueError``.
    """
    urls = _parted(url)
    keys, models = _each(_parted(key), len(urls), "key"), _each(_parted(model), len(urls), "model")
    return tuple(
        build_target(
            name=name if place == 0 else f"{name}-{place + 1}",
            url=one,
            key=keys[place],
            model=models[place],
            tier=tier,
            allow_loopback=True,
        )
        for place, one in enumerate(urls)
    )


def from_json(given: str, *, environment: Mapping[str, str]) -> tuple[Target, ...]:
    """Return the targets of a JSON list of objects whose fields are the arguments of ``build_target``.

    A key is given as ``key`` or, better, as ``key_variable``: the name of the variable of ``environment`` that holds
    it. Raises ``ValueError`` that names the place in the list and never repeats a key.
    """
    if not given.strip():
        return ()
    try:
        listed = json.loads(given)
    except ValueError as error:
        raise InvalidTargetError("JARVISH_MODELS", "JARVISH_MODELS is not JSON.") from error
    if not isinstance(listed, list):
        raise InvalidTargetError("JARVISH_MODELS", "JARVISH_MODELS is not a list.")
    return tuple(_target_from(fields, place, environment) for place, fields in enumerate(listed, 1))


def _target_from(fields: object, place: int, environment: Mapping[str, str]) -> Target:
    where = f"JARVISH_MODELS, target {place}"
    if not isinstance(fields, dict) or not {"name", "url", "model"} <= fields.keys():
        raise InvalidTargetError("JARVISH_MODELS", f"{where}: name, url and model are needed.")
    if unknown := sorted(fields.keys() - {*_TEXTS, *_NUMBERS}):
        raise InvalidTargetError("JARVISH_MODELS", f"{where}: {', '.join(unknown)} is unknown.")
    for field, value in fields.items():
        is_right = isinstance(value, str) if field in _TEXTS else isinstance(value, int | float)
        if not is_right or isinstance(value, bool):
            raise InvalidTargetError(field, f"{where}: {field} is of the wrong kind.")
    key = fields.pop("key", "") or environment.get(fields.get("key_variable", ""), "")
    fields.pop("key_variable", None)
    try:
        return build_target(**fields, key=key, allow_loopback=True)
    except ValueError as error:
        raise InvalidTargetError("JARVISH_MODELS", f"{where}: {error}") from error


def _parted(given: str) -> list[str]:
    return [one.strip() for one in given.split(",") if one.strip()]


def _each(given: list[str], count: int, what: str) -> list[str]:
    if len(given) in (0, 1):
        return (given or [""]) * count
    if len(given) != count:
        raise InvalidTargetError(what, f"There are {count} addresses and {len(given)} of {what}.")
    return given
