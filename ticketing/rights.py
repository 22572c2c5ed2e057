"""Who may do what: the one table, its demo additions, and the only reader of the site's mode besides settings.

A cell holds the scope of rows an operation reaches for a role; what is not listed is denied. `DEMO` is what an
anonymous caller may do on top in demo mode; as a caller can always leave a credential out, it holds for everybody then.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from django.conf import settings

from ticketing.errors import LogInFirst, NotAllowed

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from ticketing.models import User

Actor: TypeAlias = "User | AnonymousUser | None"  # None is the system itself


class Role(StrEnum):
    """The columns of the table. A superuser is a supervisor who also manages accounts, roles and settings."""

    ANONYMOUS = "anonymous"
    CUSTOMER = "customer"
    AGENT = "agent"
    GATE = "gate"
    SUPERVISOR = "supervisor"
    SUPERUSER = "superuser"


class Scope(StrEnum):
    """Which rows an operation reaches, from the narrowest to the widest."""

    CAP = "cap"  # whoever holds the unguessable id and its manage token
    EXACT = "exact"  # whoever names the exact id or reference
    EVENT = "ev"  # the events this gate account serves
    OWN = "own"  # rows of this account
    ASSIGNED = "asg"  # assigned to this agent, or waiting in the agent's departments
    MASKED = "masked"  # all rows, phone numbers show their last three digits
    ALL = "all"
    DEMO = "demo"  # the demo's own accounts, with their tokens


_WIDTH = list(Scope)

SYSTEM = "system"


def _row(
    anonymous: Scope | None,
    customer: Scope | None,
    agent: Scope | None,
    gate: Scope | None,
    supervisor: Scope | None,
    superuser: Scope | None = None,
) -> dict[Role, Scope | None]:
    return dict(zip(Role, (anonymous, customer, agent, gate, supervisor, superuser or supervisor), strict=True))


_CAP, _EXACT, _EVENT, _OWN, _MASKED, _ALL = Scope.CAP, Scope.EXACT, Scope.EVENT, Scope.OWN, Scope.MASKED, Scope.ALL
_NO = None

RIGHTS: dict[str, dict[Role, Scope | None]] = {
    #                                 anonymous customer agent   gate    supervisor superuser, where it is more
    "account.log_in":            _row(_ALL,    _ALL,    _ALL,    _ALL,   _ALL),
    "account.sign_up":           _row(_ALL,    _ALL,    _ALL,    _ALL,   _ALL),
    "account.use_link":          _row(_CAP,    _CAP,    _CAP,    _CAP,   _CAP),
    "account.profile":           _row(_NO,     _OWN,    _OWN,    _OWN,   _OWN),
    "account.manage_tokens":     _row(_NO,     _OWN,    _OWN,    _OWN,   _OWN,   _ALL),
    "account.revoke_token":      _row(_NO,     _OWN,    _OWN,    _OWN,   _ALL),
    "account.manage_sessions":   _row(_NO,     _OWN,    _OWN,    _OWN,   _OWN,   _ALL),
    "account.list":              _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "account.manage":            _row(_NO,     _NO,     _NO,     _NO,    _NO,    _ALL),
    "account.admin":             _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "support.raise_unverified":  _row(_ALL,    _OWN,    _ALL,    _NO,    _ALL),
    "support.open":              _row(_NO,     _OWN,    _ALL,    _NO,    _ALL),
    "support.list":              _row(_NO,     _OWN,    _ALL,    _NO,    _ALL),
    "support.read":              _row(_NO,     _OWN,    _ALL,    _NO,    _ALL),
    "support.close":             _row(_NO,     _OWN,    _ALL,    _NO,    _ALL),
    "support.triage":            _row(_NO,     _NO,     _ALL,    _NO,    _ALL),
    "support.reject":            _row(_NO,     _NO,     _ALL,    _NO,    _ALL),
    "support.reply":             _row(_NO,     _OWN,    _ALL,    _NO,    _ALL),
    "support.presence":          _row(_NO,     _NO,     _OWN,    _NO,    _ALL),
    "support.see_agents":        _row(_NO,     _NO,     _OWN,    _NO,    _ALL),
    "support.manage_agents":     _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "booking.see_free":          _row(_ALL,    _ALL,    _ALL,    _ALL,   _ALL),
    "booking.book":              _row(_ALL,    _OWN,    _ALL,    _NO,    _ALL),
    "booking.see_one":           _row(_CAP,    _OWN,    _MASKED, _NO,    _ALL),
    "booking.see_by_time":       _row(_NO,     _OWN,    _MASKED, _NO,    _ALL),
    "booking.see_all":           _row(_NO,     _OWN,    _NO,     _NO,    _ALL),
    "booking.change":            _row(_CAP,    _OWN,    _ALL,    _NO,    _ALL),
    "booking.cancel":            _row(_CAP,    _OWN,    _ALL,    _NO,    _ALL),
    "booking.manage":            _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "booking.purge":             _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "allocation.see_options":    _row(_ALL,    _ALL,    _ALL,    _ALL,   _ALL),
    "allocation.change_options": _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "allocation.purchase":       _row(_NO,     _OWN,    _ALL,    _NO,    _ALL),
    "allocation.see_purchase":   _row(_NO,     _OWN,    _EXACT,  _NO,    _ALL),
    "allocation.list_purchases": _row(_NO,     _OWN,    _NO,     _NO,    _ALL),
    "allocation.see_ticket":     _row(_NO,     _OWN,    _EXACT,  _EXACT, _ALL),
    "allocation.list_tickets":   _row(_NO,     _OWN,    _NO,     _NO,    _ALL),
    "allocation.issue":          _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "allocation.set_validity":   _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "site.visit":                _row(_ALL,    _ALL,    _ALL,    _ALL,   _ALL),
    "site.health":               _row(_ALL,    _ALL,    _ALL,    _ALL,   _ALL),
    "site.trail":                _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "site.outbox":               _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "site.webhooks":             _row(_NO,     _NO,     _NO,     _NO,    _NO,    _ALL),
    "site.operate":              _row(_NO,     _NO,     _NO,     _NO,    _NO,    _NO),
}  # fmt: skip

DEMO: dict[str, Scope] = {
    "account.list": Scope.DEMO,
    "booking.see_one": Scope.ALL,
    "booking.see_by_time": Scope.ALL,
    "booking.see_all": Scope.ALL,
    "booking.change": Scope.ALL,
    "booking.cancel": Scope.ALL,
    "allocation.change_options": Scope.ALL,
    "allocation.purchase": Scope.ALL,
    "allocation.see_ticket": Scope.ALL,
    "allocation.list_tickets": Scope.ALL,
    "allocation.issue": Scope.ALL,
    "allocation.set_validity": Scope.ALL,
}


def is_demo() -> bool:
    """Whether this site runs in demo mode."""
    return settings.SITE_MODE == "demo"


def role_of(actor: Actor) -> str:
    """The actor's column in the table, or `system` for the site's own work."""
    if actor is None:
        return SYSTEM
    if not actor.is_authenticated:
        return Role.ANONYMOUS
    return Role.SUPERUSER if actor.is_superuser else str(getattr(actor, "role", Role.CUSTOMER))


def scope(actor: Actor, operation: str) -> Scope | None:
    """The rows `operation` reaches for this actor, or None when it is denied; an unknown operation is a KeyError."""
    return cell(role_of(actor), operation, demo=is_demo())


def cell(role: str, operation: str, *, demo: bool) -> Scope | None:
    """One cell of the matrix as the given mode has it."""
    row = RIGHTS[operation]
    if role == SYSTEM:
        return Scope.ALL
    here = [wide for wide in (row[Role(role)], DEMO.get(operation) if demo else None) if wide]
    return max(here, key=_WIDTH.index, default=None)


def require(actor: Actor, operation: str) -> Scope:
    """The actor's scope, or LogInFirst for an anonymous caller and NotAllowed for a role that lacks the function."""
    if reached := scope(actor, operation):
        return reached
    raise LogInFirst if role_of(actor) == Role.ANONYMOUS else NotAllowed
