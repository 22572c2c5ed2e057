"""The contract ticket-management-system: four POST calls with its clients' own fields, sentences and shapes."""

import re
import uuid
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from booking.actions import book, cancel_booking, change_booking
from booking.errors import BadPhone, NoSuchDay, NoSuchTime, SlotFull
from booking.models import Booking
from booking.policies import clean_name, clean_phone, day_of, instant_of, local, phone_as_seen
from booking.querysets import BookingQuerySet
from ticketing import rights
from ticketing.errors import Invalid, NotFound
from ticketing.rights import Scope
from ticketing.toolkit.contracts import ContractView, Fields, found, json_array, parse_uuid, route

# Clients compare these, so they are not translated.
SENTENCES = {
    BadPhone: "Phone number must be of 10 digits",
    NoSuchDay: "Incorrect date format. Should be dd-mm-yyyy",
    NoSuchTime: "Incorrect time format",
    SlotFull: "20 entries already exist for this time",
}
DATE = re.compile("([0-9]{1,2})-([0-9]{1,2})-([0-9]{4})")
TIME = re.compile("([0-9]{1,2})(?::([0-9]{1,2})(?::([0-9]{1,2}))?)?")

Clock = tuple[int, int | None, int | None]  # hour, minute, second; None was not said


class BookingFields(Fields):
    """The fields of this contract, each read as its clients write it."""

    def demand(self, *names: str) -> None:
        """Invalid that names all that is missing."""
        if missing := {name: f"“{name}” is missing." for name in names if name not in self}:
            raise Invalid("Missing required parameters", errors=missing)

    def if_given(self, name: str, read: Callable[[], Any]) -> Any:
        """What `read` makes of the field, or None when it was not sent."""
        return read() if name in self else None

    def firstname(self) -> str:
        """The first name."""
        return clean_name(self.required("firstname"), field="firstname")

    def lastname(self) -> str:
        """The last name."""
        return clean_name(self.required("lastname"), field="lastname")

    def phone(self) -> str:
        """The digits of a whole number or a text; no other value reads as ten digits."""
        return clean_phone(str(self.required("phone_number")), field="phone_number")

    def day(self) -> date:
        """A day as d-m-yyyy."""
        day, month, year = _numbers(DATE, self.required("date"), NoSuchDay(field="date"))
        return day_of(year, month, day)

    def clock(self) -> Clock:
        """A time of day as HH, HH:MM or HH:MM:SS."""
        hour, minute, second = _numbers(TIME, self.required("time"), NoSuchTime(field="time"))
        if hour > 23 or (minute or 0) > 59 or (second or 0) > 59:
            raise NoSuchTime(field="time")
        return hour, minute, second

    def booking_id(self) -> uuid.UUID:
        """A booking's id; the sentence for any other value is Django's own."""
        value = self.required("id")
        if isinstance(value, str) and (parsed := parse_uuid(value)):
            return parsed
        raise Invalid(f"['“{value}” is not a valid UUID.']", field="id")

    def manage_token(self) -> str:
        """What stands in for an account; empty when there is none."""
        token = self.data.get("manage_token")
        return token if isinstance(token, str) else ""


def _numbers(pattern: re.Pattern[str], value: object, refusal: Invalid) -> list[int | None]:
    match = pattern.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise refusal
    return [None if digits is None else int(digits) for digits in match.groups()]


def _time(clock: Clock) -> time:
    """The time of day, in which parts that were not said are 0."""
    hour, minute, second = clock
    return time(hour, minute or 0, second or 0)


