"""The words every table's queries share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any, Self
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import UserManager
from django.contrib.sessions.base_session import BaseSessionManager
from django.db import IntegrityError, models, transaction
from django.db.models import Case, Count, Exists, F, OuterRef, Q, Subquery, Sum, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Lower, Now

from ticketing import rights
from ticketing.errors import Refused
from ticketing.rights import Actor, Scope

MOST_NAMED = 1000  # rows that break a promise


@contextmanager
def taken_means(refusal: Refused) -> Iterator[None]:
    """Say this where the database finds that something is there already; only what is done in here is undone then."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise refusal from error


class RecordQuerySet(models.QuerySet):
    """Rows that know when they were last changed, by the database's clock."""

    def change(self, **fields: Any) -> int:
        """UPDATE with `updated_at` set to now; returns the number of rows."""
        return self.update(updated_at=Now(), **fields)


class StockQuerySet(RecordQuerySet):
    """Scarce things: what is taken is taken by one conditional UPDATE."""

    def with_room(self, n: int = 1) -> Self:
        """Stocks from which `n` more can be taken."""
        return self.filter(taken__lte=F("capacity") - n)

    def without_room(self, n: int = 1) -> Self:
        """Stocks from which `n` more cannot be taken."""
        return self.filter(taken__gt=F("capacity") - n)

    def take(self, pk: Any, n: int = 1) -> bool:
        """Take `n` from one stock; False when there is not that much left, or no such stock."""
        return self.with_room(n).filter(pk=pk).update(taken=F("taken") + n) == 1

    def give_back(self, pk: Any, n: int = 1) -> None:
        """Return `n` to one stock; in the same transaction they are offered to whoever waits (actions/waiting.py)."""
        self.filter(pk=pk).update(taken=F("taken") - n)

    def hold(self, pk: Any, n: int = 1) -> bool:
        """Take `n` for the time being; a stock that counts apart what is held has its own."""
        return self.take(pk, n)

    def let_go(self, pk: Any, n: int = 1) -> None:
        """Return `n` that were held."""
        self.give_back(pk, n)

    def with_offered(self) -> Self:
        """Each with `offered`: how many of what is taken the offers of its waiting list hold."""
        waiters: WaiterQuerySet = apps.get_model("ticketing.waiter").objects.offered()
        held = waiters.filter(kind=self.model._meta.label_lower, stock=OuterRef("pk")).values("stock")
        return self.annotate(offered=Coalesce(Subquery(held.annotate(held=Sum("offered")).values("held")), 0))

    def with_end(self) -> Self:
        """Each with `ends`: from when on nobody waits for it any more; None where it can always be had."""
        ends = getattr(self.model, "waiting_ends", "") or "NULL::timestamptz"
        return self.annotate(ends=RawSQL(ends, (), output_field=models.DateTimeField(null=True)))  # noqa: S611

    def over(self) -> Self:
        """Those for which waiting is pointless from now on."""
        return self.with_end().filter(ends__lte=Now())


class AccountManager(UserManager):
    """Accounts, the demo's own apart from real ones."""

    def admitted(self) -> models.QuerySet:
        """Accounts that may log in here: active ones, and in production none of the demo's."""
        active = self.filter(is_active=True)
        return active if rights.is_demo() else active.filter(is_demo=False)

    def reading_at(self, email: str) -> models.QuerySet:
        """The account with this e-mail address, which is in lower case; at most one."""
        return self.alias(address=Lower("email")).filter(~Q(email=""), address=email)

    def proven(self, email: str) -> Any:
        """The active account whose owner has proven to read at this address, or None."""
        if not (address := email.strip().lower()):
            return None
        return self.reading_at(address).filter(email_confirmed_at__isnull=False, is_active=True).first()

    def holding(self, email: str) -> models.QuerySet:
        """Accounts that have this, in lower case, as their e-mail address or as their username."""
        return self.alias(address=Lower("email")).filter(Q(~Q(email=""), address=email) | Q(username=email))

    def named(self, typed: str) -> Any:
        """The account of whoever types this at log-in: a username or an e-mail address, in whatever case; or None."""
        account: Any = self.model
        name = account.typed_name(typed)
        fitting: models.QuerySet[Any] = self.alias(address=Lower("email")).filter(
            Q(username__in=[typed, name]) | Q(~Q(email=""), address=name)
        )
        return min(fitting, key=lambda user: (user.username != typed, user.username != name), default=None)

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **fields: Any
    ) -> Any:
        """Django's own, with the role whose rights a superuser's contain."""
        return super().create_superuser(username, email, password, role=rights.Role.SUPERVISOR.value, **fields)

    def visible_to(self, actor: Actor, operation: str = "account.list") -> models.QuerySet:
        """The accounts that the operation reaches for this actor; deactivated ones are not listed for everybody."""
        reached = rights.require(actor, operation)
        accounts = (self.admitted() if operation == "account.list" else self.all()).order_by("username")
        if reached == Scope.OWN:
            return accounts.filter(pk=actor.pk if actor else None)
        return accounts.filter(is_demo=True).exclude(role=rights.Role.GATE) if reached == Scope.DEMO else accounts


