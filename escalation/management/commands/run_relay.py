"""Keep the promises that a crash would break: ring again, seal, settle, until told to stop."""

import logging
import signal
import threading
import time
from argparse import ArgumentParser
from types import FrameType

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections

from escalation.services import sweep
from jarvish_regen.journal.relay import ring_owed
from jarvish_regen.journal.sealer import seal

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Run the relay. Any number may run: they share the rows and the sealer's lock."""

    help = "Ring again what was lost, seal events, settle attempts that no worker has. Example: manage.py run_relay"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round of everything, then stop")

    def handle(self, *args: object, once: bool = False, **options: object) -> None:
        stop = threading.Event()

        def ask_to_stop(number: int, frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, ask_to_stop)
        signal.signal(signal.SIGINT, ask_to_stop)
        swept_at = float("-inf")
        while True:
            try:
                seal()
                if time.monotonic() - swept_at >= settings.OUTBOX_RERING_SECONDS or once:
                    swept_at = time.monotonic()
                    ring_owed()
                    sweep()
            except DatabaseError as error:
                # PostgreSQL restarts now and then; what is owed is still owed when it is back.
                logger.warning("relay waits for the database", extra={"error": type(error).__name__})
                close_old_connections()
                stop.wait(1)
            if once or stop.wait(settings.RELAY_POLL_SECONDS):
                return
