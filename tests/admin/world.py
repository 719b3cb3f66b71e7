"""Two firms with the same rows, each with a canary in every text: what the desk's tests look at."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from escalation import services as escalation
from escalation.models import Case
from feedback.models import Feedback
from jarvish_regen.access.models import Firm, Invitation, Membership, Role, Token, User
from jarvish_regen.access.services import give_place
from jarvish_regen.content import model_versions
from jarvish_regen.content.model_versions import Trained
from jarvish_regen.content.models import AdvisorProfile, ContentItem, ContentVersion
from jarvish_regen.journal.models import (
    AuditEntry,
    DeadLetter,
    Delivery,
    Event,
    IdempotencyKey,
    Outbox,
    WebhookEndpoint,
)
from jarvish_regen.llm.models import ModelTarget, TargetAlarm, TargetState
from learning.models import LabelTask, TrainingRow, TrainingRun
from regeneration.fallbacks.loading import load_files
from regeneration.models import (
    Candidate,
    DefaultText,
    FallbackOrder,
    LibraryItem,
    Regeneration,
    RungRecord,
    Template,
)
from tests.factories import (
    FAULTY_TEXT,
    AdvisorProfileFactory,
    FirmFactory,
    UserFactory,
    draft_item,
    let_answer_clock_run_out,
    rejected,
    token_for,
)

FIRM_ROLES: Final = ("advisor", "firm_admin", "integrator", "reviewer", "senior_reviewer")
STAFF_ROLES: Final = ("operations", "analyst", "administrator", "superuser")
ROLES: Final = (*FIRM_ROLES, *STAFF_ROLES)


@dataclass(frozen=True)
class FirmWorld:
    """One firm: its rows by model, each named as the admin's addresses name it, and its canary."""

    firm: Firm
    advisor: User
    item: ContentItem
    case: Case
    letter: DeadLetter
    endpoint: WebhookEndpoint
    token: Token
    token_secret: str
    attempt: Regeneration
    canary: str
    keys: dict[str, str]


def firm_world(name: str) -> FirmWorld:
    """Make a firm with one row at least of each kind: a rejected and answered draft, one with people, dead work."""
    canary = f"canary{name}{uuid.uuid4().hex[:8]}"
    firm = FirmFactory(name=f"Firm {name}")
    profile = AdvisorProfileFactory(firm=firm, registered_name=f"Advisor {name}")
    answered = _draft(profile, canary)
    receipt = rejected(answered, note=f"Bad {canary}", suggestions=f"Better {canary}", metadata={"campaign": canary})
    assert receipt.regeneration is not None
    attempt = receipt.regeneration
    let_answer_clock_run_out(attempt.id)
    escalation.settle_if_due(regeneration_id=attempt.id)
    item = _draft(profile, canary)
    case = rejected(item, suggested_action="escalate", note=f"Please look {canary}").case
    letter = DeadLetter.objects.create(
        firm_id=firm.id,
        subject_kind="regeneration",
        subject_id=attempt.id,
        task="escalation.respond",
        kwargs={"regeneration_id": str(attempt.id)},
        queue="solo",
        reason="3 workers took it and none finished",
        claims=3,
    )
    endpoint = WebhookEndpoint.objects.create(
        firm_id=firm.id, url=f"https://{name.lower()}.example/hook", kinds=["version.ready"]
    )
    event = Event.objects.filter(firm_id=firm.id).earliest("id")
    delivery = Delivery.objects.create(endpoint=endpoint, event=event)
    secret = token_for(profile.user)
    token = Token.objects.get(user=profile.user)
    invitation = Invitation.objects.create(
        firm=firm, email=f"{name.lower()}@new.example", role=Role.ADVISOR, expires_at=timezone.now() + timedelta(days=1)
    )
    rows: list[Any] = [
        firm,
        profile.user,
        Membership.objects.get(user=profile.user),
        invitation,
        profile,
        item,
        ContentVersion.objects.get(item=item),
        receipt.feedback,
        attempt,
        Candidate.objects.filter(regeneration=attempt).earliest("number"),
        case,
        letter,
        endpoint,
        delivery,
        event,
        AuditEntry.objects.filter(firm_id=firm.id).earliest("id"),
        LabelTask.objects.create(feedback=Feedback.objects.filter(item=item).earliest("id"), reason="random"),
        TrainingRow.objects.create(
            feedback=receipt.feedback,
            source="author",
            labelled_by=profile.user,
            text=f"Bad {canary}",
            language="en",
            categories=["compliance_violation"],
            issues=[{"code": "guaranteed_returns_claim", "span": f"Bad {canary}"}],
        ),
    ]
    keys = {row._meta.label_lower: str(row.pk) for row in rows}
    keys["access.token"] = quote(token.token_key)
    return FirmWorld(firm, profile.user, item, case, letter, endpoint, token, secret, attempt, canary, keys)


