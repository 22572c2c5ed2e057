"""Who waits for places that are all taken, and what is offered to whom."""

import secrets
import uuid
from datetime import datetime

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ticketing import querysets
from ticketing.models.accounts import User
from ticketing.models.base import Record, Stock, Tone
from ticketing.models.base import State as Standing

TONES: dict[str, Tone] = {"unconfirmed": "warn", "waiting": "calm", "offered": "warn", "accepted": "good"}


class Waiter(Record):
    """Somebody who waits for places of one stock, or holds the offer of some (invariants W1, W2)."""

    class State(models.TextChoices):
        UNCONFIRMED = "unconfirmed", _("unconfirmed")
        WAITING = "waiting", _("waiting")
        OFFERED = "offered", _("offered")
        ACCEPTED = "accepted", _("accepted")
        DECLINED = "declined", _("declined")
        LAPSED = "lapsed", _("lapsed")
        LEFT = "left", pgettext_lazy("waiting list", "left")

    OPEN = (State.WAITING, State.OFFERED)
    REASON_LIMIT = 250

    # No foreign key: this table knows no app. Whatever is a Stock can be waited for.
    kind = models.CharField(_("kind"), max_length=100, help_text=_("What is waited for, such as booking.slot."))
    stock = models.UUIDField(_("stock"), help_text=_("The id of what is waited for."))
    quantity = models.PositiveIntegerField(_("places"))
    least = models.PositiveIntegerField(_("at least"), help_text=_("So many would be taken too."))
    email = models.EmailField(_("e-mail address"))
    account = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="waiting", verbose_name=_("account")
    )
    language = models.CharField(_("language"), max_length=5, choices=settings.LANGUAGES, default="en")
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.WAITING)
    # A sequence counts them as they join. Whoever is moved swaps numbers with those who are passed.
    place = models.BigIntegerField(
        _("place in the order"),
        db_default=Func(Value("ticketing_waiter_place"), function="nextval", output_field=models.BigIntegerField()),
        editable=False,
    )
    moved_at = models.DateTimeField(_("moved"), null=True, help_text=_("When the organiser moved them in the order."))
    moved_reason = models.CharField(
        _("reason for it"),
        max_length=REASON_LIMIT,
        blank=True,
        db_default="",
        help_text=_("Everybody on the list can read it."),
    )
    offered = models.PositiveIntegerField(
        _("places offered"), null=True, help_text=_("Held for this person until then; kept when the offer has ended.")
    )
    offered_until = models.DateTimeField(_("offered until"), null=True)
    link_version = models.PositiveSmallIntegerField(
        _("version of the link"),
        default=1,
        editable=False,
        help_text=_("A new version makes the link of the old one void."),
    )

    objects = querysets.WaiterQuerySet.as_manager()

    class Meta:
        verbose_name = _("place on a waiting list")
        verbose_name_plural = _("places on waiting lists")
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="ticketing_waiter_quantity_positive"),
            models.CheckConstraint(
                condition=Q(least__gte=1, least__lte=F("quantity")), name="ticketing_waiter_least_within_quantity"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["unconfirmed", "waiting", "offered", "accepted", "declined", "lapsed", "left"]),
                name="ticketing_waiter_state_known",
            ),
            models.CheckConstraint(
                condition=Q(offered=None, offered_until=None, state__in=["unconfirmed", "waiting", "lapsed", "left"])
                | Q(offered__isnull=False, offered_until__isnull=False) & ~Q(state__in=["unconfirmed", "waiting"]),
                name="ticketing_waiter_offer_fits_state",
            ),
            models.CheckConstraint(
                condition=Q(offered=None) | Q(offered__gte=F("least"), offered__lte=F("quantity")),
                name="ticketing_waiter_offer_fits_wish",
            ),
            models.CheckConstraint(
                condition=Q(moved_at=None, moved_reason="") | Q(moved_at__isnull=False, moved_reason__regex=r"\S"),
                name="ticketing_waiter_moved_for_a_reason",
            ),
            models.UniqueConstraint(
                F("kind"),
                F("stock"),
                Lower("email"),
                condition=Q(state__in=["waiting", "offered"]),
                name="ticketing_waiter_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["kind", "stock", "place"], condition=Q(state="waiting"), name="ticketing_waiter_in_order"
            ),
            models.Index(
                fields=["kind", "stock", "offered_until"],
                condition=Q(state="offered"),
                name="ticketing_waiter_offers",
            ),
            models.Index(fields=["created_at"], condition=Q(state="unconfirmed"), name="ticketing_waiter_unconfirmed"),
            models.Index(fields=["-created_at", "-id"], name="ticketing_waiter_newest"),
            models.Index(Lower("email"), condition=Q(account=None), name="ticketing_waiter_to_join"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def standing(self) -> Standing:
        """The state as the pages show it."""
        return Standing(TONES.get(self.state, ""), self.get_state_display())

    @property
    def is_open(self) -> bool:
        """Whether this person still waits, or holds an offer."""
        return self.state in self.OPEN

    @property
    def confirmed_by(self) -> datetime:
        """Until when it must be confirmed, or it lapses; there may be nothing to wait for any more before that."""
        until = self.created_at + settings.WAITING_CONFIRM_LASTS
        return min(until, self.ends or until)

    @property
    def ends(self) -> datetime | None:
        """From when on nobody waits for the same any more; None where it can always be had, or is gone."""
        stocks: querysets.StockQuerySet = apps.get_model(self.kind)._default_manager.with_end()
        ends: datetime | None = stocks.filter(pk=self.stock).values_list("ends", flat=True).first()
        return ends

    @property
    def link(self) -> tuple[uuid.UUID, int]:
        """What somebody who has shown the secret has shown: which row, and which version of its link."""
        return self.pk, self.link_version

    @property
    def secret(self) -> str:
        """What the link in the mails ends in; it stands in no table, log or task."""
        mac = salted_hmac(
            "ticketing.waiter", f"{self.pk}:{self.link_version}", secret=settings.SECRET_KEY, algorithm="sha256"
        )
        return mac.hexdigest()

    def opens_with(self, secret: str) -> bool:
        """Whether this is the secret of the link, compared in constant time."""
        return secrets.compare_digest(self.secret.encode(), secret.encode("utf-8", "replace"))

    def what(self) -> Stock | None:
        """What is waited for; None once it is gone."""
        stock: type[Stock] = apps.get_model(self.kind)
        return stock._base_manager.filter(pk=self.stock).first()
