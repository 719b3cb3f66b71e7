"""Which addresses a model may be asked at."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from jarvish_regen.llm.addresses import UnsafeBaseURLError, check_base_url, is_public
from jarvish_regen.llm.base import Target
from jarvish_regen.llm.openai_target import OpenAITarget
from jarvish_regen.llm.targets import InvalidTargetError, build_target, from_settings
from jarvish_regen.llm.transport import PublicResolver

PUBLIC = [
    "https://api.openai.com/v1",
    "https://API.Example.com:8443/openai/v1",
    "https://8.8.8.8/v1",
    "https://[2606:4700:4700::1111]/v1",
    "https://xn--bcher-kva.example.org/v1",
    "https://a-b.c-d.co.in/v1/",
]
UNSAFE = [
    "",
    "api.openai.com/v1",
    "//api.openai.com/v1",
    "http://api.openai.com/v1",
    "ftp://api.openai.com/v1",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_",
    "https:///v1",
    "https://",
    "https://user:secret@api.openai.com/v1",
    "https://api.openai.com@127.0.0.1/v1",
    "https://127.0.0.1#@api.openai.com/",
    "https://api.openai.com\\@127.0.0.1/v1",
    "https://api.openai.com/v1?next=1",
    "https://api.openai.com/v1#x",
    "https://api.openai.com/../admin",
    "https://api.openai.com/%2e%2e/admin",
    "https://api.openai.com:0/v1",
    "https://api.openai.com:99999/v1",
    "https://api.openai.com /v1",
    "https://api.open\tai.com/v1",
    "https://api.openai.com/v1\r\nX: y",
    "https://localhost/v1",
    "https://localhost./v1",
    "https://LOCALHOST:8000/v1",
    "https://foo.localhost/v1",
    "https://127.0.0.1/v1",
    "https://127.0.0.1./v1",
    "https://127.1/v1",
    "https://127.0.1/v1",
    "https://2130706433/v1",
    "https://0x7f000001/v1",
    "https://0x7f.0.0.1/v1",
    "https://0x7f.0x0.0x0.0x1/v1",
    "https://0177.0.0.1/v1",
    "https://017700000001/v1",
    "https://127.000.000.001/v1",
    "https://0/v1",
    "https://0.0.0.0/v1",
    "https://8.8.2056/v1",
    "https://%31%32%37.0.0.1/v1",
    "https://１２７.0.0.1/v1",
    "https://127。0。0。1/v1",
    "https://①②⑦.0.0.1/v1",
    "https://10.0.0.5/v1",
    "https://100.64.0.1/v1",
    "https://100.100.100.200/v1",
    "https://168.63.129.16/v1",
    "https://169.254.169.254/latest/meta-data",
    "https://0xa9fea9fe/latest",
    "https://2852039166/latest",
    "https://172.16.0.1/v1",
    "https://192.168.1.1/v1",
    "https://192.0.0.192/v1",
    "https://198.18.0.1/v1",
    "https://203.0.113.9/v1",
    "https://224.0.0.1/v1",
    "https://240.0.0.1/v1",
    "https://255.255.255.255/v1",
    "https://[::1]/v1",
    "https://[::]/v1",
    "https://[0:0:0:0:0:0:0:1]/v1",
    "https://[::ffff:127.0.0.1]/v1",
    "https://[::ffff:7f00:1]/v1",
    "https://[::127.0.0.1]/v1",
    "https://[::ffff:169.254.169.254]/v1",
    "https://[::ffff:8.8.8.8]/v1",
    "https://[64:ff9b::7f00:1]/v1",
    "https://[2002:7f00:1::]/v1",
    "https://[2001:0:7f00:1::]/v1",
    "https://[2001:db8::1]/v1",
    "https://[fd00:ec2::254]/v1",
    "https://[fe80::1]/v1",
    "https://[fe80::1%25eth0]/v1",
    "https://[ff02::1]/v1",
    "https://[::1/v1",
    "https://metadata.google.internal/computeMetadata/v1",
    "https://postgres/v1",
    "https://db.local/v1",
    "https://router.lan/v1",
    "https://host.home.arpa/v1",
    "https://-bad.example.com/v1",
    "https://a..example.com/v1",
    "https://exa_mple.com/v1",
    "https://" + "a" * 64 + ".com/v1",
    "https://" + "a." * 260 + "com/v1",
]


@pytest.mark.parametrize("url", PUBLIC)
def test_a_public_https_address_is_accepted(url: str) -> None:
    check_base_url(url, allow_loopback=False)


@pytest.mark.parametrize("url", UNSAFE)
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(UnsafeBaseURLError):
        check_base_url(url, allow_loopback=False)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/v1", "http://localhost:11434/v1", "http://[::1]:8000/v1"])
def test_only_the_environment_may_name_this_machine(url: str) -> None:
    check_base_url(url, allow_loopback=True)
    with pytest.raises(UnsafeBaseURLError, match="this machine"):
        check_base_url(url, allow_loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.5/v1",
        "https://10.0.0.5/v1",
        "http://api.openai.com/v1",
        "http://0.0.0.0/v1",
        "http://127.1/v1",
        "http://[::ffff:127.0.0.1]/v1",
        "http://u:p@localhost/v1",
    ],
)
def test_loopback_allows_nothing_but_loopback(url: str) -> None:
    with pytest.raises(UnsafeBaseURLError):
        check_base_url(url, allow_loopback=True)


def test_a_target_made_by_hand_is_checked_as_well() -> None:
    with pytest.raises(UnsafeBaseURLError):
        OpenAITarget(Target(name="inner", base_url="https://169.254.169.254/v1", model="m", api_key="k"))


class OneAddressResolver(AbstractResolver):
    """Answer every name with given addresses, as a hostile name server would."""

    def __init__(self, *hosts: str) -> None:
        self.hosts = hosts

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=int(family), proto=0, flags=0)
            for address in self.hosts
        ]

    async def close(self) -> None:
        return None


@pytest.mark.parametrize("hosts", [("127.0.0.1",), ("8.8.8.8", "10.0.0.1"), ("::ffff:127.0.0.1",), ("fe80::1%lo",), ()])
def test_a_name_that_comes_to_mean_an_inner_address_is_not_connected_to(hosts: tuple[str, ...]) -> None:
    resolver = PublicResolver(OneAddressResolver(*hosts))

    with pytest.raises(OSError, match="not public"):
        asyncio.run(resolver.resolve("rebound.example.com", 443))


def test_a_name_with_public_addresses_is_connected_to() -> None:
    resolver = PublicResolver(OneAddressResolver("8.8.8.8", "2606:4700:4700::1111"))

    results = asyncio.run(resolver.resolve("api.example.com", 443))

    assert [result["host"] for result in results] == ["8.8.8.8", "2606:4700:4700::1111"]


def test_an_ipv4_address_inside_an_ipv6_one_is_never_public() -> None:
    assert not is_public(ip_address("::ffff:8.8.8.8"))


def test_a_target_hides_its_key() -> None:
    target = build_target(name="one", url="https://api.example.com/v1/", key="sk-canary", model="m")

    assert "canary" not in repr(target)
    assert target.base_url == "https://api.example.com/v1"


def test_the_path_of_completions_may_be_part_of_what_was_pasted() -> None:
    target = build_target(name="one", url="https://api.example.com/v1/chat/completions", key="k", model="m")

    assert target.base_url == "https://api.example.com/v1"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": " "}, "name"),
        ({"model": ""}, "model"),
        ({"key": "sk\r\nX-Evil: 1"}, "key"),
        ({"key": "sk-é"}, "key"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"price_in_usd_per_mtok": -1.0}, "price"),
        ({"price_out_usd_per_mtok": float("nan")}, "price"),
        ({"stall_seconds": 0.0}, "stall_seconds"),
    ],
)
def test_a_wrong_part_of_a_target_is_named(changed: dict[str, object], field: str) -> None:
    parts: dict[str, object] = {"name": "one", "url": "https://api.example.com/v1", "key": "k", "model": "m", **changed}

    with pytest.raises(InvalidTargetError) as caught:
        build_target(**parts)  # type: ignore[arg-type]  # wrong parts on purpose

    assert caught.value.field == field


def test_without_a_url_the_environment_names_no_target() -> None:
    assert from_settings(url="", key="k", model="m") == ()


def test_the_environment_may_name_a_model_on_this_machine() -> None:
    (target,) = from_settings(url="http://127.0.0.1:9/v1", key="", model="m")

    assert target.allow_loopback
