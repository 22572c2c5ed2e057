"""What can be booked, its minutes, and the places that somebody has in them."""

import uuid

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from booking import querysets
from ticketing.models import Record, State, Stock

NAME_LENGTH = 100
PHONE = "[0-9]{10}"
SLUG = "[A-Za-z0-9_-]{1,50}"


def _says_something(field: str, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(**{f"{field}__regex": r"\S"}), name=name)


class Service(Record):
    """Something whose minutes can be booked."""

    slug = models.SlugField(_("short name"), unique=True)
    name = models.CharField(_("name"), max_length=NAME_LENGTH)
    slot_capacity = models.PositiveIntegerField(
        _("places per minute"),
        default=20,
        validators=[MinValueValidator(1)],
        help_text=_("Holds for minutes that nobody has booked yet."),
    )

    objects = querysets.ServiceQuerySet.as_manager()

    class Meta:
        verbose_name = _("service")
        verbose_name_plural = _("services")
        constraints = [
            models.CheckConstraint(condition=~Q(slug=""), name="booking_service_slug_not_blank"),
            _says_something("name", "booking_service_name_not_blank"),
            models.CheckConstraint(condition=Q(slot_capacity__gte=1), name="booking_service_has_places"),
        ]

    def __str__(self) -> str:
        return self.name


class Slot(Stock):
    """One minute of a service, with its places (invariant B1)."""

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


class Booking(Record):
    """One place in a slot, and whom to expect there."""

    slot = models.ForeignKey(Slot, on_delete=models.PROTECT, related_name="bookings", verbose_name=_("slot"))
    starts_at = models.DateTimeField(_("time"), help_text=_("To the second, within the slot's minute."))
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
            models.CheckConstraint(condition=Q(phone__regex=f"^{PHONE}$"), name="booking_booking_phone_ten_digits"),
            models.CheckConstraint(
                condition=Q(manage_digest__regex="^[0-9a-f]{64}$"), name="booking_booking_manage_digest_whole"
            ),
            models.UniqueConstraint(fields=["manage_digest"], name="booking_booking_manage_digest_once"),
        ]
        indexes = [
            models.Index(fields=["starts_at", "created_at", "id"], name="booking_booking_in_order"),
            models.Index(fields=["-created_at", "-id"], name="booking_booking_newest"),
            models.Index(Lower("email"), condition=Q(account=None) & ~Q(email=""), name="booking_booking_to_join"),
        ]

    is_over: bool  # both by the database's clock, where the query asked for them
    expired: bool

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def state(self) -> State:
        """Whether its time is still to come."""
        if self.expired:
            return State("warn", _("Expired"))
        return State("", _("Over")) if self.is_over else State("good", _("Booked"))

    @property
    def manage_token(self) -> str:
        """What shows, changes and cancels this booking without an account: derived, only its digest is stored."""
        return manage_token(self.pk, self.manage_version)


def manage_token(booking_id: uuid.UUID, version: int) -> str:
    """The manage token of one version."""
    mac = salted_hmac("booking.manage_token", f"{booking_id}:{version}", secret=settings.SECRET_KEY, algorithm="sha256")
    return mac.hexdigest()
