"""Business hours in the administration: a calendar is one page with its week as a week, and verbs set it."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.widgets import AdminDateWidget
from django.db.models import Model
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ticketing import rights
from ticketing.actions import (
    add_closure,
    add_special_opening,
    change_calendar,
    change_closure,
    create_calendar,
    remove_closure,
    remove_special_opening,
    set_week,
)
from ticketing.hours.rules import Shift, clean_place, clean_span, parse_day, parse_shifts, written, zones
from ticketing.hours.seasons import Season, season_on, seasons
from ticketing.models import Calendar, Closure, Opening, SpecialOpening, User, Weekday
from ticketing.toolkit.admin import ReadOnlyAdmin, SiteModelAdmin
from ticketing.toolkit.panel import refusals_on

DAYS = {day.name.lower(): day for day in Weekday}  # by the name of their field
SPAN = ("valid_from", "valid_until")
CALENDAR = ("slug", "name", "time_zone", "country", "subdivision")


class HoursField(forms.CharField):
    """The hours of a day in one line."""

    def prepare_value(self, value: Any) -> str:
        """As people write them; what was typed stays as it was typed."""
        return value if isinstance(value, str) else written(value or [])

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether another line was typed."""
        return self.prepare_value(initial) != (data or "").strip()


class ReadsHours(forms.ModelForm):
    """A form whose lines of hours are read, and refused at their fields."""

    lines: ClassVar[Sequence[str]]

    def clean(self) -> dict[str, Any]:
        """The lines as openings."""
        cleaned = super().clean() or self.cleaned_data
        for name in self.lines:
            with refusals_on(self):
                cleaned[name] = parse_shifts(cleaned.get(name, ""), field=name)
        return cleaned


def _line(day: Weekday) -> HoursField:
    widget = forms.TextInput({"autocomplete": "off", "placeholder": _("closed"), "class": "vTextField"})
    return HoursField(label=day.label, required=False, widget=widget)


def _end(label: Any, told: Any) -> forms.DateField:
    return forms.DateField(label=label, required=False, widget=AdminDateWidget, help_text=told)


class CalendarForm(ReadsHours):
    """A calendar, one of its weeks, and the days that this week is for."""

    lines = tuple(DAYS)
    on: date | None = None  # a day of the week that is shown; today if unsaid

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=lambda: [(zone, zone) for zone in sorted(zones())],
        initial=lambda: settings.TIME_ZONE,
        widget=forms.Select({"class": "vTextField"}),
        help_text=_("Whose clocks the hours are read from."),
    )
    valid_from = _end(_("From"), _("The first day that these hours are for; empty for all days until the last."))
    valid_until = _end(_("Until"), _("The last day that these hours are for; empty for all days from the first on."))
    monday = _line(Weekday.MONDAY)
    tuesday = _line(Weekday.TUESDAY)
    wednesday = _line(Weekday.WEDNESDAY)
    thursday = _line(Weekday.THURSDAY)
    friday = _line(Weekday.FRIDAY)
    saturday = _line(Weekday.SATURDAY)
    sunday = _line(Weekday.SUNDAY)

    class Meta:
        model = Calendar
        fields = CALENDAR

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            season = _season(self.instance, self.on)
            self.initial.update(zip(SPAN, (season.first, season.last), strict=True))
            self.initial.update((name, season.week.get(day, [])) for name, day in DAYS.items())

    def clean(self) -> dict[str, Any]:
        """Every refusal at its field, before a verb is called."""
        cleaned = super().clean()
        with refusals_on(self):
            clean_place(cleaned.get("country", ""), cleaned.get("subdivision", ""))
        with refusals_on(self):
            clean_span(*self.span.values(), fields=SPAN)
        return cleaned

    @property
    def span(self) -> dict[str, date | None]:
        """The days that the week is for."""
        return {name: self.cleaned_data.get(name) for name in SPAN}

    @property
    def week(self) -> dict[int, list[Shift]]:
        """The week."""
        return {day: self.cleaned_data[name] for name, day in DAYS.items()}

    @property
    def says_another_week(self) -> bool:
        """Whether the hours or their days were changed."""
        return bool({*DAYS, *SPAN} & set(self.changed_data))


def _season(calendar: Calendar, on: date | None) -> Season:
    today = timezone.now().astimezone(ZoneInfo(calendar.time_zone)).date()
    return season_on([opening.weekly for opening in calendar.openings.all()], on or today)


