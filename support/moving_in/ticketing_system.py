"""What ticketing-system keeps: accounts with their tokens, tickets and replies."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from support.actions.moving_in import move_in_people, move_in_replies, move_in_tickets
from support.models import CODE_LENGTH, MESSAGE_LIMIT, Department, Priority, Reply, Ticket
from ticketing.actions.moving_in import Newcomer, Outcome, stable_id
from ticketing.models import User
from ticketing.rights import Actor
from ticketing.texts import clean_email
from ticketing.toolkit.authentication import is_bearer
from ticketing.toolkit.tables import Row, Table

NAME = "ticketing-system"
ROLES = {"customer": User.Role.CUSTOMER, "staff": User.Role.AGENT}
DEPARTMENTS = {"sale": Department.SALES, **{value: value for value in Department.values}}  # its own set-up says "sale"
CODE = re.compile(f"[A-Za-z0-9._~-]{{1,{CODE_LENGTH}}}")


@dataclass(frozen=True)
class Reference:
    """How a row names a row of another table: by the number it had, or by what people know it by."""

    pk: UUID | None = None
    known_as: str = ""


@dataclass(frozen=True)
class Said:
    """A ticket or a reply, and what it refers to."""

    record: Any
    user: Reference
    ticket: Reference = Reference()


class Moving:
    """One run: which account here stands for whom is remembered between the tables."""

    def __init__(self) -> None:
        self.joined: dict[UUID, UUID] = {}

    def people(self, newcomers: Sequence[Newcomer], *, source: str, by: Actor) -> Outcome:
        """The accounts; a token that is too weak for this site is left behind."""
        strong = [Newcomer(one.user, one.token if is_bearer(one.token) else "") for one in newcomers]
        outcome = move_in_people(strong, source=source, by=by)
        self.joined |= outcome.joined
        for position, (given, kept) in enumerate(zip(newcomers, strong, strict=True)):
            if given.token != kept.token and given.user in outcome.made:
                outcome.remarks.append(
                    (position, _("Its token is too short or too plain: this client needs a new one."))
                )
        return outcome

    def tickets(self, said: Sequence[Said], *, source: str, by: Actor) -> Outcome:
        """The tickets, each with its account."""
        self._find_accounts(said, "user_id")
        return move_in_tickets([one.record for one in said], source=source, by=by)

    def replies(self, said: Sequence[Said], *, source: str, by: Actor) -> Outcome:
        """The replies, each with its author and its ticket."""
        self._find_accounts(said, "author_id")
        codes = {one.ticket.known_as for one in said}
        by_code = dict(Ticket.objects.filter(code__in=codes).values_list("code", "pk"))
        for one in said:
            one.record.ticket_id = one.ticket.pk or by_code.get(one.ticket.known_as, one.record.pk)
        return move_in_replies([one.record for one in said], source=source, by=by)

    def _find_accounts(self, said: Sequence[Said], name: str) -> None:
        addresses = {one.user.known_as.lower() for one in said}
        with_address = User.objects.exclude(email="").annotate(address=Lower("email")).filter(address__in=addresses)
        by_address = dict(with_address.values_list("address", "pk"))
        for one in said:
            # A stranger is named by the record's own id, which is no account's: the verb then refuses it.
            found = one.user.pk or by_address.get(one.user.known_as.lower(), one.record.pk)
            setattr(one.record, name, self.joined.get(found, found))


def tables() -> list[Table]:
    """The tables in the order in which they are moved."""
    moving = Moving()
    return [
        Table("users", "email user_type name", _person, moving.people),
        Table("tickets", "user/user_id subject department priority message code", _ticket, moving.tickets),
        Table("replies", "user/user_id ticket/ticket_id message created_at", _reply, moving.replies),
    ]


def _person(row: Row) -> Newcomer:
    email = clean_email(row.text("email", 150), field=row.column("email"))
    first_name, _space, last_name = row.text("name", 100, empty=True).partition(" ")
    user = User(
        pk=stable_id(NAME, "users", row.integer("id") if row.raw("id") else email),
        username=User.normalize_username(email),
        email=email,
        first_name=first_name,
        last_name=last_name,
        role=ROLES[row.choice("user_type", ROLES)],
    )
    return Newcomer(user, row.text("token", 256, empty=True))


def _ticket(row: Row) -> Said:
    code = row.text("code", 100)
    if not CODE.fullmatch(code):
        sentence = _("“%(field)s” must have 1 to %(limit)d letters, digits, dots, hyphens, tildes or underscores.")
        raise row.wrong("code", sentence, limit=CODE_LENGTH)
    ticket = Ticket(
        pk=stable_id(NAME, "tickets", row.integer("id") if row.raw("id") else code),
        code=code,
        subject=row.text("subject", 250),
        message=row.text("message", MESSAGE_LIMIT, lines=True),
        department=DEPARTMENTS[row.choice("department", DEPARTMENTS)],
        priority=row.choice("priority", Priority.values),
        **_times(row),
    )
    if row.raw("closed") is not None and row.boolean("closed"):
        ticket.status, ticket.closed_at = Ticket.Status.COMPLETED, ticket.updated_at
    return Said(ticket, _reference(row, "user", "users", "email"))


def _reply(row: Row) -> Said:
    user, ticket = _reference(row, "user", "users", "email"), _reference(row, "ticket", "tickets", "code")
    reply = Reply(message=row.text("message", MESSAGE_LIMIT, lines=True), **_times(row))
    # A reply without a number is known by all that is said of it.
    reply.pk = stable_id(
        NAME, "replies", row.integer("id") if row.raw("id") else (user, ticket, reply.created_at, reply.message)
    )
    return Said(reply, user, ticket)


def _times(row: Row) -> dict[str, Any]:
    created_at = row.instant("created_at")
    return {"created_at": created_at, "updated_at": row.instant("updated_at") if row.raw("updated_at") else created_at}


def _reference(row: Row, name: str, table: str, known_by: str) -> Reference:
    """The number in `user_id` or `user`; or the address or code there, alone or, as the API shows it, in an object."""
    column = f"{name}_id" if row.raw(f"{name}_id") is not None else name
    value = row.required(column)
    if isinstance(value, dict):
        value = value.get("id") or value.get(known_by)
    if type(value) is int or (isinstance(value, str) and value.strip().isdecimal() and known_by == "email"):
        return Reference(pk=stable_id(NAME, table, int(value)))
    if isinstance(value, str):
        return _by_word(row, column, table, value.strip())
    raise row.wrong(column, _("“%(field)s” must be a number or a text."))


def _by_word(row: Row, column: str, table: str, word: str) -> Reference:
    if column.endswith("_id"):
        return Reference(pk=stable_id(NAME, table, row.integer(column)))
    return Reference(known_as=word)
