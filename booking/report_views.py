"""The report of bookings, and the same as a table for spreadsheets."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from booking.reports import Hour, hours_between, sums_of, week_of
from booking.steps import day_in_words
from ticketing.toolkit.csv_files import csv_response
from ticketing.toolkit.panel import operation
from ticketing.toolkit.spans import span_asked

COLUMNS = Hour._fields  # for programs: in every language the same


@operation("booking.report")
@never_cache
@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """How many came when, what was missed and cancelled, and how far ahead people book."""
    form, said = span_asked(request)
    first, last = said["first"], said["last"]
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
    _form, said = span_asked(request)
    first, last = said["first"], said["last"]
    return csv_response(f"bookings-{first}-{last}", COLUMNS, hours_between(first, last, by=request.user))