class ClosureForm(forms.ModelForm):
    """Closed days."""

    last_day = forms.DateField(
        label=_("Last day"), required=False, widget=AdminDateWidget, help_text=_("Empty for one day.")
    )

    class Meta:
        model = Closure
        fields = ["first_day", "last_day", "reason"]

    def clean(self) -> dict[str, Any]:
        """Refuse what ends before it begins."""
        cleaned = super().clean() or self.cleaned_data
        with refusals_on(self):
            clean_span(cleaned.get("first_day"), cleaned.get("last_day"), fields=("first_day", "last_day"))
        return cleaned

    def make(self, calendar: Calendar, by: User) -> list[Closure]:
        """By the verb."""
        return [add_closure(calendar, **self.said, by=by)]

    def change(self, by: User) -> Closure:
        """By the verb."""
        said = {**self.said, "last_day": self.said["last_day"] or self.said["first_day"]}
        return change_closure(self.instance, **said, by=by)

    @property
    def said(self) -> dict[str, Any]:
        """What was typed."""
        return {name: self.cleaned_data[name] for name in ("first_day", "last_day", "reason")}


class SpecialOpeningForm(ReadsHours):
    """The hours of one day."""

    lines = ("hours",)
    hours = HoursField(label=_("Hours"), help_text=_("Such as 09:00-12:00, 13:00-17:00."))

    class Meta:
        model = SpecialOpening
        fields = ["day", "reason"]
        labels = {"hours": _("Hours")}  # of the column

    def clean(self) -> dict[str, Any]:
        """Refuse a day that no hours are kept for."""
        cleaned = super().clean()
        with refusals_on(self):
            clean_span(cleaned.get("day"), None, fields=("day", "day"))
        return cleaned

    def make(self, calendar: Calendar, by: User) -> list[SpecialOpening]:
        """By the verb, once for each opening."""
        said = {name: self.cleaned_data[name] for name in ("day", "reason")}
        shifts = self.cleaned_data["hours"]
        return [add_special_opening(calendar, **said, opens=opens, closes=closes, by=by) for opens, closes in shifts]


class LabelledFields(BaseInlineFormSet):
    """Fields that say what they are: in Django's table only the heads of the columns do, and to the eye alone."""

    def add_fields(self, form: Any, index: int | None) -> None:
        """The fields of one row."""
        super().add_fields(form, index)
        for field in form.fields.values():
            field.widget.attrs["aria-label"] = field.label
        if not form.instance._state.adding:
            form.fields["DELETE"].widget.attrs["aria-label"] = gettext("Delete %(row)s") % {"row": form.instance}


