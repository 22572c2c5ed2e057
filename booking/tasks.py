"""Booking's queued work."""

import time

from booking import actions
from ticketing.tasks import task

PATIENCE = 8  # seconds; the cluster ends a task after 15, and the next run goes on


@task
def remind_of_visits() -> int:
    """Post the reminders that are due; returns how many bookings were dealt with."""
    deadline = time.monotonic() + PATIENCE
    reminded = 0
    while time.monotonic() < deadline and (some := actions.remind_due()):
        reminded += some
    return reminded


@task
def purge_expired_bookings() -> int:
    """Delete expired bookings chunk by chunk; returns how many."""
    deadline = time.monotonic() + PATIENCE
    purged = 0
    while time.monotonic() < deadline and (chunk := actions.purge_expired()):
        purged += chunk
    return purged
