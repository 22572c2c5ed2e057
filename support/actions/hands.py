"""Verbs by which people, and not a pass, say who has a ticket.

The ticket's row is locked first and then those of the agents, by their ids: a pass that has the ticket is waited for,
and what it did is seen; a pass that comes later leaves the ticket out. One of both wins, and the trail has its line.
"""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from support.actions.dispatch import assign_on_commit
from support.actions.milestones import note_milestone
from support.actions.tickets import locked
from support.errors import AgentFull, AgentGone, AlreadyClosed, AlreadyTaken, NoteMissing, NotInWork
from support.models import Agent, Ticket
from ticketing import rights
from ticketing.models import Activity, User
from ticketing.rights import Actor


@transaction.atomic
def take_ticket(ticket: Ticket, *, by: User) -> Ticket:
    """Take a waiting ticket into one's own hands; AlreadyTaken where somebody was faster."""
    rights.require(by, "support.take")
    ticket = _open(ticket)
    if ticket.agent_id:
        raise AlreadyTaken
    if not (me := Agent.objects.filter(user=by).first()):
        raise AgentGone
    return _give(ticket, me, "support.take", by=by)


@transaction.atomic
def release_ticket(ticket: Ticket, *, by: Actor) -> Ticket:
    """Put a ticket in work back to its place in the queue; no pass gives it to the same agent again."""
    rights.require(by, "support.take")
    ticket = _open(ticket)
    if ticket.agent_id is None:
        raise NotInWork
    Activity.objects.record("support.release", ticket, by=by, agent=str(ticket.agent_id))
    Agent.objects.give_back(ticket.agent_id)
    freed = {"status": Ticket.Status.CREATED, "agent": None, "assigned_at": None, "answered_at": None}
    Ticket.objects.filter(pk=ticket.pk).change(**freed, released_by=F("agent"))
    ticket.refresh_from_db()
    assign_on_commit()
    return ticket


@transaction.atomic
def hand_over_ticket(ticket: Ticket, *, to: Agent, note: str, by: Actor) -> Ticket:
    """Give a ticket in work to a colleague who is there and has room, with a note that staff read."""
    rights.require(by, "support.take")
    if not note.strip():
        raise NoteMissing(field="note")
    ticket = _open(ticket)
    if ticket.agent_id is None:
        raise NotInWork
    return _give(ticket, to, "support.hand_over", by=by, note=note.strip())


@transaction.atomic
def assign_ticket(ticket: Ticket, *, to: Agent, by: Actor) -> Ticket:
    """Give a ticket, waiting or in work, to an agent who is there and has room."""
    rights.require(by, "support.assign")
    return _give(_open(ticket), to, "support.assign_by_hand", by=by)


def _open(ticket: Ticket) -> Ticket:
    ticket = locked(ticket)
    if ticket.is_closed:
        raise AlreadyClosed
    return ticket


def _give(ticket: Ticket, to: Agent, operation: str, *, by: Actor, note: str = "") -> Ticket:
    before: UUID | None = ticket.agent_id
    if before == to.pk:
        return ticket
    _check_fit(to, {pk for pk in (before, to.pk) if pk}, may_be_away=operation == "support.take")
    if before:
        Agent.objects.give_back(before)
    Agent.objects.filter(pk=to.pk).change(taken=F("taken") + 1, last_assigned_at=Now())
    given: dict[str, Any] = {
        "status": Ticket.Status.IN_PROGRESS,
        "agent": to,
        "assigned_at": Now(),
        "first_assigned_at": Coalesce("first_assigned_at", Now()),
        "released_by": None,
    }
    Ticket.objects.filter(pk=ticket.pk).change(**given, handover_note=note)
    note_milestone("handed", ticket.pk)
    ticket.refresh_from_db()
    Activity.objects.record(operation, ticket, by=by, agent=str(to.pk), before=str(before or "queue"))
    if before:
        assign_on_commit()
    return ticket


def _check_fit(to: Agent, concerned: set[UUID], *, may_be_away: bool) -> None:
    """Nobody absent is given anything, and nobody more than they can hold; of the rows that are locked from here on."""
    agents = Agent.objects.select_for_update(no_key=True, of=("self",)).select_related("user").with_presence()
    now = {agent.pk: agent for agent in agents.filter(pk__in=concerned).order_by("pk")}[to.pk]
    if not now.present or (now.is_away and not may_be_away):
        raise AgentGone
    if not now.left:
        raise AgentFull
