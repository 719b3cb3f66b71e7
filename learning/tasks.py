"""Background tasks of the top floor: fetch and call."""

from celery import shared_task

from learning.dashboard.rollup import roll_up as roll_up_facts


@shared_task(name="learning.roll_up")
def roll_up(**kwargs: object) -> None:
    """Bring the dashboard's roll-ups up to the last whole minute."""
    roll_up_facts()
