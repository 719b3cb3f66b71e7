"""Carry the client's requests over aiohttp, distrusting whoever answers.

The stock transports follow redirects, unpack gzip without a limit, read error bodies to their end, report a refused
connection as a timeout and connect to whatever a name resolves to. This one does none of that.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from ipaddress import ip_address

import aiohttp
import httpx2
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from jarvish_regen.llm.addresses import is_public
from jarvish_regen.llm.base import AnswerMalformedError, AnswerTooLongError

# An event of a stream carries about 250 bytes around a token of 4, so 256 KB of text arrive in at most this.
MAX_WIRE_BYTES = 8 * 1024 * 1024
# Providers close idle connections after 60 s and more; asking on one that is just closing costs a call.
_KEEPALIVE_SECONDS = 30.0
_DNS_CACHE_SECONDS = 60


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Send each request over one pooled session, opened on the loop of the first request.

    ``max_connections`` further calls wait for a free connection, under the timeouts of their request.
    """

    def __init__(self, *, allow_loopback: bool, max_connections: int, max_wire_bytes: int = MAX_WIRE_BYTES) -> None:
        self._allow_loopback = allow_loopback
        self._max_connections = max_connections
        self._max_wire_bytes = max_wire_bytes
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the response with its body still to come; a status from 300 up comes without a body."""
        body = await request.aread()
        headers = [(name, value) for name, value in request.headers.items() if name.lower() != "accept-encoding"]
        headers.append(("Accept-Encoding", "identity"))
        timeouts = request.extensions.get("timeout", {})
        try:
            response = await self._open_session().request(
                request.method,
                str(request.url),
                headers=headers,
                data=body or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(sock_connect=timeouts.get("connect"), sock_read=timeouts.get("read")),
            )
        except TimeoutError as error:
            raise httpx2.ReadTimeout("no answer in time", request=request) from error
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise httpx2.ConnectError("no connection", request=request) from error
        except (aiohttp.ClientError, OSError) as error:
            raise httpx2.ReadError("closed before it answered", request=request) from error
        if response.status >= 300:
            # Its words may repeat a key or be endless, and the status says enough.
            response.close()
            return httpx2.Response(response.status, headers=_headers(response), content=b"", request=request)
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            response.close()
            raise AnswerMalformedError("The answer is packed although that was not asked for.")
        stream = _BoundedStream(response, self._max_wire_bytes)
        return httpx2.Response(
            response.status,
            headers=_headers(response),
            stream=stream,
            request=request,
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def aclose(self) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = ThreadedResolver() if self._allow_loopback else PublicResolver()
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


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse, max_bytes: int) -> None:
        self._response = response
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        try:
            async for chunk in self._response.content.iter_any():
                received += len(chunk)
                if received > self._max_bytes:
                    raise AnswerTooLongError(f"More than {self._max_bytes} bytes on the wire.")
                yield chunk
        except TimeoutError as error:
            raise httpx2.ReadTimeout("silence") from error
        except (aiohttp.ClientError, OSError) as error:
            raise httpx2.ReadError("closed in mid-answer") from error

    async def aclose(self) -> None:
        # Keeps the connection for the next call if the body was read to its end, else closes it.
        self._response.release()


def _headers(response: aiohttp.ClientResponse) -> list[tuple[bytes, bytes]]:
    return list(response.raw_headers)
