"""What is past its time, or given back before it: holds end, their places return, and go to the waiting list first."""

from collections import Counter
from collections.abc import Callable
from uuid import UUID

from django.db import transaction

from allocation.models import BuyerCount, HeldItem, Hold, TicketOption
from ticketing.actions import offer_what_is_free, release_overdue
from ticketing.models import Activity

AT_ONCE = 100  # overdue holds that one transaction ends

Had = tuple[UUID, UUID]  # an option and a buyer


def release_overdue_of(option: TicketOption) -> None:
    """End what is overdue of this option, holds and offers of its waiting list.

    To be called by whoever needs it, before they say that nothing is left.
    """
    lapse_holds(option)
    release_overdue(option)


@transaction.atomic
def lapse_holds(option: TicketOption | None = None, *, buyer: UUID | None = None) -> int:
    """End overdue holds, a number of those with this option, of this buyer, or of all; returns how many ended.

    What is being confirmed or released at this moment is left to whoever does.
    """
    overdue = Hold.objects.overdue() if option is None else Hold.objects.overdue().of(option)
    overdue = overdue if buyer is None else overdue.filter(buyer=buyer)
    gone = list(overdue.order_by("until", "pk").select_for_update(no_key=True, skip_locked=True)[:AT_ONCE])
    if not gone:
        return 0
    Hold.objects.filter(pk__in=[hold.pk for hold in gone]).held().change(state=Hold.State.LAPSED)
    for hold in gone:
        Activity.objects.record("allocation.lapse", hold, by=None)
    return_held(gone)
    return len(gone)


def return_held(holds: list[Hold]) -> None:
    """Let go what these holds set aside."""
    counted: Counter[Had] = Counter()
    for item in HeldItem.objects.filter(hold__in=holds).select_related("hold"):
        counted[item.option_id, item.hold.buyer] += item.quantity
    return_places(counted, TicketOption.objects.let_go)


def return_places(counted: Counter[Had], give: Callable[[UUID, int], None]) -> None:
    """Count fewer for the buyers, then give the places back, and to the waiting lists first.

    Rows are locked in the order in which everybody locks them.
    """
    freed: Counter[UUID] = Counter()
    for (option, buyer), count in sorted(counted.items()):
        BuyerCount.objects.lower(option, buyer, count)
        freed[option] += count
    for option, count in sorted(freed.items()):
        give(option, count)
        offer_what_is_free(TicketOption(pk=option))
