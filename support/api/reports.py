"""The report of the desk, over the API."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from support.errors import SpanMisfit
from support.models import Department, Tally
from support.reports import NONE, Line, Report, department_named, report_of
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Day, Instant
from ticketing.toolkit.questions import ask_day, ask_word, asked, parameters
from ticketing.toolkit.spans import MOST_DAYS, fits, whole_span

QUESTIONS = [
    ask_day("first", "From this day on, on the site's clocks; four weeks before the last one if unsaid."),
    ask_day("last", f"Until this day; today if unsaid. At most {MOST_DAYS} days in all."),
    ask_word("department", f"Of this one alone; “{NONE}” for questions of none.", [*Department.values, NONE]),
]


class TimesReport(serializers.Serializer):
    """How long something took, in seconds of wall-clock time, to within 5 %; null where it happened to none."""

    median = serializers.FloatField(allow_null=True, help_text="Half of the questions took that long at most.")
    p90 = serializers.FloatField(allow_null=True, help_text="Nine of ten did.")


class NumbersReport(serializers.Serializer):
    """What was asked, counted at the day and hour of asking, and what became of it."""

    asked = serializers.IntegerField(help_text="Asked or re-opened.")
    again = serializers.IntegerField(help_text="Re-opened, of these.")
    handed = serializers.IntegerField(help_text="How many an agent has had.")
    answered = serializers.IntegerField(help_text="To how many staff have replied for the first time.")
    in_time = serializers.IntegerField(help_text="First responses within what was promised then.")
    late = serializers.IntegerField(help_text="Later ones, and what was closed without one when it was overdue.")
    in_time_share = serializers.IntegerField(allow_null=True, help_text="In per cent; null where nothing was promised.")
    closed = serializers.IntegerField()


class LineReport(NumbersReport):
    """The same, with durations."""

    waiting = TimesReport(help_text="From asking until an agent has it for the first time.")
    response = TimesReport(help_text="From asking until staff first say something to the customer.")
    handling = TimesReport(help_text="From asking until it is closed.")


class DepartmentReport(LineReport):
    """What became of the questions of a department."""

    department = serializers.ChoiceField([("", ""), *Department.choices], source="key")


class HourReport(LineReport):
    """What became of the questions that were asked at an hour of the day."""

    hour = serializers.IntegerField(source="key", min_value=0, max_value=23)


class PriorityReport(NumbersReport):
    """What became of the questions of a priority."""

    priority = serializers.CharField(source="key")


class ArrivalReport(serializers.Serializer):
    """How many were asked on a weekday at an hour."""

    weekday = serializers.IntegerField(help_text="1 is Monday, 7 Sunday.")
    hour = serializers.IntegerField()
    asked = serializers.IntegerField()


class OpenReport(serializers.Serializer):
    """A day, and how many were open at its end."""

    day = Day()
    asked = serializers.IntegerField()
    came = serializers.IntegerField(help_text="Became open: asked, re-opened, or moved to the department.")
    went = serializers.IntegerField(help_text="Ceased to be open: closed, or moved away.")
    open = serializers.IntegerField(help_text="At the end of the day; today, now.")


class AgentReport(serializers.Serializer):
    """What an agent has in work now, and did in these days."""

    agent = serializers.UUIDField(source="agent.pk")
    name = serializers.CharField(source="agent.user.name")
    in_work = serializers.IntegerField(source="agent.taken", help_text="Now, of all departments.")
    capacity = serializers.IntegerField(source="agent.capacity")
    handed = serializers.IntegerField(help_text="How many they were the first to have.")
    closed = serializers.IntegerField(help_text="How many they had when those were closed.")


class DeskReport(serializers.Serializer):
    """What became of the questions of some days, as of now. Those that are re-opened count once more."""

    first = Day()
    last = Day()
    as_of = Instant()
    open_before = serializers.IntegerField(help_text="How many were open when the first day began.")
    total = LineReport()
    departments = DepartmentReport(many=True)
    hours = HourReport(many=True)
    priorities = PriorityReport(many=True)
    arrivals = ArrivalReport(many=True)
    days = OpenReport(many=True)
    agents = AgentReport(many=True)


class ReportViewSet(ApiViewSet):
    """What the support desk did."""

    operations = {"desk": "support.report"}
    outputs = {"desk": DeskReport}

    @classmethod
    def headers_of(cls, action: str) -> list[OpenApiParameter]:
        """What is asked about, in the address."""
        return parameters(QUESTIONS)

    def rows(self) -> QuerySet:
        """The tallies that it is read from."""
        return Tally.objects.all()

    @action(detail=False, methods=["get"])
    def desk(self, request: Request) -> Response:
        """Say how long questions waited and took, what was answered in time, what is open, and what agents did."""
        answers = asked(request, QUESTIONS)
        first, last = whole_span(answers.get("first"), answers.get("last"))
        if not fits(first, last):
            raise SpanMisfit(SpanMisfit.message % {"days": MOST_DAYS}, field="last")
        told = report_of(first, last, department=department_named(answers.get("department", "")), by=request.user)
        return Response(self.get_serializer(_shown(told)).data)


def _shown(told: Report) -> dict[str, Any]:
    arrivals = [
        {"weekday": weekday, "hour": hour, "asked": number}
        for (weekday, hour), number in sorted(told.arrivals.items())
        if number
    ]
    total: Line = told.total
    return {**told._asdict(), "total": total, "open_before": told.open_before, "arrivals": arrivals}