class Days(admin.TabularInline):
    """Days that are otherwise: to add and to take back, and not to change unless it is said."""

    formset = LabelledFields
    extra = 1

    def _may(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(rights.scope(request.user, "hours.manage"))

    has_view_permission = has_add_permission = has_delete_permission = _may

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never: what is wrong is taken back and added anew."""
        return False


class ClosureInline(Days):
    model = Closure
    form = ClosureForm
    fields = ["first_day", "last_day", "reason"]
    ordering = ["first_day"]
    has_change_permission = Days._may


class SpecialOpeningInline(Days):
    model = SpecialOpening
    form = SpecialOpeningForm
    fields = ["day", "hours", "reason"]
    ordering = ["day", "opens"]


REMOVE: dict[Any, Callable[..., None]] = {Closure: remove_closure, SpecialOpening: remove_special_opening}


@admin.register(Calendar)
class CalendarAdmin(SiteModelAdmin):
    operation = "hours.manage"
    form = CalendarForm
    inlines = [ClosureInline, SpecialOpeningInline]
    list_display = ["name", "slug", "time_zone", "country", "subdivision"]
    list_filter = ["country"]
    search_fields = ["slug", "name"]
    ordering = ["slug"]
    fieldsets = [
        (None, {"fields": CALENDAR}),
        (
            _("Week"),
            {
                "fields": [*DAYS, *SPAN],
                "description": _(
                    "Write the hours of each day like 09:00-12:00, 13:00-17:00. Hours that go past midnight end at "
                    "24:00 and go on at 00:00 of the next day."
                ),
            },
        ),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Calendar | None = None) -> Any:
        """All weeks of a calendar that has some."""
        more = [(_("All weeks"), {"fields": ["weeks"]})] if obj else []
        return [*super().get_fieldsets(request, obj), *more]

    def get_readonly_fields(self, request: HttpRequest, obj: Calendar | None = None) -> list[str]:
        """The short name is what programs call it by, so it stays."""
        return ["slug", "weeks"] if obj else []

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Showing the week that the address asks for."""
        form = super().get_form(request, obj, change, **kwargs)
        form.on = parse_day(request.GET.get("on", ""))  # the class is this request's own
        return form

    @admin.display(description=_("Weeks"))
    def weeks(self, calendar: Calendar) -> SafeString:
        """Each with a link that shows it in the form above."""
        rows = seasons(opening.weekly for opening in calendar.openings.all())
        shown = ((_asking_for(season), _span(season), _hours(season)) for season in rows)
        return format_html_join(mark_safe("<br>"), '<a href="{}">{}</a>: {}', shown)

    def save_model(self, request: HttpRequest, obj: Calendar, form: CalendarForm, change: bool) -> None:
        """By the verbs."""
        said = {name: form.cleaned_data[name] for name in CALENDAR if name in form.cleaned_data}
        if change:
            change_calendar(obj, **said, by=request.user)
        else:
            obj.pk = create_calendar(**said, by=request.user).pk
        if form.says_another_week:
            set_week(obj, week=form.week, **form.span, by=request.user)
            self._show_week(request, obj, form)

    def _show_week(self, request: HttpRequest, calendar: Calendar, form: CalendarForm) -> None:
        """Lead to the week that was saved, which need not be the one of today."""
        if day := next((day for day in form.span.values() if day), None):
            request.week_saved = f"?on={day.isoformat()}"  # type: ignore[attr-defined]
            address = reverse("admin:ticketing_calendar_change", args=[calendar.pk]) + f"?on={day.isoformat()}"
            words = gettext("See the week that you saved")
            self.message_user(request, format_html('<a href="{}">{}</a>', address, words))

    def _at_the_week(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Whoever goes on with the calendar goes on with the week that was saved."""
        if "_continue" in request.POST and (asking := getattr(request, "week_saved", "")):
            return redirect(f"{response['Location'].partition('?')[0]}{asking}")
        return response

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> Any:
        """The same after it was made."""
        return self._at_the_week(request, super().response_add(request, obj, post_url_continue))

    def response_change(self, request: HttpRequest, obj: Any) -> Any:
        """The same after it was changed."""
        return self._at_the_week(request, super().response_change(request, obj))

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """By the verbs: what is to go first, so that other hours can take its place."""
        formset.deleted_objects = [gone.instance for gone in formset.deleted_forms if gone in formset.initial_forms]
        for gone in formset.deleted_objects:
            REMOVE[formset.model](gone, by=request.user)
        kept = [new for new in formset.extra_forms if new.has_changed() and new not in formset.deleted_forms]
        formset.new_objects = [made for new in kept for made in new.make(form.instance, request.user)]
        touched = [row for row in formset.initial_forms if row.has_changed() and row not in formset.deleted_forms]
        formset.changed_objects = [(row.change(request.user), row.changed_data) for row in touched]


def _asking_for(season: Season) -> str:
    day = season.first or season.last
    return f"?on={day.isoformat()}" if day else "?"


def _span(season: Season) -> str:
    """The days of a season, in words."""
    first, last = (date_format(day, "DATE_FORMAT") if day else "" for day in season[:2])
    if first and last:
        return gettext("From %(first)s until %(last)s") % {"first": first, "last": last}
    if first:
        return gettext("From %(first)s on") % {"first": first}
    return gettext("Until %(last)s") % {"last": last} if last else gettext("Always")


def _hours(season: Season) -> str:
    """The week of a season, in one line."""
    days = [f"{Weekday(day).label} {written(shifts)}" for day, shifts in season.week.items()]
    return "; ".join(days) or gettext("closed")


@admin.display(description=_("Hours"))
def hours(shift: Opening | SpecialOpening) -> str:
    """From when to when."""
    return shift.hours


class PartAdmin(ReadOnlyAdmin):
    """What a calendar is made of, which is changed on the calendar's page and needs no entry of its own."""

    list_select_related = ["calendar"]
    search_fields = ["calendar__slug", "calendar__name"]
    ordering = ["pk"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False


@admin.register(Opening)
class OpeningAdmin(PartAdmin):
    list_display = ["calendar", "weekday", hours, "valid_from", "valid_until"]
    list_filter = ["weekday"]


@admin.register(Closure)
class ClosureAdmin(PartAdmin):
    list_display = ["calendar", "first_day", "last_day", "reason"]
    list_filter = ["first_day"]


@admin.register(SpecialOpening)
class SpecialOpeningAdmin(PartAdmin):
    list_display = ["calendar", "day", hours, "reason"]
    list_filter = ["day"]
