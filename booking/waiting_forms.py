"""The shape of what people type who wait for a full time."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from booking.forms import VisitForm
from booking.models import Service
from ticketing.models import Waiter
from ticketing.texts import clean_email
from ticketing.toolkit.panel import OnceForm, refusals_on


class WaitForm(OnceForm):
    """How many want to come, and where the person reads their mail; sent twice it asks once."""

    quantity = forms.IntegerField(label=_("How many come"), min_value=1, initial=1)
    least = forms.IntegerField(
        label=_("At least"),
        min_value=1,
        required=False,
        help_text=_("Would fewer places do, too? Then you are offered them. Leave it empty if all of you must come."),
    )
    email = forms.CharField(
        label=_("E-mail address"),
        help_text=_("We write to it as soon as something is held for you."),
        widget=forms.TextInput({"type": "email", "autocomplete": "email"}),
    )

    def __init__(self, service: Service, data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        fields: Any = self.fields
        fields["quantity"].widget.attrs["max"] = fields["least"].widget.attrs["max"] = service.largest_party
        if service.largest_party == 1:
            fields["quantity"].widget = forms.HiddenInput()
            del fields["least"]

    def clean(self) -> dict[str, Any]:
        """The address in the form in which it is stored."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("email"):
            with refusals_on(self):
                cleaned["email"] = clean_email(cleaned["email"])
        return cleaned


class OfferForm(OnceForm, VisitForm):
    """Whom to expect on places that are held, and how many come; sent twice it books once."""

    date = time = None  # they are those of the offer

    party = forms.IntegerField(
        label=_("How many come"),
        min_value=1,
        help_text=_("What you do not need is offered to the next on the list."),
    )
    field_order = ("firstname", "lastname", "phone_number", "party")

    def __init__(self, waiter: Waiter, data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        places = waiter.offered or 1
        self.initial["party"] = places
        field: Any = self.fields["party"]
        if places == 1:
            field.widget = forms.HiddenInput()
        field.widget.attrs["max"] = places
