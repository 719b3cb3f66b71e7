"""Forget pages at the CDN: by address or by tag, in the form of Cloudflare's purge call.

Only public pages are ever kept there (`jarvish_regen.caching`), so this is about freshness, never about secrets.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
from django.conf import settings

# What one call takes (Cloudflare's limit on the free plan; larger plans take more).
CALL_MAX: Final = 30
TIMEOUT_SECONDS: Final = 10.0


class PagePurgeError(RuntimeError):
    """The CDN refused, or could not be reached. ``given`` is what was to be purged."""

    def __init__(self, reason: str, given: Sequence[str]) -> None:
        super().__init__(reason)
        self.given = tuple(given)


@dataclass(frozen=True)
class PagesPurged:
    """Tell what was asked of the CDN: the bodies of the calls, and whether they were sent."""

    calls: tuple[dict[str, list[str]], ...]
    is_sent: bool

    @property
    def pages(self) -> int:
        """How many addresses and tags the calls name."""
        return sum(len(names) for call in self.calls for names in call.values())


def purge_pages(
    *,
    urls: Sequence[str] = (),
    tags: Sequence[str] = (),
    dry_run: bool = False,
    transport: httpx.BaseTransport | None = None,
) -> PagesPurged:
    """Ask the CDN to forget pages by address and by tag, thirty a call; with ``dry_run`` only say what would be asked.

    Nothing is sent, and nothing fails, where no CDN is set up (CDN_PURGE_URL is empty). Raises PagePurgeError when the
    CDN refuses or cannot be reached; calls before that one have been carried out.
    """
    calls = tuple(
        {kind: list(names[at : at + CALL_MAX])}
        for kind, names in (("files", urls), ("tags", tags))
        for at in range(0, len(names), CALL_MAX)
    )
    if dry_run or not settings.CDN_PURGE_URL or not calls:
        return PagesPurged(calls, False)
    headers = {"Authorization": f"Bearer {settings.CDN_PURGE_TOKEN}"}
    with httpx.Client(timeout=TIMEOUT_SECONDS, headers=headers, transport=transport) as client:
        for call in calls:
            _send(client, call)
    return PagesPurged(calls, True)


def _send(client: httpx.Client, call: dict[str, list[str]]) -> None:
    given = [name for names in call.values() for name in names]
    try:
        response = client.post(settings.CDN_PURGE_URL, json=call)
    except httpx.HTTPError as error:
        raise PagePurgeError(f"the CDN cannot be reached: {type(error).__name__}", given) from error
    try:
        reply: Any = response.json()
    except json.JSONDecodeError:
        reply = {}
    if response.status_code >= 400 or not (isinstance(reply, dict) and reply.get("success") is True):
        raise PagePurgeError(f"the CDN refused with status {response.status_code}", given)
