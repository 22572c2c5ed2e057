"""What allocation has of people (see ticketing/people.py)."""

from collections.abc import Callable

from django.db.models import Case, Q, Value, When
from django.utils.translation import ngettext

from allocation.actions import cancel_tickets, release_hold
from allocation.models import Event, Hold, Purchase, Scan, Ticket, Transfer
from allocation.querysets import HoldQuerySet, TicketQuerySet
from ticketing.models import Mail, User
from ticketing.people import GONE, Holding, Person
from ticketing.rights import Actor

_ACCOUNT = "the account, of which nothing is left but its id"


def _of(*columns: str) -> Callable[[Person], Q]:
    """The rows with the person's account in one of these columns; nobody else has any here."""

    def theirs(person: Person) -> Q:
        found = Q(pk__in=[])
        for column in columns:
            found |= person.rows(account=column)
        return found

    return theirs


HOLDINGS = [
    Holding(
        "scans",
        Scan,
        _of("ticket__holder"),
        shows={name: name for name in ("created_at", "ticket", "gate", "outcome", "undone_at", "undone_reason")},
        becomes={"undone_reason": Case(When(undone_at__isnull=False, then=Value(GONE)), default=Value(""))},
        keeps={
            "account": "who scanned",
            "gate": "what a gate is called",
            "code_digest": "a digest of what was random",
            "outcome": "one of those that there are",
        },
    ),
    Holding(
        "transfers",
        Transfer,
        _of("by", "to"),
        shows={name: name for name in ("id", "created_at", "ticket", "state", "until")},
        becomes={},
        keeps={"by": _ACCOUNT, "to": _ACCOUNT},
    ),
    Holding(
        "tickets",
        Ticket,
        _of("holder"),
        shows={
            "id": "id",
            "created_at": "created_at",
            "purchase": "purchase_id",
            "event": "option__event__name",
            "kind": "option__name",
            **{name: name for name in ("valid", "admitted_at", "cancelled_at")},
        },
        becomes={},
        keeps={"holder": _ACCOUNT},
    ),
    Holding(
        "holds",
        Hold,
        _of("account"),
        shows={name: name for name in ("id", "created_at", "until", "state")},
        becomes={},
        keeps={"account": _ACCOUNT, "buyer": _ACCOUNT},
    ),
    Holding(
        "purchases",
        Purchase,
        _of("account"),
        shows={"id": "id", "created_at": "created_at", "option": "option__name", "quantity": "quantity"},
        becomes={},
        keeps={"account": _ACCOUNT, "buyer": _ACCOUNT},
    ),
]

NOBODYS = {
    "allocation.BuyerCount": "numbers of an id",
    "allocation.Event": "what is on, and which accounts of the staff admit people to it",
    "allocation.HeldItem": "numbers",
    "allocation.TicketOption": "what is on sale",
}


def ahead(person: Person) -> list[str]:
    """Valid tickets to events that are not over, and what is held."""
    tickets, holds = _to_come(person).count(), _held(person).count()
    lines = [ngettext("%d ticket to an event", "%d tickets to events", tickets) % tickets] if tickets else []
    return lines + ([ngettext("%d hold of tickets", "%d holds of tickets", holds) % holds] if holds else [])


def end(person: Person, *, by: Actor) -> None:
    """Give everything back."""
    for hold in _held(person).order_by("pk"):
        release_hold(hold, by=by)
    cancel_tickets(_to_come(person).values_list("pk", flat=True), by=by)


def lock(person: Person) -> None:
    """Rows that verbs lock before they come to an account."""
    tickets = Ticket.objects.filter(person.rows(account="holder"))
    list(tickets.order_by("pk").select_for_update(no_key=True).values_list("pk"))


def forget(person: Person) -> None:
    """Make the links of what is offered void, and let the mails to those on the other side name nobody."""
    if not person.account:
        return
    given = Transfer.objects.filter(by=person.account)
    given.offered().change(state=Transfer.State.WITHDRAWN)
    offers = [str(pk) for pk in given.values_list("pk", flat=True)]
    givers = User.objects.filter(tickets_handed_on__to=person.account).values("email")
    accepted = Q(template="ticket_accepted", to__in=givers, context__who=person.account.get_full_name())
    told = Mail.objects.filter(Q(template="ticket_offered", context__opens__1__in=offers) | accepted)
    for mail in told.select_for_update():
        Mail.objects.filter(pk=mail.pk).update(context={**mail.context, "who": ""})


def _to_come(person: Person) -> TicketQuerySet:
    valid = Ticket.objects.filter(person.rows(account="holder"), valid=True, cancelled_at=None, admitted_at=None)
    return valid.filter(purchase__isnull=False, option__event__in=Event.objects.to_come())


def _held(person: Person) -> HoldQuerySet:
    return Hold.objects.held().filter(person.rows(account="account"))
