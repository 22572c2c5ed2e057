"""What can be booked, its slots, the places that somebody has in them, and who or what receives them there."""

import uuid
from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from booking import querysets
from ticketing.models import Calendar, Record, State, Stock
from ticketing.toolkit.times import in_full

NAME_LENGTH = 100
A_DAY = 24 * 60  # minutes
PHONE = "[0-9]{10}"


def _says_something(field: str, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(**{f"{field}__regex": r"\S"}), name=name)


class Limits(NamedTuple):
    """Between what a number of a service's terms may be, both included."""

    least: int
    most: int

    def constraint(self, field: str) -> models.CheckConstraint:
        """The database's own word on it; what is not set is not limited."""
        condition = Q(**{f"{field}__gte": self.least, f"{field}__lte": self.most})
        return models.CheckConstraint(condition=condition, name=f"booking_service_{field}_within_limits")

    def validators(self) -> list[MinValueValidator | MaxValueValidator]:
        """The same for forms."""
        return [MinValueValidator(self.least), MaxValueValidator(self.most)]


# No visit is longer than what makes a booking expire (querysets.EXPIRES_AFTER), so that none expires in its course.
TERMS = {
    "slot_capacity": Limits(1, 2**31 - 1),
    "duration_minutes": Limits(1, 8 * 60),
    "grid_minutes": Limits(1, A_DAY),
    "largest_party": Limits(1, 1000),
    "buffer_before_minutes": Limits(0, A_DAY),
    "buffer_after_minutes": Limits(0, A_DAY),
    "lead_minutes": Limits(0, 366 * A_DAY),
    "horizon_days": Limits(0, 3660),
    "deadline_minutes": Limits(0, 366 * A_DAY),
    "grace_minutes": Limits(0, 8 * 60),
}


def _term(field: str, *words: object, default: int | None, help_text: object) -> models.PositiveIntegerField:
    """A number within its limits; one without a default may be left open."""
    options = {"null": True, "blank": True} if default is None else {"default": default, "db_default": default}
    return models.PositiveIntegerField(*words, validators=TERMS[field].validators(), help_text=help_text, **options)


def _tally(*words: object) -> models.PositiveIntegerField:
    name, told = words
    return models.PositiveIntegerField(name, default=0, db_default=0, help_text=told)


class Resource(Record):
    """A room, a desk or a person: one row for each that can receive one visit at a time."""

    name = models.CharField(_("name"), max_length=NAME_LENGTH)
    calendar = models.ForeignKey(
        Calendar,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="resources",
        verbose_name=_("business calendar"),
        help_text=_("When it is there; empty for whenever its services are open."),
    )
    is_active = models.BooleanField(
        _("in use"), default=True, db_default=True, help_text=_("Otherwise nothing new is booked with it.")
    )

    objects = querysets.ResourceQuerySet.as_manager()

    class Meta:
        verbose_name = _("resource")
        verbose_name_plural = _("resources")
        constraints = [_says_something("name", "booking_resource_name_not_blank")]

    def __str__(self) -> str:
        return self.name


