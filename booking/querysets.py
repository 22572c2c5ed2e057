"""The words in which bookings are asked."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any, Self
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import (
    Count,
    DateTimeField,
    ExpressionWrapper,
    F,
    FloatField,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import (
    Cast,
    Coalesce,
    ExtractHour,
    ExtractMinute,
    ExtractSecond,
    Lower,
    Now,
    Trunc,
    TruncDate,
)
from django.db.models.lookups import LessThan
from django.utils import timezone

from ticketing import clocks, rights
from ticketing.querysets import RecordQuerySet, StockQuerySet, digest
from ticketing.rights import Actor, Scope
from ticketing.toolkit.database import planned_once

_ID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
EXPIRES_AFTER = timedelta(hours=8)
DEFAULT = "default"  # the short name of the service that is booked when none is named


class ServiceQuerySet(RecordQuerySet):
    """What can be booked."""

    def default(self) -> Any:
        """The service that is booked when none is named; made when it is missing."""
        statement, parameters, fields = _the_default(self.model)
        if row := planned_once(statement, parameters):
            return self.model.from_db(self.db, fields, row)
        return self.get_or_create(slug=DEFAULT, defaults={"name": "Default"})[0]

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """Every service: whoever may do the operation may do it to all of them."""
        rights.require(actor, operation)
        return self

    def in_order(self) -> Self:
        """As people look for them."""
        return self.order_by("name", "slug")

    def with_calendar(self) -> Self:
        """Each with its calendar."""
        return self.select_related("calendar")

    def called(self, name: str) -> Self:
        """The service of that short name or id."""
        try:
            return self.filter(Q(slug=name) | Q(pk=UUID(name)))
        except ValueError:
            return self.filter(slug=name)


@cache
def _the_default(service: type[Model]) -> tuple[str, tuple[Any, ...], list[str]]:
    """What every booking asks first, written by the query set once: that takes longer than to find the row."""
    fields = [field.attname for field in service._meta.concrete_fields]
    statement, parameters = service._default_manager.filter(slug=DEFAULT).values_list(*fields).query.sql_with_params()
    return statement, parameters, fields


class ResourceQuerySet(RecordQuerySet):
    """Rooms and people."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """Every resource: whoever may do the operation may do it to all of them."""
        rights.require(actor, operation)
        return self

    def of(self, service: Model) -> Self:
        """Those that the service can use now, in the order in which they are tried and locked."""
        return self.filter(services=service, is_active=True).order_by("pk")

    def in_order(self) -> Self:
        """As people look for them."""
        return self.order_by("name", "pk")

    def with_hours(self) -> Self:
        """Each with its calendar and all that `Hours.load` needs, in three more queries for all of them."""
        hours = [f"calendar__{name}" for name in ("openings", "closures", "special")]
        return self.select_related("calendar").prefetch_related(*hours)


class SlotQuerySet(StockQuerySet):
    """Slots of a service."""

    def of_minute(self, service: Model, starts_at: datetime) -> Self:
        """The slot in which that instant lies, at most one."""
        return self.filter(service=service, starts_at=minute_of(starts_at))

    def of_span(self, service: Model, begin: datetime, end: datetime) -> Self:
        """The slots that begin in a span, which ends before `end`."""
        return self.filter(service=service, starts_at__gte=begin, starts_at__lt=end)

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """Every slot: whoever may do the operation may do it to all of them."""
        rights.require(actor, operation)
        return self

    def full(self) -> Self:
        """Slots with no place left."""
        return self.filter(taken=F("capacity"))


class BookingQuerySet(RecordQuerySet):
    """Places that somebody has."""

    def visible_to(self, actor: Actor, operation: str, manage_token: str = "") -> Self:
        """The bookings this operation reaches for the actor, who may hold the manage token of one."""
        reached = rights.require(actor, operation)
        if reached in (Scope.ALL, Scope.MASKED):
            return self
        held = Q(manage_digest=digest(manage_token))
        return self.filter(held | Q(account=actor) if reached == Scope.OWN else held)

    def expired(self) -> Self:
        """More than 8 hours past, by the database's clock."""
        return self.filter(_is_expired())

    def current(self) -> Self:
        """Not expired."""
        return self.exclude(_is_expired())

    def with_expired(self) -> Self:
        """Each with `expired`, which is true of more than 8 hours past."""
        return self.annotate(expired=_is_expired())

    def twins_of(self, made: UUID, account: Actor) -> Self:
        """What else this account has while that booking of it lasts."""
        own = self.filter(account=account)
        one = own.filter(pk=made)
        begins, ends = one.values("starts_at")[:1], one.values("ends_at")[:1]
        return own.exclude(pk=made).filter(starts_at__lt=Subquery(ends), ends_at__gt=Subquery(begins))

    def with_state(self) -> Self:
        """Each with `expired`, and with `is_over`, which is true once its time has come."""
        return self.with_expired().annotate(is_over=Q(starts_at__lt=Now()))

    def with_deadline(self) -> Self:
        """Each with `is_settled`: whether customers cannot change or cancel it any more, by its service's deadline."""
        services = apps.get_model("booking.service").objects.filter(slots=OuterRef("slot"))
        minutes = services.values("deadline_minutes")[:1]
        deadline = F("starts_at") - Cast(Subquery(minutes), FloatField()) * Value(timedelta(minutes=1))
        return self.annotate(
            is_settled=Coalesce(LessThan(ExpressionWrapper(deadline, DateTimeField()), Now()), Value(False))
        )

    def past_grace(self) -> Self:
        """Those whose time came longer ago than the grace time of their service."""
        return self.filter(_is_past_grace())

    def with_grace(self) -> Self:
        """Each with `can_be_missed`: whether the grace time of its service is over."""
        return self.annotate(can_be_missed=_is_past_grace())

    def called(self, typed: str) -> Self:
        """Those with this ticket id, however it is wrapped, or else with this name, or the beginning of one."""
        typed = typed.strip()
        if found := _ID.search(typed.lower()):
            return self.filter(pk=found[0])
        for word in typed.replace("\0", "").split()[:5]:
            self = self.filter(Q(firstname__istartswith=word) | Q(lastname__istartswith=word))
        return self

    def tally(self) -> dict[str, int]:
        """How many bookings and people are expected, came, and were missed."""
        people = Coalesce(Sum("party"), 0)
        came, missed = Q(arrived_at__isnull=False), Q(missed_at__isnull=False)
        return self.order_by().aggregate(
            bookings=Count("pk"),
            people=people,
            arrived=Count("pk", filter=came),
            people_here=Coalesce(Sum("party", filter=came), 0),
            missed=Count("pk", filter=missed),
        )

    def expected(self) -> Self:
        """Those who have neither come nor been missed."""
        return self.filter(arrived_at=None, missed_at=None)

    def arrived(self) -> Self:
        """Those who came."""
        return self.filter(arrived_at__isnull=False)

    def missed(self) -> Self:
        """Those who did not come."""
        return self.filter(missed_at__isnull=False)

    def to_remind(self) -> Self:
        """Those whose reminder is due by the database's clock, whoever was due longest first."""
        return self.filter(next_reminder_at__lte=Now()).order_by("next_reminder_at")

    def upcoming(self) -> Self:
        """Their time has not come yet, by the database's clock."""
        return self.filter(starts_at__gte=Now())

    def to_come(self) -> Self:
        """Those that are not over, by the database's clock: what runs now is among them."""
        return self.filter(ends_at__gt=Now())

    def reached_at(self, name: str, value: str) -> Self:
        """Those with this phone number, or with this e-mail address, which is in lower case."""
        if name == "phone":
            return self.filter(phone=value)
        return self.alias(address=Lower("email")).exclude(email="").filter(address=value)

    def in_calendars(self) -> Self:
        """Those that calendars show: of the last 30 days and of the year to come."""
        return self.filter(starts_at__gt=Now() - timedelta(days=30), starts_at__lt=Now() + timedelta(days=366))

    def over(self) -> Self:
        """Their time has come."""
        return self.filter(starts_at__lt=Now())

    def on_local(self, day: date) -> Self:
        """Those whose day on the site's clocks this is."""
        zone = timezone.get_default_timezone()
        midnight = Value(datetime.combine(day, time.min, zone), output_field=DateTimeField())
        # The range finds the day's neighbourhood in the index, whichever way the clocks change; the rest is exact.
        near = Q(starts_at__gt=midnight - timedelta(hours=3), starts_at__lt=midnight + timedelta(hours=27))
        return self.filter(near).alias(local_day=TruncDate("starts_at", tzinfo=zone)).filter(local_day=day)

    def today(self) -> Self:
        """Those whose day on the site's clocks is today, by the database's clock."""
        return self.filter(clocks.is_today("starts_at"))

    def by_hour_and_service(self) -> Any:
        """How many there are in each hour of the clocks for each service, and how many of them come up."""
        rows = self.order_by().values(service=F("slot__service__name"), hour=clocks.hour_of("starts_at"))
        return rows.annotate(bookings=Count("pk"), coming=Count("pk", filter=Q(starts_at__gte=Now())))

    def at_local(self, hour: int, minute: int | None = None, second: int | None = None) -> Self:
        """Those at which the site's clocks show this; None stands for any minute or second."""
        zone = timezone.get_default_timezone()
        parts = {
            "local_hour": (ExtractHour("starts_at", tzinfo=zone), hour),
            "local_minute": (ExtractMinute("starts_at", tzinfo=zone), minute),
            "local_second": (ExtractSecond("starts_at", tzinfo=zone), second),
        }
        asked = {name: part for name, part in parts.items() if part[1] is not None}
        rows = self.alias(**{name: shown for name, (shown, _) in asked.items()})
        return rows.filter(**{name: value for name, (_, value) in asked.items()})

    def in_order(self) -> Self:
        """By time, the earlier booked first."""
        return self.order_by("starts_at", "created_at", "id")


