"""What allocation says to waiting lists of what is sold out (settings.WAITING_LISTS)."""

from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from allocation.actions.sales import Receipt, limit_reached, require_buyer, sell, wrong_quantity
from allocation.errors import HoldEnded
from allocation.models import TicketOption
from ticketing.actions import NoOffer, offer_what_is_free, use_offer
from ticketing.errors import Invalid
from ticketing.models import Waiter
from ticketing.rights import Actor


def require_wish(option: TicketOption, quantity: int, least: int, by: Actor) -> None:
    """Hold a wish to the terms of the sale, at its best and at its worst: WrongQuantity, LimitReached."""
    if least < option.least or (option.most is not None and quantity > option.most):
        raise wrong_quantity(option)
    if option.limit is not None and quantity > option.limit:
        raise limit_reached(option)


def take_up(waiter: Waiter, by: Actor) -> str:
    """The page that buys what is offered; until it is sent (`buy_offer`), or the offer ends, it is held."""
    return reverse("allocation:take_up", args=[waiter.pk])


@transaction.atomic
def buy_offer(waiter: Waiter, *, buyer: UUID, by: Actor, quantity: int | None = None) -> Receipt:
    """Sell what is held for somebody on a waiting list, or fewer of them; the rest goes to the next. NoOffer.

    On the terms of any purchase, so LimitReached for whoever has bought in between.
    """
    require_buyer(buyer, "allocation.purchase", by=by)
    held = Waiter.objects.offered().filter(pk=waiter.pk).values_list("offered", flat=True).first()
    if held is None:
        raise NoOffer
    wanted = held if quantity is None else quantity
    if not 1 <= wanted <= held:
        sentence = _("“%(field)s” must be a whole number from 1 to %(limit)d.")
        raise Invalid(sentence % {"field": "quantity", "limit": held}, field="quantity")
    try:
        receipt = sell({waiter.stock: wanted}, source="offer", buyer=buyer, by=by)
    except HoldEnded as refusal:
        raise NoOffer from refusal
    # Locks the option, which the purchase has locked, and then the waiter; what is not held any more undoes it all.
    if rest := use_offer(waiter, by=by) - wanted:
        TicketOption.objects.let_go(waiter.stock, rest)
        offer_what_is_free(TicketOption(pk=waiter.stock))
    return receipt
