"""The verbs of waiting lists, of whatever is a Stock.

An offer is a hold: its places are part of the stock's `taken` from the offer on, whatever becomes of it. Whoever gives
places of a stock back, or raises its capacity, calls `offer_what_is_free` in the same transaction; whoever finds no
places calls `release_overdue`, and tries once more before refusing. So no timer is needed to be right, and nobody
outside the list can come in between.

Locks are taken in one order everywhere: first the stock's row, then its waiters; several stocks in ascending primary
key, each with its waiters before the next. No waiter of a stock changes state or place but under the stock's lock.
"""

import logging
from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from typing import Any, NamedTuple
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Lower, Now
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ticketing import rights
from ticketing.actions.links import MOST_MAILS
from ticketing.actions.outbox import post_mail
from ticketing.errors import Conflict, Invalid, NotAllowed, NotFound, TooManyRequests
from ticketing.models import Activity, Mail, Stock, User, Waiter
from ticketing.rights import Actor, Role, Scope
from ticketing.texts import clean_email, clean_language, clean_text

logger = logging.getLogger(__name__)

State = Waiter.State
MAILS = {
    State.UNCONFIRMED: "waiting_confirm",
    State.WAITING: "waiting_joined",
    State.OFFERED: "waiting_offered",
}
TO_MEMBERS = ["waiting_joined", "waiting_offered", "waiting_lapsed"]
PATIENCE = 600  # seconds; after so long it is worth trying again where somebody was sent many mails


class NoWaitingList(NotFound):
    """Nobody turns offers of this kind into anything, so to hold places for them would only block them."""

    code = "no_waiting_list"
    message = _("There is no waiting list for this. Look again later whether something is free.")


class ThereIsRoom(Conflict):
    """Nobody has to wait for what is free."""

    code = "there_is_room"
    message = _("There is room for you right now. Take it instead of waiting.")


class AlreadyWaiting(Conflict):
    """One place on each list for each address."""

    code = "already_waiting"
    message = _("This address is on the list already. The link in the mail that we sent to it shows the place.")


class TooLate(Conflict):
    """The time has come for which places were wanted."""

    code = "too_late"
    message = _("It is too late to wait for this: nothing more is offered. Choose something else.")


class LinkNeeded(NotAllowed):
    """Whoever asked for the place need not be who reads at the address."""

    code = "link_needed"
    message = _("Open the link in the mail that we sent to this address. Only with it the place can be confirmed.")


class NotOnTheList(Conflict):
    """Left, lapsed, declined or accepted: each ends it."""

    code = "not_on_the_list"
    message = _("This place on the waiting list has ended. Join the list again if you still want to come.")


class NotWaiting(Conflict):
    """Only those who wait for the same have an order among themselves."""

    code = "not_waiting"
    message = _("Only people who still wait on this list can be moved. Load the list again and choose among them.")


class NoOffer(Conflict):
    """Nothing is held for this person, or not any more."""

    code = "no_offer"
    message = _("Nothing is held for you now, or not any more. Look at your place on the list.")


# To join and to leave


@transaction.atomic
def join_list(stock: Stock, *, quantity: int, email: str, language: str, by: Actor, least: int | None = None) -> Waiter:
    """Wait for `quantity` places, or for `least` of them at worst; ThereIsRoom, AlreadyWaiting, TooLate, NoWaitingList.

    The app that keeps the stock may refuse the wish, too (see WAITING_LISTS). The mail has the link to see one's place
    and to leave. Whoever proves to read at `email` finds it in their account.

    Of strangers, and of accounts with another address, the place counts once it is confirmed by that link
    (`confirm_place`). They are answered alike, AlreadyWaiting too being told to nobody but the owner, by mail.
    """
    reached = rights.require(by, "waiting.join")
    speaks = _speaks_for(email, by)
    mine = by if reached == Scope.OWN and isinstance(by, User) else None
    waiter = Waiter(
        kind=_kind(stock),
        stock=stock.pk,
        quantity=quantity,
        least=quantity if least is None else least,
        email=clean_email(email),
        language=clean_language(language),
        # Not the owner's: the answer would say whether there is one.
        account=mine if mine or not speaks else User.objects.proven(email),
        state=State.WAITING if speaks else State.UNCONFIRMED,
    )
    keeper = _keeper(waiter.kind)
    _makes_sense(waiter)
    release_overdue(stock)
    locked = _lock(stock)
    if locked is None:
        raise NotFound(field="stock")
    keeper.require_wish(locked.row, waiter.quantity, waiter.least, by=by)
    _has_to_wait(waiter, locked)
    there = _open_with_address_of(waiter)
    if there and speaks:
        raise AlreadyWaiting(field="email")
    if not speaks:
        _spare(waiter.email)
    waiter.save(force_insert=True)
    Activity.objects.record("waiting.join", waiter, by=by, stock=str(stock.pk), quantity=quantity, least=waiter.least)
    if speaks:
        _tell(waiter, locked.row, "waiting_joined")
    else:
        _tell(there or waiter, locked.row, "waiting_already" if there else "waiting_confirm")
    return _reread(waiter)


