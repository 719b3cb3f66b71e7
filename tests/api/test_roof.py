"""The roof: description of the API, health, and what a browser may load under each prefix."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from django.conf import LazySettings
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from rest_framework.test import APIClient

from jarvish_regen.access.models import User
from tests.factories import AdvisorProfileFactory

COMMITTED = Path(__file__).parents[2] / "docs/api/openapi.yaml"


def test_the_committed_description_is_the_one_the_code_gives() -> None:
    given = OpenApiYamlRenderer().render(SchemaGenerator().get_schema(request=None, public=True), renderer_context={})

    assert given.decode() == COMMITTED.read_text(encoding="utf-8"), (
        "run: ./jarvish manage spectacular --file docs/api/openapi.yaml"
    )


def test_every_operation_says_what_it_takes_gives_and_refuses() -> None:
    operations = [
        (path, method, operation)
        for path, methods in yaml.safe_load(COMMITTED.read_text(encoding="utf-8"))["paths"].items()
        for method, operation in methods.items()
    ]

    assert len(operations) >= 22
    for path, method, operation in operations:
        responses = operation["responses"]
        assert any(status.startswith("2") for status in responses), (path, method)
        assert "401" in responses or path.endswith("taxonomy"), (path, method)
        errors = [response for status, response in responses.items() if not status.startswith("2")]
        assert all(error["content"]["application/json"]["schema"]["$ref"].endswith("/Error") for error in errors), (
            path,
            method,
        )


@pytest.mark.django_db
def test_taxonomy_lists_every_category_with_its_issues(api_for: Callable[..., APIClient]) -> None:
    reply = api_for(AdvisorProfileFactory().user, ["content:read"]).get("/api/v1/taxonomy")

    assert (len(reply.data["categories"]), sum(len(category["issues"]) for category in reply.data["categories"])) == (
        10,
        43,
    )


def test_live_touches_nothing() -> None:
    # No database mark: the first query would fail the test.
    assert Client().get("/health/live").json() == {"status": "live"}


@pytest.mark.django_db(transaction=True)
def test_ready_asks_both_servers() -> None:
    assert Client().get("/health/ready").json() == {"status": "ready"}


@pytest.mark.django_db(transaction=True)
def test_not_ready_says_which_server_is_away(settings: LazySettings) -> None:
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"

    reply = Client().get("/health/ready")

    assert (reply.status_code, reply.json()) == (503, {"status": "not_ready", "reasons": {"valkey": "ConnectionError"}})


def _policy(client: Client, path: str) -> dict[str, str]:
    header = client.get(path, follow=True).headers["Content-Security-Policy"]
    return {name: values for name, _space, values in (part.strip().partition(" ") for part in header.split(";"))}


@pytest.mark.django_db
def test_every_prefix_has_a_policy_and_only_its_own_looseness() -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("operator@people.example", "x"))
    policies = {path: _policy(client, path) for path in ("/admin/", "/api/docs/", "/api/redoc/", "/accounts/login/")}

    assert {path: policy["default-src"] for path, policy in policies.items()} == dict.fromkeys(policies, "'none'")
    assert {path for path, policy in policies.items() if "'unsafe-eval'" in policy["script-src"]} == {"/admin/"}
    assert {path for path, policy in policies.items() if "'unsafe-inline'" in policy["script-src"]} == set()
    assert {path for path, policy in policies.items() if "'unsafe-inline'" in policy["style-src"]} == {
        "/admin/",
        "/api/docs/",
        "/api/redoc/",
    }
    assert all("http" not in values and "*" not in values for policy in policies.values() for values in policy.values())


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/docs/", "/api/redoc/"])
def test_the_reference_pages_load_nothing_from_elsewhere(path: str) -> None:
    page = Client().get(path).content.decode()

    assert "http://" not in page.replace("http://testserver", "")
    assert "https://" not in page
    assert "<script>" not in page