def _draft(profile: AdvisorProfile, canary: str) -> ContentItem:
    item = draft_item(profile, text=f"{canary}. {FAULTY_TEXT}")
    ContentItem.objects.filter(id=item.id).update(topic=f"Topic {canary}", approved_facts=[f"Fact {canary}"])
    return item


def house_keys() -> dict[str, str]:
    """Return one row each of what belongs to no firm, as the admin's addresses name it."""
    target = ModelTarget.objects.create(
        name="Vendor", base_url="https://models.example/v1", model="small", key_variable="JARVISH_VENDOR_KEY"
    )
    key = IdempotencyKey.objects.create(
        caller="usr", method="POST", path="/api/v1/content", key="k", body_sha256="0" * 64, status=202, body={}
    )
    now = timezone.now()
    state = TargetState.objects.create(target="Vendor", process="host:1", since=now, updated_at=now)
    alarm = TargetAlarm.objects.create(target="Vendor", process="host:1", opened_at=now)
    version = model_versions.register(
        Trained.of_bytes(b"w", kind="analysis", data_sha256="d", schema_sha256="s", encoder="e5", card={"messages": 3})
    )
    run = TrainingRun.objects.create(
        model_version=version, rows_count=3, new_rows_count=1, seconds=2.0, outcome="On trial."
    )
    rows: list[Any] = [
        version,
        run,
        target,
        state,
        alarm,
        key,
        Outbox.objects.earliest("id"),
        Group.objects.get(name="reviewer"),
    ]
    return {row._meta.label_lower: str(row.pk) for row in (*rows, *_shelf_rows())}


def _shelf_rows() -> list[Any]:
    if not DefaultText.objects.exists():
        load_files()  # a test that empties tables has run before
    return [
        Template.objects.earliest("code"),
        LibraryItem.objects.earliest("code"),
        DefaultText.objects.earliest("pk"),
        FallbackOrder.objects.earliest("reason"),
        RungRecord.objects.create(rung="template", category="all", confidence=0.5, low=0.1, high=0.9),
    ]


def person(role: str, firm: Firm) -> User:
    """Return somebody in a role: of the firm, or of the operator's staff."""
    if role in FIRM_ROLES:
        user = UserFactory()
        give_place(firm=firm, user=user, role=role)
        return user
    user = UserFactory(is_staff=True, is_superuser=role == "superuser")
    if role != "superuser":
        user.groups.add(Group.objects.get(name=role))
    return user


def client_of(user: User) -> Client:
    """Return a browser in which somebody is signed in."""
    client = Client()
    client.force_login(user)
    return client


def list_address(label: str) -> str:
    """Return the address of a model's list with every row in it, whatever question it opens with."""
    model = apps.get_model(label)
    asks = any(getattr(entry, "parameter_name", "") == "ask" for entry in admin.site.get_model_admin(model).list_filter)
    return reverse(f"admin:{label.replace('.', '_')}_changelist") + ("?ask=all" if asks else "?")
