"""Business hours over /api/v1/hours/: calendars with their weeks, closures, special openings, and when it is open."""

import re
from datetime import date, timedelta
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from drf_spectacular.drainage import set_override
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from ticketing import actions
from ticketing.errors import Invalid, NotFound
from ticketing.hours import Hours
from ticketing.hours.rules import CLOCK, MOST_SHIFTS, REASON_LENGTH, clock, minutes_of
from ticketing.models import Calendar, Closure, Opening, SpecialOpening
from ticketing.models.hours import NAME_LENGTH
from ticketing.texts import SLUG, clean_slug
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Count, Day, Id, Instant, Ruled, Text
from ticketing.toolkit.filters import IdFilter
from ticketing.toolkit.questions import ask_instant, asked, parameters

MOST_DAYS = 92  # that one request can ask the openings of


class Clock(serializers.Field):
    """A time of day to the minute: 09:00. What closes may do so at 24:00."""

    default_error_messages = {"invalid": _("Give a time of day such as 09:00.")}

    def __init__(self, *, until_midnight: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pattern = f"{CLOCK}|24:00" if until_midnight else CLOCK
        set_override(self, "field", {"type": "string", "pattern": f"^({self.pattern})$"})

    def to_internal_value(self, data: Any) -> int:
        """The minutes after midnight."""
        if not isinstance(data, str) or not re.fullmatch(self.pattern, data):
            self.fail("invalid")
        return minutes_of(data, field=str(self.field_name))

    def to_representation(self, value: int) -> str:
        """As the clock shows it."""
        return clock(value)


class OpeningSerializer(serializers.ModelSerializer):
    """Open every week on this weekday."""

    weekday = serializers.IntegerField(read_only=True, help_text="0 is Monday.")
    opens = Clock(read_only=True)
    closes = Clock(until_midnight=True, read_only=True)
    valid_from = Day(read_only=True, allow_null=True, help_text="The first day; null for always.")
    valid_until = Day(read_only=True, allow_null=True, help_text="The last day; null for ever.")

    class Meta:
        model = Opening
        fields = ["weekday", "opens", "closes", "valid_from", "valid_until"]
        read_only_fields = fields


class CalendarSerializer(serializers.ModelSerializer):
    """Business hours: a week on the clocks of a zone."""

    openings = serializers.SerializerMethodField(help_text="Every week of it, the earliest first.")
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True, help_text="Moves with whatever belongs to the calendar, closures too.")

    class Meta:
        model = Calendar
        fields = ["id", "slug", "name", "time_zone", "country", "subdivision", "openings", "created_at", "updated_at"]
        read_only_fields = fields

    @extend_schema_field(OpeningSerializer(many=True))
    def get_openings(self, calendar: Calendar) -> Any:
        """Sorted here: they come with all calendars at once."""
        rows = sorted(calendar.openings.all(), key=lambda row: (row.valid_from or date.min, row.weekday, row.opens))
        return OpeningSerializer(rows, many=True).data


class NewOpening(serializers.Serializer):
    """Open on a weekday from then to then."""

    weekday = Count(min_value=0, max_value=6, help_text="0 is Monday.")
    opens = Clock()
    closes = Clock(until_midnight=True, help_text="After it opens. What goes past midnight goes on the next day.")


def _week(**kwargs: Any) -> serializers.ListField:
    return serializers.ListField(
        child=NewOpening(),
        max_length=7 * MOST_SHIFTS,
        help_text="All openings of a week; a weekday without one is closed.",
        **kwargs,
    )


class NewCalendar(serializers.Serializer):
    """What makes business hours."""

    slug = Ruled(clean_slug, pattern=f"^{SLUG}$", limit=50, help_text="The short name, which stays.")
    name = Text(NAME_LENGTH)
    time_zone = Text(64, required=False, help_text="Such as Europe/Berlin; the site's if unsaid.")
    country = Text(2, empty=True, default="", help_text="Closed on its public holidays, such as DE; empty for none.")
    subdivision = Text(30, empty=True, default="", help_text="Of the country, such as BY, where holidays differ.")
    week = _week(default=list)


class CalendarChange(serializers.Serializer):
    """What may change of a calendar; what is left out stays."""

    name = Text(NAME_LENGTH, required=False)
    time_zone = Text(64, required=False, help_text="The hours stay as the clocks show them.")
    country = Text(2, empty=True, required=False)
    subdivision = Text(30, empty=True, required=False)


class NewWeek(serializers.Serializer):
    """A week, and the days that it is for."""

    week = _week()
    valid_from = Day(required=False, allow_null=True, help_text="The first day; if unsaid, all days until the last.")
    valid_until = Day(required=False, allow_null=True, help_text="The last day; if unsaid, all days from the first on.")


