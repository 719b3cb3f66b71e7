"""Carry requests over aiohttp, distrusting whoever answers.

HTTP clients follow redirects, unpack gzip without a limit, read error bodies to their end and connect to whatever a
name resolves to. This one does none of that. It keeps no clock: who asks cancels when the time is over.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from ipaddress import ip_address
from typing import Final, Protocol

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from jarvish_regen.llm.addresses import is_public
from jarvish_regen.llm.base import (
    AnswerMalformedError,
    AnswerTooLongError,
    LLMError,
    StreamCutError,
    TargetUnreachableError,
)

logger = logging.getLogger(__name__)

# An event of a stream carries about 250 bytes around a token of 4, so 256 KB of text arrive in at most this.
MAX_WIRE_BYTES: Final = 8 * 1024 * 1024
# Providers close idle connections after 60 s and more. One that is closed sooner leaves the pool when its end is seen.
_KEEPALIVE_SECONDS: Final = 55.0
_DNS_CACHE_SECONDS: Final = 60
_WARMING_SECONDS: Final = 5.0
# Who asks holds the only clock. aiohttp's own limits would cost two timers a call and fire later.
_NO_TIMEOUTS: Final = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)


class Answer(Protocol):
    """Hold the head of an answer; its body is still to come."""

    @property
    def status(self) -> int:
        """Return the HTTP status; from 300 up there is no body to read."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the headers; their names are looked up whatever their case."""

    def pieces(self) -> AsyncIterator[bytes]:
        """Return the body as it arrives; raises ``LLMError`` when it breaks off or passes the limit of bytes."""

    async def close(self) -> None:
        """Let go of the connection: kept for the next call if the body was read to its end, else closed."""


class Transport(Protocol):
    """Carry requests to one target; a scripted one replaces the network in tests."""

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send ``body`` and return the head of the answer; raises ``LLMError`` when there is none."""

    async def warm(self, url: str, *, headers: Mapping[str, str], connections: int) -> int:
        """Open connections for later requests; return how many are open."""

    async def close(self) -> None:
        """Close all connections."""


class GuardedTransport:
    """Send each request over one pooled session, opened on the loop of the first request.

    ``max_connections`` further calls wait for a free connection, until they are cancelled. ``resolver`` looks names up,
    the system's by default; what it finds is held to public addresses unless loopback is allowed.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool,
        max_connections: int,
        max_wire_bytes: int = MAX_WIRE_BYTES,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._resolver = resolver
        self._max_connections = max_connections
        self._max_wire_bytes = max_wire_bytes
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the answer with its body still to come; redirects are answers like any other."""
        response = await self._send("POST", url, headers=headers, body=body)
        if response.status >= 300:
            # Its words may repeat a key or be endless, and the status says enough.
            response.close()
        elif response.headers.get("Content-Encoding", "identity").lower() != "identity":
            response.close()
            raise AnswerMalformedError("The answer is packed although that was not asked for.")
        return _BoundedAnswer(response, self._max_wire_bytes)

    async def warm(self, url: str, *, headers: Mapping[str, str], connections: int) -> int:
        """Open up to ``connections`` at once by asking for no more than headers; return how many were answered.

        Whatever the status, the connection stands. Ends after 5 s with those that are open by then.
        """
        heads = [asyncio.create_task(self._head(url, headers)) for _ in range(connections)]
        if not heads:
            return 0
        done, late = await asyncio.wait(heads, timeout=_WARMING_SECONDS)
        for head in late:
            head.cancel()
        if late:
            await asyncio.wait(late, timeout=_WARMING_SECONDS)
        return sum(head.result() for head in done)

    async def close(self) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()

    async def _head(self, url: str, headers: Mapping[str, str]) -> bool:
        try:
            response = await self._send("HEAD", url, headers=headers, body=None)
        except LLMError as failure:
            logger.info("a connection could not be warmed", extra={"outcome": failure.outcome})
            return False
        response.release()
        return True

    async def _send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None
    ) -> aiohttp.ClientResponse:
        try:
            return await self._open_session().request(
                method,
                # Checked when the target was made; parsed once more here it could come to mean something else.
                URL(url, encoded=True),
                headers=headers,
                data=body,
                allow_redirects=False,
                timeout=_NO_TIMEOUTS,
            )
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise TargetUnreachableError("No connection to the target.") from error
        except aiohttp.ClientResponseError as error:
            raise AnswerMalformedError("The answer is not HTTP.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise StreamCutError("The connection closed before it answered.") from error

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            names = self._resolver or ThreadedResolver()
            resolver = names if self._allow_loopback else PublicResolver(names)
            connector = aiohttp.TCPConnector(
                limit=self._max_connections,
                keepalive_timeout=_KEEPALIVE_SECONDS,
                resolver=resolver,
                ttl_dns_cache=_DNS_CACHE_SECONDS,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                # One advisor's call must not leave anything behind that the next one's would carry.
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


class PublicResolver(AbstractResolver):
    """Resolve names to public addresses only, so that a name cannot come to mean an inner one after its check."""

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the public addresses of ``host``; raises ``OSError`` when one of its addresses is not public."""
        results = await self._resolver.resolve(host, port, family)
        if not results or not all(is_public(ip_address(result["host"])) for result in results):
            raise OSError(None, "the name leads to an address that is not public")
        return results

    async def close(self) -> None:
        """Close the resolver underneath."""
        await self._resolver.close()


class _BoundedAnswer:
    def __init__(self, response: aiohttp.ClientResponse, max_bytes: int) -> None:
        self._response = response
        self._max_bytes = max_bytes

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    async def pieces(self) -> AsyncIterator[bytes]:
        received = 0
        content = self._response.content
        try:
            while piece := await content.readany():
                received += len(piece)
                if received > self._max_bytes:
                    raise AnswerTooLongError(f"More than {self._max_bytes} bytes on the wire.")
                yield piece
        except (aiohttp.ClientError, OSError) as error:
            raise StreamCutError("The connection closed in mid-answer.") from error

    async def close(self) -> None:
        self._response.release()
