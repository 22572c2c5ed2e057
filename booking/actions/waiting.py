"""What booking says to waiting lists of full times (settings.WAITING_LISTS)."""

from django.urls import reverse

from booking.models import Slot
from booking.policies import require_list, require_party, require_window
from ticketing.clocks import database_now
from ticketing.models import Waiter
from ticketing.rights import Actor


def require_wish(slot: Slot, quantity: int, least: int, by: Actor) -> None:
    """Hold a wish to the terms of the service: what could not be booked is not waited for either.

    NotWaitedFor where visits need a resource; PartyTooLarge, TooSoon or TooFarAhead by its other terms.
    """
    require_list(slot.service)
    require_party(slot.service, quantity, field="quantity")
    require_window(slot.service, slot.starts_at, by=by, at=database_now(), field="stock")


def take_up(waiter: Waiter, by: Actor) -> str:
    """The page that asks whom to expect; until it is sent (`book_offer`), or the offer ends, the places are held."""
    return reverse("booking:take_up", args=[waiter.pk])
