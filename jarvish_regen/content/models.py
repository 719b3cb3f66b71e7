"""The ground: who speaks, the text, its versions."""

from typing import TYPE_CHECKING, ClassVar, Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxLengthValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from jarvish_regen.access.models import Firm, User
from jarvish_regen.access.policy import Viewer
from jarvish_regen.content.compliance.check import TextContext
from jarvish_regen.content.states import MOVES, ItemState
from jarvish_regen.ids import new_id, to_short

if TYPE_CHECKING:
    pass

TEXT_MAX_CHARS = 20_000


class Channel(models.TextChoices):
    WHATSAPP = "whatsapp", "WhatsApp"
    LINKEDIN = "linkedin", "LinkedIn"
    INSTAGRAM = "instagram", "Instagram"
    FACEBOOK = "facebook", "Facebook"
    X = "x", "X"
    SMS = "sms", "SMS"
    EMAIL = "email", _("E-mail")
    BLOG = "blog", _("Blog")


class Language(models.TextChoices):
    ENGLISH = "en", _("English")
    HINDI = "hi", _("Hindi")
    MARATHI = "mr", _("Marathi")
    HINGLISH = "hinglish", _("Hinglish")


class ContentClass(models.TextChoices):
    ADVERTISEMENT = "advertisement", _("Advertisement")
    EDUCATIONAL = "educational", _("Educational")
    SERVICE = "service", _("Service message")
    GREETING = "greeting", _("Greeting")


class RegistrantType(models.TextChoices):
    MFD = "MFD", _("Mutual fund distributor (ARN)")
    RIA = "RIA", _("SEBI registered investment adviser")


class AdvisorProfile(models.Model):
    """In whose name a text speaks: registration, voice, signature."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    firm = models.ForeignKey(Firm, on_delete=models.PROTECT)
    user = models.OneToOneField(User, on_delete=models.PROTECT)
    registrant_type = models.CharField(max_length=3, choices=RegistrantType)
    registered_name = models.CharField(max_length=120)
    # AMFI: ARN and up to six digits; EUIN: E and six digits. SEBI: INA and nine digits.
    arn = models.CharField(
        "ARN",
        max_length=12,
        blank=True,
        validators=[RegexValidator(r"^ARN-\d{1,6}$", _("An ARN looks like ARN-123456."))],
    )
    euin = models.CharField(
        "EUIN", max_length=7, blank=True, validators=[RegexValidator(r"^E\d{6}$", _("An EUIN looks like E123456."))]
    )
    sebi_number = models.CharField(
        _("SEBI number"),
        max_length=12,
        blank=True,
        validators=[RegexValidator(r"^INA\d{9}$", _("A SEBI number looks like INA000012345."))],
    )
    languages = ArrayField(models.CharField(max_length=10, choices=Language))
    audience = models.CharField(max_length=300, blank=True)
    voice = models.CharField(max_length=300, blank=True)
    signature = models.CharField(max_length=300, blank=True)
    city = models.CharField(max_length=80, blank=True)
    phone = models.CharField(max_length=20, blank=True)
    history = HistoricalRecords()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(registrant_type="MFD") & ~models.Q(arn="")
                | models.Q(registrant_type="RIA") & ~models.Q(sebi_number=""),
                name="profile_has_its_registration_number",
            )
        ]

    def __str__(self) -> str:
        return f"{self.registered_name} ({self.registration_no})"

    @property
    def registration_no(self) -> str:
        """The number that the law wants shown: ARN or SEBI number."""
        return self.arn if self.registrant_type == RegistrantType.MFD else self.sebi_number


class ContentItemQuerySet(models.QuerySet["ContentItem"]):
    """Items as screens need them."""

    def visible_to(self, viewer: Viewer) -> Self:
        """Keep what exists for the viewer: the firm's items, or, for an advisor, their own."""
        mine = self.filter(firm_id=viewer.firm_id)
        return mine.filter(advisor__user_id=viewer.user_id) if viewer.sees_own_items_only else mine

    def for_list(self) -> Self:
        """Bring what a list of cards shows, newest first."""
        return self.select_related("advisor", "current").order_by("-created_at", "-id")


