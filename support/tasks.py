"""The support desk's queued work."""

from support import actions
from ticketing.tasks import task


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
