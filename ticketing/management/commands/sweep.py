"""manage.py sweep"""

import logging
import signal
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

from django.core.management import CommandError
from django.db import Error, connection

import allocation.actions
import booking.actions
import support.actions
from ticketing.actions import lapse_offers
from ticketing.models import Heartbeat
from ticketing.runtime.heartbeat import PULSE, Pulse
from ticketing.toolkit.commands import DomainCommand

logger = logging.getLogger(__name__)


class Step:
    """Something to do every so many seconds; when it fails it is logged, and the others go on."""

    def __init__(self, seconds: float, work: Callable[[], Any]) -> None:
        self.seconds = seconds
        self.work = work
        self.next_at = 0.0

    def run_if_due(self) -> bool:
        """Do the work if its time has come; False if it failed."""
        if monotonic() < self.next_at:
            return True
        self.next_at = monotonic() + self.seconds
        try:
            self.work()
            return True
        except Error as error:
            logger.warning("sweep: %s is put off, the database says: %s", self.work.__qualname__, error)
            connection.close()
        except Exception:
            logger.exception("sweep: %s failed", self.work.__qualname__)
        return False


class Command(DomainCommand):
    help = (
        "The second pair of hands beside the cluster: assigns waiting tickets, purges expired bookings and ends "
        "overdue offers every few seconds, whatever happens to the queue, and asks the cluster for signs of life."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--once", action="store_true", help="Do everything once and stop.")

    def handle(self, *args: Any, once: bool = False, **options: Any) -> None:
        steps = [
            Step(2, support.actions.assign_waiting_tickets),
            Step(5, support.actions.escalate_late_tickets),
            Step(10, support.actions.count_milestones),
            Step(10, booking.actions.purge_expired),
            Step(10, lapse_offers),
            Step(10, allocation.actions.lapse_holds),
            Step(PULSE, Pulse().ask),
            Step(2, beat),
        ]
        stop = threading.Event()
        if not once:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
        while not stop.is_set():
            done = [step.run_if_due() for step in steps]
            if once and not all(done):
                raise CommandError("Not everything could be done. See above.", returncode=1)
            if once or stop.wait(0.5):
                return


def beat() -> None:
    """Tell the watchdog that the sweep goes round."""
    Heartbeat.objects.beat("sweep")
