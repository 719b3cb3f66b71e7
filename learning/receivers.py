"""Who listens on this floor: open dashboards are told that figures have changed."""

from jarvish_regen.content.events import VersionApproved
from jarvish_regen.journal.services import DomainEvent, on
from learning.dashboard.access import tell_watchers
from regeneration.events import RegenerationFinished, RegenerationOpened


def tell_dashboards(event: DomainEvent) -> None:
    """Hint open dashboards; each is told once a second at most, however much happens."""
    tell_watchers()


on(RegenerationOpened)(tell_dashboards)
on(RegenerationFinished)(tell_dashboards)
on(VersionApproved)(tell_dashboards)