class OpenNow(serializers.Serializer):
    """Whether it is open, and when that changes."""

    at = Instant()
    is_open = serializers.BooleanField()
    next_opening = Instant(allow_null=True, help_text="After `at`; null if it does not open within five years.")
    next_closing = Instant(allow_null=True, help_text="After `at`; null if it does not close within five years.")


class Stretch(serializers.Serializer):
    """From opening to closing."""

    starts_at = Instant()
    ends_at = Instant()


class OpenTimes(serializers.Serializer):
    """Every stretch of open time between two instants."""

    openings = Stretch(many=True)


QUESTIONS = {
    "open": [ask_instant("at", "At this instant; now if unsaid.")],
    "openings": [
        ask_instant("from", "From this instant on.", required=True),
        ask_instant("until", f"Before this instant, at most {MOST_DAYS} days later.", required=True),
    ],
}


class CalendarViewSet(ApiViewSet):
    """Business hours."""

    operations = {
        "list": "hours.see",
        "retrieve": "hours.see",
        "create": "hours.manage",
        "partial_update": "hours.manage",
        "week": "hours.manage",
        "open": "hours.see",
        "openings": "hours.see",
    }
    serializer_class = CalendarSerializer
    inputs = {"create": NewCalendar, "partial_update": CalendarChange, "week": NewWeek}
    outputs = {"open": OpenNow, "openings": OpenTimes}
    orderings = {"slug": ("slug",)}
    newest_first = False
    examples = {
        "create": {
            "slug": "front-desk",
            "name": "Front desk",
            "time_zone": "Europe/Berlin",
            "country": "DE",
            "subdivision": "BE",
            "week": [
                {"weekday": 0, "opens": "09:00", "closes": "12:00"},
                {"weekday": 0, "opens": "13:00", "closes": "17:00"},
            ],
        },
        "partial_update": {"country": "DE", "subdivision": "BY"},
        "week": {"week": [{"weekday": 5, "opens": "10:00", "closes": "14:00"}], "valid_from": "2035-06-01"},
    }

    @classmethod
    def headers_of(cls, action: str) -> list[OpenApiParameter]:
        """What the questions ask about, in their addresses."""
        return parameters(QUESTIONS[action]) if action in QUESTIONS else super().headers_of(action)

    def rows(self) -> QuerySet:
        """Every calendar, with what its answer needs."""
        if self.action in QUESTIONS:
            return Calendar.objects.with_hours().annotate(now=Now())
        return Calendar.objects.prefetch_related("openings")

    def create(self, request: Request) -> Response:
        """Make business hours; without a week they are closed."""
        wanted = self.input()
        return self.answer(actions.create_calendar(**wanted | {"week": _by_weekday(wanted)}, by=request.user), 201)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change the name, the zone or the place; the hours stay as the clocks show them."""
        calendar, changes = self.get_object(), self.input()
        return self.answer(actions.change_calendar(calendar, **changes, by=request.user))

    @action(detail=True, methods=["post"])
    def week(self, request: Request, **kwargs: Any) -> Response:
        """Open at these hours and no others, on all days or those of a span; the days around it keep theirs."""
        calendar, wanted = self.get_object(), self.input()
        return self.answer(actions.set_week(calendar, **wanted | {"week": _by_weekday(wanted)}, by=request.user))

    @action(detail=True, methods=["get"])
    def open(self, request: Request, **kwargs: Any) -> Response:
        """Say whether it is open, and when it opens and closes next."""
        answers = asked(request, QUESTIONS[self.action])
        calendar = self.get_object()
        hours, at = Hours.load(calendar), answers.get("at", calendar.now)
        next_ = {"next_opening": hours.next_opening(at), "next_closing": hours.next_closing(at)}
        return Response(self.get_serializer({"at": at, "is_open": hours.is_open(at), **next_}).data)

    @action(detail=True, methods=["get"])
    def openings(self, request: Request, **kwargs: Any) -> Response:
        """Say when it is open between two instants, in stretches without a break."""
        answers = asked(request, QUESTIONS[self.action])
        if not timedelta() <= answers["until"] - answers["from"] <= timedelta(days=MOST_DAYS):
            sentence = _("“until” must come after “from”, and %(days)d days later at most.")
            raise Invalid(sentence % {"days": MOST_DAYS}, field="until")
        spans = Hours.load(self.get_object()).openings_between(answers["from"], answers["until"])
        told = [{"starts_at": begins, "ends_at": ends} for begins, ends in spans]
        return Response(self.get_serializer({"openings": told}).data)


def _by_weekday(wanted: dict[str, Any]) -> dict[int, list[tuple[int, int]]]:
    week: dict[int, list[tuple[int, int]]] = {}
    for opening in wanted["week"]:
        week.setdefault(opening["weekday"], []).append((opening["opens"], opening["closes"]))
    return week


# Days that are otherwise


class OfCalendar(django_filters.FilterSet):
    """Days by their calendar."""

    calendar = IdFilter(field_name="calendar_id", help_text="Of this calendar.")


class ClosureSerializer(serializers.ModelSerializer):
    """Days on which it is closed although the week says otherwise."""

    calendar = serializers.UUIDField(source="calendar_id", read_only=True)
    first_day = Day(read_only=True)
    last_day = Day(read_only=True)
    created_at = Instant(read_only=True)

    class Meta:
        model = Closure
        fields = ["id", "calendar", "first_day", "last_day", "reason", "created_at"]
        read_only_fields = fields


class NewClosure(serializers.Serializer):
    """Which days are closed, and why."""

    calendar = Id()
    first_day = Day()
    last_day = Day(required=False, help_text="The first day if unsaid.")
    reason = Text(REASON_LENGTH, empty=True, default="", help_text="For everybody to read.")


class ClosureChange(serializers.Serializer):
    """What may change of a closure; what is left out stays."""

    first_day = Day(required=False)
    last_day = Day(required=False)
    reason = Text(REASON_LENGTH, empty=True, required=False, help_text="For everybody to read.")


class ClosureViewSet(ApiViewSet):
    """Closed days; what takes one back removes it."""

    operations = {
        "list": "hours.see",
        "retrieve": "hours.see",
        "create": "hours.manage",
        "partial_update": "hours.manage",
        "destroy": "hours.manage",
    }
    serializer_class = ClosureSerializer
    filterset_class = OfCalendar
    inputs = {"create": NewClosure, "partial_update": ClosureChange}
    orderings = {"first_day": ("first_day", "id")}
    newest_first = False

    def rows(self) -> QuerySet:
        """Every closure."""
        return Closure.objects.all()

    def create(self, request: Request) -> Response:
        """Close on these days, whatever the week says; special openings still open."""
        wanted = self.input()
        calendar = _calendar(wanted.pop("calendar"), request)
        return self.answer(actions.add_closure(calendar, **wanted, by=request.user), 201)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Close on other days, or say another reason."""
        closure, changes = self.get_object(), self.input()
        return self.answer(actions.change_closure(closure, **changes, by=request.user))

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Open again as the week says."""
        actions.remove_closure(self.get_object(), by=request.user)
        return self.done()


class SpecialOpeningSerializer(serializers.ModelSerializer):
    """Open on one day, whatever the week, a closure or a public holiday says."""

    calendar = serializers.UUIDField(source="calendar_id", read_only=True)
    day = Day(read_only=True)
    opens = Clock(read_only=True)
    closes = Clock(until_midnight=True, read_only=True)
    created_at = Instant(read_only=True)

    class Meta:
        model = SpecialOpening
        fields = ["id", "calendar", "day", "opens", "closes", "reason", "created_at"]
        read_only_fields = fields


class NewSpecialOpening(serializers.Serializer):
    """When it is open on a day, and why."""

    calendar = Id()
    day = Day()
    opens = Clock()
    closes = Clock(until_midnight=True, help_text="After it opens.")
    reason = Text(REASON_LENGTH, empty=True, default="", help_text="For everybody to read.")


class SpecialOpeningViewSet(ApiViewSet):
    """Days with hours of their own, which are the only ones of such a day."""

    operations = {
        "list": "hours.see",
        "retrieve": "hours.see",
        "create": "hours.manage",
        "destroy": "hours.manage",
    }
    serializer_class = SpecialOpeningSerializer
    filterset_class = OfCalendar
    inputs = {"create": NewSpecialOpening}
    orderings = {"day": ("day", "id")}
    newest_first = False

    def rows(self) -> QuerySet:
        """Every special opening."""
        return SpecialOpening.objects.all()

    def create(self, request: Request) -> Response:
        """Open on that day at these hours; another opening of the day is another one of these."""
        wanted = self.input()
        calendar = _calendar(wanted.pop("calendar"), request)
        return self.answer(actions.add_special_opening(calendar, **wanted, by=request.user), 201)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Let the day be as any other."""
        actions.remove_special_opening(self.get_object(), by=request.user)
        return self.done()


def _calendar(pk: Any, request: Request) -> Calendar:
    if calendar := Calendar.objects.visible_to(request.user, "hours.manage").filter(pk=pk).first():
        return calendar
    raise NotFound(field="calendar")
