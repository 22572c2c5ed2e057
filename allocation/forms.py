"""The shape of what people type."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.core.validators import MinValueValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from allocation.actions import MAX_AT_ONCE
from allocation.models import Event, Scan, TicketOption
from ticketing.models import Waiter
from ticketing.texts import clean_email
from ticketing.toolkit.panel import OnceForm, refusals_on
from ticketing.toolkit.times import in_words


class NarrowForm(forms.Form):
    """Which of what is on a list shows."""

    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=TicketOption.NAME_LIMIT,
        widget=forms.TextInput({"type": "search", "autocomplete": "off"}),
    )
    left = forms.BooleanField(label=_("Only what is left"), required=False)


def number_input() -> forms.NumberInput:
    """Where a number is typed."""
    return forms.NumberInput({"inputmode": "numeric", "autocomplete": "off"})


def most_of(option: TicketOption) -> int | None:
    """So many one customer can choose at once, whatever is left."""
    return min((number for number in (option.most, option.limit) if number is not None), default=None)


def bound_by(field: Any, least: int, most: int | None) -> None:
    """Have browsers keep to these numbers; what is sent is held to the terms by the verbs."""
    field.widget.attrs["min"] = least
    if most is not None:
        field.widget.attrs["max"] = most


def left_of(option: TicketOption) -> str:
    """How many are left, at the field."""
    return ngettext("%(left)d ticket is left.", "%(left)d tickets are left.", option.left) % {"left": option.left}


class QuantityForm(OnceForm):
    """How many of one option; sent twice, it is one hold."""

    quantity = forms.IntegerField(label=_("Tickets"), min_value=1, widget=number_input())

    def __init__(self, option: TicketOption, data: Any = None, chosen: str = "") -> None:
        super().__init__(data, auto_id=f"id_{option.pk}_%s", initial={"quantity": chosen or option.least})
        self.option = option
        bound_by(self.fields["quantity"], option.least, most_of(option))
        self.tell(option)

    @property
    def wanted(self) -> dict[UUID, int]:
        """How many of which option."""
        return {self.option.pk: self.cleaned_data["quantity"]}

    def tell(self, option: TicketOption) -> None:
        """Say at the field how many are left."""
        self.fields["quantity"].help_text = left_of(option)

    def add_error(self, field: str | None, error: Any) -> None:
        """Whatever is refused stands at the only field that people see."""
        super().add_error("quantity", error)

    def renew(self) -> None:
        """A key for the next try."""
        self.data = {**self.data.dict(), "form_key": str(uuid4())}


class ChoiceForm(OnceForm):
    """How many of each option of an event; sent twice, it is one hold."""

    def __init__(self, options: Iterable[TicketOption], data: Any = None, chosen: dict[str, str] | None = None) -> None:
        super().__init__(data, initial=chosen)
        self.options = list(options)
        for option in self.options:
            field = forms.IntegerField(
                label=_("Tickets"), required=False, min_value=0, max_value=MAX_AT_ONCE, widget=number_input()
            )
            field.help_text = left_of(option)
            bound_by(field, 0, most_of(option))
            self.fields[str(option.pk)] = field

    @property
    def wanted(self) -> dict[UUID, int]:
        """How many of which option; those of which nothing is wanted are not in it."""
        chosen = {option.pk: self.cleaned_data.get(str(option.pk)) for option in self.options}
        return {option: number for option, number in chosen.items() if number}

    def renew(self) -> None:
        """A key for the next try."""
        self.data = {**self.data.dict(), "form_key": str(uuid4())}


class WaitForm(OnceForm):
    """How many tickets somebody waits for, and where they read their mail; sent twice it asks once."""

    quantity = forms.IntegerField(label=_("Tickets"), min_value=1, widget=number_input())
    least = forms.IntegerField(
        label=_("At least"),
        min_value=1,
        required=False,
        widget=number_input(),
        help_text=_("Would fewer tickets do, too? Then you are offered them. Leave it empty if you need all."),
    )
    email = forms.CharField(
        label=_("E-mail address"),
        help_text=_("We write to it as soon as something is held for you."),
        widget=forms.TextInput({"type": "email", "autocomplete": "email"}),
    )

    def __init__(self, option: TicketOption, data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        self.initial.setdefault("quantity", option.least)
        for name in ("quantity", "least"):
            bound_by(self.fields[name], option.least, most_of(option))
        # Or somebody would be offered fewer than anybody can buy.
        self.fields["least"].validators.append(MinValueValidator(option.least))
        if most_of(option) == 1:
            self.fields["quantity"].widget = forms.HiddenInput()
            del self.fields["least"]

    def clean(self) -> dict[str, Any]:
        """The address in the form in which it is stored."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("email"):
            with refusals_on(self):
                cleaned["email"] = clean_email(cleaned["email"])
        return cleaned


class HandOnForm(OnceForm):
    """Who is to have a ticket; sent twice it is one offer."""

    email = forms.CharField(
        label=_("E-mail address"),
        required=False,
        help_text=_("We mail the link there. Leave it empty if you want to pass the link on yourself."),
        widget=forms.TextInput({"type": "email", "autocomplete": "off"}),
    )

    def clean(self) -> dict[str, Any]:
        """The address in the form in which it is stored."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("email"):
            with refusals_on(self):
                cleaned["email"] = clean_email(cleaned["email"])
        return cleaned


class OfferForm(OnceForm):
    """How many of the tickets that are held to buy; sent twice it buys once."""

    quantity = forms.IntegerField(
        label=_("Tickets"),
        min_value=1,
        widget=number_input(),
        help_text=_("What you do not need is offered to the next on the list."),
    )

    def __init__(self, waiter: Waiter, data: Any = None) -> None:
        held = waiter.offered or 1
        super().__init__(data, initial={"quantity": held})
        field: Any = self.fields["quantity"]
        if held == 1:
            field.widget = forms.HiddenInput()
        field.widget.attrs["max"] = held


def _dated(event: Event) -> str:
    """The event with its day, as there may be more of that name."""
    with timezone.override(event.zone):
        return f"{event} · {in_words(event.starts_at)}"


class PlaceForm(forms.Form):
    """What a gate is called."""

    gate = forms.CharField(
        label=_("Name of the gate"),
        max_length=Scan.GATE_LIMIT,
        help_text=_("As your people call it, such as North. Whoever shows a ticket twice is told it."),
        widget=forms.TextInput({"autocomplete": "off"}),
    )


class GateForm(PlaceForm):
    """Which event somebody admits to, and where."""

    event = forms.TypedChoiceField(label=_("Event"), coerce=UUID)
    field_order = ("event", "gate")

    def __init__(self, events: Iterable[Event], data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        self.fields["event"].choices = [(str(event.pk), _dated(event)) for event in events]  # type: ignore[attr-defined]


class CodeForm(forms.Form):
    """What is shown at a gate. A hand scanner types it and presses Enter; sent twice, it is one scan."""

    nonce = forms.UUIDField(initial=uuid4, widget=forms.HiddenInput)
    code = forms.CharField(
        label=_("Code"),
        widget=forms.TextInput(
            {
                "autocomplete": "off",
                "autocapitalize": "characters",
                "autofocus": True,
                "enterkeyhint": "go",
                "spellcheck": "false",
            }
        ),
    )


class UndoForm(forms.Form):
    """Why an admission is undone."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=Scan.REASON_LIMIT,
        help_text=_("It is kept, and the gates see that the admission is undone."),
        widget=forms.TextInput({"autocomplete": "off"}),
    )
