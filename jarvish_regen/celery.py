"""The Celery application: a doorbell. PostgreSQL holds the work, messages carry ids only."""

import logging
import os

from celery import Celery
from celery.signals import worker_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jarvish_regen.settings")

logger = logging.getLogger(__name__)

app = Celery("jarvish_regen")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Rings go out from many threads; only the default application is seen by all of them.
app.set_default()


@worker_init.connect
def _warm_up(**_: object) -> None:
    from jarvish_regen.warm import warm_up  # needs the applications, which a worker loads after this module

    warm_up()


@worker_ready.connect
def _warm_engine(**_: object) -> None:
    from django.db import DatabaseError, close_old_connections

    from regeneration.answering import warm  # as above

    try:
        warm()
    except DatabaseError:
        logger.warning("shelf and targets not read at start; the first answer reads them")
    finally:
        close_old_connections()
