"""The shape of what people type."""

from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from allocation.models import TicketOption
from ticketing.toolkit.panel import OnceForm


class NarrowForm(forms.Form):
    """Which of what is on a list shows."""

    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=TicketOption.NAME_LIMIT,
        widget=forms.TextInput({"type": "search", "autocomplete": "off"}),
    )
    left = forms.BooleanField(label=_("Only what is left"), required=False)


class PurchaseForm(OnceForm):
    """How many; sent twice, it is one purchase."""

    quantity = forms.IntegerField(
        label=_("Tickets"), min_value=1, widget=forms.NumberInput({"inputmode": "numeric", "autocomplete": "off"})
    )

    def __init__(self, option: TicketOption, data: Any = None) -> None:
        super().__init__(data, auto_id=f"id_{option.pk}_%s", initial={"quantity": 1})
        self.tell(option)

    def tell(self, option: TicketOption) -> None:
        """Say at the field how many are left."""
        sentence = ngettext("%(left)d ticket is left.", "%(left)d tickets are left.", option.left)
        self.fields["quantity"].help_text = sentence % {"left": option.left}

    def add_error(self, field: str | None, error: Any) -> None:
        """Whatever is refused stands at the only field that people see."""
        super().add_error("quantity", error)

    def renew(self) -> None:
        """A key for the next try."""
        self.data = {**self.data.dict(), "form_key": str(uuid4())}
