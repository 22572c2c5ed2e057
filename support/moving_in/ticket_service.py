"""What ticket-service keeps, in its two tables (MySQL)."""

from django.utils.translation import gettext_lazy as _

from support.actions.moving_in import move_in_people, move_in_tickets
from support.actions.tickets import subject_of
from support.models import Ticket
from ticketing.actions.moving_in import Newcomer, stable_id
from ticketing.models import User
from ticketing.toolkit.tables import Row, Table

NAME = "ticket-service"
ROLES = {"agent": User.Role.AGENT, "customer": User.Role.CUSTOMER, "user": User.Role.CUSTOMER}
# Nobody held a ticket there that anybody knows of, so what was in progress waits again.
STATUSES = {
    "created": Ticket.Status.CREATED,
    "in_progress": Ticket.Status.CREATED,
    "completed": Ticket.Status.COMPLETED,
    "rejected": Ticket.Status.REJECTED,
}
NO_REASON = _("Rejected before the move; no reason was recorded.")


def tables() -> list[Table]:
    """The tables in the order in which they are moved."""
    return [
        Table("users", "id user_name user_type phone", _person, move_in_people),
        Table("user_ticket", "id user_id phone query status created_at", _ticket, move_in_tickets),
    ]


def _person(row: Row) -> Newcomer:
    user = User(
        pk=stable_id(NAME, "users", row.integer("id")),
        username=User.normalize_username(row.text("user_name", 150)),
        role=ROLES[row.choice("user_type", ROLES)] if row.raw("user_type") else User.Role.AGENT,
    )
    if row.raw("created_at"):
        user.date_joined = row.instant("created_at")
    return Newcomer(user)


def _ticket(row: Row) -> Ticket:
    query = row.text("query", 1000, lines=True)
    status = STATUSES[row.choice("status", STATUSES)]
    created_at = row.instant("created_at")
    updated_at = row.instant("updated_at") if row.raw("updated_at") else created_at
    ticket = Ticket(
        pk=stable_id(NAME, "user_ticket", row.integer("id")),
        claimed_user_id=row.text("user_id", 45),
        claimed_phone=row.text("phone", 45),
        subject=subject_of(query),
        message=query,
        status=status,
        rejection=str(NO_REASON) if status == Ticket.Status.REJECTED else "",
        created_at=created_at,
        updated_at=updated_at,
    )
    ticket.closed_at = updated_at if ticket.is_closed else None
    return ticket
