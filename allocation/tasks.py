"""Allocation's queued work."""

from allocation import actions
from ticketing.tasks import task
from ticketing.toolkit.database import refusing_database_trouble


@task
def count_again() -> int:
    """Count again what is sold and held of each option; returns how many options the books are wrong about."""
    with refusing_database_trouble():  # no more than a statement may take: then the last verdict stands
        return actions.count_again()
