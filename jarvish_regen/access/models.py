"""Who is who: firms, people, their roles, and the tokens that act for them."""

from typing import ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _
from knox.models import AbstractAuthToken
from simple_history.models import HistoricalRecords

from jarvish_regen.ids import new_id


class Firm(models.Model):
    """A distributor's or adviser's business: the wall behind which its texts stay."""

    class Profile(models.TextChoices):
        CORE = "core", _("Core: what the law asks")
        STRICT = "strict", _("Strict: tagline, registered name and EUIN as well")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    compliance_profile = models.CharField(max_length=10, choices=Profile, default=Profile.CORE)
    created_at = models.DateTimeField(db_default=Now())
    history = HistoricalRecords()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(compliance_profile__in=["core", "strict"]), name="firm_profile_known"
            )
        ]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Users are found by e-mail, whatever its case."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractUser):  # type: ignore[django-manager-missing]  # knox comes without types
    """A person, or the service account of one integration."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    email = models.EmailField(_("e-mail"), unique=True)
    full_name = models.CharField(_("name"), max_length=120, blank=True)
    is_service = models.BooleanField(
        default=False, help_text=_("An integration's account: it has tokens and no password.")
    )
    history = HistoricalRecords(excluded_fields=["password", "last_login"])

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name="user_email_any_case_once")]

    def __str__(self) -> str:
        return self.full_name or self.email

    def get_full_name(self) -> str:
        return self.full_name

    def get_short_name(self) -> str:
        return self.full_name.split(" ", maxsplit=1)[0]


class Role(models.TextChoices):
    """What somebody is in a firm."""

    ADVISOR = "advisor", _("Advisor")
    FIRM_ADMIN = "firm_admin", _("Firm administrator")
    INTEGRATOR = "integrator", _("Integration")
    REVIEWER = "reviewer", _("Reviewer")
    SENIOR_REVIEWER = "senior_reviewer", _("Senior reviewer")


class Membership(models.Model):
    """A person's one place: a firm, and the role there."""

    id = models.BigAutoField(primary_key=True)
    firm = models.ForeignKey(Firm, on_delete=models.PROTECT)
    user = models.OneToOneField(User, on_delete=models.CASCADE)
    role = models.CharField(max_length=20, choices=Role)
    history = HistoricalRecords()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role}"


class Scope(models.TextChoices):
    """What a token may do. Without a scope it may do nothing."""

    CONTENT_READ = "content:read", _("Read drafts")
    CONTENT_WRITE = "content:write", _("Send drafts")
    FEEDBACK_READ = "feedback:read", _("Read rejections")
    FEEDBACK_WRITE = "feedback:write", _("Reject drafts")
    APPROVE = "approve", _("Approve for use (the advisor's own token)")


class Token(AbstractAuthToken):
    """A token as stored: a digest, whose it is, what it may do. The token itself is shown once."""

    name = models.CharField(max_length=80)
    scopes = ArrayField(models.CharField(max_length=30, choices=Scope))
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.token_key}…)"


class Invitation(models.Model):
    """A place in a firm offered by e-mail. The link is signed; the row says whether it still stands."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    firm = models.ForeignKey(Firm, on_delete=models.CASCADE)
    email = models.EmailField()
    role = models.CharField(max_length=20, choices=Role)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                "firm", Lower("email"), condition=models.Q(accepted_at__isnull=True), name="invitation_open_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} → {self.firm_id}"
