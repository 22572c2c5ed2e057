"""The support desk's queued work."""

from support import actions
from ticketing.tasks import task


@task
def assign_waiting_tickets() -> int:
    """Hand out what waits; returns how many tickets."""
    return actions.assign_waiting_tickets()
