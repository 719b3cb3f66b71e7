"""Who may do what over the API: tokens, scopes, roles, and the tokens' own life."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from jarvish_regen.access.models import Role, Scope, Token, User
from jarvish_regen.journal.models import IdempotencyKey
from tests.factories import AdvisorProfileFactory, MembershipFactory, UserFactory, draft_item, integration_of, token_for

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., APIClient]

# Written by hand: which scope opens which call, with its method.
CALLS: list[tuple[str, str, str]] = [
    ("get", "content", "content:read"),
    ("get", "content/{id}", "content:read"),
    ("get", "content/{id}/versions/1", "content:read"),
    ("get", "content/{id}/diff", "content:read"),
    ("get", "events", "content:read"),
    ("post", "content", "content:write"),
    ("get", "content/{id}/rejections", "feedback:read"),
    ("post", "content/{id}/reject", "feedback:write"),
    ("post", "content/{id}/ask-person", "feedback:write"),
    ("post", "feedback/bulk", "feedback:write"),
    ("post", "content/{id}/approve", "approve"),
    ("post", "feedback/analyse", "feedback:read"),
    ("post", "analytics/sentiment", "feedback:read"),
]


def _call(client: APIClient, method: str, path: str, item_id: str) -> Any:
    bodies = {
        "content": {"text": "Hello there", "channel": "whatsapp", "language": "en"},
        "feedback/bulk": {"items": [{}]},
        "feedback/analyse": {"text": "too long"},
        "analytics/sentiment": {"text": "too long"},
    }
    body = bodies.get(path, {"category": "tone_inappropriate"} if path.endswith("reject") else {})
    address = "/api/v1/" + path.format(id=item_id)
    return client.get(address) if method == "get" else client.post(address, body)


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_each_call_needs_its_scope(api_for: ClientFor, method: str, path: str, scope: str) -> None:
    item = draft_item()
    others = [str(one) for one in Scope.values if one != scope]

    refused = _call(api_for(item.advisor.user, others), method, path, item.short_id)
    let_in = _call(api_for(item.advisor.user, sorted({scope, "content:read"})), method, path, item.short_id)

    assert (refused.status_code, refused.data["errors"][0]["code"], refused.data["errors"][0]["field"]) == (
        403,
        "permission_denied",
        "scopes",
    )
    assert let_in.status_code in {200, 201, 202, 207, 409}


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_nobody_gets_nowhere(method: str, path: str, scope: str) -> None:
    reply = _call(APIClient(), method, path, draft_item().short_id)

    assert (reply.status_code, reply.data["errors"][0]["code"]) == (401, "not_authenticated")


def test_an_expired_a_revoked_and_a_nonsense_token_are_refused(api_for: ClientFor) -> None:
    profile = AdvisorProfileFactory()
    expired, revoked = api_for(profile.user), api_for(profile.user)
    tokens = list(Token.objects.filter(user=profile.user).order_by("created"))
    Token.objects.filter(pk=tokens[0].pk).update(expiry=timezone.now() - timedelta(seconds=1))
    tokens[1].delete()
    clients = [expired, revoked]
    for header in ("Token jrv_nonsense", "Token", "Token a b", "Token \xff\xfe", "Token " + "x" * 5000):
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=header)
        clients.append(client)

    assert [client.get("/api/v1/content").status_code for client in clients] == [401] * 7


def test_an_inactive_person_and_one_without_a_firm_are_refused(api_for: ClientFor) -> None:
    inactive, homeless = AdvisorProfileFactory().user, UserFactory()
    User.objects.filter(id=inactive.id).update(is_active=False)

    assert api_for(inactive).get("/api/v1/content").status_code == 401
    assert api_for(homeless).get("/api/v1/content").status_code == 403


@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        (Role.FIRM_ADMIN, {"read": 200, "send": 201, "reject": 202, "approve": 403}),
        (Role.INTEGRATOR, {"read": 200, "send": 201, "reject": 202, "approve": 403}),
        (Role.REVIEWER, {"read": 200, "send": 403, "reject": 403, "approve": 403}),
        (Role.SENIOR_REVIEWER, {"read": 200, "send": 403, "reject": 403, "approve": 403}),
    ],
)
def test_each_role_may_what_it_may(api_for: ClientFor, role: str, statuses: dict[str, int]) -> None:
    item = draft_item()
    client = api_for(MembershipFactory(firm=item.firm, role=role).user)
    draft = {"text": "Hello there", "channel": "whatsapp", "language": "en", "advisor_email": item.advisor.user.email}

    found = {
        "read": client.get(f"/api/v1/content/{item.short_id}").status_code,
        "send": client.post("/api/v1/content", draft).status_code,
        "reject": client.post(
            f"/api/v1/content/{item.short_id}/reject", {"category": "tone_inappropriate"}
        ).status_code,
        "approve": client.post(f"/api/v1/content/{item.short_id}/approve", {}).status_code,
    }

    assert found == statuses


def test_an_advisor_does_not_see_a_colleagues_draft_and_the_firms_administrator_does(api_for: ClientFor) -> None:
    item = draft_item()
    colleague = AdvisorProfileFactory(firm=item.firm).user
    admin = MembershipFactory(firm=item.firm).user

    assert api_for(colleague).get(f"/api/v1/content/{item.short_id}").status_code == 404
    assert api_for(colleague).get("/api/v1/content").data["items"] == []
    assert api_for(admin).get(f"/api/v1/content/{item.short_id}").status_code == 200


def _signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _post(client: Client, path: str, body: object, **headers: str) -> Any:
    return client.post(
        f"/api/v1/{path}",
        body,
        content_type="application/json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def test_a_token_is_made_in_person_shown_once_and_revoked() -> None:
    profile = AdvisorProfileFactory()
    client = _signed_in(profile.user)
    made = _post(client, "tokens", {"name": "my script", "scopes": ["content:read"]}, Idempotency_Key="t1").json()
    again = _post(client, "tokens", {"name": "my script", "scopes": ["content:read"]}, Idempotency_Key="t1").json()
    holder = APIClient()
    holder.credentials(HTTP_AUTHORIZATION=f"Token {made['secret']}")

    assert holder.get("/api/v1/content").status_code == 200
    assert (again["secret"], again["key"], Token.objects.count()) == (None, made["key"], 1)
    assert made["secret"] not in str(list(IdempotencyKey.objects.values_list("body", flat=True)))
    assert "secret" not in client.get("/api/v1/tokens").json()["tokens"][0]
    assert client.delete(f"/api/v1/tokens/{made['key']}").status_code == 204
    assert holder.get("/api/v1/content").status_code == 401


def test_a_token_makes_no_token_and_no_webhook(api_for: ClientFor) -> None:
    admin = MembershipFactory().user
    client = api_for(admin)

    assert client.post("/api/v1/tokens", {"name": "more", "scopes": ["approve"]}).status_code == 403
    assert (
        client.post("/api/v1/webhooks", {"url": "https://example.com/hook", "kinds": ["version.ready"]}).status_code
        == 403
    )
    assert Token.objects.count() == 1


def test_only_the_administrator_makes_an_integrations_token_and_never_one_that_approves() -> None:
    profile = AdvisorProfileFactory()
    admin = _signed_in(MembershipFactory(firm=profile.firm).user)
    body = {"name": "CRM", "scopes": ["content:write"], "for_integration": True}

    assert _post(_signed_in(profile.user), "tokens", body).status_code == 403
    assert _post(admin, "tokens", {**body, "scopes": ["approve"]}).json()["errors"][0]["field"] == "scopes"
    assert _post(admin, "tokens", {**body, "scopes": ["fly"]}).json()["errors"][0]["allowed"] == list(Scope.values)
    made = _post(admin, "tokens", body)
    assert (made.status_code, made.json()["is_integration"]) == (201, True)


def test_a_person_cannot_revoke_anothers_token() -> None:
    profile = AdvisorProfileFactory()
    token_for(integration_of(profile.firm))
    strangers = [_signed_in(profile.user), _signed_in(MembershipFactory().user)]
    key = Token.objects.get().token_key

    assert [client.delete(f"/api/v1/tokens/{key}").status_code for client in strangers] == [404, 404]
    assert Token.objects.count() == 1


def test_an_unsafe_call_by_session_needs_the_form_token() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(AdvisorProfileFactory().user)

    reply = _post(client, "content", {"text": "a", "channel": "whatsapp", "language": "en"})

    assert (reply.status_code, reply.json()["errors"][0]["code"]) == (403, "permission_denied")