class ApiTokenQuerySet(RecordQuerySet):
    """Tokens are looked up by digest; only whoever holds the token knows what makes it."""

    def live(self) -> Self:
        """Tokens that were neither revoked nor outlived."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), revoked_at=None)

    def outlived(self) -> Self:
        """Tokens that ended more than a day ago."""
        then = Now() - timedelta(days=1)
        return self.filter(Q(expires_at__lt=then) | Q(revoked_at__lt=then))

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """The tokens this operation reaches for the actor, newest first."""
        reached = rights.require(actor, operation)
        newest = self.order_by("-created_at", "id")
        return newest if reached == Scope.ALL else newest.filter(user=actor)

    def with_due_note(self) -> Self:
        """Each with `due`: whether no use was noted in the last five minutes."""
        return self.annotate(due=Q(last_used_at=None) | Q(last_used_at__lt=Now() - timedelta(minutes=5)))

    def for_secret(self, secret: str) -> Self:
        """The token whose secret this is, at most one."""
        return self.filter(digest=digest(secret))


class IdempotencyKeyQuerySet(models.QuerySet):
    """Keys are kept for a day, then the same key means a new request."""

    def outlived(self) -> Self:
        """Keys older than 24 hours."""
        return self.filter(created_at__lt=Now() - timedelta(hours=24))


class HeartbeatQuerySet(models.QuerySet):
    """Signs of life, one row per kind of process."""

    def beat(self, name: str) -> None:
        """Say that `name` is alive now."""
        self.bulk_create(
            [self.model(name=name, at=Now())], update_conflicts=True, unique_fields=["name"], update_fields=["at"]
        )

    def alive(self, name: str, *, within: timedelta) -> bool:
        """Whether `name` gave a sign of life within that time."""
        return self.filter(name=name, at__gt=Now() - within).exists()


class VerdictQuerySet(models.QuerySet):
    """What audits said of promises, one row for each."""

    def note(self, identity: str, *, at: datetime, damaged: list[str]) -> None:
        """Write down what this audit found, unless a later one was quicker."""
        made = self.get_or_create(promise=identity, defaults={"at": at, "damaged": damaged})[1]
        if not made:
            self.filter(promise=identity, at__lt=at).update(at=at, damaged=damaged)

    def against(self, ids: Any) -> Self:
        """Those that name one of these ids, or so many rows that it may be among the others."""
        return self.filter(Q(damaged__overlap=ids) | Q(damaged__len__gte=MOST_NAMED))

    def untrue(self) -> Self:
        """Of the promises that some row breaks, in order."""
        return self.exclude(damaged=[]).order_by("promise")


class ActivityQuerySet(models.QuerySet):
    """The audit trail: written in the transaction of every change, never changed."""

    def record(self, operation: str, obj: models.Model | None = None, *, by: Actor, **details: Any) -> models.Model:
        """Write one row; `details` holds counts, codes and states, never personal data (invariant X2)."""
        return self.create(
            operation=operation,
            role=rights.role_of(by),
            actor_id=by.pk if by is not None else None,
            kind=obj._meta.label_lower if obj is not None else "",
            object_id=obj.pk if obj is not None else None,
            details=details,
        )

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """All of it, for whoever may read it."""
        rights.require(actor, operation)
        return self

    def about(self, obj: models.Model) -> Self:
        """The trail of one object, oldest first; only what has a UUID has one."""
        if not isinstance(obj.pk, UUID):
            return self.none()
        return self.filter(kind=obj._meta.label_lower, object_id=obj.pk).order_by("pk")


class EmailLinkQuerySet(RecordQuerySet):
    """Links that were mailed."""

    def visible_to(self, actor: Actor, operation: str = "account.manage") -> Self:
        """All of them, for whoever manages accounts."""
        rights.require(actor, operation)
        return self

    def live(self) -> Self:
        """Neither used nor expired."""
        return self.filter(used_at=None, expires_at__gt=Now())

    def outlived(self) -> Self:
        """Ended more than a week ago."""
        return self.filter(expires_at__lt=Now() - timedelta(days=7))


class SessionManager(BaseSessionManager.from_queryset(models.QuerySet)):  # type: ignore[misc]
    """Where people are logged in."""

    def visible_to(self, actor: Actor, operation: str) -> models.QuerySet:
        """The live sessions this operation reaches for the actor, newest first."""
        reached = rights.require(actor, operation)
        live = self.filter(expire_date__gt=Now(), account__isnull=False).order_by("-created_at", "public_id")
        return live if reached == Scope.ALL else live.filter(account=actor)

    def outlived(self) -> models.QuerySet:
        """Sessions that have ended."""
        return self.filter(expire_date__lt=Now())


class OutgoingQuerySet(models.QuerySet):
    """What is to be sent."""

    def unsent(self) -> Self:
        """Neither sent nor given up."""
        return self.filter(sent_at=None, dead_at=None)

    def due(self) -> Self:
        """Unsent, and its next attempt has come; oldest first."""
        return self.unsent().filter(next_at__lte=Now()).order_by("next_at", "id")

    def sent(self) -> Self:
        """Taken by whoever was to get it."""
        return self.filter(sent_at__isnull=False)

    def being_tried(self) -> Self:
        """Unsent, attempted, and to be attempted again: whoever does not take it is somebody else."""
        return self.unsent().filter(attempts__gt=0, next_at__gt=Now())

    def dead(self) -> Self:
        """Given up after the last attempt."""
        return self.filter(dead_at__isnull=False)

    def outlived(self) -> Self:
        """Sent or given up more than 30 days ago."""
        then = Now() - timedelta(days=30)
        return self.filter(Q(sent_at__lt=then) | Q(dead_at__lt=then))

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """All of it: whoever may see the outbox sees everything in it."""
        rights.require(actor, operation)
        return self


class MailQuerySet(OutgoingQuerySet):
    """Mails on their way."""

    def lately_to(self, address: str) -> Self:
        """Those of the last hour to one address."""
        return self.filter(to=address, created_at__gt=Now() - timedelta(hours=1))


class DeliveryQuerySet(OutgoingQuerySet):
    """Events on their way."""

    def due(self) -> Self:
        """Due, and nothing about the same object waits before it for the same webhook."""
        earlier = (
            type(self)(self.model)
            .unsent()
            .filter(webhook=OuterRef("webhook"), about=OuterRef("about"), id__lt=OuterRef("id"))
        )
        return super().due().filter(~Exists(earlier))


class WebhookQuerySet(RecordQuerySet):
    """Who wants to hear of what."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """All of them, for whoever may manage them."""
        rights.require(actor, operation)
        return self


class WaiterQuerySet(RecordQuerySet):
    """Who waits for what."""

    def visible_to(self, actor: Actor, operation: str, link: tuple[UUID, int] | None = None) -> Self:
        """The rows this operation reaches for the actor, who may have shown the link of one (see `Waiter.link`)."""
        reached = rights.require(actor, operation)
        if reached == Scope.ALL:
            return self
        pk, version = link or (None, None)
        shown = Q(pk=pk, link_version=version)
        return self.filter(shown | Q(account=actor) if reached == Scope.OWN else shown)

    def link_of(self, pk: Any, secret: str) -> tuple[UUID, int] | None:
        """What whoever knows the secret of this row's link has shown; None for another one's."""
        waiter: Any = self.filter(pk=pk).first() if secret else None
        return waiter.link if waiter and waiter.opens_with(secret) else None

    def of(self, stock: Any) -> Self:
        """Those of one stock."""
        return self.filter(kind=stock._meta.label_lower, stock=stock.pk)

    def beside(self, waiter: Any) -> Self:
        """Those of the same list."""
        return self.filter(kind=waiter.kind, stock=waiter.stock)

    def open(self) -> Self:
        """Those who wait or hold an offer."""
        return self.filter(state__in=["waiting", "offered"])

    def unconfirmed(self) -> Self:
        """Those who asked for a place and have not confirmed by the mailed link that they did."""
        return self.filter(state="unconfirmed")

    def never_confirmed(self) -> Self:
        """Those of them whose time to confirm is over, by the database's clock."""
        return self.unconfirmed().filter(created_at__lte=Now() - settings.WAITING_CONFIRM_LASTS)

    def lasting(self) -> Self:
        """Those whose place has not ended, confirmed or not."""
        return self.filter(state__in=["unconfirmed", "waiting", "offered"])

    def waiting(self) -> Self:
        """Those who wait."""
        return self.filter(state="waiting")

    def offered(self) -> Self:
        """Those who hold an offer, also one whose time has come."""
        return self.filter(state="offered")

    def overdue(self) -> Self:
        """Those whose offer is past its time, by the database's clock."""
        return self.offered().filter(offered_until__lte=Now())

    def fitting(self, free: int) -> Self:
        """Those who would take that many, or fewer."""
        return self.filter(least__lte=free)

    def in_order(self) -> Self:
        """The public order."""
        return self.order_by("place")

    def with_position(self) -> Self:
        """Each with `position` among those who wait for the same, from one; None for who does not wait."""
        ahead = type(self)(self.model).waiting().filter(kind=OuterRef("kind"), stock=OuterRef("stock"))
        counted = ahead.filter(place__lte=OuterRef("place")).order_by().values("kind").annotate(n=Count("*"))
        return self.annotate(position=Case(When(state="waiting", then=Subquery(counted.values("n")))))

    def outlived(self) -> Self:
        """Ended more than 30 days ago."""
        return self.exclude(state__in=["unconfirmed", "waiting", "offered"]).filter(
            updated_at__lt=Now() - timedelta(days=30)
        )


