"""What the CDN may keep and is told to forget, and the command that purges."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import httpx
import pytest
from django.core.cache import caches
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from regeneration.cache import answer_cache
from regeneration.cache.pages import PagePurgeError, purge_pages
from regeneration.validate import validate
from tests.factories import AdvisorProfileFactory, FirmFactory
from tests.regeneration.test_cache import answer_to, salesy, scope

pytestmark = pytest.mark.django_db

PERSONAL = "private, no-store"


@pytest.mark.parametrize(
    "path", ["/", "/accounts/login/", "/admin/login/", "/api/v1/items", "/api/docs/", "/nothing-here/", "/health/live"]
)
def test_nobody_may_keep_a_page_that_is_not_marked_public(path: str) -> None:
    assert Client().get(path).headers["Cache-Control"] == PERSONAL


def test_nobody_may_keep_what_a_person_sees() -> None:
    client = Client()
    client.force_login(AdvisorProfileFactory().user)

    assert [client.get(path).headers["Cache-Control"] for path in ("/", "/api/schema/")] == [PERSONAL, PERSONAL]


def test_a_public_page_may_be_kept_and_carries_the_tag_it_is_forgotten_by(settings: Settings) -> None:
    response = Client().get("/api/schema/")

    assert response.headers["Cache-Control"] == "public, max-age=3600"
    assert response.headers["Cache-Tag"] in settings.CDN_PAGE_TAGS
    assert not response.cookies


class _Cdn:
    """The other side: takes purge calls and keeps them."""

    def __init__(self, status: int = 200, body: Any = None) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.status, self.body = status, {"success": True} if body is None else body

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append((request.headers["Authorization"], json.loads(request.content)))
        return httpx.Response(self.status, json=self.body)


@pytest.fixture
def with_cdn(settings: Settings) -> None:
    settings.CDN_PURGE_URL = "https://cdn.example/zones/z/purge_cache"
    settings.CDN_PURGE_TOKEN = "word"


@pytest.mark.usefixtures("with_cdn")
def test_pages_are_forgotten_thirty_a_call() -> None:
    cdn = _Cdn()
    urls = [f"https://jarvish.example/{number}" for number in range(31)]

    purged = purge_pages(urls=urls, tags=["api-docs"], transport=httpx.MockTransport(cdn))

    assert (purged.pages, purged.is_sent) == (32, True)
    assert cdn.calls == [
        ("Bearer word", {"files": urls[:30]}),
        ("Bearer word", {"files": urls[30:]}),
        ("Bearer word", {"tags": ["api-docs"]}),
    ]


@pytest.mark.usefixtures("with_cdn")
def test_a_dry_run_says_what_would_be_asked_and_asks_nothing() -> None:
    cdn = _Cdn()

    purged = purge_pages(tags=["api-docs"], dry_run=True, transport=httpx.MockTransport(cdn))

    assert purged.calls == ({"tags": ["api-docs"]},)
    assert (purged.is_sent, cdn.calls) == (False, [])


@pytest.mark.usefixtures("with_cdn")
@pytest.mark.parametrize("cdn", [_Cdn(403), _Cdn(200, {"success": False}), _Cdn(200, [])])
def test_a_refusal_is_said_with_what_was_to_be_purged(cdn: _Cdn) -> None:
    with pytest.raises(PagePurgeError, match="refused") as raised:
        purge_pages(tags=["api-docs"], transport=httpx.MockTransport(cdn))

    assert raised.value.given == ("api-docs",)


def _purge(*arguments: str) -> Any:
    printed = StringIO()
    call_command("purge", *arguments, "--json", stdout=printed)
    return json.loads(printed.getvalue())


@pytest.fixture
def kept() -> Iterator[None]:
    caches["answers"].clear()
    answer_cache.cache_clear()
    yield
    caches["answers"].clear()
    answer_cache.cache_clear()


def test_the_command_forgets_one_firms_answers_after_counting_them(kept: None) -> None:
    firm, other = FirmFactory(), FirmFactory()
    job = salesy()
    for owner in (firm, other):
        verdict = validate(job, answer_to(job))
        assert answer_cache().keep(scope(firm_id=owner.id), job, answer_to(job), verdict)

    counted = _purge("--firm", firm.slug, "--dry-run")
    forgotten = _purge("--firm", firm.slug)

    assert counted == {"dry_run": True, "answers": forgotten["answers"], "reached": True}
    assert forgotten["answers"] > 0
    assert answer_cache().look_up(scope(firm_id=firm.id), job) == ()
    assert answer_cache().look_up(scope(firm_id=other.id), job) != ()


def test_without_a_cdn_the_command_sends_nothing(kept: None) -> None:
    assert _purge("--pages") == {"dry_run": False, "pages": 1, "pages_sent": False}


@pytest.mark.parametrize(
    "arguments",
    [[], ["--all", "--pack", "a"], ["--firm", "nobody"], ["--firm", "6f8f2b0e-0000-4000-8000-000000000000"]],
)
def test_the_command_says_what_is_missing(arguments: list[str]) -> None:
    with pytest.raises(CommandError) as raised:
        call_command("purge", *arguments)

    assert raised.value.returncode == 2
