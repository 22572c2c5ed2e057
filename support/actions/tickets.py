"""Verbs about tickets."""

from django.db import transaction
from django.db.models.functions import Now

from support.actions.dispatch import assign_on_commit
from support.errors import AlreadyClosed, ReasonMissing
from support.models import Agent, Priority, Reply, Ticket, place_in_queue
from ticketing import rights
from ticketing.errors import NotFound
from ticketing.models import Activity, User
from ticketing.rights import Actor, Scope
from ticketing.tasks import enqueue


@transaction.atomic
def raise_unverified_ticket(*, user_id: str, phone: str, query: str, by: Actor) -> Ticket:
    """Put a question of somebody who merely says who they are into the queue; any agent may answer it."""
    own = rights.require(by, "support.raise_unverified") == Scope.OWN
    return _join_queue(
        Ticket(
            user=by if own and isinstance(by, User) else None,
            claimed_user_id=user_id,
            claimed_phone=phone,
            subject=query.splitlines()[0][:250].strip(),
            message=query,
            priority=Priority.MEDIUM,
        ),
        by=by,
    )


@transaction.atomic
def open_ticket(*, subject: str, message: str, department: str, priority: str, by: User) -> Ticket:
    """Put the account's question into the queue of a department."""
    rights.require(by, "support.open")
    ticket = Ticket(user=by, subject=subject, message=message, department=department, priority=priority)
    return _join_queue(ticket, by=by)


def _join_queue(ticket: Ticket, *, by: Actor) -> Ticket:
    ticket.queue_at = place_in_queue(ticket.priority)
    ticket.save(force_insert=True)
    Activity.objects.record("support.open", ticket, by=by)
    enqueue("support.tasks.assign_waiting_tickets")
    return ticket


@transaction.atomic
def reply_to_ticket(ticket: Ticket, *, message: str, by: User) -> Reply:
    """Say something about the ticket; a closed one is re-opened."""
    rights.require(by, "support.reply")
    ticket = _locked(ticket)
    reply = Reply.objects.create(ticket=ticket, author=by, message=message)
    Activity.objects.record("support.reply", ticket, by=by)
    if ticket.is_closed:
        _reopen(ticket, by=by)
    return reply


@transaction.atomic
def close_ticket(ticket: Ticket, *, by: Actor) -> Ticket:
    """Complete the ticket and free its agent; a closed one stays as it is."""
    rights.require(by, "support.close")
    ticket = _locked(ticket)
    if not ticket.is_closed:
        _end(ticket, Ticket.Status.COMPLETED)
        Activity.objects.record("support.close", ticket, by=by)
    return ticket


@transaction.atomic
def reject_ticket(ticket: Ticket, *, reason: str, by: Actor) -> Ticket:
    """End the ticket without an answer, for a reason that is kept and shown; AlreadyClosed if it is closed."""
    rights.require(by, "support.reject")
    if not reason.strip():
        raise ReasonMissing(field="reason")
    ticket = _locked(ticket)
    if ticket.is_closed:
        raise AlreadyClosed
    _end(ticket, Ticket.Status.REJECTED, rejection=reason.strip())
    Activity.objects.record("support.reject", ticket, by=by)
    return ticket


@transaction.atomic
def reopen_ticket(ticket: Ticket, *, by: Actor) -> Ticket:
    """Put a closed ticket back into the queue; an open one stays as it is."""
    rights.require(by, "support.close")
    ticket = _locked(ticket)
    if ticket.is_closed:
        _reopen(ticket, by=by)
    return ticket


def _locked(ticket: Ticket) -> Ticket:
    locked = Ticket.objects.select_for_update(no_key=True, of=("self",)).select_related("user").filter(pk=ticket.pk)
    if current := locked.first():
        return current
    raise NotFound


def _end(ticket: Ticket, status: str, rejection: str = "") -> None:
    was_in_work = ticket.status == Ticket.Status.IN_PROGRESS
    Ticket.objects.filter(pk=ticket.pk).change(status=status, rejection=rejection, closed_at=Now())
    if was_in_work:
        Agent.objects.give_back(ticket.agent_id)
    ticket.refresh_from_db()
    assign_on_commit()


def _reopen(ticket: Ticket, *, by: Actor) -> None:
    Ticket.objects.filter(pk=ticket.pk).change(
        status=Ticket.Status.CREATED,
        agent=None,
        assigned_at=None,
        closed_at=None,
        rejection="",
        queue_at=place_in_queue(ticket.priority),
    )
    ticket.refresh_from_db()
    Activity.objects.record("support.reopen", ticket, by=by)
    enqueue("support.tasks.assign_waiting_tickets")
