"""Firms, people, drafts for tests: real rows, written as the product writes them where it has a way to."""

import uuid
from collections.abc import Collection
from typing import Any, Final

import factory
from django.db import connection

from escalation.services import Receipt, receive_rejection
from feedback.services import Rejection, SaidIssue
from jarvish_regen.access.models import Firm, Membership, Role, Scope, Token, User
from jarvish_regen.access.policy import Viewer, required_viewer
from jarvish_regen.content.models import AdvisorProfile, ContentItem
from jarvish_regen.content.services import Draft, receive_drafts
from regeneration.models import Regeneration

WARNING: Final = "Mutual Fund investments are subject to market risks, read all scheme related documents carefully."
# Breaks a critical rule by one sentence that can be taken out.
FAULTY_TEXT: Final = (
    f"Start an SIP this month. It gives guaranteed returns every year. Ask me how it "
    f"works.\n\nAsha Rao, ARN-123456\n{WARNING}"
)
FAULTY_QUOTE: Final = "guaranteed returns"
FLAWLESS_TEXT: Final = (
    f"Start an SIP this month and stay with it. Ask me how it works.\n\nAsha Rao, "
    f"AMFI-registered Mutual Fund Distributor, ARN-123456\n{WARNING}"
)
PASSWORD: Final = "a-long-enough-password"


class FirmFactory(factory.django.DjangoModelFactory[Firm]):
    class Meta:
        model = Firm

    name = factory.Sequence(lambda number: f"Firm {number}")
    slug = factory.LazyFunction(lambda: f"firm-{uuid.uuid4().hex[:12]}")


class UserFactory(factory.django.DjangoModelFactory[User]):
    class Meta:
        model = User

    email = factory.LazyFunction(lambda: f"{uuid.uuid4().hex}@people.example")
    full_name = "Asha Rao"

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **fields: Any) -> User:
        return User.objects.create_user(fields.pop("email"), fields.pop("password", PASSWORD), **fields)


class MembershipFactory(factory.django.DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    firm = factory.SubFactory(FirmFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.FIRM_ADMIN


class AdvisorProfileFactory(factory.django.DjangoModelFactory[AdvisorProfile]):
    """An advisor: person, place in the firm and profile."""

    class Meta:
        model = AdvisorProfile
        skip_postgeneration_save = True

    firm = factory.SubFactory(FirmFactory)
    user = factory.SubFactory(UserFactory)
    registrant_type = "MFD"
    registered_name = "Asha Rao"
    arn = "ARN-123456"
    euin = "E123456"
    languages = ("en", "hi")

    @factory.post_generation
    def place(self: AdvisorProfile, create: bool, extracted: object, **kwargs: object) -> None:  # type: ignore[misc]
        Membership.objects.get_or_create(user=self.user, defaults={"firm": self.firm, "role": Role.ADVISOR})


def viewer_for(user: User, token: Token | None = None) -> Viewer:
    """Return the user as the policy sees them."""
    return required_viewer(user, token)


def token_for(user: User, scopes: Collection[str] = tuple(Scope.values)) -> str:
    """Return the secret of a new token of the user."""
    _token, secret = Token.objects.create(user, expiry=None, prefix=None, name="test", scopes=sorted(scopes))
    return str(secret)


def integration_of(firm: Firm) -> User:
    """Return a service account of the firm."""
    user = UserFactory(is_service=True)
    MembershipFactory(firm=firm, user=user, role=Role.INTEGRATOR)
    return user


def draft_item(
    profile: AdvisorProfile | None = None, *, text: str = FAULTY_TEXT, channel: str = "whatsapp", external_id: str = ""
) -> ContentItem:
    """Return a draft in review with its first version, as an advisor's own system would have sent it."""
    profile = profile or AdvisorProfileFactory()
    arrival = receive_drafts(
        viewer=viewer_for(profile.user),
        drafts=[Draft(text=text, channel=channel, language="en", external_id=external_id)],
    )[0]
    if arrival.error:
        raise arrival.error
    assert arrival.item is not None
    return ContentItem.objects.select_related("advisor__user", "firm", "current").get(id=arrival.item.id)


def rejected(item: ContentItem, **fields: Any) -> Receipt:
    """Reject an item in its advisor's name, with the faulty words marked."""
    said = {
        "category": "compliance_violation",
        "severity": "critical",
        "issues": (SaidIssue(code="guaranteed_returns_claim", quote=FAULTY_QUOTE),),
        **fields,
    }
    return receive_rejection(viewer=viewer_for(item.advisor.user), item_id=item.id, said=Rejection(**said))


def let_answer_clock_run_out(regeneration_id: uuid.UUID) -> None:
    """Move an attempt's start back, as if its answer clock had run out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE regeneration_regeneration SET stored_at = stored_at - interval '2 seconds' WHERE id = %s",
            [regeneration_id],
        )
    assert Regeneration.objects.filter(id=regeneration_id).exists()
