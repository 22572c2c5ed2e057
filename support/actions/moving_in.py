"""Verbs that move the data of another help desk in, chunk by chunk; see ticketing/actions/moving_in.py."""

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from support.actions.dispatch import assign_on_commit
from support.actions.milestones import note_milestone
from support.models import LIFT, Agent, Priority, Reply, Ticket
from ticketing.actions.moving_in import (
    Arrivals,
    Newcomer,
    NotHere,
    Outcome,
    TakenHere,
    again_if_others_interfere,
    begin,
    move_in_accounts,
    newcomers,
    refuse,
    refuse_future,
    settle,
)
from ticketing.models import User
from ticketing.rights import Actor

_SAID = ("user_id", "claimed_user_id", "claimed_phone", "subject", "message", "department", "priority", "status")


@transaction.atomic
def move_in_people(people: Sequence[Newcomer], *, source: str, by: Actor) -> Arrivals:
    """Make accounts, and of each new agent's one an agent who is not there yet."""
    outcome = move_in_accounts(people, source=source, by=by)
    agents = [user for user in outcome.made if user.role == User.Role.AGENT]
    Agent.objects.bulk_create([Agent(user=user) for user in agents])
    return outcome


@again_if_others_interfere
@transaction.atomic
def move_in_tickets(tickets: Sequence[Ticket], *, source: str, by: Actor) -> Outcome:
    """Put tickets where they were: closed ones stay closed, all others wait, in the order of their age."""
    now = begin(by)
    outcome = Outcome()
    new = newcomers(tickets, compared=_SAID, outcome=outcome)
    refuse_future(new, now, outcome)
    _refuse_strangers(new, "user_id", outcome)
    _refuse_codes(new, outcome)
    for ticket in new.values():
        ticket.queue_at = ticket.created_at - LIFT[Priority(ticket.priority)]
    Ticket.objects.bulk_create(new.values())
    note_milestone("asked", *(ticket.pk for ticket in new.values()))
    # They are open no more. How long that took nobody knows: the other desk tells when it was last changed.
    note_milestone("left", *(ticket.pk for ticket in new.values() if ticket.is_closed))
    settle("support.move_in", new, outcome, source=source, by=by)
    assign_on_commit()
    return outcome


@again_if_others_interfere
@transaction.atomic
def move_in_replies(replies: Sequence[Reply], *, source: str, by: Actor) -> Outcome:
    """Add what was said about tickets that are here; a closed one stays closed."""
    now = begin(by)
    outcome = Outcome()
    new = newcomers(replies, compared=("ticket_id", "author_id", "message"), outcome=outcome)
    refuse_future(new, now, outcome)
    _refuse_strangers(new, "author_id", outcome)
    here = set(Ticket.objects.filter(pk__in=[reply.ticket_id for reply in new.values()]).values_list("pk", flat=True))
    for position, reply in list(new.items()):
        if reply.ticket_id not in here:
            refuse(new, position, NotHere(_("The ticket it belongs to is not here."), field="ticket"), outcome)
    Reply.objects.bulk_create(new.values())
    settle("support.move_in_replies", new, outcome, source=source, by=by)
    return outcome


def _refuse_strangers(new: dict[int, Ticket] | dict[int, Reply], name: str, outcome: Outcome) -> None:
    named = {getattr(record, name) for record in new.values()}
    here = set(User.objects.filter(pk__in=named - {None}).values_list("pk", flat=True))
    for position, record in list(new.items()):
        if getattr(record, name) not in {None, *here}:
            refuse(new, position, NotHere(_("The account it belongs to is not here."), field="user"), outcome)


def _refuse_codes(new: dict[int, Ticket], outcome: Outcome) -> None:
    # Codes that differ in their case only would be one to whoever reads them out.
    codes = {spelled for ticket in new.values() for spelled in (ticket.code, ticket.code.upper(), ticket.code.lower())}
    taken = {code.upper() for code in Ticket.objects.filter(code__in=codes).values_list("code", flat=True)}
    for position, ticket in list(new.items()):
        if ticket.code.upper() in taken:
            refuse(new, position, TakenHere(_("Another ticket here has this code."), field="code"), outcome)
        taken.add(ticket.code.upper())
