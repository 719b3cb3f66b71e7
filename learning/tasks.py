"""Background tasks of the top floor: fetch and call."""

import uuid

from celery import shared_task
from django.utils import timezone

from learning import labels
from learning.dashboard.rollup import roll_up as roll_up_facts
from learning.lifecycle import drift, process, trial


@shared_task(name="learning.roll_up")
def roll_up(**kwargs: object) -> None:
    """Bring the dashboard's roll-ups up to the last whole minute."""
    roll_up_facts()


@shared_task(name="learning.take_analysed")
def take_analysed(*, feedback_id: str, **kwargs: object) -> None:
    """Keep the label of an analysed rejection, or draw it for a second one."""
    labels.take_analysed(uuid.UUID(feedback_id))


@shared_task(name="learning.retrain_if_due")
def retrain_if_due(**kwargs: object) -> None:
    """Train anew, in a process of its own, if enough new labels are there."""
    process.retrain_if_due()


@shared_task(name="learning.judge_trial")
def judge_trial(**kwargs: object) -> None:
    """End the trial of a model that has read enough labelled notes."""
    trial.judge_trial()


@shared_task(name="learning.watch_drift")
def watch_drift(**kwargs: object) -> None:
    """Warn where this week's notes are no longer like those of the month before."""
    drift.watch(timezone.now())
