"""Verbs about tickets."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from support.actions.dispatch import assign_on_commit
from support.actions.files import attach
from support.actions.levels import end_clocks, reckon_anew, rest_clock, resume_clock, start_clocks
from support.actions.milestones import note_milestone
from support.actions.telling import tell, tell_of_answer, tell_of_end
from support.actions.thread import Seen, require_seen
from support.errors import AlreadyClosed, ReasonMissing, WordsRemoved
from support.models import About, Agent, Priority, Reply, Ticket, place_by_priority, place_in_queue
from support.policies import File
from ticketing import rights
from ticketing.errors import NotFound
from ticketing.models import Activity, User
from ticketing.rights import Actor, Scope
from ticketing.subjects import Subject, shown
from ticketing.tasks import enqueue
from ticketing.texts import clean_email, current_language


@transaction.atomic
def raise_unverified_ticket(*, user_id: str, phone: str, query: str, by: Actor, email: str = "") -> Ticket:
    """Put a question of somebody who merely says who they are into the queue; any agent may answer it.

    Whoever has proven to read at `email`, or proves it later (see `welcome`), finds the ticket in their account.
    """
    own = rights.require(by, "support.raise_unverified") == Scope.OWN
    return _join_queue(
        Ticket(
            user=by if own and isinstance(by, User) else User.objects.proven(email),
            claimed_user_id=user_id,
            claimed_phone=phone,
            email=clean_email(email, empty=True),
            language=current_language(),
            subject=subject_of(query),
            message=query,
            priority=Priority.MEDIUM,
        ),
        by=by,
    )


@transaction.atomic
def open_ticket(
    *,
    subject: str,
    message: str,
    department: str,
    priority: str,
    by: User,
    customer: User | None = None,
    files: Sequence[File] = (),
    about: Sequence[Subject] = (),
) -> Ticket:
    """Put the account's question, or on its behalf that of `customer`, into the queue of a department.

    An empty department is any agent's. NotFound when somebody else's account is named by who may name only their own,
    and when it is `about` something that is not the account's.
    """
    reached = rights.require(by, "support.open")
    asks = customer or by
    if reached == Scope.OWN and asks != by:
        raise NotFound(field="customer")
    ticket = Ticket(user=asks, subject=subject, message=message, department=department, priority=priority)
    told = shown(about, owner=asks)
    if len(told) < len(set(about)):
        raise NotFound(field="about")
    ticket = _join_queue(ticket, files, by=by, **({} if asks == by else {"on_behalf_of": str(asks.pk)}))
    About.objects.bulk_create(About(ticket=ticket, kind=kind, object_id=pk) for kind, pk in told)
    return ticket


def subject_of(query: str) -> str:
    """The first line of a question, as far as a subject reaches."""
    return query.splitlines()[0][:250].strip()


def _join_queue(ticket: Ticket, files: Sequence[File] = (), *, by: Actor, **details: str) -> Ticket:
    ticket.queue_at = place_in_queue(ticket.priority)
    ticket.save(force_insert=True)
    note_milestone("asked", ticket.pk)
    start_clocks(ticket)
    Activity.objects.record("support.open", ticket, by=by, **details, **attach(files, ticket=ticket))
    enqueue("support.tasks.assign_waiting_tickets")
    tell(ticket, "support_opened", by=by)
    return ticket


@transaction.atomic
def reply_to_ticket(
    ticket: Ticket, *, message: str, by: User, seen: Seen | None = None, files: Sequence[File] = ()
) -> Reply:
    """Say something about the ticket; a closed one is re-opened. ThreadMovedOn where more was said than `seen`."""
    rights.require(by, "support.reply")
    ticket = locked(ticket)
    if seen:
        require_seen(ticket, seen, by=by)
    reply = Reply.objects.create(ticket=ticket, author=by, message=message)
    Activity.objects.record("support.reply", ticket, by=by, **attach(files, ticket=ticket, reply=reply))
    if ticket.is_closed:
        _reopen(ticket, by=by)
    else:
        _note_answer(ticket, by=by)
    tell_of_answer(reply, ticket, by=by)
    return reply


@transaction.atomic
def note_on_ticket(ticket: Ticket, *, message: str, by: User, files: Sequence[File] = ()) -> Reply:
    """Say something among staff. The ticket stays as it is, so that nothing about it tells of the note."""
    rights.require(by, "support.note")
    ticket = locked(ticket)
    note = Reply.objects.create(ticket=ticket, author=by, message=message, is_internal=True)
    Activity.objects.record("support.note", ticket, by=by, **attach(files, ticket=ticket, reply=note))
    return note


def _note_answer(ticket: Ticket, *, by: User) -> None:
    """Whose turn it is: an agent who is gone keeps a ticket until its customer has said something again."""
    if by != ticket.user and rights.scope(by, "support.triage"):
        Ticket.objects.filter(pk=ticket.pk).change(answered_at=Now())
        rest_clock(ticket)
    elif ticket.answered_at:
        Ticket.objects.filter(pk=ticket.pk).change(answered_at=None)
        resume_clock(ticket)
        assign_on_commit()


@transaction.atomic
def close_ticket(ticket: Ticket, *, by: Actor) -> Ticket:
    """Complete the ticket and free its agent; a closed one stays as it is."""
    rights.require(by, "support.close")
    ticket = locked(ticket)
    if not ticket.is_closed:
        _end(ticket, Ticket.Status.COMPLETED)
        Activity.objects.record("support.close", ticket, by=by)
        tell_of_end(ticket, by=by)
    return ticket


@transaction.atomic
def triage_ticket(ticket: Ticket, *, by: Actor, priority: str | None = None, department: str | None = None) -> Ticket:
    """Change what is given; the time that the ticket has waited goes on counting."""
    rights.require(by, "support.triage")
    ticket = locked(ticket)
    changes: dict[str, Any] = {}
    if priority is not None and priority != ticket.priority:
        changes |= {"priority": priority, "queue_at": place_by_priority(ticket.priority, priority)}
    if department is not None and department != ticket.department:
        changes["department"] = department
    return _triage(ticket, changes, by=by) if changes else ticket


def _triage(ticket: Ticket, changes: dict[str, Any], *, by: Actor) -> Ticket:
    moves = "department" in changes and not ticket.is_closed
    if moves:
        note_milestone("left", ticket.pk)
    Ticket.objects.filter(pk=ticket.pk).change(**changes)
    if moves:
        note_milestone("came", ticket.pk)
    ticket.refresh_from_db()
    reckon_anew(ticket)
    told = {name: getattr(ticket, name) for name in ("priority", "department") if name in changes}
    Activity.objects.record("support.triage", ticket, by=by, **told)
    if ticket.status == Ticket.Status.CREATED:
        assign_on_commit()
    return ticket


@transaction.atomic
def reject_ticket(ticket: Ticket, *, reason: str, by: Actor) -> Ticket:
    """End the ticket without an answer, for a reason that is kept and shown; AlreadyClosed if it is closed."""
    rights.require(by, "support.reject")
    if not reason.strip():
        raise ReasonMissing(field="reason")
    ticket = locked(ticket)
    if ticket.is_closed:
        raise AlreadyClosed
    _end(ticket, Ticket.Status.REJECTED, rejection=reason.strip())
    Activity.objects.record("support.reject", ticket, by=by)
    tell_of_end(ticket, by=by)
    return ticket


@transaction.atomic
def reopen_ticket(ticket: Ticket, *, by: Actor) -> Ticket:
    """Put a closed ticket back into the queue; an open one stays as it is."""
    rights.require(by, "support.close")
    ticket = locked(ticket)
    if ticket.is_closed:
        _reopen(ticket, by=by)
    return ticket


def locked(ticket: Ticket) -> Ticket:
    """The ticket as it is, which nobody else changes until this transaction ends; NotFound, WordsRemoved."""
    locked = Ticket.objects.select_for_update(no_key=True, of=("self",)).select_related("user").filter(pk=ticket.pk)
    current = locked.first()
    if current is None:
        raise NotFound
    if current.wordless_at:
        raise WordsRemoved
    return current


def _end(ticket: Ticket, status: str, rejection: str = "") -> None:
    was_in_work = ticket.status == Ticket.Status.IN_PROGRESS
    Ticket.objects.filter(pk=ticket.pk).change(status=status, rejection=rejection, closed_at=Now())
    note_milestone("closed", ticket.pk)
    end_clocks(ticket)
    if was_in_work:
        Agent.objects.give_back(ticket.agent_id)
    ticket.refresh_from_db()
    assign_on_commit()


def _reopen(ticket: Ticket, *, by: Actor) -> None:
    Ticket.objects.filter(pk=ticket.pk).change(
        status=Ticket.Status.CREATED,
        agent=None,
        assigned_at=None,
        first_assigned_at=None,
        answered_at=None,
        released_by=None,
        handover_note="",
        closed_at=None,
        rejection="",
        queue_at=place_in_queue(ticket.priority),
    )
    note_milestone("again", ticket.pk)
    ticket.refresh_from_db()
    start_clocks(ticket)
    Activity.objects.record("support.reopen", ticket, by=by)
    enqueue("support.tasks.assign_waiting_tickets")
