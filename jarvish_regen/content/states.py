"""The life of a draft: which moves there are. Everything else is illegal, and no code can make it."""

from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _


class ItemState(models.TextChoices):
    """Where a draft stands."""

    IN_REVIEW = "in_review", _("To review")
    REGENERATING = "regenerating", _("Being rewritten")
    WITH_PEOPLE = "with_people", _("With a person")
    APPROVED = "approved", _("Approved")
    WITHDRAWN = "withdrawn", _("Withdrawn")


TERMINAL_STATES: Final = frozenset({ItemState.APPROVED, ItemState.WITHDRAWN})

MOVES: Final[frozenset[tuple[ItemState, ItemState]]] = frozenset(
    {
        (ItemState.IN_REVIEW, ItemState.REGENERATING),  # the advisor rejects
        (ItemState.IN_REVIEW, ItemState.APPROVED),  # the advisor approves
        (ItemState.IN_REVIEW, ItemState.WITH_PEOPLE),  # the advisor asks for a person
        (ItemState.IN_REVIEW, ItemState.WITHDRAWN),
        (ItemState.REGENERATING, ItemState.IN_REVIEW),  # an admissible version is there
        (ItemState.REGENERATING, ItemState.WITH_PEOPLE),  # the machine could not settle it
        (ItemState.WITH_PEOPLE, ItemState.IN_REVIEW),  # a reviewer cleared a version
        (ItemState.WITH_PEOPLE, ItemState.REGENERATING),  # a reviewer sent it back to the machine
        (ItemState.WITH_PEOPLE, ItemState.WITHDRAWN),  # a reviewer gave it up
    }
)


def may_move(from_state: str, to_state: str) -> bool:
    """Say whether a draft may go from one state to the other."""
    return (ItemState(from_state), ItemState(to_state)) in MOVES