class ContentItem(models.Model):
    """A draft and its life. The text itself is in its versions; `current` is the one that counts."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    firm = models.ForeignKey(Firm, on_delete=models.PROTECT)
    advisor = models.ForeignKey(AdvisorProfile, on_delete=models.PROTECT)
    external_id = models.CharField(
        max_length=100, blank=True, help_text=_("The sender's own id: sending it again changes nothing.")
    )
    channel = models.CharField(max_length=10, choices=Channel)
    language = models.CharField(max_length=10, choices=Language)
    content_class = models.CharField(
        max_length=15, choices=ContentClass, blank=True, help_text=_("Empty: derived from the text.")
    )
    topic = models.CharField(max_length=200, blank=True)
    approved_facts = ArrayField(
        models.CharField(max_length=300),
        default=list,
        blank=True,
        help_text=_("Figures and names that a new version may use."),
    )
    state = models.CharField(max_length=15, choices=ItemState, default=ItemState.IN_REVIEW)
    current = models.OneToOneField("ContentVersion", on_delete=models.PROTECT, null=True, related_name="+")
    slot_at = models.DateTimeField(null=True, blank=True, help_text=_("When it is meant to go out."))
    created_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now())
    history = HistoricalRecords(excluded_fields=["current", "state", "changed_at"])

    objects = ContentItemQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["firm", "external_id"], condition=~models.Q(external_id=""), name="item_external_id_once"
            ),
            models.CheckConstraint(condition=models.Q(state__in=ItemState.values), name="item_state_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["advisor", "state", "-created_at"], name="item_list_of_advisor"),
            models.Index(fields=["firm", "state", "-created_at"], name="item_list_of_firm"),
        ]
        triggers: ClassVar = [
            # The table of moves, once more, where no code can get round it.
            pgtrigger.Protect(
                name="legal_moves",
                operation=pgtrigger.UpdateOf("state"),  # type: ignore[no-untyped-call]
                condition=pgtrigger.Condition(
                    "OLD.state IS DISTINCT FROM NEW.state AND (OLD.state, NEW.state) NOT IN ("
                    + ", ".join(f"('{from_state}', '{to_state}')" for from_state, to_state in sorted(MOVES))
                    + ")"
                ),
            )
        ]

    def __str__(self) -> str:
        return self.short_id  # a topic may say what a masked viewer must not read

    @property
    def short_id(self) -> str:
        """The id as URLs and the API show it."""
        return to_short("item", self.id)


class ContentVersion(models.Model):
    """One text of an item, with what the rules said of it. Never changed after it is written."""

    class Origin(models.TextChoices):
        ARRIVED = "arrived", _("Arrived as a draft")
        REPAIR = "repair", _("Repaired by rules")
        MODEL = "model", _("Written by a model")
        SHELF = "shelf", _("Taken from approved texts")
        PERSON = "person", _("Edited by a person")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    item = models.ForeignKey(ContentItem, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField(validators=[MaxLengthValidator(TEXT_MAX_CHARS)])
    origin = models.CharField(max_length=10, choices=Origin)
    origin_key = models.CharField(
        max_length=80, unique=True, help_text=_("One version per attempt: the attempt's id and number.")
    )
    author = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    content_class = models.CharField(max_length=15, choices=ContentClass)
    risk_score = models.PositiveSmallIntegerField()
    band = models.CharField(
        max_length=5, choices=[("green", _("Low risk")), ("amber", _("Some risk")), ("red", _("High risk"))]
    )
    is_admissible = models.BooleanField()
    has_critical = models.BooleanField()
    findings = models.JSONField(default=list)
    pack_sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["item", "number"], name="version_number_once")]
        triggers: ClassVar = [pgtrigger.Protect(name="written_once", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"version {self.number}"

    @property
    def short_id(self) -> str:
        """The id as the API shows it."""
        return to_short("version", self.id)


class ModelVersion(models.Model):
    """One trained model: where its weights are, what it was trained on, how good it is, and who let it in.

    The artefact that ships with the product has no bytes here; one trained on this installation has.
    """

    class Kind(models.TextChoices):
        ANALYSIS = "analysis", _("Understanding of feedback")
        SECOND_CHECK = "second_check", _("Second check of texts")

    class State(models.TextChoices):
        CHALLENGER = "challenger", _("On trial beside the one in use")
        CHAMPION = "champion", _("In use")
        RETIRED = "retired", _("Was in use")
        REFUSED = "refused", _("Not good enough")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=15, choices=Kind)
    name = models.CharField(max_length=60, unique=True, help_text=_("Kind, day and the beginning of the hash."))
    state = models.CharField(max_length=10, choices=State, default=State.CHALLENGER)
    artefact = models.BinaryField(null=True, editable=False)
    artefact_sha256 = models.CharField(max_length=64)
    data_sha256 = models.CharField(max_length=64)
    schema_sha256 = models.CharField(max_length=64, help_text=_("Of the labels it knows."))
    encoder = models.CharField(max_length=60)
    card = models.JSONField(default=dict, help_text=_("Rows, thresholds and figures by category and language."))
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    why = models.CharField(max_length=500, blank=True, help_text=_("Why it was let in, held or refused."))
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now())
    history = HistoricalRecords(excluded_fields=["artefact"])

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind"], condition=models.Q(state="champion"), name="one_champion_a_kind"),
            models.UniqueConstraint(fields=["kind", "artefact_sha256"], name="model_version_once"),
        ]
        triggers: ClassVar = [pgtrigger.Protect(name="model_version_stays", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.name


def text_context(item: ContentItem) -> TextContext:
    """Return who speaks and where, for the rules. Expects `advisor` and `firm` to be loaded."""
    advisor = item.advisor
    return TextContext(
        channel=item.channel,
        language=item.language,
        registrant_type=advisor.registrant_type,
        registration_no=advisor.registration_no,
        registrant_name=advisor.registered_name,
        euin=advisor.euin or None,
        content_class=item.content_class or None,
        profile="strict" if item.firm.compliance_profile == Firm.Profile.STRICT else "core",
    )
