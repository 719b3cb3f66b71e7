"""Background tasks of the journal: webhooks that are due, rows past their time."""

from celery import shared_task

from jarvish_regen.journal import cleaning, webhooks


@shared_task(name="journal.deliver")
def deliver(*, delivery_id: str, **kwargs: object) -> None:
    """Send one webhook."""
    webhooks.deliver(delivery_id)


@shared_task(name="journal.deliver_due")
def deliver_due(**kwargs: object) -> None:
    """Send the webhooks whose time has come; finds those whose ring was lost."""
    webhooks.deliver_due()


@shared_task(name="journal.clean")
def clean(**kwargs: object) -> None:
    """Delete rung outbox rows and old idempotency keys."""
    cleaning.clean()
