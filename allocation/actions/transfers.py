"""The verbs by which a ticket goes from one person to another: a link, and whoever accepts it.

All that is done to a ticket locks its row first, so of those who accept, give back and admit at once one comes first.
What is on sale has no part in it: a ticket that is handed on was taken before, and is taken after.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from allocation.actions.telling import tell
from allocation.errors import (
    AlreadyOffered,
    HandedOn,
    MailedOften,
    NotOffered,
    NotToHandOn,
    TooLateToHandOn,
    TransferEnded,
    YourOwnTicket,
)
from allocation.models import Ticket, Transfer, named_by
from ticketing import rights
from ticketing.actions.links import MOST_MAILS, DeadLink
from ticketing.actions.outbox import post_mail
from ticketing.clocks import database_now
from ticketing.errors import LogInFirst
from ticketing.models import Activity, Mail, User
from ticketing.rights import Actor, Scope
from ticketing.texts import clean_email, current_language

LASTS = timedelta(days=30)  # an offer of what belongs to no event, and so begins never
State = Transfer.State


@transaction.atomic
def offer_transfer(ticket: Ticket, *, by: Actor, email: str = "") -> Transfer:
    """Let whoever has the link take over a ticket, and mail it if an address is said; until then nothing changes.

    NotToHandOn, TooLateToHandOn, AlreadyOffered, MailedOften, and HandedOn if somebody else holds it by now.
    """
    reached = rights.require(by, "allocation.transfer")
    email = _mailable(email) if email else ""
    held = _locked(ticket.pk)
    if reached == Scope.OWN and held.holder != by:
        raise HandedOn
    _require_of_use(held)
    now = database_now()
    until = transfers_end(held, now)
    if until <= now:
        raise TooLateToHandOn
    open_ones = Transfer.objects.offered().filter(ticket=held)
    open_ones.filter(until__lte=now).change(state=State.LAPSED)
    if open_ones.exists():
        raise AlreadyOffered
    offer = Transfer.objects.create(ticket=held, by=held.holder, until=until)
    Activity.objects.record("allocation.transfer", held, by=by, transfer=str(offer.pk))
    if email:
        _mail_link(offer, email, by)
    return Transfer.objects.with_ticket().get(pk=offer.pk)


@transaction.atomic
def withdraw_transfer(ticket: Ticket, *, by: Actor) -> Ticket:
    """End the open offer of a ticket, whose link is dead then; NotOffered when there is none."""
    open_ones = Transfer.objects.visible_to(by, "allocation.transfer").offered().filter(ticket=ticket)
    held = _locked(ticket.pk)
    if not open_ones.change(state=State.WITHDRAWN):
        raise NotOffered
    Activity.objects.record("allocation.withdraw_transfer", held, by=by)
    return held


@transaction.atomic
def accept_transfer(offer: Transfer, *, by: Actor) -> Transfer:
    """Make the ticket of a link one's own; what admitted its former holder is dead at once. Twice is harmless.

    Whoever comes here has shown the link. TransferEnded, NotToHandOn, TooLateToHandOn, YourOwnTicket for the giver.
    """
    rights.require(by, "allocation.accept_transfer")
    if not isinstance(by, User):
        raise LogInFirst
    ticket = _locked(offer.ticket_id)
    accepted = Transfer.objects.filter(pk=offer.pk, state=State.ACCEPTED, to=by)
    if accepted.exists():
        return accepted.with_ticket().get()
    if ticket.holder == by:
        raise YourOwnTicket
    _require_of_use(ticket)
    now = database_now()
    if transfers_end(ticket, now) <= now:
        raise TooLateToHandOn
    if not Transfer.objects.standing().filter(pk=offer.pk).change(state=State.ACCEPTED, to=by):
        raise TransferEnded
    Ticket.objects.filter(pk=ticket.pk).change(holder=by, code_version=F("code_version") + 1)
    Activity.objects.record("allocation.accept_transfer", ticket, by=by, transfer=str(offer.pk))
    done = accepted.with_ticket().get()
    _tell_both(done)
    return done


def opened_transfer(secret: str) -> Transfer:
    """The offer that the secret of a link opens, whatever became of it, or DeadLink."""
    pk = named_by(secret)
    offer = Transfer.objects.with_ticket().filter(pk=pk).first() if pk else None
    if offer is None or not offer.opens_with(secret):
        raise DeadLink
    return offer


def end_offers(*tickets: UUID) -> None:
    """Nobody can accept these tickets any more, which the caller has locked: they are used or given back."""
    Transfer.objects.offered().filter(ticket__in=tickets).change(state=State.LAPSED)


def transfers_end(ticket: Ticket, now: datetime) -> datetime:
    """Until when a ticket can be handed on; what belongs to no event always can, and an offer of it stands so long."""
    event = ticket.option.event if ticket.option else None
    return event.transfers_end if event else now + LASTS


def _locked(pk: UUID) -> Ticket:
    rows = Ticket.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("option__event", "holder").get(pk=pk)


def _require_of_use(ticket: Ticket) -> None:
    if ticket.cancelled_at or ticket.admitted_at or not ticket.valid:
        raise NotToHandOn


def _mailable(email: str) -> str:
    email = clean_email(email)
    if Mail.objects.lately_to(email).count() >= MOST_MAILS:
        raise MailedOften(field="email")
    return email


def _mail_link(offer: Transfer, email: str, by: Actor) -> None:
    option = offer.ticket.option
    context = {
        **_said(offer.ticket),
        "who": offer.by.get_full_name() if offer.by else "",
        "opens": ["allocation.transfer", str(offer.pk)],
        "until": offer.until.isoformat(),
        "clocks": option.event.time_zone if option and option.event else settings.TIME_ZONE,
    }
    language = by.language if isinstance(by, User) else current_language()
    post_mail(to=email, template="ticket_offered", language=language, context=context)


def _tell_both(done: Transfer) -> None:
    tell(done.by, "ticket_accepted", **_said(done.ticket), who=done.to.get_full_name() if done.to else "")
    ticket = str(done.ticket_id)
    about = ["allocation.tickets", str(done.to_id), "pk", ticket]
    tell(done.to, "ticket_bought", opens=["allocation.ticket", ticket], about=about)


def _said(ticket: Ticket) -> dict[str, str]:
    """What a mail says of a ticket: what it is for, and which kind."""
    option = ticket.option
    return {"title": str(option.event or option) if option else "", "kind": option.name if option else ""}
