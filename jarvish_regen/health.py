"""Whether this process lives, and whether it can do its work: for supervisors and load balancers."""

import asyncio
from collections.abc import Callable
from typing import Final

import redis
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

PATIENCE_SECONDS: Final = 1.0


@never_cache
async def live(request: HttpRequest) -> JsonResponse:
    """Say that this process answers. Touches nothing."""
    return JsonResponse({"status": "live"})


@never_cache
async def ready(request: HttpRequest) -> JsonResponse:
    """Say whether PostgreSQL and Valkey answer within a second; 503 with the reasons if not."""
    checks = {"postgresql": _ask_database, "valkey": _ask_valkey}
    said = await asyncio.gather(*(_reason(check) for check in checks.values()))
    reasons = {name: reason for name, reason in zip(checks, said, strict=True) if reason}
    if reasons:
        return JsonResponse({"status": "not_ready", "reasons": reasons}, status=503)
    return JsonResponse({"status": "ready"})


async def _reason(check: Callable[[], None]) -> str:
    """Return why a part does not answer, empty when it does. Says no addresses: anybody may ask."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await sync_to_async(check, thread_sensitive=False)()
    except TimeoutError:
        return f"no answer within {PATIENCE_SECONDS:g} s"
    except Exception as error:  # the outermost door: whatever fails, the answer is 503 and not 500
        return type(error).__name__
    return ""


def _ask_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def _ask_valkey() -> None:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
    )
    try:
        client.ping()
    finally:
        client.close()