def _speaks_for(email: str, by: Actor) -> bool:
    """Whether this actor may let places count that are asked for with this address: staff, and its proven owner."""
    return rights.role_of(by) not in (Role.ANONYMOUS, Role.CUSTOMER) or User.objects.proven(email) == by


def _open_with_address_of(waiter: Waiter) -> Waiter | None:
    """Who waits for the same, or holds an offer of it, with the same address."""
    same = Waiter.objects.beside(waiter).open().exclude(pk=waiter.pk)
    return same.alias(address=Lower("email")).filter(address=waiter.email.lower()).first()


def _keeper(kind: str) -> Any:
    """The module of the app that keeps stocks of this kind, or NoWaitingList."""
    if kind not in settings.WAITING_LISTS:
        raise NoWaitingList(field="kind")
    return import_module(settings.WAITING_LISTS[kind])


def _makes_sense(waiter: Waiter) -> None:
    if waiter.quantity < 1:
        raise Invalid(_("Wait for one place or more."), field="quantity")
    if not 1 <= waiter.least <= waiter.quantity:
        sentence = _("“%(field)s” must be a whole number from 1 to %(limit)d.")
        raise Invalid(sentence % {"field": "least", "limit": waiter.quantity}, field="least")


def _has_to_wait(waiter: Waiter, stock: "_Locked") -> None:
    if stock.is_over:
        raise TooLate
    if waiter.least <= stock.row.left:
        raise ThereIsRoom
    if waiter.quantity > stock.row.capacity:
        sentence = _("There are only %(capacity)d in all. Ask for fewer.")
        raise Invalid(sentence % {"capacity": stock.row.capacity}, field="quantity")


def _spare(email: str) -> None:
    """Strangers make one mailbox ring so many times an hour at most."""
    # Not of those that only people on a list are sent: who counts the refusals would learn whether somebody is.
    if Mail.objects.lately_to(email).exclude(template__in=TO_MEMBERS).count() >= MOST_MAILS:
        refusal = TooManyRequests(_("We have sent many mails to this address within the hour. Try again later."))
        refusal.retry_after = PATIENCE
        raise refusal


@transaction.atomic
def confirm_place(waiter: Waiter, *, link: tuple[UUID, int] | None, by: Actor) -> Waiter:
    """Let a place count that somebody asked for, in the order in which it was; nothing changes if it counts already.

    LinkNeeded for whoever has not shown the `link` of the row and does not speak for the address: to have asked for the
    place is not enough. NotOnTheList when it is too late for that, AlreadyWaiting when another one counts, TooLate.
    """
    rights.require(by, "waiting.use_link")
    locked = _lock_list(waiter)
    waiter = _reread(waiter)
    if waiter.is_open:
        return waiter
    if not may_confirm(waiter, link=link, by=by):
        raise LinkNeeded
    if locked is None or locked.is_over:
        raise TooLate
    if _open_with_address_of(waiter):
        raise AlreadyWaiting
    account = waiter.account if waiter.account == by else User.objects.proven(waiter.email)
    confirmable = Waiter.objects.filter(pk=waiter.pk).unconfirmed().exclude(pk__in=Waiter.objects.never_confirmed())
    if not confirmable.change(state=State.WAITING, account=account):
        raise NotOnTheList
    Activity.objects.record("waiting.confirm", waiter, by=by)
    offer_what_is_free(locked.row)
    return _reread(waiter)


