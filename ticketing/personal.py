"""What the tables that all apps share have of people (see people.py)."""

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.db.models import CharField, F, Q, Value
from django.db.models.functions import Cast, Concat, Now
from django.utils.translation import ngettext

from ticketing.actions.waiting import leave_list
from ticketing.models import Activity, ApiToken, EmailLink, IdempotencyKey, Mail, Session, User, Waiter
from ticketing.people import GONE, Holding, Person
from ticketing.querysets import WaiterQuerySet
from ticketing.rights import Actor


def _tried(person: Person) -> Q:
    return Q(username__in=person.names)


def _did(person: Person) -> Q:
    pk = person.account and person.account.pk
    return Q(actor=pk) | Q(kind="ticketing.user", object_id=pk) if pk else Q(pk__in=[])


def _mailed(person: Person) -> Q:
    """To a proven address; or else what only the account's owner is sent."""
    mails = person.rows(email="to")
    if person.account:
        mails |= Q(link__user=person.account) | Q(context__about__1=str(person.account.pk))
    if person.account and person.account.email:
        mails |= Q(to=person.account.email, template__in=TO_OWNERS)
    return mails


TO_OWNERS = ("password_changed", "address_changed", "ticket_accepted", "ticket_bought")
_SEEN = {"at": "attempt_time", "name": "username", "address": "ip_address", "browser": "user_agent"}

HOLDINGS = [
    Holding(
        "waiting",
        Waiter,
        lambda person: person.rows(account="account", email="email"),
        shows={
            **{name: name for name in ("id", "created_at", "kind", "stock", "quantity", "least", "email", "language")},
            **{name: name for name in ("state", "offered", "offered_until", "moved_at", "moved_reason")},
        },
    ),
    Holding(
        "tokens",
        ApiToken,
        lambda person: person.rows(account="user"),
        shows={name: name for name in ("name", "created_at", "last_used_at", "expires_at", "revoked_at")},
    ),
    Holding(
        "sessions",
        Session,
        lambda person: person.rows(account="account"),
        shows={"browser": "device", "created_at": "created_at", "expires_at": "expire_date"},
    ),
    Holding("log_ins_that_failed", AccessAttempt, _tried, shows=_SEEN),
    Holding("log_ins_that_were_locked", AccessFailureLog, _tried, shows=_SEEN),
    Holding("log_ins", AccessLog, _tried, shows=_SEEN),
    Holding(
        "requests",
        IdempotencyKey,
        lambda person: Q(caller=str(person.account.pk)) if person.account else Q(pk__in=[]),
    ),
    Holding(
        "mails",
        Mail,
        _mailed,
        shows={name: name for name in ("to", "template", "language", "created_at", "sent_at")},
    ),
    Holding(
        "links",
        EmailLink,
        lambda person: person.rows(account="user", email="email"),
        shows={name: name for name in ("purpose", "email", "created_at", "expires_at", "used_at")},
    ),
    Holding(
        "administration",
        LogEntry,
        lambda person: Q(object_id=str(person.account.pk)) if person.account else Q(pk__in=[]),
        shows={"at": "action_time", "name": "object_repr"},
        becomes={"object_repr": GONE},
        keeps={"user": "who of the staff did it", "object_id": "an id", "change_message": "names of fields"},
    ),
    Holding(
        "trail",
        Activity,
        _did,
        shows={name: name for name in ("at", "operation", "kind", "object_id")},
        becomes={},
        keeps={
            "actor": "the account, of which nothing is left but its id",
            "operation": "a name of rights.py",
            "kind": "the name of a table",
            "role": "a name of rights.py",
            "details": "numbers, codes and ids (X2)",
        },
    ),
    Holding(
        "account",
        User,
        lambda person: Q(pk=person.account.pk) if person.account else Q(pk__in=[]),
        shows={
            **{name: name for name in ("id", "username", "first_name", "last_name", "email", "email_confirmed_at")},
            **{name: name for name in ("language", "role", "date_joined", "last_login")},
        },
        # Constraints of the table know this shape, and a trigger keeps it so for good.
        becomes={
            "username": Concat(Value("anonymised-"), Cast(F("pk"), CharField())),
            "first_name": "",
            "last_name": "",
            "email": "",
            "email_confirmed_at": None,
            "last_login": None,
            "password": make_password(None),
            "is_active": False,
            "anonymised_at": Now(),
        },
    ),
]

NOBODYS = {
    "ticketing.Allowance": "an account's id or a network address, for minutes",
    "ticketing.Calendar": "business hours",
    "ticketing.Closure": "business hours",
    "ticketing.Delivery": "which line of the trail went to which webhook",
    "ticketing.Heartbeat": "processes",
    "ticketing.Opening": "business hours",
    "ticketing.Site": "the mode",
    "ticketing.SpecialOpening": "business hours",
    "ticketing.Verdict": "ids of rows",
    "ticketing.Webhook": "of programs, set up by staff",
    "axes.AccessAttemptExpiration": "when a failed log-in is forgotten",
    "auth.Group": "names of groups, which nothing uses",
    "auth.Permission": "names of permissions",
    "contenttypes.ContentType": "names of tables",
    "sessions.Session": "not used: ours has a table of its own",
    "django_q.Schedule": "names of tasks",
    "django_q.Task": "tasks and the ids that they are about",
    "django_q.OrmQ": "tasks and the ids that they are about",
}


def ahead(person: Person) -> list[str]:
    """Places on waiting lists, which others would be offered less because of."""
    count = _waiting(person).count()
    return [ngettext("%d place on a waiting list", "%d places on waiting lists", count) % count] if count else []


def end(person: Person, *, by: Actor) -> None:
    """Leave every list."""
    for waiter in _waiting(person).order_by("kind", "stock"):
        leave_list(waiter, by=by)


def _waiting(person: Person) -> WaiterQuerySet:
    return Waiter.objects.open().filter(person.rows(account="account", email="email"))
