"""Words for what the machine names: rungs, stages, queues, reasons, states. What has none is told by its own name."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from learning.dashboard.figures import KEPT, MODEL, REPAIR, SHELF
from regeneration.models import FailureReason

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

ORIGINS: "Final[Mapping[str, StrPromise]]" = {
    MODEL: _("By a model"),
    KEPT: _("Prepared or kept"),
    REPAIR: _("Repaired by rules"),
    SHELF: _("From the shelf"),
}
RUNGS: "Final[Mapping[str, StrPromise]]" = {
    "model": _("Model"),
    "simplified": _("Model, simplified"),
    "prepared": _("Prepared"),
    "cache": _("Kept answer"),
    "repair": _("Repair by rules"),
    "similar": _("Similar approved text"),
    "template": _("Template"),
    "library": _("Library text"),
    "default": _("Safe default"),
}
STAGES: "Final[Mapping[str, StrPromise]]" = {
    "waiting": _("Waiting for a worker"),
    "repairing": _("Repairing"),
    "drafting": _("Drafting"),
    "checking": _("Checking"),
    "finish": _("Storing"),
}
QUEUES: "Final[Mapping[str, StrPromise]]" = {
    "critical": _("Critical"),
    "high": _("High"),
    "normal": _("Normal"),
    "low": _("Low"),
    "prepare": _("Preparing"),
    "notify": _("Webhooks due"),
    "outbox": _("Rings owed"),
}
CACHES: "Final[Mapping[str, StrPromise]]" = {
    "exact": _("The same request"),
    "recipe": _("The same edits"),
    "prepared": _("Prepared ahead"),
    "similar": _("A similar request"),
}
BREAKERS: "Final[Mapping[str, StrPromise]]" = {
    "closed": _("Working"),
    "half_open": _("Being tried"),
    "open": _("Left alone"),
    "": _("Not asked yet"),
}
STATES: "Final[Mapping[str, StrPromise]]" = {
    "no_answer": _("No admissible answer"),
    "dead": _("Given up"),
}


REASONS: "Final[Mapping[str, StrPromise]]" = {reason.value: reason.label for reason in FailureReason}


def words_for(name: str, known: "Mapping[str, StrPromise]") -> str:
    """Return the words for a name, or the name itself made readable."""
    return str(known[name]) if name in known else name.replace("_", " ").capitalize()
