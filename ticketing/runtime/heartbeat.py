"""Signs of life of the workers, and what the watchdog makes of them."""

from datetime import timedelta
from time import monotonic

from django.db import Error, connection

from ticketing.models import Heartbeat
from ticketing.tasks import enqueue

BEATING = {"cluster", "sweep", "outbox"}  # services that give signs of life
PULSE = 5.0  # seconds between two questions put to the cluster
PATIENCE = timedelta(seconds=20)  # after which a process that should beat is taken for wedged; over a task's time limit
GRACE = 30.0  # seconds that a freshly started process has until its first beat


class Pulse:
    """Asks the cluster for a sign of life: a task that a worker has to take, run and finish."""

    def __init__(self) -> None:
        self.asked_at = 0.0

    def ask(self) -> None:
        """Queue a beat, unless the last one is still unanswered and young: a dead cluster collects no heap of them."""
        answered = Heartbeat.objects.alive("cluster", within=timedelta(seconds=PULSE * 2))
        if answered or monotonic() - self.asked_at > PATIENCE.total_seconds():
            self.asked_at = monotonic()
            enqueue("ticketing.tasks.beat")


def is_stale(name: str) -> bool:
    """Whether the process `name` stopped beating; a database that is away is no sign of that."""
    try:
        return not Heartbeat.objects.alive(name, within=PATIENCE)
    except Error:
        connection.close()
        return False