class AllowanceQuerySet(models.QuerySet):
    """What callers have used up."""

    def outlived(self) -> Self:
        """Wholly free again."""
        return self.filter(spent_until__lt=Now())


class HoursQuerySet(RecordQuerySet):
    """What business hours are made of."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """All of it: opening hours are public, and whoever may change one calendar may change all."""
        rights.require(actor, operation)
        return self


class OpeningQuerySet(HoursQuerySet):
    """The rows of a week."""

    def meeting(self, first: date | None, last: date | None) -> Self:
        """Those that are valid on some day from the first to the last; None is no end."""
        before = Q() if last is None else Q(valid_from=None) | Q(valid_from__lte=last)
        after = Q() if first is None else Q(valid_until=None) | Q(valid_until__gte=first)
        return self.filter(before, after)


class CalendarQuerySet(HoursQuerySet):
    """Business hours."""

    @transaction.atomic
    def default(self) -> Any:
        """The calendar that counts where none is named: always open until somebody changes it; made when missing."""
        always = {"name": "Default", "time_zone": settings.TIME_ZONE}
        calendar: Any
        calendar, made = self.get_or_create(slug="default", defaults=always)
        if made:
            opening = calendar.openings.model
            week = [opening(calendar=calendar, weekday=weekday, opens=0, closes=24 * 60) for weekday in range(7)]
            calendar.openings.bulk_create(week)
        return calendar

    def with_openings(self) -> Self:
        """Each with its weeks, in one query for all of them."""
        return self.prefetch_related("openings")

    def with_hours(self) -> Self:
        """Each with all that `Hours.load` needs, in three queries for all of them."""
        return self.prefetch_related("openings", "closures", "special")


def digest(secret: str) -> str:
    """What is stored of a secret with at least 128 random bits: SHA-256 in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()
