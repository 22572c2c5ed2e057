"""Who may do what: the one table, its demo additions, and the only reader of the site's mode besides settings.

A cell holds the scope of rows an operation reaches for a role; what is not listed is denied. `DEMO` is what an
anonymous caller may do on top in demo mode; as a caller can always leave a credential out, it holds for everybody then.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from django.conf import settings

from ticketing.errors import LogInFirst, NotAllowed

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from ticketing.models import User

Actor: TypeAlias = "User | AnonymousUser | None"  # None is the system itself
_Caller = TypeVar("_Caller", "User", "AnonymousUser")


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


SCOPES: dict[Scope, str] = {
    Scope.CAP: "whoever holds the unguessable id and the token that goes with it",
    Scope.EXACT: "whoever names the exact id",
    Scope.EVENT: "the events that this gate serves",
    Scope.OWN: "what is this account's own",
    Scope.ASSIGNED: "what is assigned to this agent, or waits in the agent's departments (setting AGENTS_SEE)",
    Scope.MASKED: "all, but phone numbers show their last three digits",
    Scope.ALL: "all",
    Scope.DEMO: "the demo's own accounts",
}

_WIDTH = list(Scope)

SYSTEM = "system"

RATE: re.Pattern[str] = re.compile(r"([1-9]\d{0,5})/(second|minute|hour|day)")  # how often, in the setting THROTTLES


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
    "account.manage_tokens":     _row(_NO,     _OWN,    _OWN,    _OWN,   _OWN),
    "account.revoke_token":      _row(_NO,     _OWN,    _OWN,    _OWN,   _ALL),
    "account.manage_sessions":   _row(_NO,     _OWN,    _OWN,    _OWN,   _OWN,   _ALL),
    "account.list":              _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "account.manage":            _row(_NO,     _NO,     _NO,     _NO,    _NO,    _ALL),
    "account.export":            _row(_NO,     _OWN,    _OWN,    _OWN,   _ALL),
    "account.anonymise":         _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "account.admin":             _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "support.raise_unverified":  _row(_ALL,    _OWN,    _ALL,    _NO,    _ALL),
    "support.open":              _row(_NO,     _OWN,    _ALL,    _NO,    _ALL),
    "support.list":              _row(_NO,     _OWN,    _ALL,    _NO,    _ALL),
    "support.read":              _row(_NO,     _OWN,    _ALL,    _NO,    _ALL),
    "support.close":             _row(_NO,     _OWN,    _ALL,    _NO,    _ALL),
    "support.rate":              _row(_NO,     _OWN,    _OWN,    _NO,    _OWN),
    "support.triage":            _row(_NO,     _NO,     _ALL,    _NO,    _ALL),
    "support.reject":            _row(_NO,     _NO,     _ALL,    _NO,    _ALL),
    "support.take":              _row(_NO,     _NO,     _ALL,    _NO,    _ALL),
    "support.assign":            _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "support.reply":             _row(_NO,     _OWN,    _ALL,    _NO,    _ALL),
    "support.note":              _row(_NO,     _NO,     _ALL,    _NO,    _ALL),
    "support.use_canned":        _row(_NO,     _NO,     _ALL,    _NO,    _ALL),
    "support.manage_canned":     _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "support.keep_views":        _row(_NO,     _NO,     _OWN,    _NO,    _OWN),
    "support.share_views":       _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "support.presence":          _row(_NO,     _NO,     _OWN,    _NO,    _ALL),
    "support.see_agents":        _row(_NO,     _NO,     _OWN,    _NO,    _ALL),
    "support.manage_agents":     _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "support.see_levels":        _row(_NO,     _NO,     _ALL,    _NO,    _ALL),
    "support.manage_levels":     _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "support.report":            _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "booking.see_free":          _row(_ALL,    _ALL,    _ALL,    _ALL,   _ALL),
    "booking.book":              _row(_ALL,    _OWN,    _ALL,    _NO,    _ALL),
    "booking.see_one":           _row(_CAP,    _OWN,    _MASKED, _NO,    _ALL),
    "booking.see_by_time":       _row(_NO,     _OWN,    _MASKED, _NO,    _ALL),
    "booking.see_all":           _row(_NO,     _OWN,    _NO,     _NO,    _ALL),
    "booking.change":            _row(_CAP,    _OWN,    _ALL,    _NO,    _ALL),
    "booking.cancel":            _row(_CAP,    _OWN,    _ALL,    _NO,    _ALL),
    "booking.check_in":          _row(_NO,     _NO,     _ALL,    _NO,    _ALL),
    "booking.feeds":             _row(_NO,     _OWN,    _NO,     _NO,    _ALL),
    "booking.read_feed":         _row(_CAP,    _CAP,    _CAP,    _CAP,   _CAP),
    "booking.manage":            _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "booking.report":            _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "booking.purge":             _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "allocation.see_options":    _row(_ALL,    _ALL,    _ALL,    _ALL,   _ALL),
    "allocation.change_options": _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "allocation.purchase":       _row(_NO,     _OWN,    _ALL,    _NO,    _ALL),
    "allocation.manage_events":  _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "allocation.hold":           _row(_NO,     _OWN,    _ALL,    _NO,    _ALL),
    "allocation.cancel":         _row(_NO,     _OWN,    _ALL,    _NO,    _ALL),
    "allocation.transfer":       _row(_NO,     _OWN,    _ALL,    _NO,    _ALL),
    "allocation.see_transfer":   _row(_CAP,    _CAP,    _CAP,    _CAP,   _CAP),
    "allocation.accept_transfer": _row(_NO,    _CAP,    _CAP,    _NO,    _CAP),
    "allocation.see_purchase":   _row(_NO,     _OWN,    _EXACT,  _NO,    _ALL),
    "allocation.list_purchases": _row(_NO,     _OWN,    _NO,     _NO,    _ALL),
    "allocation.see_ticket":     _row(_NO,     _OWN,    _EXACT,  _EXACT, _ALL),
    "allocation.list_tickets":   _row(_NO,     _OWN,    _NO,     _NO,    _ALL),
    "allocation.take_along":     _row(_NO,     _OWN,    _OWN,    _NO,    _OWN),
    "allocation.issue":          _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "allocation.set_validity":   _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "allocation.admit":          _row(_NO,     _NO,     _NO,     _EVENT, _ALL),
    "allocation.undo_admission": _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "allocation.see_scans":      _row(_NO,     _NO,     _NO,     _OWN,   _ALL),
    "allocation.report":         _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "hours.see":                 _row(_ALL,    _ALL,    _ALL,    _ALL,   _ALL),
    "hours.manage":              _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "waiting.join":              _row(_ALL,    _OWN,    _ALL,    _NO,    _ALL),
    "waiting.use_link":          _row(_CAP,    _OWN,    _ALL,    _CAP,   _ALL),
    "waiting.see":               _row(_NO,     _OWN,    _ALL,    _NO,    _ALL),
    "waiting.manage":            _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "site.visit":                _row(_ALL,    _ALL,    _ALL,    _ALL,   _ALL),
    "site.health":               _row(_ALL,    _ALL,    _ALL,    _ALL,   _ALL),
    "site.board":                _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "site.trail":                _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "site.outbox":               _row(_NO,     _NO,     _NO,     _NO,    _ALL),
    "site.webhooks":             _row(_NO,     _NO,     _NO,     _NO,    _NO,    _ALL),
    "site.operate":              _row(_NO,     _NO,     _NO,     _NO,    _NO,    _NO),
}  # fmt: skip

# What each operation is, in words: for the documentation.
WORDS: dict[str, str] = {
    "account.log_in": "log in; locked for a while after five failures of one name from one address",
    "account.sign_up": "ask for an account, or for a new password, by e-mail",
    "account.use_link": "use the link of such a mail: whoever holds it",
    "account.profile": "see and change one's own name, language, address and password",
    "account.manage_tokens": "make, rename and rotate API tokens, which are shown once and stored as digests",
    "account.revoke_token": "end an API token",
    "account.manage_sessions": "see where an account is logged in, and end it there",
    "account.list": "see the accounts; in the demo its own ones with their tokens",
    "account.manage": "invite staff, change roles, deactivate and reactivate accounts",
    "account.export": "take along all that the site has of one; of anybody, also what staff wrote among themselves",
    "account.anonymise": "forget a customer, whose records stay as numbers; and people without an account",
    "account.admin": "enter the administration",
    "support.raise_unverified": "ask a question as somebody who merely says who they are",
    "support.open": "open a ticket; staff on behalf of a customer, which is recorded",
    "support.list": "list, filter and count tickets",
    "support.read": "read a ticket",
    "support.close": "close and re-open a ticket",
    "support.rate": "say whether one's own question was answered well",
    "support.triage": "change priority, department and tags of a ticket, and see who else has it open",
    "support.reject": "end a ticket without an answer, for a reason",
    "support.take": "take a ticket, release it, and hand it over with a note",
    "support.assign": "give a ticket to somebody",
    "support.reply": "read and write replies",
    "support.note": "read and write internal notes, which no customer sees",
    "support.use_canned": "see canned replies and put them into one's own",
    "support.manage_canned": "write, change and remove canned replies",
    "support.keep_views": "keep filtered lists of questions under a name, and see those that are shared",
    "support.share_views": "share such a list with everybody at the desk, and change or remove any that is",
    "support.presence": "say that an agent is there, and for how long, or gone",
    "support.see_agents": "see agents, their load and their presence",
    "support.manage_agents": "give an account a place at the desk, set its capacity and departments",
    "support.see_levels": "see what is promised for which questions",
    "support.manage_levels": "promise first responses and resolutions",
    "support.report": "read how long questions waited and took, what is open, and what each agent did",
    "booking.see_free": "see services and free places, in numbers only",
    "booking.book": "book",
    "booking.see_one": "see a booking by its id; without an account with its manage token",
    "booking.see_by_time": "see the bookings of a day or an hour",
    "booking.see_all": "see all bookings",
    "booking.change": "change a booking",
    "booking.cancel": "cancel a booking",
    "booking.check_in": "see who comes today, check them in, note who did not come, let people walk in and undo that",
    "booking.feeds": "make and remove private calendar links: for one's own bookings; staff for rooms and people too",
    "booking.read_feed": "read a calendar by its private link: whoever holds it",
    "booking.manage": "set up services and capacities",
    "booking.report": "read what bookings came to, and take it as a table",
    "booking.purge": "delete what expired",
    "allocation.see_options": "see what is on sale and how much is left",
    "allocation.change_options": "put tickets on sale and change their number",
    "allocation.purchase": "buy tickets; staff on behalf of an account, which is recorded",
    "allocation.manage_events": "prepare events, publish and change them",
    "allocation.hold": "hold tickets for a while, buy what is held or release it; staff on behalf of an account",
    "allocation.cancel": "give tickets back for good; customers until the organiser's deadline",
    "allocation.transfer": "offer a ticket to somebody else by a link, and withdraw it; until the organiser's deadline",
    "allocation.see_transfer": "see which ticket the link of such an offer is for: whoever holds it",
    "allocation.accept_transfer": "accept it, which makes the code of its former holder void: whoever holds the link",
    "allocation.see_purchase": "see a purchase by its id",
    "allocation.list_purchases": "list purchases",
    "allocation.see_ticket": "see an event ticket by its id; gates see its state only",
    "allocation.list_tickets": "list event tickets",
    "allocation.take_along": "take one's own tickets along: as PDF, and their events as a file for calendars",
    "allocation.issue": "issue an event ticket that nobody bought",
    "allocation.set_validity": "make an event ticket valid or invalid",
    "allocation.admit": "admit whoever shows a ticket's code; gates to the events that they serve",
    "allocation.undo_admission": "undo an admission, for a reason that is kept",
    "allocation.see_scans": "see what was scanned at gates",
    "allocation.report": "read how the tickets of events sold, who was admitted when and who did not come",
    "hours.see": "see opening hours, closures, and when it is open",
    "hours.manage": "set opening hours, closures and special days",
    "waiting.join": "join a waiting list; staff on behalf of somebody, which is recorded",
    "waiting.use_link": "see, confirm, leave a place on a waiting list, answer an offer; whoever holds the mailed link",
    "waiting.see": "list who waits for what",
    "waiting.manage": "move somebody on a waiting list, for a reason that is shown, and renew links",
    "site.visit": "see the public pages and the description of the API",
    "site.health": "ask whether the site can do its work",
    "site.board": "see what happens now: queue, agents, bookings, sales and the parts of the site",
    "site.trail": "read the audit trail",
    "site.outbox": "see mails and deliveries, and send dead ones again",
    "site.webhooks": "set up webhooks",
    "site.operate": "run the operator's commands: on the machine itself only",
}

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

# The rows of DEMO that each contract's calls need. In production they hold for callers who come by the paths of a
# contract that OPEN_CONTRACTS names, and for nobody else.
CONTRACTS: dict[str, tuple[str, ...]] = {
    "ticket-service": (),
    "ticketing-system": ("account.list",),
    "ticket-management-system": (
        "booking.see_one",
        "booking.see_by_time",
        "booking.see_all",
        "booking.change",
        "booking.cancel",
    ),
    "ticket-allocation": ("allocation.change_options", "allocation.purchase"),
    "tickets-api": (
        "allocation.see_ticket",
        "allocation.list_tickets",
        "allocation.issue",
        "allocation.set_validity",
    ),
}
_CAME_BY = "_came_by"  # the mark on a caller who came by a contract's path

# What an agent reaches less of with AGENTS_SEE=assigned.
NARROWED = (
    "support.list",
    "support.read",
    "support.close",
    "support.triage",
    "support.reject",
    "support.take",
    "support.reply",
    "support.note",
)


def is_demo() -> bool:
    """Whether this site runs in demo mode."""
    return settings.SITE_MODE == "demo"


def mode() -> str:
    """In which of the two modes this site runs."""
    return "demo" if is_demo() else "production"


def coming_by(contract: str, caller: _Caller) -> _Caller:
    """The caller of a contract's path: what OPEN_CONTRACTS allows holds for this one object alone."""
    setattr(caller, _CAME_BY, contract)
    return caller