class Book(ContractView):
    """POST /book/"""

    contract = "ticket-management-system"
    operations = {"POST": "booking.book"}
    sentences = SENTENCES

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Book a place; answers its id and the token to manage it without an account."""
        fields = BookingFields(request)
        fields.demand("firstname", "lastname", "phone_number", "date", "time")
        booking = book(
            firstname=fields.firstname(),
            lastname=fields.lastname(),
            phone=fields.phone(),
            starts_at=instant_of(fields.day(), _time(fields.clock())),
            by=self.actor,
        )
        return _success(id=str(booking.pk), manage_token=booking.manage_token)


class View(ContractView):
    """POST /view/, whose three queries are three operations."""

    contract = "ticket-management-system"
    # Declared is the one that is open to everybody; each query then asks for its own. A stray Authorization header
    # makes the caller anonymous here, who is refused with 401 by whichever query is not open.
    operations = {"POST": "booking.see_one"}
    sentences = {**SENTENCES, NotFound: "Record not found"}

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """The rows that the query asks for, as a bare array."""
        fields = BookingFields(request)
        fields.demand("query")
        queries = {"id": self.by_id, "datetime": self.by_time, "all": self.all}
        query = fields.data["query"]
        if not isinstance(query, str) or query not in queries:
            raise Invalid("Invalid query", field="query")
        return queries[query](fields)

    def by_id(self, fields: BookingFields) -> HttpResponseBase:
        """One booking."""
        fields.demand("id")
        bookings = Booking.objects.visible_to(self.actor, "booking.see_one", fields.manage_token())
        return self.answer(bookings.filter(pk=fields.booking_id()), "booking.see_one")

    def by_time(self, fields: BookingFields) -> HttpResponseBase:
        """Those of a day, of a time of day, or of both."""
        bookings = Booking.objects.visible_to(self.actor, "booking.see_by_time")
        if "date" in fields:
            bookings = bookings.on_local(fields.day())
        if "time" in fields:
            bookings = bookings.at_local(*fields.clock())
        return self.answer(bookings, "booking.see_by_time")

    def all(self, fields: BookingFields) -> HttpResponseBase:
        """Every booking."""
        return self.answer(Booking.objects.visible_to(self.actor, "booking.see_all"), "booking.see_all")

    def answer(self, bookings: BookingQuerySet, operation: str) -> HttpResponseBase:
        """The rows, streamed; NotFound when there is none."""
        scope = rights.require(self.actor, operation)
        columns = ("id", "firstname", "lastname", "phone", "starts_at", "expired")
        rows = bookings.with_expired().in_order().values_list(*columns)
        return json_array(rows, lambda row: _shown(row, scope), if_empty=NotFound)


class Edit(ContractView):
    """POST /update/edit/"""

    contract = "ticket-management-system"
    operations = {"POST": "booking.change"}
    sentences = {**SENTENCES, NotFound: "Id not found"}

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Change what is given."""
        fields = BookingFields(request)
        fields.demand("id")
        visible = Booking.objects.visible_to(self.actor, "booking.change", fields.manage_token())
        booking_id = fields.booking_id()
        changes = {
            "firstname": fields.if_given("firstname", fields.firstname),
            "lastname": fields.if_given("lastname", fields.lastname),
            "phone": fields.if_given("phone_number", fields.phone),
        }
        day, clock = fields.if_given("date", fields.day), fields.if_given("time", fields.clock)
        # Locked, so that of two callers one may change the day and the other the time.
        with transaction.atomic():
            booking = found(visible.select_for_update(), pk=booking_id)
            change_booking(booking, **changes, starts_at=_moved(booking.starts_at, day, clock), by=self.actor)
        return _success()


class Delete(ContractView):
    """POST /update/delete/"""

    contract = "ticket-management-system"
    operations = {"POST": "booking.cancel"}
    sentences = {**SENTENCES, NotFound: "Id not found"}

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Delete a booking for good."""
        fields = BookingFields(request)
        fields.demand("id")
        visible = Booking.objects.visible_to(self.actor, "booking.cancel", fields.manage_token())
        cancel_booking(found(visible, pk=fields.booking_id()), by=self.actor)
        return _success()


def _moved(starts_at: datetime, day: date | None, clock: Clock | None) -> datetime | None:
    """The instant of the new day or time of day, each else as it was; None when neither is given."""
    if day is None and clock is None:
        return None
    was = local(starts_at)
    return instant_of(day or was.date(), _time(clock) if clock else was.time())


def _success(**more: str) -> JsonResponse:
    return JsonResponse({"status": True, "message": "Success", **more})


def _shown(row: tuple[Any, ...], scope: Scope) -> dict[str, Any]:
    booking_id, firstname, lastname, phone, starts_at, expired = row
    seen = phone_as_seen(phone, scope)
    clock = local(starts_at)
    return {
        "ticketId": str(booking_id),
        "firstname": firstname,
        "lastname": lastname,
        "phone_number": int(seen) if seen.isdigit() and not seen.startswith("0") else seen,
        "date": f"{clock.day}-{clock.month:02}-{clock.year:04}",
        "time_hours": clock.hour,
        "time_minutes": clock.minute,
        "time_seconds": clock.second,
        "expired": expired,
    }


urlpatterns = [
    route("book", Book.as_view(), "contract-book"),
    route("view", View.as_view(), "contract-view"),
    route("update/edit", Edit.as_view(), "contract-edit"),
    route("update/delete", Delete.as_view(), "contract-delete"),
]
