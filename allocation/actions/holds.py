"""The verbs of holds: tickets set aside for a few minutes, for whoever is about to buy them (invariant E5)."""

from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from allocation.actions.overdue import return_held
from allocation.actions.sales import (
    Receipt,
    Wanted,
    after_release,
    ask,
    caller_of,
    fingerprint,
    require_buyer,
    require_some,
    sell,
    sold_out,
)
from allocation.errors import HoldBought, HoldEnded
from allocation.models import HeldItem, Hold, TicketOption
from ticketing import rights
from ticketing.actions.keys import claim_key, settle_key
from ticketing.models import Activity, User
from ticketing.rights import Actor

State = Hold.State


def hold_tickets(wanted: Wanted, *, buyer: UUID, by: Actor, key: str = "") -> Hold:
    """Set so many of each option aside for `buyer` until the setting's minutes are over; all or nothing.

    On the terms of a purchase, and refused like one: whoever holds a ticket can buy it. The same `key` answers the same
    hold again, with `replayed`. Not to be called within a transaction: what it releases is locked before the buyer's
    counts.
    """
    require_buyer(buyer, "allocation.hold", by=by)
    require_some(wanted)
    return after_release(partial(_hold, wanted, buyer=buyer, by=by, key=key), buyer=buyer)


@transaction.atomic
def _hold(wanted: Wanted, *, buyer: UUID, by: Actor, key: str) -> Hold:
    named = {"caller": caller_of(by), "route": "allocation.hold", "key": key}
    if key and (first := claim_key(**named, fingerprint=fingerprint(wanted, buyer))):
        return _again(first.made)
    ask(wanted, buyer=buyer, by=by)
    hold = Hold(buyer=buyer, account=User.objects.filter(pk=buyer).first(), until=Now() + settings.HOLD_LASTS)
    hold.save(force_insert=True)
    items = [HeldItem(hold=hold, option_id=option, quantity=quantity) for option, quantity in sorted(wanted.items())]
    HeldItem.objects.bulk_create(items)
    Activity.objects.record("allocation.hold", hold, by=by, quantity=sum(wanted.values()))
    if key:
        settle_key(**named, made=hold.pk, status=201)
    for item in items:
        if not TicketOption.objects.hold(item.option_id, item.quantity):
            raise sold_out(TicketOption.objects.with_overdue().get(pk=item.option_id))
    return Hold.objects.get(pk=hold.pk)


def _again(made: UUID | None) -> Hold:
    before: Hold = Hold.objects.filter(pk__in=[made]).get()
    before.replayed = True
    return before


def confirm_hold(hold: Hold, *, by: Actor, key: str = "") -> Receipt:
    """Buy what is held, or HoldEnded, or HoldBought; the same `key` answers the same again."""
    rights.require(by, "allocation.hold")
    require_buyer(hold.buyer, "allocation.purchase", by=by)
    try:
        return sell({}, source="hold", hold=hold.pk, buyer=hold.buyer, by=by, key=key)
    except HoldEnded as refusal:
        raise _ended(Hold.objects.get(pk=hold.pk)) from refusal


@transaction.atomic
def release_hold(hold: Hold, *, by: Actor) -> Hold:
    """Give back what is held; twice is harmless, HoldBought when it was bought, HoldEnded when its time is over."""
    rights.require(by, "allocation.hold")
    if not Hold.objects.filter(pk=hold.pk).held().change(state=State.RELEASED):
        current = Hold.objects.get(pk=hold.pk)
        if current.state != State.RELEASED:
            raise _ended(current)
        return current
    Activity.objects.record("allocation.release", hold, by=by)
    return_held([hold])
    return Hold.objects.get(pk=hold.pk)


def _ended(hold: Hold) -> HoldEnded:
    """The refusal for whoever comes too late, or a second time."""
    return HoldBought() if hold.state == State.CONFIRMED else HoldEnded()