def role_of(actor: Actor) -> str:
    """The actor's column in the table, or `system` for the site's own work."""
    if actor is None:
        return SYSTEM
    if not actor.is_authenticated:
        return Role.ANONYMOUS
    return Role.SUPERUSER if actor.is_superuser else str(getattr(actor, "role", Role.CUSTOMER))


def scope(actor: Actor, operation: str) -> Scope | None:
    """The rows `operation` reaches for this actor, or None when it is denied; an unknown operation is a KeyError."""
    return cell(role_of(actor), operation, demo=is_demo(), contract=getattr(actor, _CAME_BY, ""))


def cell(role: str, operation: str, *, demo: bool, contract: str = "") -> Scope | None:
    """One cell of the matrix as the given mode has it, by the paths of a contract if one is named."""
    row = RIGHTS[operation]
    if role == SYSTEM:
        return Scope.ALL
    own = _as_narrow_as_agents_see(row[Role(role)], role, operation)
    if not demo and (own == Scope.ALL or not is_opened(operation, contract)):
        return own  # whoever reaches everything would see less through the demo's eyes: no account of it is admitted
    here = [wide for wide in (own, DEMO.get(operation)) if wide]
    return max(here, key=_WIDTH.index, default=None)


def is_opened(operation: str, contract: str) -> bool:
    """Whether the site's owner leaves this operation open to everybody by the paths of this contract."""
    return contract in settings.OPEN_CONTRACTS and operation in CONTRACTS[contract]


def _as_narrow_as_agents_see(reached: Scope | None, role: str, operation: str) -> Scope | None:
    narrow = settings.AGENTS_SEE == "assigned" and role == Role.AGENT and operation in NARROWED
    return Scope.ASSIGNED if narrow and reached == Scope.ALL else reached


def require(actor: Actor, operation: str) -> Scope:
    """The actor's scope, or LogInFirst for an anonymous caller and NotAllowed for a role that lacks the function."""
    if reached := scope(actor, operation):
        return reached
    raise LogInFirst if role_of(actor) == Role.ANONYMOUS else NotAllowed
