"""The shape of what people type."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from booking.models import NAME_LENGTH, Booking
from booking.policies import clean_name, clean_phone, instant_of, local
from ticketing.rights import Scope
from ticketing.texts import clean_email
from ticketing.toolkit.panel import OnceForm, refusals_on

RULES = {"firstname": clean_name, "lastname": clean_name, "phone_number": clean_phone}


class VisitForm(forms.Form):
    """A name, a phone number and a time on the site's clocks."""

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
    phone_number = forms.CharField(
        label=_("Phone number"),
        help_text=_("Ten digits."),
        widget=forms.TextInput({"type": "tel", "autocomplete": "tel-national", "inputmode": "numeric"}),
    )
    date = forms.DateField(
        label=_("Date"),
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput({"type": "date", "autocomplete": "off"}, format="%Y-%m-%d"),
    )
    time = forms.TimeField(
        label=_("Time"),
        input_formats=["%H:%M", "%H:%M:%S"],
        widget=forms.TimeInput({"type": "time", "autocomplete": "off"}, format="%H:%M"),
    )

    def clean(self) -> dict[str, Any]:
        """What the verbs take: `starts_at` stands for date and time together."""
        cleaned = super().clean()
        for name in RULES:
            if cleaned.get(name):  # what is required and empty is said already
                with refusals_on(self):
                    cleaned[name] = RULES[name](cleaned[name], field=name)
        if cleaned.keys() >= {"date", "time"}:
            with refusals_on(self):
                cleaned["starts_at"] = instant_of(cleaned["date"], cleaned["time"])
        return cleaned


class BookForm(OnceForm, VisitForm):
    """A visit that is booked once, and where the person reads their mail."""

    email = forms.CharField(
        label=_("E-mail address"),
        required=False,
        help_text=_("If you give it, you find the booking in your account once you have one."),
        widget=forms.TextInput({"type": "email", "autocomplete": "email"}),
    )
    field_order = ("firstname", "lastname", "phone_number", "email", "date", "time")

    def clean(self) -> dict[str, Any]:
        """The address in the form in which it is stored, or none."""
        cleaned = super().clean()
        with refusals_on(self):
            cleaned["email"] = clean_email(cleaned.get("email", ""), empty=True)
        return cleaned


class ChangeForm(VisitForm):
    """A visit as it is; what is not touched stays, and so does a phone number that is not typed anew."""

    VERB_NAMES = {"phone_number": "phone", "date": "starts_at", "time": "starts_at"}

    field_order = ("date", "time", "firstname", "lastname", "phone_number")

    def __init__(self, booking: Booking, sight: Scope, data: Any = None) -> None:
        shown = local(booking.starts_at)
        super().__init__(
            data,
            initial={
                "firstname": booking.firstname,
                "lastname": booking.lastname,
                "phone_number": "" if sight == Scope.MASKED else booking.phone,
                "date": shown.date(),
                "time": shown.time().replace(second=0, microsecond=0),
            },
        )
        self.fields["phone_number"].required = False
        self.fields["phone_number"].help_text = _("Ten digits. Leave it empty to keep the number.")

    def changes(self) -> dict[str, Any]:
        """What the verb is to change."""
        names = {self.VERB_NAMES.get(name, name) for name in self.changed_data}
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
