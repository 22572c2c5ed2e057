"""The shape of what people type."""

import re
from contextlib import suppress
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.availability import require_place
from booking.errors import NobodyComes, NoSuchTime
from booking.models import NAME_LENGTH, Booking, Service
from booking.policies import (
    clean_name,
    clean_phone,
    instant_of,
    local,
    require_future,
    require_future_day,
    require_party,
    require_slot,
    require_window,
)
from booking.querysets import DEFAULT
from ticketing.errors import Refused
from ticketing.models import User
from ticketing.rights import Actor, Scope
from ticketing.texts import clean_email
from ticketing.toolkit.panel import OnceForm, refusals_on
from ticketing.toolkit.times import comes_twice

WITH_OFFSET = r"[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}"
RULES = {"firstname": clean_name, "lastname": clean_name, "phone_number": clean_phone}


class PhoneField(forms.CharField):
    """A phone number, however its digits are grouped."""

    def to_python(self, value: Any) -> str:
        """Without what stands between the digits."""
        return re.sub(r"[\s()./–-]", "", super().to_python(value))


class ClockField(forms.TimeField):
    """A time of day; of one that the clocks show twice perhaps with its offset from UTC, such as “02:30+01:00”."""

    def to_python(self, value: Any) -> time | None:
        """With the offset, if it was said."""
        if isinstance(value, str) and re.fullmatch(WITH_OFFSET, value):
            with suppress(ValueError):
                return time.fromisoformat(value)
        return super().to_python(value)


def instant_said(day: date, clock: time) -> datetime:
    """The instant of a time as it was said: of two that look alike the one with that offset, or else the first.

    NoSuchTime when none has the offset.
    """
    plain = clock.replace(tzinfo=None)
    for one in (plain, plain.replace(fold=1)):
        instant = instant_of(day, one)
        if clock.tzinfo is None or local(instant).utcoffset() == clock.utcoffset():
            return instant
    raise NoSuchTime(field="time")


def require_bookable(
    service: Service, instant: datetime, party: int, *, by: Actor, at: datetime, but: Booking | None = None
) -> None:
    """Refuse what the verb would refuse, as things are now, and name the field of the pages that is to blame.

    `but` is the booking that is moved there, which is in its own way nowhere.
    """
    require_slot(service, instant, field="time")
    require_window(service, instant, by=by, at=at, field="time")
    require_place(instant, service, by=by, party=party if but else require_party(service, party), but=but)


def objection(service: Service, instant: datetime, party: int, *, by: Actor, at: datetime) -> Refused | None:
    """The same refusal, to be shown beside what else is wrong; None when there is none."""
    try:
        require_bookable(service, instant, party, by=by, at=at)
    except Refused as refusal:
        return refusal
    return None


class WhenForm(forms.Form):
    """A time on the site's clocks."""

    date = forms.DateField(
        label=_("Date"),
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput({"type": "date", "autocomplete": "off"}, format="%Y-%m-%d"),
        error_messages={
            "required": _("Choose a day."),
            "invalid": _("There is no such day. Write it like 2031-09-12, or choose one."),
        },
    )
    time = ClockField(
        label=_("Time"),
        input_formats=["%H:%M", "%H:%M:%S"],
        widget=forms.TimeInput({"type": "time", "autocomplete": "off"}, format="%H:%M"),
        error_messages={
            "required": _("Choose a time."),
            "invalid": _("There is no such time. Write it like 14:30, or choose one."),
        },
    )

    def clean(self) -> dict[str, Any]:
        """What the verbs take: `starts_at` stands for date and time together."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("date") and cleaned.get("time"):
            with refusals_on(self):
                cleaned["starts_at"] = instant_said(cleaned["date"], cleaned["time"])
        return cleaned

    @property
    def starts_at(self) -> datetime | None:
        """The instant that was said, unless something is wrong with its day or its time."""
        said = self.cleaned_data
        return said.get("starts_at") if said.get("date") and said.get("time") else None


class VisitForm(WhenForm):
    """A name, a phone number and a time."""

    firstname = forms.CharField(
        label=_("First name"),
        max_length=NAME_LENGTH,
        widget=forms.TextInput({"autocomplete": "given-name"}),
    )
    lastname = forms.CharField(
        label=_("Last name"),
        max_length=NAME_LENGTH,
        widget=forms.TextInput({"autocomplete": "family-name"}),
    )
    phone_number = PhoneField(
        label=_("Phone number"),
        help_text=_("Ten digits."),
        widget=forms.TextInput({"type": "tel", "autocomplete": "tel-national", "inputmode": "numeric"}),
    )

    def choose_among_times(self) -> None:
        """Ask for no time: there are some to choose from beside the form's fields."""
        for name in {"time", "which"} & self.fields.keys():
            del self.fields[name]

    def clean(self) -> dict[str, Any]:
        """Names and number as the rules have them."""
        cleaned = super().clean()
        for name in RULES:
            if cleaned.get(name):  # what is required and empty is said already
                with refusals_on(self):
                    cleaned[name] = RULES[name](cleaned[name], field=name)
        return cleaned


