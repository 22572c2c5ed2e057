"""What the site has of people. Each app says it of its own tables (PERSONAL_DATA); nothing here knows an app.

A module of PERSONAL_DATA has HOLDINGS, of dependent rows before what they depend on, and NOBODYS: why tables that are
no holding have nothing of anybody. It may have `ahead(person)`, what is still to come for them, in words; `end(person,
by)`, which ends that by the app's own verbs; `lock(person)`, the rows that verbs lock before they come to an account;
and `forget(person)`, for what is no plain change of columns.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db.models import Model, Q, QuerySet, Value
from django.db.models.functions import Lower, Now
from django.db.models.lookups import Exact

from ticketing.models import Record, User

GONE = "–"  # stands where there has to be a text


@dataclass(frozen=True)
class Person:
    """Somebody with an account; or without one, known by an e-mail address or a phone number alone."""

    account: User | None = None
    email: str = ""  # in lower case; of an account only when it is proven
    phone: str = ""

    @classmethod
    def owning(cls, account: User) -> "Person":
        """Whose account this is."""
        return cls(account, email=account.email.lower() if account.email_confirmed_at else "")

    @property
    def names(self) -> set[str]:
        """What they may have typed to log in."""
        typed = {self.email, *((self.account.username, self.account.email.lower()) if self.account else ())}
        return typed - {""}

    def rows(self, *, account: str = "", email: str = "", phone: str = "") -> Q:
        """Which rows are theirs, by the columns that say so; address and number count where no account does."""
        theirs = Q(**{account: self.account}) if account and self.account else Q(pk__in=[])
        nobodys = Q(**{account: None}) if account else Q()
        if email and self.email:
            theirs |= nobodys & Q(Exact(Lower(email), Value(self.email)))
        if phone and self.phone:
            theirs |= nobodys & Q(**{phone: self.phone})
        return theirs


@dataclass(frozen=True)
class Holding:
    """What one table has of people."""

    name: str  # in an export
    model: type[Model]
    of: Callable[[Person], Q]
    shows: Mapping[str, str] = field(default_factory=dict)  # in an export: its own names, and the columns
    becomes: Mapping[str, Any] | None = None  # what columns are when the person is forgotten; None: the row goes
    keeps: Mapping[str, str] = field(default_factory=dict)  # texts that stay, and why they are nobody's
    internal: Q | None = None  # which rows staff wrote among themselves
    content: str = ""  # the column with a file, whose name is the column `name`

    def rows(self, person: Person) -> QuerySet:
        """The person's."""
        return self.model._base_manager.filter(self.of(person))

    def told(self, person: Person, *, internal: bool) -> QuerySet:
        """Those of them that an export shows, oldest first."""
        rows = self.rows(person).order_by("pk")
        return rows.exclude(self.internal) if self.internal is not None and not internal else rows

    def forget(self, person: Person) -> int:
        """Let the person's rows say nothing of anybody any more; returns how many were there."""
        rows = self.rows(person)
        if self.becomes is None:
            return int(rows.delete()[1].get(self.model._meta.label, 0))
        changes = dict(self.becomes) | ({"updated_at": Now()} if issubclass(self.model, Record) else {})
        return rows.update(**changes) if self.becomes else 0


def modules() -> list[Any]:
    """Those that say what there is of people; the core's own comes last, as mails tell of everything."""
    return [import_module(path) for path in settings.PERSONAL_DATA]


def holdings() -> Iterator[Holding]:
    """All that there is, in the order in which it is forgotten."""
    for module in modules():
        yield from module.HOLDINGS


def ahead_of(person: Person) -> list[str]:
    """What is still to come for the person, in words."""
    return [line for module in modules() if hasattr(module, "ahead") for line in module.ahead(person)]
