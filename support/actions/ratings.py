"""The verb by which customers say how they were answered."""

from django.db import transaction

from support.actions.tickets import locked
from support.errors import NotClosed, RatedTooLate
from support.models import Rating, Ticket
from support.policies import may_be_rated
from ticketing import rights
from ticketing.errors import NotFound
from ticketing.models import Activity, User


@transaction.atomic
def rate_ticket(ticket: Ticket, *, verdict: str, by: User, comment: str = "") -> Rating:
    """Say whether one's own question was answered well; a second time changes what was said of this closing.

    NotFound to everybody but the customer, NotClosed while it is open, RatedTooLate weeks after.
    """
    rights.require(by, "support.rate")
    ticket = locked(ticket)
    if ticket.user != by:
        raise NotFound
    if ticket.closed_at is None:
        raise NotClosed
    if not may_be_rated(ticket):
        raise RatedTooLate
    said = {"verdict": verdict, "comment": comment}
    rating, _made = Rating.objects.update_or_create(ticket=ticket, closed_at=ticket.closed_at, defaults=said)
    Activity.objects.record("support.rate", ticket, by=by, rating=verdict)
    return rating
