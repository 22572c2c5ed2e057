"""What the cluster does by the clock. `sync_schedules` makes the database's rows equal to this list."""

from typing import NamedTuple

from django.db import transaction
from django_q.models import Schedule


class Every(NamedTuple):
    """A task at the dotted path, every so many minutes."""

    minutes: int
    task: str


SCHEDULES = [
    Every(1, "support.tasks.assign_waiting_tickets"),
    Every(60, "support.tasks.forget_readers"),
    Every(1, "support.tasks.escalate_late_tickets"),
    Every(1, "support.tasks.count_milestones"),
    Every(1, "booking.tasks.purge_expired_bookings"),
    Every(1, "booking.tasks.remind_of_visits"),
    Every(60, "allocation.tasks.count_again"),
    Every(1, "ticketing.tasks.lapse_offers"),
    Every(60, "ticketing.tasks.forget_outlived"),
    Every(60, "ticketing.tasks.retain"),
]


@transaction.atomic
def sync_schedules() -> int:
    """Write the list, repair what was changed and remove the rest: one malformed row would stop every schedule."""
    Schedule.objects.exclude(name__in=[every.task for every in SCHEDULES]).delete()
    for every in SCHEDULES:
        wanted = {
            "func": every.task,
            "schedule_type": Schedule.MINUTES,
            "minutes": every.minutes,
            "repeats": -1,
            "hook": None,
            "args": None,
            "kwargs": None,
            "cluster": None,
        }
        Schedule.objects.update_or_create(name=every.task, defaults=wanted)
    return len(SCHEDULES)
