"""The report of bookings, and the same as a table for spreadsheets."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from booking.reports import MOST_DAYS, Hour, hours_between, sums_of, week_of
from booking.steps import day_in_words
from ticketing.toolkit.csv_files import csv_response
from ticketing.toolkit.panel import operation

USUAL = timedelta(days=27)
COLUMNS = Hour._fields  # for programs: in every language the same


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
        last = said.get("last") or timezone.localdate()
        first = said.get("first") or max(last, date.min + USUAL) - USUAL
        if not self.errors and not 0 <= (last - first).days < MOST_DAYS:
            sentence = gettext_lazy("Choose days in their order, and %(days)d at most.")
            self.add_error("last", sentence % {"days": MOST_DAYS})
        return {"first": first, "last": last}


def _span(request: HttpRequest) -> tuple[SpanForm, date, date]:
    today = timezone.localdate()
    usual = {"first": today - USUAL, "last": today}
    form = SpanForm(request.GET if {*usual} & {*request.GET} else usual)
    said = form.cleaned_data if form.is_valid() else usual
    return form, said["first"], said["last"]


@operation("booking.report")
@never_cache
@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """How many came when, what was missed and cancelled, and how far ahead people book."""
    form, first, last = _span(request)
    hours = list(hours_between(first, last, by=request.user))
    context = {
        "form": form,
        "first": first,
        "last": last,
        "span": {"first": day_in_words(first), "last": day_in_words(last)},
        "sums": sums_of(hours),
        "week": week_of(hours, "week", _("People by weekday and hour")),
    }
    return render(request, "booking/report.html", context)


@operation("booking.report")
@never_cache
@require_safe
def table(request: HttpRequest) -> StreamingHttpResponse:
    """The same, hour by hour."""
    _form, first, last = _span(request)
    return csv_response(f"bookings-{first}-{last}", COLUMNS, hours_between(first, last, by=request.user))
