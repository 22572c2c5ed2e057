"""From which day to which a report is: the same form on each page."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy

MOST_DAYS = 366
USUAL = timedelta(days=27)
EARLIEST = date(1970, 1, 1)  # for programs: see fields.Day
TOO_LONG = gettext_lazy("Choose days in their order, and %(days)d at most.")


def _day(label: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput({"type": "date", "autocomplete": "off"}, format="%Y-%m-%d"),
        error_messages={"invalid": gettext_lazy("There is no such day. Write it like 2031-09-12, or choose one.")},
        required=False,
    )


class SpanForm(forms.Form):
    """From which day to which; the last four weeks if nothing is said."""

    first = _day(gettext_lazy("From"))
    last = _day(gettext_lazy("Until"))

    def clean(self) -> dict[str, Any]:
        """A span that is not too long."""
        said = super().clean() or self.cleaned_data
        first, last = whole_span(said.get("first"), said.get("last"))
        if not self.errors and not fits(first, last):
            self.add_error("last", TOO_LONG % {"days": MOST_DAYS})
        return {**said, "first": first, "last": last}


def whole_span(first: date | None, last: date | None) -> tuple[date, date]:
    """The span that is meant by what is said of it: until today, and four weeks long."""
    last = last or timezone.localdate()
    return first or last - min(USUAL, max(last - EARLIEST, timedelta(0))), last


def fits(first: date, last: date) -> bool:
    """Whether it is in order and not too long."""
    return 0 <= (last - first).days < MOST_DAYS


def span_asked(request: HttpRequest, form: type[SpanForm] = SpanForm) -> tuple[SpanForm, dict[str, Any]]:
    """The form as the address fills it, and what it says; where that makes no sense, what is usual."""
    first, last = whole_span(None, None)
    usual = {"first": first, "last": last}
    filled = form(request.GET if {*form.base_fields} & {*request.GET} else usual)
    return filled, filled.cleaned_data if filled.is_valid() else usual