class ServiceForm(forms.Form):
    """Which service, where there are several; none stands for the default one."""

    service = forms.TypedChoiceField(
        label=_("What for"),
        required=False,
        empty_value=None,
        error_messages={"invalid_choice": _("There is no such service. Choose one of these.")},
    )

    def __init__(self, services: list[Service], data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        self.services = services
        field: Any = self.fields["service"]
        field.choices = [(service.slug, service.name) for service in services]
        field.coerce = {service.slug: service for service in services}.__getitem__
        field.initial = DEFAULT if DEFAULT in dict(field.choices) else next((slug for slug, _name in field.choices), "")
        if len(services) < 2:
            field.widget = forms.HiddenInput()


class PartyForm(forms.Form):
    """How many come together; whoever says nothing comes alone."""

    party = forms.IntegerField(
        label=_("How many come"),
        required=False,
        initial=1,
        min_value=1,
        widget=forms.NumberInput({"autocomplete": "off", "inputmode": "numeric"}),
        error_messages={
            "required": _("Say how many come."),
            "invalid": _("Write how many come as a whole number, such as 2."),
            "min_value": NobodyComes.message,
        },
    )

    people = 1  # the same as far as it makes sense, also where so many find no room at the time that was said

    def clean(self) -> dict[str, Any]:
        """Remember it before anything refuses it."""
        cleaned = super().clean() or self.cleaned_data
        self.people = cleaned.get("party") or 1
        return cleaned

    def limit_party(self, largest: int) -> None:
        """Ask nobody who can only come alone."""
        field = self.fields["party"]
        field.widget.attrs["max"] = largest
        if largest == 1:
            field.widget = forms.HiddenInput()


class StepForm(PartyForm, ServiceForm, WhenForm):
    """How far somebody has come, as the address says it: each part may still be missing."""

    month = forms.DateField(
        input_formats=["%Y-%m"],
        error_messages={
            "required": _("Choose a month."),
            "invalid": _("There is no such month. Write it like 2031-09, or choose a day below."),
        },
    )

    moves: Booking | None = None  # what is moved by the steps; else something new is booked

    def __init__(self, services: list[Service], address: Any, *, by: Actor, at: datetime) -> None:
        super().__init__(services, address, auto_id="step_%s")
        self.by, self.at = by, at
        for name in ("month", "date", "time", "party"):
            self.fields[name].required = name in address
        self.fields["date"].label = _("Another day")
        self.fields["date"].widget.attrs |= {"min": f"{local(at):%Y-%m-%d}", "max": "9999-12-31"}
        self.fields["time"].label = _("Another time")
        self.fields["time"].help_text = _("Every minute can be booked, such as 10:07.")

    @property
    def for_service(self) -> Service | None:
        """The chosen one, or the only one; of no service at all the default one, which is made when it is booked."""
        if "service" in self.errors or (len(self.services) > 1 and not self.cleaned_data["service"]):
            return None
        return self.cleaned_data["service"] or (self.services or [Service()])[0]

    @property
    def starts_at(self) -> datetime | None:
        """No time is chosen before it is clear for how many."""
        return None if "party" in self.errors else super().starts_at

    @property
    def step_errors(self) -> list[Any]:
        """What is wrong with what the address says of later steps."""
        return [self.errors[name] for name in ("month", "date", "time", "party") if name in self.errors]

    def clean_month(self) -> date | None:
        """One that is not over."""
        month: date | None = self.cleaned_data["month"]
        if month and month < local(self.at).date().replace(day=1):
            raise forms.ValidationError(_("This month is over. Choose a day below, or a later month."))
        return month

    def clean(self) -> dict[str, Any]:
        """A time that is still to come and has room for all of them."""
        cleaned = super().clean()
        with refusals_on(self):
            self.count()
        with refusals_on(self):
            if day := cleaned.get("date"):
                require_future_day(day, at=self.at)
            if self.starts_at and self.for_service:
                require_future(self.starts_at, at=self.at)
                asked: dict[str, Any] = {"by": self.by, "at": self.at, "but": self.moves}
                require_bookable(self.for_service, self.starts_at, self.people, **asked)
        return cleaned

    def count(self) -> None:
        """How many come, if so many can."""
        if self.for_service:
            said, self.people = self.people, 1
            self.people = require_party(self.for_service, said)
            self.limit_party(self.for_service.largest_party)


class MoveForm(StepForm):
    """How far somebody has come who moves a booking: what it is for and how many come stays as it is."""

    def __init__(self, booking: Booking, address: Any, *, by: Actor, at: datetime) -> None:
        super().__init__([booking.slot.service], address, by=by, at=at)
        self.moves = booking
        del self.fields["party"], self.fields["service"]

    @property
    def for_service(self) -> Service:
        """That of the booking."""
        return self.services[0]

    def count(self) -> None:
        """As many as were booked for."""
        assert self.moves
        self.people = self.moves.party


def _uses_of_an_address(by: Actor) -> str:
    """What an e-mail address is good for: to strangers an account is one of its uses, the others have one."""
    mails = _("We send the confirmation there.")
    if settings.BOOKING_REMINDERS:
        mails = _("We send the confirmation and reminders there.")
    account = _("If you open an account with it, you find the booking there, too.")
    return str(mails) if isinstance(by, User) else f"{mails} {account}"


class BookForm(OnceForm, PartyForm, ServiceForm, VisitForm):
    """A visit that is booked once, and where the person reads their mail."""

    email = forms.CharField(
        label=_("E-mail address"),
        required=False,
        widget=forms.TextInput({"type": "email", "autocomplete": "email"}),
    )
    field_order = ("service", "firstname", "lastname", "phone_number", "email", "date", "time", "party")

    def __init__(self, services: list[Service], data: Any = None, *, by: Actor, **options: Any) -> None:
        super().__init__(services, data, **options)
        self.limit_party(max((service.largest_party for service in services), default=1))
        self.fields["email"].help_text = _uses_of_an_address(by)

    @property
    def for_service(self) -> Service | None:
        """The chosen one, or the default one if it is made already."""
        return self.cleaned_data.get("service") or next((one for one in self.services if one.slug == DEFAULT), None)

    def clean(self) -> dict[str, Any]:
        """A time that is still to come, and the address in the form in which it is stored, or none."""
        cleaned = super().clean()
        with refusals_on(self):
            if self.starts_at:
                require_future(self.starts_at, at=timezone.now())
        with refusals_on(self):
            cleaned["email"] = clean_email(cleaned.get("email", ""), empty=True)
        return cleaned

    def settle(self) -> None:
        """Ask no more for what was chosen before: it stands above the form."""
        for name in {"service", "date", "time", "party"} - self.errors.keys():
            self.fields[name].widget = self.fields[name].hidden_widget()


class ChangeForm(PartyForm, VisitForm):
    """A visit as it is; what is not touched stays, and so does a phone number that is not typed anew."""

    VERB_NAMES = {"phone_number": "phone", "date": "starts_at", "time": "starts_at", "which": "starts_at"}

    which = forms.ChoiceField(
        label=_("The clocks show this time twice"),
        choices=[("first", _("Before the clocks are put back")), ("second", _("After the clocks are put back"))],
        required=False,
        widget=forms.RadioSelect(),
    )
    field_order = ("date", "time", "which", "party", "firstname", "lastname", "phone_number")

    def __init__(self, booking: Booking, sight: Scope, data: Any = None) -> None:
        shown = local(booking.starts_at)
        super().__init__(
            data,
            initial={
                "firstname": booking.firstname,
                "lastname": booking.lastname,
                "phone_number": "" if sight == Scope.MASKED else booking.phone,
                "date": shown.date(),
                "time": shown.time().replace(second=0, microsecond=0, fold=0),
                "which": "second" if shown.fold else "first",
                "party": booking.party,
            },
        )
        if not comes_twice(booking.starts_at):
            del self.fields["which"]
        self.limit_party(max(booking.slot.service.largest_party, booking.party))
        if booking.slot.service.grid_minutes > 1:  # then nobody guesses: there is a page with the times that are free
            for name in {"date", "time", "which"} & self.fields.keys():
                self.fields[name].widget = self.fields[name].hidden_widget()
        self.fields["phone_number"].required = False
        self.fields["phone_number"].help_text = _("Ten digits. Leave it empty to keep the number.")

    def clean(self) -> dict[str, Any]:
        """Of a time that comes twice the one that was marked, and no other one that has passed."""
        clock = self.cleaned_data.get("time")
        if clock and self.cleaned_data.get("which") == "second":
            self.cleaned_data["time"] = clock.replace(fold=1)
        cleaned = super().clean()
        with refusals_on(self):
            if self.starts_at and {"date", "time", "which"} & {*self.changed_data}:
                require_future(self.starts_at, at=timezone.now())
        return cleaned

    def changes(self) -> dict[str, Any]:
        """What the verb is to change."""
        touched = set(self.changed_data) - ({"which"} if not self.cleaned_data.get("which") else set())
        names = {self.VERB_NAMES.get(name, name) for name in touched}
        given = {**self.cleaned_data, "phone": self.cleaned_data["phone_number"]}
        return {name: given[name] for name in names if given[name]}


class FindForm(forms.Form):
    """What was shown when the booking was made."""

    booking = forms.UUIDField(
        label=_("Ticket id"),
        widget=forms.TextInput({"autocomplete": "off"}),
        error_messages={"invalid": _("A ticket id looks like 123e4567-e89b-42d3-a456-426614174000.")},
    )
    token = forms.CharField(label=_("Manage token"), max_length=200, widget=forms.TextInput({"autocomplete": "off"}))
