"""When it is open: calendars, their weeks, and the days that are otherwise."""

from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, IntegerRangeField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils.translation import gettext_lazy as _

from ticketing import querysets
from ticketing.hours import WeeklyOpening, rules
from ticketing.models.base import Record
from ticketing.texts import SLUG

NAME_LENGTH = 100


class Weekday(models.IntegerChoices):
    """The days of the week, as Python counts them."""

    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")


class Calendar(Record):
    """Business hours: the week of somebody who opens and closes, and where their clocks and holidays are."""

    slug = models.SlugField(_("short name"), unique=True)
    name = models.CharField(_("name"), max_length=NAME_LENGTH)
    time_zone = models.CharField(_("time zone"), max_length=64, help_text=_("Whose clocks the hours are read from."))
    country = models.CharField(
        _("country"),
        max_length=2,
        blank=True,
        help_text=_("Closed on its public holidays. Two letters, such as DE; empty for none."),
    )
    subdivision = models.CharField(
        _("part of the country"),
        max_length=30,
        blank=True,
        help_text=_("Where holidays differ from part to part, such as BY for Bavaria."),
    )

    objects = querysets.CalendarQuerySet.as_manager()

    class Meta:
        verbose_name = _("business calendar")
        verbose_name_plural = _("business calendars")
        constraints = [
            models.CheckConstraint(condition=Q(slug__regex=f"^{SLUG}$"), name="ticketing_calendar_slug_shape"),
            models.CheckConstraint(condition=Q(name__regex=r"\S"), name="ticketing_calendar_name_not_blank"),
            # Only the shape: which zones and countries there are is not the same on every machine and in every year.
            models.CheckConstraint(
                condition=Q(time_zone__regex=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$"),
                name="ticketing_calendar_zone_shape",
            ),
            models.CheckConstraint(
                condition=Q(country__regex=r"^([A-Z]{2})?$"), name="ticketing_calendar_country_shape"
            ),
            models.CheckConstraint(
                condition=Q(subdivision="") | ~Q(country=""), name="ticketing_calendar_subdivision_of_country"
            ),
        ]

    def __str__(self) -> str:
        return self.name


def _same(column: str) -> tuple[Func, str]:
    """Rows of the same id exclude one another: as a range, because there is no plain equality without an extension."""
    return Func(F(column), F(column), Value("[]"), function="uuidrange"), "&&"


def _days(first: str, last: str) -> tuple[Func, str]:
    """Rows exclude one another whose days meet, both ends included; null is no end."""
    return Func(F(first), F(last), Value("[]"), function="daterange", output_field=DateRangeField()), "&&"


def _minutes(first: Any, last: Any, ends: str = "[)") -> tuple[Func, str]:
    """Rows exclude one another whose numbers meet."""
    return Func(F(first), F(last), Value(ends), function="int4range", output_field=IntegerRangeField()), "&&"


class Shift(Record):
    """From opening to closing, in minutes after midnight; 1440 is the midnight that ends the day."""

    opens = models.PositiveSmallIntegerField(_("opens"), help_text=_("Minutes after midnight."))
    closes = models.PositiveSmallIntegerField(_("closes"), help_text=_("Minutes after midnight."))

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(closes__gt=F("opens")), name="%(app_label)s_%(class)s_closes_after_opens"
            ),
            models.CheckConstraint(
                condition=Q(closes__lte=rules.MIDNIGHT), name="%(app_label)s_%(class)s_within_a_day"
            ),
        ]

    @property
    def hours(self) -> str:
        """From when to when, for people."""
        return rules.written([(self.opens, self.closes)])


class Opening(Shift):
    """Open every week on this weekday, in the days of its validity; a day that is open twice has two."""

    calendar = models.ForeignKey(
        Calendar, on_delete=models.CASCADE, related_name="openings", verbose_name=_("calendar")
    )
    weekday = models.PositiveSmallIntegerField(_("weekday"), choices=Weekday)
    valid_from = models.DateField(_("from"), null=True, blank=True, help_text=_("The first day; empty for always."))
    valid_until = models.DateField(_("until"), null=True, blank=True, help_text=_("The last day; empty for ever."))

    objects = querysets.OpeningQuerySet.as_manager()

    class Meta(Shift.Meta):
        verbose_name = _("opening")
        verbose_name_plural = _("openings")
        constraints = [
            *Shift.Meta.constraints,
            models.CheckConstraint(condition=Q(weekday__lte=Weekday.SUNDAY), name="ticketing_opening_weekday_known"),
            models.CheckConstraint(
                condition=Q(valid_until__gte=F("valid_from")), name="ticketing_opening_ends_after_it_begins"
            ),
            ExclusionConstraint(
                name="ticketing_opening_no_overlap",
                expressions=[
                    _same("calendar"),
                    _minutes("weekday", "weekday", "[]"),
                    _minutes("opens", "closes"),
                    _days("valid_from", "valid_until"),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.hours}"

    @property
    def weekly(self) -> WeeklyOpening:
        """What the arithmetic takes it for."""
        return WeeklyOpening(self.weekday, self.opens, self.closes, self.valid_from, self.valid_until)


class Closure(Record):
    """Days on which it is closed although the week says otherwise."""

    calendar = models.ForeignKey(
        Calendar, on_delete=models.CASCADE, related_name="closures", verbose_name=_("calendar")
    )
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))
    reason = models.CharField(
        _("reason"), max_length=rules.REASON_LENGTH, blank=True, help_text=_("For everybody to read.")
    )

    objects = querysets.HoursQuerySet.as_manager()

    class Meta:
        verbose_name = _("closure")
        verbose_name_plural = _("closures")
        constraints = [
            models.CheckConstraint(
                condition=Q(last_day__gte=F("first_day")), name="ticketing_closure_ends_after_it_begins"
            )
        ]
        indexes = [models.Index(fields=["first_day", "id"], name="ticketing_closure_in_order")]

    def __str__(self) -> str:
        return f"{self.first_day} – {self.last_day}"


class SpecialOpening(Shift):
    """Open on this one day, whatever the week, a closure or a public holiday says: the day has these hours alone."""

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="special", verbose_name=_("calendar"))
    day = models.DateField(_("day"))
    reason = models.CharField(
        _("reason"), max_length=rules.REASON_LENGTH, blank=True, help_text=_("For everybody to read.")
    )

    objects = querysets.HoursQuerySet.as_manager()

    class Meta(Shift.Meta):
        verbose_name = _("special opening")
        verbose_name_plural = _("special openings")
        constraints = [
            *Shift.Meta.constraints,
            ExclusionConstraint(
                name="ticketing_specialopening_no_overlap",
                expressions=[_same("calendar"), _days("day", "day"), _minutes("opens", "closes")],
            ),
        ]
        indexes = [models.Index(fields=["day", "id"], name="ticketing_special_in_order")]

    def __str__(self) -> str:
        return f"{self.day} {self.hours}"