def may_confirm(waiter: Waiter, *, link: tuple[UUID, int] | None, by: Actor) -> bool:
    """Whether this actor, who may have shown the link of a place, reads the mail of its address or is staff."""
    return link == waiter.link or _speaks_for(waiter.email, by)


@transaction.atomic
def leave_list(waiter: Waiter, *, by: Actor) -> Waiter:
    """Take somebody off the list, and what was held for them to the next; NotOnTheList if they are off it already."""
    rights.require(by, "waiting.use_link")
    stock = lock_list(waiter)
    waiter = _reread(waiter)
    if not Waiter.objects.filter(pk=waiter.pk).lasting().change(state=State.LEFT):
        raise NotOnTheList
    Activity.objects.record("waiting.leave", waiter, by=by)
    if waiter.state == State.OFFERED:
        _pass_on(stock, waiter.offered or 0)
    return _reread(waiter)


# Offers


def offer_what_is_free(stock: Stock) -> int:
    """Offer what is free to those whom it fits, in the public order; returns how many places were offered.

    Each gets as many as they want, as far as they reach. Who would not take so few is passed over, and keeps their
    place; what fits nobody is free for everybody. To be called in the transaction that gave the places back, after
    the UPDATE that did so: one query where nobody waits.
    """
    # Right without another lock: the caller's UPDATE holds the stock's row, and people come to its list under the lock
    # of that row only. Who is not seen here comes to it after our commit, and finds what is free then.
    if not Waiter.objects.of(stock).waiting().exists():
        return 0
    return _offer_in_order(stock)


@transaction.atomic
def _offer_in_order(stock: Stock) -> int:
    locked = _lock(stock)
    if locked is None or locked.is_over:
        return 0
    served = list(_whom_it_fits(locked.row))
    places = sum(share for _waiter, share in served)
    if served:
        took = _rows(stock).hold(stock.pk, places)
        assert took, "the row is locked, and this was free"
    for waiter, share in served:
        _offer(waiter, share, locked)
    return places


def _whom_it_fits(stock: Stock) -> Iterator[tuple[Waiter, int]]:
    free = stock.left
    if free < 1:
        return
    for waiter in Waiter.objects.of(stock).waiting().fitting(free).in_order().iterator(chunk_size=100):
        if waiter.least <= free:
            share = min(waiter.quantity, free)
            free -= share
            yield waiter, share
        if not free:
            return


def _offer(waiter: Waiter, share: int, stock: "_Locked") -> None:
    Waiter.objects.filter(pk=waiter.pk).change(
        state=State.OFFERED, offered=share, offered_until=stock.end_of_an_offer()
    )
    Activity.objects.record("waiting.offer", waiter, by=None, places=share)
    _tell(waiter, stock.row, "waiting_offered")


@transaction.atomic
def release_overdue(stock: Stock) -> int:
    """End the offers of this stock that are past their time, and offer their places on; returns how many ended.

    To be called by whoever needs the stock, in the same transaction, before they say that nothing is left.
    """
    if not Waiter.objects.of(stock).overdue().exists():
        return 0
    locked = _lock(stock)
    gone = list(Waiter.objects.of(stock).overdue().in_order())
    Waiter.objects.filter(pk__in=[waiter.pk for waiter in gone]).offered().change(state=State.LAPSED)
    for waiter in gone:
        Activity.objects.record("waiting.lapse", waiter, by=None, places=waiter.offered)
        _tell(waiter, locked and locked.row, "waiting_lapsed")
    _pass_on(stock, sum(waiter.offered or 0 for waiter in gone))
    return len(gone)


def lapse_offers() -> int:
    """End everywhere what is past its time, and the lists of what is over or gone; returns how many offers ended.

    So do places that nobody confirmed in time. Each stock has a transaction of its own, in ascending order; one whose
    books are wrong leaves the others alone.
    """
    ended = 0
    for kind in Waiter.objects.lasting().order_by("kind").values_list("kind", flat=True).distinct():
        model: Any = apps.get_model(kind)
        for pk in sorted({*_with_overdue(kind), *_with_never_confirmed(kind), *_in_vain(model)}):
            try:
                with transaction.atomic():
                    ended += release_overdue(model(pk=pk))
                    _end_never_confirmed(model(pk=pk))
                    _end_list(model(pk=pk))
            except IntegrityError:
                logger.exception("waiting: the books of %s %s are wrong", kind, pk)
    return ended