# The day and the hour on the site's clocks in which an instant is counted.
IN_TALLY = """
    SELECT ({at} AT TIME ZONE %(zone)s)::date AS day, extract(hour FROM {at} AT TIME ZONE %(zone)s)::smallint AS hour
"""

_COUNT_CANCELLED = f"""
INSERT INTO booking_tally (service_id, day, hour, cancelled)
SELECT slot.service_id, shown.day, shown.hour, 1
FROM booking_slot slot CROSS JOIN LATERAL ({IN_TALLY.format(at="%(at)s::timestamptz")}) shown
WHERE slot.id = %(slot)s
ON CONFLICT (service_id, day, hour) DO UPDATE SET cancelled = booking_tally.cancelled + 1
"""


class FeedQuerySet(RecordQuerySet):
    """Calendar links are looked up by digest; only whoever has the link knows what makes it."""

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """The links that this operation reaches for the actor."""
        reached = rights.require(actor, operation)
        return self if reached == Scope.ALL else self.filter(account=actor)

    def opened_by(self, token: str) -> Any:
        """The one with this token, or None; one of an account that may not log in here opens nothing."""
        admitted = apps.get_model("ticketing.user").objects.admitted()
        found = self.filter(Q(account=None) | Q(account__in=admitted), digest=digest(token))
        return found.select_related("resource", "account").first()

    def due_to_note(self) -> Self:
        """Those of which no read was noted in this hour."""
        return self.filter(Q(read_at=None) | Q(read_at__lt=Trunc(Now(), "hour")))


class TallyQuerySet(QuerySet):
    """What bookings came to, in numbers alone."""

    def count_cancelled(self, booking: Any) -> None:
        """Count a booking that ends before its time."""
        parameters = {"at": booking.starts_at, "slot": booking.slot_id, "zone": settings.TIME_ZONE}
        with connection.cursor() as cursor:
            cursor.execute(_COUNT_CANCELLED, parameters)

    def visible_to(self, actor: Actor, operation: str) -> Self:
        """All of it, for whoever may read reports."""
        rights.require(actor, operation)
        return self

    def between(self, first: date, last: date) -> Self:
        """Of these days, both included."""
        return self.filter(day__gte=first, day__lte=last)


def minute_of(instant: datetime) -> datetime:
    """The whole minute, in UTC, in which an instant lies."""
    return instant.astimezone(UTC).replace(second=0, microsecond=0)


def _is_past_grace() -> Q:
    grace = F("slot__service__grace_minutes") * Value(timedelta(minutes=1))
    return Q(starts_at__lte=ExpressionWrapper(Now() - grace, output_field=DateTimeField()))


def _is_expired() -> Q:
    return Q(starts_at__lt=Now() - EXPIRES_AFTER)
