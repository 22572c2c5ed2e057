"""The report of the desk, and the same as tables for spreadsheets."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from support.models import Department
from support.reports import (
    NONE,
    Line,
    Report,
    chart_of_agents,
    chart_of_arrivals,
    chart_of_waiting,
    charts_of_days,
    department_named,
    report_of,
)
from ticketing.toolkit.csv_files import csv_response
from ticketing.toolkit.panel import operation
from ticketing.toolkit.spans import SpanForm, span_asked
from ticketing.toolkit.times import in_words

AGENTS_ON_PAGE = 25  # those who closed most; the table for spreadsheets has all

# For programs: in every language the same. Durations are in seconds.
COUNTS = ("asked", "again", "handed", "answered", "in_time", "late", "in_time_share", "closed")
TIMES = ("waiting", "response", "handling")
_COLUMNS = (*COUNTS, *(f"{name}_{share}" for name in TIMES for share in Line.SHARES))


def _departments() -> list[tuple[str, Any]]:
    return [
        ("", _("All")),
        *((name, capfirst(label)) for name, label in Department.choices),
        (NONE, _("No department")),
    ]


class ReportForm(SpanForm):
    """Of which days, and of which department."""

    department = forms.ChoiceField(label=_("Department"), choices=_departments, required=False)

    def clean(self) -> dict[str, Any]:
        """With None for all departments, and nothing for those of none."""
        said = super().clean()
        return {**said, "department": department_named(said.get("department") or "")}


def _report(request: HttpRequest) -> tuple[SpanForm, Report]:
    form, said = span_asked(request, ReportForm)
    return form, report_of(said["first"], said["last"], department=said.get("department"), by=request.user)


@operation("support.report")
@never_cache
@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """How long questions waited and took, what was kept of what was promised, what is open, and who did what."""
    form, told = _report(request)
    context = {
        "form": form,
        "report": told,
        "as_of": in_words(told.as_of),
        "hours": [line for line in told.hours if line.has_some],
        "priorities": [line for line in told.priorities if line.promised],
        "days": charts_of_days(told),
        "arrivals": chart_of_arrivals(told),
        "waiting": chart_of_waiting(told),
        "closed": chart_of_agents(told.agents),
        "agents": told.agents[:AGENTS_ON_PAGE],
        "address": _address(form, told),
    }
    return render(request, "support/reports.html", context)


def _address(form: SpanForm, told: Report) -> str:
    word = NONE if told.department == "" else told.department or ""
    return f"?first={told.first:%Y-%m-%d}&last={told.last:%Y-%m-%d}&department={word}"


class _Table(NamedTuple):
    columns: Sequence[str]
    rows: Callable[[Report], Iterable[Sequence[Any]]]


def _numbers(line: Line) -> list[Any]:
    times = [seconds for name in TIMES for seconds in getattr(line, name)]
    return [*(getattr(line, name) for name in COUNTS), *(None if at is None else round(at) for at in times)]


TABLES = {
    "departments": _Table(
        ("department", *_COLUMNS), lambda told: ([line.key, *_numbers(line)] for line in told.departments)
    ),
    "hours": _Table(("hour", *_COLUMNS), lambda told: ([line.key, *_numbers(line)] for line in told.hours)),
    "priorities": _Table(
        ("priority", *COUNTS),
        lambda told: ([line.key, *(getattr(line, name) for name in COUNTS)] for line in told.priorities),
    ),
    "days": _Table(("day", "asked", "became_open", "ceased_to_be_open", "open_at_end"), lambda told: told.days),
    "agents": _Table(
        ("agent", "name", "in_work", "capacity", "handed", "closed"),
        lambda told: (
            [one.agent.pk, one.agent.user.name, one.agent.taken, one.agent.capacity, one.handed, one.closed]
            for one in told.agents
        ),
    ),
}


@operation("support.report")
@never_cache
@require_safe
def table(request: HttpRequest, name: str) -> StreamingHttpResponse:
    """One of the tables of the report."""
    if name not in TABLES:
        raise Http404
    _form, told = _report(request)
    columns, rows = TABLES[name]
    return csv_response(f"desk-{name}-{told.first}-{told.last}", columns, rows(told))
