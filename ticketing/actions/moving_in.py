"""What the verbs that move the data of another system in have in common, and the one that moves accounts in.

They work set by set: what is here already is left as it is, so that they can be repeated after any crash, and after the
source has grown. Imports wait for one another, chunk by chunk.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, connection, models, transaction
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from ticketing import rights
from ticketing.errors import Busy, Conflict, Invalid, Refused, Text
from ticketing.models import Activity, ApiToken, User
from ticketing.querysets import digest
from ticketing.rights import Actor

ADVISORY_LOCK = 7_346_002
TRIES = 3

_P = ParamSpec("_P")
_T = TypeVar("_T")


class TakenHere(Conflict):
    """Something else here has the name, address or code already."""

    code = "taken_here"
    message = _("Something else here has this already.")


class NotHere(Conflict):
    """What the row refers to was not moved in."""

    code = "not_here"
    message = _("What it refers to is not here.")


@dataclass
class Outcome:
    """What became of the records of one chunk, each known by its position."""

    counts: Counter[str] = field(default_factory=Counter)
    remarks: list[tuple[int, Text]] = field(default_factory=list)
    refused: dict[int, Refused] = field(default_factory=dict)

    def keep(self, position: int, why: Text) -> None:
        """The row here stays as it is."""
        self.counts["kept"] += 1
        self.remarks.append((position, why))


def stable_id(source: str, table: str, key: object) -> UUID:
    """The same UUID for the same row of a source, whenever it is moved in."""
    return uuid5(NAMESPACE_URL, f"urn:ticketing:{source}:{table}:{key}")


def again_if_others_interfere(verb: Callable[_P, _T]) -> Callable[_P, _T]:
    """Repeat the transaction when somebody made or deleted between look and write what it counted on; then Busy."""

    @wraps(verb)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        for _attempt in range(TRIES):
            try:
                return verb(*args, **kwargs)
            except IntegrityError as error:
                last = error
        raise Busy from last

    return run


def begin(by: Actor) -> datetime:
    """Ask for the right, wait for other imports' chunks, and tell the database's time."""
    rights.require(by, "site.operate")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        cursor.execute("SELECT statement_timestamp()")
        return cursor.fetchone()[0]


def newcomers(records: Sequence[models.Model], *, compared: Sequence[str], outcome: Outcome) -> dict[int, Any]:
    """The records that are not here yet, by position; the others are counted as there already, or kept as they are."""
    seen: dict[Any, models.Model] = type(records[0])._default_manager.in_bulk([record.pk for record in records])
    missing = [record.pk for record in records if record.pk not in seen]
    gone = set(Activity.objects.filter(object_id__in=missing).values_list("object_id", flat=True))
    new = {}
    for position, record in enumerate(records):
        if here := seen.get(record.pk):
            if all(getattr(here, name) == getattr(record, name) for name in compared):
                outcome.counts["there already"] += 1
            else:
                outcome.keep(position, _("Kept as it is here: it was changed since it was moved in."))
        elif record.pk in gone:
            outcome.keep(position, _("Kept as it is here: it was deleted since it was moved in."))
        else:
            seen[record.pk] = new[position] = record
    return new


def refuse_future(new: dict[int, Any], now: datetime, outcome: Outcome) -> None:
    """Take out what says that it was made or changed later than now."""
    for position, record in list(new.items()):
        if max(record.created_at, record.updated_at) > now:
            refuse(new, position, Invalid(_("This time lies in the future."), field="created_at"), outcome)


def refuse(new: dict[int, Any], position: int, refusal: Refused, outcome: Outcome) -> None:
    """Take one record out, for a reason."""
    del new[position]
    outcome.refused[position] = refusal


def settle(operation: str, new: dict[int, Any], outcome: Outcome, *, source: str, by: Actor) -> None:
    """Write the chunk's one line of the audit trail."""
    if not new:
        return
    ids = [str(record.pk) for record in new.values()]
    Activity.objects.record(operation, by=by, source=source, count=len(ids), ids=ids)
    outcome.counts["added"] += len(ids)


@dataclass(frozen=True)
class Newcomer:
    """Somebody of a source, with the API token they use there."""

    user: User
    token: str = ""


@dataclass
class Arrivals(Outcome):
    """What became of accounts: those that were made, and which account here stands for somebody of the source."""

    made: list[User] = field(default_factory=list)
    joined: dict[UUID, UUID] = field(default_factory=dict)


@again_if_others_interfere
@transaction.atomic
def move_in_accounts(people: Sequence[Newcomer], *, source: str, by: Actor) -> Arrivals:
    """Make accounts without a password; whoever has the address here already, proven, is the same person."""
    begin(by)
    outcome = Arrivals()
    compared = ("username", "email", "first_name", "last_name", "role")
    new = newcomers([person.user for person in people], compared=compared, outcome=outcome)
    _join_or_refuse(new, outcome)
    for user in new.values():
        user.password = make_password(None)
    User.objects.bulk_create(new.values())
    outcome.made = list(new.values())
    _keep_tokens({position: people[position].token for position in new}, new, source, outcome)
    settle("account.move_in", new, outcome, source=source, by=by)
    return outcome


def _join_or_refuse(new: dict[int, User], outcome: Arrivals) -> None:
    names = {user.username for user in new.values()}
    addresses = {text.lower() for text in (*names, *(user.email for user in new.values())) if text}
    with_address = User.objects.exclude(email="").alias(address=Lower("email")).filter(address__in=addresses)
    here: dict[str, User] = {user.email.lower(): user for user in with_address}
    taken = set(User.objects.filter(username__in=names).values_list("username", flat=True))
    for position, user in list(new.items()):
        if other := here.get(user.email.lower()):
            del new[position]
            _join(position, user, other, outcome)
        elif user.username in taken or user.username.lower() in here:  # either is typed at log-in
            sentence = _("Another account here has this as its username or address. Rename one of the two.")
            refuse(new, position, TakenHere(sentence, field="username"), outcome)
        else:
            taken.add(user.username)
            here.update({user.email.lower(): user} if user.email else {})


def _join(position: int, user: User, other: User, outcome: Arrivals) -> None:
    # An address that nobody proved may be somebody else's account made to collect what belongs to its real owner.
    if other.email_confirmed_at is None:
        sentence = _("Another account has this e-mail address, and its owner has not confirmed it yet.")
        outcome.refused[position] = TakenHere(sentence, field="email")
        return
    outcome.joined[user.pk] = other.pk
    outcome.keep(position, _("Joined to the account that has this e-mail address here; its token was not taken over."))


def _keep_tokens(secrets: dict[int, str], new: dict[int, User], source: str, outcome: Outcome) -> None:
    digests = {position: digest(secret) for position, secret in secrets.items() if secret}
    used = set(ApiToken.objects.filter(digest__in=digests.values()).values_list("digest", flat=True))
    tokens = []
    for position, stored in digests.items():
        if stored in used:
            outcome.remarks.append((position, _("Its token is another account's: this client needs a new one.")))
            continue
        used.add(stored)
        tokens.append(ApiToken(user=new[position], name=source, digest=stored))
    ApiToken.objects.bulk_create(tokens)
    outcome.counts["tokens kept"] += len(tokens)
