"""An event of the tests' own, and a way to listen that leaves no listener behind."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from jarvish_regen.content.events import ItemMoved
from jarvish_regen.journal import services
from jarvish_regen.journal.services import Ring


@dataclass(frozen=True, kw_only=True)
class Probed(ItemMoved):
    """A fact that only tests know. Of a known kind, so that the page of all events stays true."""


def probed() -> Probed:
    """Return an event about a firm and an item that nothing else knows."""
    return Probed(firm_id=uuid.uuid4(), item_id=uuid.uuid4(), from_state="in_review", to_state="approved")


@contextmanager
def listening(
    *listeners: Callable[[Probed], None], bell: Callable[[Probed], Ring | None] | None = None
) -> Iterator[None]:
    """Listen to Probed, in this order, and ring for it."""
    for listener in listeners:
        services.on(Probed)(listener)
    if bell is not None:
        services.rings(Probed)(bell)
    try:
        yield
    finally:
        services._listeners.pop(Probed, None)
        services._bells.pop(Probed, None)