def _with_overdue(kind: str) -> models.QuerySet:
    return Waiter.objects.overdue().filter(kind=kind).values_list("stock", flat=True)


def _with_never_confirmed(kind: str) -> models.QuerySet:
    return Waiter.objects.never_confirmed().filter(kind=kind).values_list("stock", flat=True)


def _in_vain(model: Any) -> models.QuerySet:
    """The ids of what people wait for although it is over or gone."""
    waiters = Waiter.objects.waiting().filter(kind=model._meta.label_lower)
    there = Exists(model._base_manager.filter(pk=OuterRef("stock")))
    over = Exists(model.objects.over().filter(pk=OuterRef("stock")))
    return (waiters.filter(~there) | waiters.filter(over)).values_list("stock", flat=True)


def _end_never_confirmed(stock: Stock) -> None:
    """Nothing was held for them, so nobody is told."""
    if not Waiter.objects.of(stock).never_confirmed().exists():
        return
    _lock(stock)
    # Several can have one address, whose owner's rows `welcome` locks in this order.
    gone = list(Waiter.objects.of(stock).never_confirmed().order_by("pk").select_for_update(no_key=True))
    Waiter.objects.filter(pk__in=[waiter.pk for waiter in gone]).change(state=State.LAPSED)
    for waiter in gone:
        Activity.objects.record("waiting.never_confirmed", waiter, by=None)


def _end_list(stock: Stock) -> None:
    """Nobody waits for what is over or gone."""
    locked = _lock(stock)
    if locked and not locked.is_over:
        return
    left_over = list(Waiter.objects.of(stock).waiting().in_order())
    Waiter.objects.filter(pk__in=[waiter.pk for waiter in left_over]).change(state=State.LAPSED)
    for waiter in left_over:
        Activity.objects.record("waiting.end", waiter, by=None)


@transaction.atomic
def decline_offer(waiter: Waiter, *, by: Actor) -> Waiter:
    """Give the offered places to the next, and the place on the list up; NoOffer when nothing is held."""
    rights.require(by, "waiting.use_link")
    stock = lock_list(waiter)
    if not Waiter.objects.filter(pk=waiter.pk).offered().change(state=State.DECLINED):
        raise NoOffer
    waiter = _reread(waiter)
    Activity.objects.record("waiting.decline", waiter, by=by, places=waiter.offered)
    _pass_on(stock, waiter.offered or 0)
    return waiter


@transaction.atomic
def use_offer(waiter: Waiter, *, by: Actor) -> int:
    """End the offer as accepted; returns how many places are the caller's, who must not take them again. NoOffer.

    For an app, in the transaction in which it makes a booking or a purchase of them: they stay in the stock's `taken`.
    """
    rights.require(by, "waiting.use_link")
    lock_list(waiter)
    standing = Waiter.objects.filter(pk=waiter.pk).offered().filter(offered_until__gt=Now())
    if not standing.change(state=State.ACCEPTED):
        raise NoOffer
    waiter = _reread(waiter)
    Activity.objects.record("waiting.accept", waiter, by=by, places=waiter.offered)
    return waiter.offered or 0


@transaction.atomic
def accept_offer(waiter: Waiter, *, by: Actor) -> str:
    """Have the app that keeps the stock take the offer; returns the address where the person goes on. NoOffer.

    Its `take_up` calls `use_offer` here, or after it has asked for more.
    """
    rights.require(by, "waiting.use_link")
    keeper = _keeper(waiter.kind)
    if not Waiter.objects.filter(pk=waiter.pk).offered().filter(offered_until__gt=Now()).exists():
        raise NoOffer
    address: str = keeper.take_up(waiter, by=by)
    return address


# The order, and the link


@transaction.atomic
def move_waiter(waiter: Waiter, *, reason: str, by: Actor, before: Waiter | None = None) -> Waiter:
    """Put somebody who waits before another one, or first of all, for a reason that everybody on the list can read.

    Those who are passed each move on by one; NotWaiting for who does not wait on this list.
    """
    rights.require(by, "waiting.manage")
    reason = clean_text(reason, field="reason", limit=Waiter.REASON_LIMIT)
    lock_list(waiter)
    line = list(Waiter.objects.beside(waiter).waiting().in_order())
    if waiter not in line:
        raise NotWaiting
    if before is not None and (before == waiter or before not in line):
        raise NotWaiting(field="before")
    was, now = _reorder(line, waiter, before)
    if was != now:
        Waiter.objects.filter(pk=waiter.pk).change(moved_at=Now(), moved_reason=reason)
        Activity.objects.record("waiting.move", waiter, by=by, was=was, now=now)
    return _reread(waiter)


