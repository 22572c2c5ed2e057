"""The shape of what people type."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from booking.models import NAME_LENGTH
from booking.policies import clean_name, clean_phone, instant_of
from ticketing.texts import clean_email
from ticketing.toolkit.panel import refusals_on

RULES = {"firstname": clean_name, "lastname": clean_name, "phone_number": clean_phone}


class BookForm(forms.Form):
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
    email = forms.CharField(
        label=_("E-mail address"),
        required=False,
        help_text=_("If you give it, you find the booking in your account once you have one."),
        widget=forms.TextInput({"type": "email", "autocomplete": "email"}),
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
        """What the verb takes: `starts_at` stands for date and time together."""
        cleaned = super().clean()
        with refusals_on(self):
            cleaned["email"] = clean_email(cleaned.get("email", ""), empty=True)
        for name in cleaned.keys() & RULES.keys():
            with refusals_on(self):
                cleaned[name] = RULES[name](cleaned[name], field=name)
        if cleaned.keys() >= {"date", "time"}:
            with refusals_on(self):
                cleaned["starts_at"] = instant_of(cleaned["date"], cleaned["time"])
        return cleaned
