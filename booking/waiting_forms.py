"""The shape of what people type who wait for a full time."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from booking.forms import VisitForm
from ticketing.models import Waiter
from ticketing.toolkit.panel import OnceForm


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
