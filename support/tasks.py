"""The support desk's queued work."""

import time

from support import actions
from ticketing.tasks import task

PATIENCE = 8  # seconds; the cluster ends a task after 15, and the next run goes on


@task
def assign_waiting_tickets() -> int:
    """Hand out what waits; returns how many tickets."""
    return actions.assign_waiting_tickets()


@task
def forget_readers() -> int:
    """Delete what nobody needs of who had which ticket open; returns how many rows."""
    return actions.forget_readers()


@task
def escalate_late_tickets() -> int:
    """Note the promises that are broken; returns how many."""
    return actions.escalate_late_tickets()


@task
def count_milestones() -> int:
    """Count what happened to tickets for the reports, chunk by chunk; returns how many milestones."""
    deadline = time.monotonic() + PATIENCE
    counted = 0
    while time.monotonic() < deadline and (chunk := actions.count_milestones()):
        counted += chunk
    return counted