def _reorder(line: list[Waiter], waiter: Waiter, before: Waiter | None) -> tuple[int, int]:
    """The positions, from one, that the waiter had and has."""
    places = [one.place for one in line]
    was = line.index(waiter)
    moved = line.pop(was)
    now = line.index(before) if before else 0
    line.insert(now, moved)
    for one, place in zip(line, places, strict=True):
        one.place = place
    first, last = sorted((was, now))
    Waiter.objects.bulk_update(line[first : last + 1], ["place"], batch_size=500)
    return was + 1, now + 1


@transaction.atomic
def renew_link(waiter: Waiter, *, by: Actor) -> Waiter:
    """Mail a new link to somebody on the list, which makes the old one void; NotOnTheList."""
    rights.require(by, "waiting.manage")
    if not Waiter.objects.filter(pk=waiter.pk).lasting().change(link_version=F("link_version") + 1):
        raise NotOnTheList
    waiter = _reread(waiter)
    Activity.objects.record("waiting.renew_link", waiter, by=by)
    _tell(waiter, waiter.what(), MAILS[State(waiter.state)])
    return waiter


@transaction.atomic
def welcome(user: User, terms: dict[str, Any]) -> None:
    """Give whoever proved the address the places on lists that were taken with it and belong to no account."""
    orphans = Waiter.objects.alias(address=Lower("email")).filter(account=None, address=user.email.lower())
    # In the order in which whoever holds several stocks comes to their waiters.
    found = list(orphans.order_by("stock", "pk").select_for_update(no_key=True).values_list("pk", flat=True))
    if found:
        Waiter.objects.filter(pk__in=found).change(account=user)
        Activity.objects.record("waiting.join_account", user, by=user, count=len(found))


# The stock and its lock


class _Locked(NamedTuple):
    """A stock whose row this transaction holds, as it is now by the database's clock."""

    row: Any
    now: datetime
    ends: datetime | None  # from then on nobody waits for it any more

    @property
    def is_over(self) -> bool:
        return self.ends is not None and self.ends <= self.now

    def end_of_an_offer(self) -> datetime:
        until: datetime = self.now + settings.WAITING_OFFER_LASTS
        return min(until, self.ends) if self.ends else until


def _lock(stock: Stock) -> _Locked | None:
    """The stock, locked; None when there is no such row any more."""
    rows = _rows(stock).select_for_update(no_key=True).filter(pk=stock.pk)
    if row := rows.with_end().annotate(now=Now()).order_by().first():
        return _Locked(row, row.now, row.ends)
    return None


def lock_list(waiter: Waiter) -> Stock:
    """Lock the stock that is waited for, if it is still there: whoever locks a waiter's row does this before."""
    _lock_list(waiter)
    stock: Stock = apps.get_model(waiter.kind)(pk=waiter.stock)
    return stock


def _lock_list(waiter: Waiter) -> _Locked | None:
    return _lock(apps.get_model(waiter.kind)(pk=waiter.stock))


def _pass_on(stock: Stock, places: int) -> None:
    """Give places that were held back, and offer them to the next."""
    _rows(stock).let_go(stock.pk, places)
    offer_what_is_free(stock)


def _rows(stock: Stock) -> Any:
    return type(stock)._default_manager


def _kind(stock: Stock) -> str:
    return stock._meta.label_lower


def _reread(waiter: Waiter) -> Waiter:
    if current := Waiter.objects.filter(pk=waiter.pk).first():
        return current
    raise NotFound


def _tell(waiter: Waiter, stock: Stock | None, template: str) -> None:
    """Post a mail with the link, in the language of the person."""
    with translation.override(waiter.language):
        name = str(stock.title) if stock else gettext("what you waited for")
    post_mail(to=waiter.email, template=template, language=waiter.language, context={"name": name}, waiter=waiter)
