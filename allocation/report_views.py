"""The report of an event, the same as tables for spreadsheets, and all events side by side."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from allocation.models import Event
from allocation.reports import (
    chart_of_flow,
    chart_of_missed,
    charts_of_sales,
    fates_of,
    flow_of,
    sales_of,
    sums_of_events,
    sums_of_options,
    total_of,
)
from ticketing.toolkit.csv_files import csv_response
from ticketing.toolkit.panel import operation
from ticketing.toolkit.windows import window

EVENTS_AT_ONCE = 10  # each with all its tickets
LATEST_FIRST = ("-starts_at", "-id")
# For programs: in every language the same.
NUMBERS = ("allocation", "sold", "held", "left", "returned", "admitted", "expected", "missed", "missed_share")
OPTION_COLUMNS = ("option", "name", *NUMBERS)
SALE_COLUMNS = ("day", "option", "name", "sold", "returned")
ADMISSION_COLUMNS = ("minute", "gate", "admitted")


def _events(request: HttpRequest) -> QuerySet:
    return Event.objects.visible_to(request.user, "allocation.report").with_over()


@operation("allocation.report")
@never_cache
@require_safe
def events(request: HttpRequest) -> HttpResponse:
    """What became of each event, the latest first."""
    page = window(_events(request), request.GET, EVENTS_AT_ONCE, LATEST_FIRST)
    return render(request, "allocation/event_reports.html", {"page": page, "sums": sums_of_events(page.rows)})


@operation("allocation.report")
@never_cache
@require_safe
def report(request: HttpRequest, pk: UUID) -> HttpResponse:
    """How the tickets of an event sold, who was admitted when, and with how many tickets nobody came."""
    event: Any = get_object_or_404(_events(request).with_audit(), pk=pk)
    fates = fates_of(event)
    sums = sums_of_options(event, fates)
    options = [one.thing for one in sums]
    context = {
        "event": event,
        "sums": sums,
        "total": total_of(sums, event),
        "sales": charts_of_sales(sales_of(fates, options), options),
        "admissions": chart_of_flow(flow_of(event), event),
        "missed": chart_of_missed(sums),
        "may_report": True,
    }
    return render(request, "allocation/event_report.html", context)


@operation("allocation.report")
@never_cache
@require_safe
def options_table(request: HttpRequest, pk: UUID) -> StreamingHttpResponse:
    """What became of each option, as a table."""
    event = get_object_or_404(_events(request), pk=pk)
    sums = sums_of_options(event, fates_of(event))
    rows = ((one.thing.pk, one.thing, *(getattr(one, name) for name in NUMBERS)) for one in sums)
    return csv_response(f"options-{event.pk}", OPTION_COLUMNS, rows)


@operation("allocation.report")
@never_cache
@require_safe
def sales_table(request: HttpRequest, pk: UUID) -> StreamingHttpResponse:
    """What was sold and given back of each option, day by day."""
    event = get_object_or_404(_events(request), pk=pk)
    sales = sales_of(fates_of(event), event.options.order_by("created_at", "pk"))
    rows = ((sale.day, sale.option.pk, sale.option, sale.sold, sale.returned) for sale in sales)
    return csv_response(f"sales-{event.pk}", SALE_COLUMNS, rows)


@operation("allocation.report")
@never_cache
@require_safe
def admissions_table(request: HttpRequest, pk: UUID) -> StreamingHttpResponse:
    """Who was admitted at which gate, minute by minute, on the event's own clocks."""
    event = get_object_or_404(_events(request), pk=pk)
    counted = flow_of(event, minutes=1).counted
    rows = ((one.at.astimezone(event.zone).isoformat(), one.gate, one.admitted) for one in counted)
    return csv_response(f"admissions-{event.pk}", ADMISSION_COLUMNS, rows)