class Service(Record):
    """Something whose slots can be booked, and on which terms."""

    slug = models.SlugField(_("short name"), unique=True)
    name = models.CharField(_("name"), max_length=NAME_LENGTH)
    slot_capacity = models.PositiveIntegerField(
        _("places per slot"),
        default=20,
        validators=TERMS["slot_capacity"].validators(),
        help_text=_("Holds for slots that nobody has booked yet."),
    )
    duration_minutes = _term(
        "duration_minutes",
        _("duration"),
        default=1,
        help_text=_("Minutes from the beginning to the end of a visit."),
    )
    grid_minutes = _term(
        "grid_minutes",
        _("slot grid"),
        default=1,
        help_text=_("A slot begins every so many minutes, counted from midnight: 15 for a quarter past, half past …"),
    )
    largest_party = _term("largest_party", _("largest party"), default=1, help_text=_("So many can come together."))
    buffer_before_minutes = _term(
        "buffer_before_minutes",
        _("buffer before"),
        default=0,
        help_text=_("Minutes that the resource is kept free before each visit."),
    )
    buffer_after_minutes = _term(
        "buffer_after_minutes",
        _("buffer after"),
        default=0,
        help_text=_("Minutes that the resource is kept free after each visit."),
    )
    lead_minutes = _term(
        "lead_minutes",
        _("lead time"),
        default=None,
        help_text=_("Customers book so many minutes ahead at least; empty for no limit, not even the present."),
    )
    horizon_days = _term(
        "horizon_days",
        _("horizon"),
        default=None,
        help_text=_("Customers book so many days ahead at most; empty for no limit."),
    )
    deadline_minutes = _term(
        "deadline_minutes",
        _("deadline"),
        default=None,
        help_text=_("Customers change and cancel until so many minutes before it begins; empty for no limit."),
    )
    grace_minutes = _term(
        "grace_minutes",
        _("grace time"),
        default=15,
        help_text=_("Who has not come so many minutes after the beginning can be marked as not having come."),
    )
    calendar = models.ForeignKey(
        Calendar,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="services",
        verbose_name=_("business calendar"),
        help_text=_("When it is open; empty for always, on the site's clocks."),
    )
    needs_resource = models.BooleanField(
        _("needs a resource"),
        default=False,
        db_default=False,
        help_text=_(
            "Each booking occupies one of the resources below for the visit and its buffers. Nobody can wait for a "
            "time that is full, and a party needs as many places per slot."
        ),
    )
    resources = models.ManyToManyField(
        Resource, blank=True, related_name="services", verbose_name=_("resources"), help_text=_("Any free one is used.")
    )

    objects = querysets.ServiceQuerySet.as_manager()

    class Meta:
        verbose_name = _("service")
        verbose_name_plural = _("services")
        constraints = [
            models.CheckConstraint(condition=~Q(slug=""), name="booking_service_slug_not_blank"),
            _says_something("name", "booking_service_name_not_blank"),
            models.CheckConstraint(condition=Q(slot_capacity__gte=1), name="booking_service_has_places"),
            *(limits.constraint(field) for field, limits in TERMS.items() if field != "slot_capacity"),
            models.CheckConstraint(
                condition=Q(Exact(Value(A_DAY) % F("grid_minutes"), 0)),
                name="booking_service_grid_divides_the_day",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """On whose clocks its slots begin: those of its calendar, or else the site's."""
        return ZoneInfo(self.calendar.time_zone if self.calendar else settings.TIME_ZONE)

    @property
    def duration(self) -> timedelta:
        """How long a visit is."""
        return timedelta(minutes=self.duration_minutes)

    @property
    def before(self) -> timedelta:
        """How long the resource is kept free before a visit."""
        return timedelta(minutes=self.buffer_before_minutes)

    @property
    def after(self) -> timedelta:
        """How long the resource is kept free after a visit."""
        return timedelta(minutes=self.buffer_after_minutes)


class Slot(Stock):
    """One slot of a service, with its places (invariant B1)."""

    # When its service's customers can no longer book it.
    waiting_ends = """greatest('epoch', starts_at - interval '1 minute' * coalesce(
        (SELECT lead_minutes FROM booking_service WHERE booking_service.id = service_id), 0))"""

    service = models.ForeignKey(
        Service, on_delete=models.PROTECT, related_name="slots", db_index=False, verbose_name=_("service")
    )
    starts_at = models.DateTimeField(_("starts"))

    objects = querysets.SlotQuerySet.as_manager()

    class Meta(Stock.Meta):
        verbose_name = _("slot")
        verbose_name_plural = _("slots")
        constraints = [
            *Stock.Meta.constraints,
            models.UniqueConstraint(fields=["service", "starts_at"], name="booking_slot_once_per_minute"),
            models.CheckConstraint(
                # date_bin knows no time zone, so the row can be restored in a session of any zone.
                condition=Q(
                    starts_at=Func(
                        F("starts_at"),
                        template="date_bin('1 minute', %(expressions)s, 'epoch')",
                        output_field=models.DateTimeField(),
                    )
                ),
                name="booking_slot_starts_on_the_minute",
            ),
        ]
        # Not only of empty ones: an index that names `taken` would make every booking write to all indexes.
        indexes = [models.Index(fields=["starts_at", "id"], name="booking_slot_in_order")]

    def __str__(self) -> str:
        return f"{self.service} {self.starts_at:%Y-%m-%d %H:%M} UTC"

    @property
    def title(self) -> str:
        """The service and the time, as people say them."""
        return f"{self.service}, {in_full(self.starts_at)}"


class Booking(Record):
    """Places in a slot, and whom to expect there."""

    slot = models.ForeignKey(Slot, on_delete=models.PROTECT, related_name="bookings", verbose_name=_("slot"))
    starts_at = models.DateTimeField(_("time"), help_text=_("To the second, within the slot's first minute."))
    ends_at = models.DateTimeField(_("end"))
    party = models.PositiveIntegerField(
        _("party"),
        default=1,
        db_default=1,
        validators=[MinValueValidator(1)],
        help_text=_("How many come; each has a place."),
    )
    resource = models.ForeignKey(
        Resource,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="bookings",
        db_index=False,
        verbose_name=_("resource"),
        help_text=_("The room or person that is kept for it."),
    )
    busy = DateTimeRangeField(
        _("occupied"), null=True, editable=False, help_text=_("When the resource is, buffers included.")
    )
    firstname = models.CharField(_("first name"), max_length=NAME_LENGTH)
    lastname = models.CharField(_("last name"), max_length=NAME_LENGTH)
    phone = models.CharField(_("phone number"), max_length=10)
    email = models.EmailField(
        _("e-mail address"),
        blank=True,
        db_default="",
        help_text=_("Whoever proves to read there finds the booking in their account."),
    )
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="bookings",
        verbose_name=_("account"),
    )
    language = models.CharField(
        _("language"), max_length=5, choices=settings.LANGUAGES, default="en", db_default="en", help_text=_("Of mails.")
    )
    sequence = models.PositiveIntegerField(
        _("revision"),
        default=0,
        db_default=0,
        editable=False,
        help_text=_("How often its time or its size was changed, as calendars count it."),
    )
    expected = models.PositiveIntegerField(
        _("expected"),
        null=True,
        editable=False,
        help_text=_("How many were to come, where others did; it is so again when their check-in is undone."),
    )
    arrived_at = models.DateTimeField(_("arrived"), null=True, editable=False)
    missed_at = models.DateTimeField(
        _("not come"), null=True, editable=False, help_text=_("When somebody marked that nobody came.")
    )
    walked_in = models.BooleanField(
        _("walked in"), default=False, db_default=False, help_text=_("Came without a booking, and perhaps no phone.")
    )
    next_reminder_at = models.DateTimeField(_("next reminder"), null=True, editable=False)
    manage_version = models.PositiveSmallIntegerField(
        _("version of the manage token"),
        default=1,
        editable=False,
        help_text=_("A new version makes the manage token of the old one void."),
    )
    manage_digest = models.CharField(_("digest of the manage token"), max_length=64, editable=False)

    objects = querysets.BookingQuerySet.as_manager()

    class Meta:
        verbose_name = _("booking")
        verbose_name_plural = _("bookings")
        constraints = [
            _says_something("firstname", "booking_booking_firstname_not_blank"),
            _says_something("lastname", "booking_booking_lastname_not_blank"),
            models.CheckConstraint(
                condition=Q(phone__regex=f"^{PHONE}$") | Q(walked_in=True, phone=""),
                name="booking_booking_phone_ten_digits",
            ),
            models.CheckConstraint(
                condition=Q(arrived_at=None) | Q(missed_at=None), name="booking_booking_arrived_or_missed"
            ),
            models.CheckConstraint(
                condition=Q(expected=None) | Q(expected__gte=1, arrived_at__isnull=False),
                name="booking_booking_others_came_than_expected",
            ),
            models.CheckConstraint(
                condition=Q(manage_digest__regex="^[0-9a-f]{64}$"), name="booking_booking_manage_digest_whole"
            ),
            models.UniqueConstraint(fields=["manage_digest"], name="booking_booking_manage_digest_once"),
            models.CheckConstraint(condition=Q(party__gte=1), name="booking_booking_somebody_comes"),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="booking_booking_ends_after_it_begins"
            ),
            models.CheckConstraint(
                condition=Q(resource=None, busy=None)
                | Q(resource__isnull=False, busy__isnull=False, busy__isempty=False),
                name="booking_booking_resource_is_occupied",
            ),
            models.CheckConstraint(
                condition=Q(
                    busy__contains=Func(
                        F("starts_at"), F("ends_at"), function="tstzrange", output_field=DateTimeRangeField()
                    )
                ),
                name="booking_booking_is_received_throughout",
            ),
            # Whatever the code believes is free, the database refuses two visits at once (invariant B4).
            ExclusionConstraint(
                name="booking_booking_one_at_a_time",
                expressions=[
                    (Func(F("resource"), F("resource"), Value("[]"), function="uuidrange"), RangeOperators.OVERLAPS),
                    ("busy", RangeOperators.OVERLAPS),
                ],
                condition=Q(resource__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["resource", "starts_at"],
                condition=Q(resource__isnull=False),
                name="booking_booking_of_resource",
            ),
            models.Index(fields=["starts_at", "created_at", "id"], name="booking_booking_in_order"),
            models.Index(fields=["-created_at", "-id"], name="booking_booking_newest"),
            models.Index(
                fields=["next_reminder_at"],
                condition=Q(next_reminder_at__isnull=False),
                name="booking_booking_to_remind",
            ),
            models.Index(fields=["phone"], name="booking_booking_by_phone"),
            models.Index(Lower("email"), condition=~Q(email=""), name="booking_booking_by_email"),
        ]

    is_over: bool  # these by the database's clock, where the query asked for them
    expired: bool
    is_settled: bool

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def state(self) -> State:
        """Whether somebody came, or else whether its time is still to come."""
        if self.arrived_at:
            return State("good", _("Arrived"))
        if self.missed_at:
            return State("bad", _("Not come"))
        if self.expired:
            return State("warn", _("Expired"))
        return State("", _("Over")) if self.is_over else State("good", _("Booked"))

    @property
    def arrival(self) -> State:
        """The same on the page of its day: who is expected, and perhaps late."""
        if self.arrived_at or self.missed_at:
            return self.state
        return State("warn", _("Late")) if self.is_over else State("", _("Expected"))

    @property
    def manage_token(self) -> str:
        """What shows, changes and cancels this booking without an account: derived, only its digest is stored."""
        return manage_token(self.pk, self.manage_version)


class Feed(Record):
    """A private calendar that calendar programs read: of a resource, or of one account. Its link is shown once."""

    resource = models.OneToOneField(
        Resource, null=True, on_delete=models.CASCADE, related_name="feed", verbose_name=_("resource")
    )
    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="feed", verbose_name=_("account")
    )
    digest = models.CharField(_("digest of the link"), max_length=64, unique=True, editable=False)
    read_at = models.DateTimeField(_("last read"), null=True, editable=False, help_text=_("To the hour."))

    objects = querysets.FeedQuerySet.as_manager()

    class Meta:
        verbose_name = _("calendar link")
        verbose_name_plural = _("calendar links")
        constraints = [
            models.CheckConstraint(
                condition=Q(resource=None, account__isnull=False) | Q(resource__isnull=False, account=None),
                name="booking_feed_of_one",
            ),
            models.CheckConstraint(condition=Q(digest__regex="^[0-9a-f]{64}$"), name="booking_feed_digest_whole"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def name(self) -> str:
        """What calendar programs call it."""
        return self.resource.name if self.resource else gettext("My bookings")


class Tally(models.Model):
    """What the bookings of an hour of a service came to, when they are gone: numbers, and nothing about anybody."""

    id = models.BigAutoField(_("number"), primary_key=True)
    service = models.ForeignKey(
        Service, on_delete=models.CASCADE, related_name="tallies", db_index=False, verbose_name=_("service")
    )
    day = models.DateField(_("day"), help_text=_("On the site's clocks, as they were set when it was counted."))
    hour = models.PositiveSmallIntegerField(_("hour"))
    visits = _tally(_("visits"), _("Bookings whose time came."))
    people = _tally(_("people"), _("Who were expected with them."))
    came = _tally(_("came"), _("Visits of which somebody was checked in."))
    missed = _tally(_("not come"), _("Visits to which nobody came."))
    cancelled = _tally(_("cancelled"), _("Bookings that were cancelled before or after."))
    lead_minutes = models.PositiveBigIntegerField(
        _("minutes ahead"), default=0, db_default=0, help_text=_("By how much visits were booked ahead, added up.")
    )

    objects = querysets.TallyQuerySet.as_manager()

    class Meta:
        verbose_name = _("tally")
        verbose_name_plural = _("tallies")
        constraints = [
            models.UniqueConstraint(fields=["service", "day", "hour"], name="booking_tally_once_an_hour"),
            models.CheckConstraint(condition=Q(hour__lte=23), name="booking_tally_hour_of_a_day"),
        ]
        indexes = [models.Index(fields=["day", "hour"], name="booking_tally_by_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.hour}:00"


def manage_token(booking_id: uuid.UUID, version: int) -> str:
    """The manage token of one version."""
    mac = salted_hmac("booking.manage_token", f"{booking_id}:{version}", secret=settings.SECRET_KEY, algorithm="sha256")
    return mac.hexdigest()
