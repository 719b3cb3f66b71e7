"""Decide which network addresses we may call: public ones, never the inside of our own network.

A base URL typed into a form could point the server at itself, its neighbours or a cloud's metadata service. The text is
checked when it is stored (``check_base_url``) and each address again when a connection opens (``is_public``), since a
name may resolve differently the second time. Numbers written in unusual forms are refused whatever they mean.
"""

from __future__ import annotations

import re
import unicodedata
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

_MAX_URL_CHARACTERS = 500
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_LOOKS_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
# IANA special-purpose registries (RFC 6890 and updates). Python 3.11's is_global misses several of these.
_INNER_IPV4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        # Azure's and Alibaba's metadata services sit on addresses the registry calls public or shared.
        "168.63.129.16/32",
    )
)
_GLOBAL_UNICAST_IPV6 = IPv6Network("2000::/3")
# Inside 2000::/3: protocol assignments with Teredo and ORCHID, documentation, 6to4 (it wraps an IPv4 address).
_INNER_IPV6 = tuple(IPv6Network(block) for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
_INNER_SUFFIXES = (
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
    "in-addr.arpa",
    "ip6.arpa",
    "test",
    "invalid",
    "onion",
)


class UnsafeBaseURLError(ValueError):
    """Say in words why a base URL may not be used."""


def check_base_url(url: str, *, allow_loopback: bool, allow_query: bool = False) -> None:
    """Accept an https URL of a public host, or with ``allow_loopback`` an http(s) URL of this machine.

    With ``allow_query`` it may end in a query. Raises ``UnsafeBaseURLError`` with the reason. Looks at the text
    only, resolves nothing.
    """
    parts = _split(url, allow_query=allow_query)
    host = _canonical_host(parts)
    if is_loopback_host(host):
        if not allow_loopback:
            raise UnsafeBaseURLError("The address is this machine; only the environment may allow that.")
        return
    if parts.scheme != "https":
        raise UnsafeBaseURLError("The address must begin with https://.")
    address = _literal_address(host)
    if address is not None:
        if not is_public(address):
            raise UnsafeBaseURLError("The address is not on the public internet.")
        return
    _check_name(host)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Say whether an address is on the public internet; an IPv4 address inside an IPv6 one never is."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _INNER_IPV4)
    if address.scope_id is not None or address.ipv4_mapped is not None:
        return False
    return address in _GLOBAL_UNICAST_IPV6 and not any(address in block for block in _INNER_IPV6)


def is_loopback_host(host: str) -> bool:
    """Say whether a canonical host is this machine: ``localhost``, 127.0.0.0/8 or ``::1``."""
    if host == "localhost":
        return True
    address = _literal_address(host)
    return address is not None and address.is_loopback


def _split(url: str, *, allow_query: bool) -> SplitResult:
    if len(url) > _MAX_URL_CHARACTERS:
        raise UnsafeBaseURLError(f"The address is longer than {_MAX_URL_CHARACTERS} characters.")
    # urlsplit drops tabs and line ends and reads "\" as part of the host; clients differ, so neither may be there.
    if any(character <= " " or character == "\x7f" or character == "\\" for character in url):
        raise UnsafeBaseURLError("The address holds a space, a control character or a backslash.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UnsafeBaseURLError("The address cannot be read.") from error
    if parts.scheme not in ("http", "https"):
        raise UnsafeBaseURLError("The address must begin with https://.")
    if "@" in parts.netloc:
        raise UnsafeBaseURLError("The address holds a name or password; the key has a field of its own.")
    if port == 0:
        raise UnsafeBaseURLError("Port 0 cannot be asked.")
    if "#" in url or ("?" in url and not allow_query):
        raise UnsafeBaseURLError("The address must end with its path.")
    if ".." in parts.path or "%" in parts.path:
        raise UnsafeBaseURLError("The path holds '..' or an escape.")
    return parts


def _canonical_host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if not host:
        raise UnsafeBaseURLError("The address has no host.")
    # Full-width digits, circled numbers and the ideographic full stop become plain ones in many resolvers.
    if not host.isascii() or unicodedata.normalize("NFKC", host) != host:
        raise UnsafeBaseURLError("The host holds characters outside ASCII; write its xn-- form.")
    if "%" in host:
        raise UnsafeBaseURLError("The host holds an escape or a network zone.")
    if host.endswith("."):
        raise UnsafeBaseURLError("The host ends with a full stop.")
    return host.lower()


def _literal_address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _check_name(host: str) -> None:
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise UnsafeBaseURLError("The host is not a name.")
    # 2130706433, 0x7f000001, 0177.0.0.1 and 127.1 are addresses to a resolver although they are none to a reader.
    if _LOOKS_NUMERIC.fullmatch(labels[-1]):
        raise UnsafeBaseURLError("The host is a number in an unusual form.")
    if len(labels) == 1:
        raise UnsafeBaseURLError("The host is a name inside this network.")
    if any(host == suffix or host.endswith("." + suffix) for suffix in _INNER_SUFFIXES):
        raise UnsafeBaseURLError("The host is a name inside this network.")
