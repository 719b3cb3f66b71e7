"""What texts are about, as vectors, and how well similarity has done."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from pgvector.django import HnswIndex, VectorField

from jarvish_regen.access.models import Firm
from jarvish_regen.content.models import AdvisorProfile, ContentVersion
from jarvish_regen.ids import new_id
from regeneration.models.attempts import Regeneration

VECTOR_SIZE = 384  # multilingual-e5-small (ML.md)


class TextVector(models.Model):
    """One version's meaning, mean-centred, made at arrival and marked when the version is approved."""

    version = models.OneToOneField(ContentVersion, on_delete=models.CASCADE, primary_key=True, related_name="vector")
    firm = models.ForeignKey(Firm, on_delete=models.CASCADE)
    advisor = models.ForeignKey(AdvisorProfile, on_delete=models.CASCADE)
    channel = models.CharField(max_length=10)
    language = models.CharField(max_length=10)
    content_class = models.CharField(max_length=15)
    encoder = models.CharField(max_length=40, help_text=_("Vectors of another encoder are not compared."))
    embedding = VectorField(dimensions=VECTOR_SIZE)
    slotted_text = models.TextField(blank=True, help_text=_("The text with identity and personal data slotted out."))
    is_approved = models.BooleanField(default=False)
    is_published = models.BooleanField(
        default=False, help_text=_("In the firm's library: all its advisors may use it.")
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            HnswIndex(
                fields=["embedding"],
                name="vector_by_meaning",
                opclasses=["vector_cosine_ops"],
                condition=models.Q(is_approved=True),
            ),
            models.Index(fields=["firm", "advisor"], name="vector_of_advisor", condition=models.Q(is_approved=True)),
        ]

    def __str__(self) -> str:
        return f"vector of {self.version_id}"


class SimilarityAudit(models.Model):
    """One answer that came from a similar request, looked at again later: was it the right one?"""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    regeneration = models.ForeignKey(Regeneration, on_delete=models.CASCADE, related_name="similarity_audits")
    kind = models.CharField(max_length=10, help_text=_("exact, recipe, prepared or similar."))
    similarity = models.FloatField(null=True, help_text=_("Cosine, where similarity decided."))
    verdict = models.CharField(
        max_length=10,
        default="open",
        choices=[("open", _("Not known yet")), ("right", _("Kept")), ("wrong", _("Rejected again"))],
    )
    created_at = models.DateTimeField(db_default=Now())
    judged_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["regeneration"], name="one_audit_a_regeneration")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.verdict}"
