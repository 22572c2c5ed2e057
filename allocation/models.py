"""The nouns of allocation: events, what is on sale, who holds and bought how many, and tickets that admit people."""

import uuid
from base64 import b32decode, b32encode
from binascii import Error as NotBase32
from datetime import datetime
from secrets import compare_digest
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from allocation import querysets
from ticketing.models import Record, State, Stock
from ticketing.models.base import Tone

FEW = 5  # or a tenth of the allocation
PROOF_BYTES = 16  # of what proves that somebody was shown a ticket's code, or a link: 128 bits
PROVEN_LENGTH = 52  # characters of an id and its proof


NAME_LIMIT = 200
DESCRIPTION_LIMIT = 2000


def proven(pk: uuid.UUID, salt: str, value: str) -> str:
    """An id, and 128 bits that only whoever was shown them knows; they stand in no table or log.

    52 characters of base 32 (RFC 4648), which a camera, a hand scanner and a person can enter.
    """
    mac = salted_hmac(salt, value, secret=settings.SECRET_KEY, algorithm="sha256")
    return b32encode(pk.bytes + mac.digest()[:PROOF_BYTES]).decode().rstrip("=")


def named_by(shown: str) -> uuid.UUID | None:
    """The id in an id with its proof; None for any other text. The proof is yet to be compared."""
    try:
        said = b32decode(shown + "====") if len(shown) == PROVEN_LENGTH else b""
    except (NotBase32, ValueError):
        return None
    return uuid.UUID(bytes=said[:16]) if said else None


def is_same(secret: str, shown: str) -> bool:
    """Whether what was shown is the secret, compared in constant time."""
    return compare_digest(secret.encode(), shown.encode("utf-8", "replace"))


class Event(Record):
    """What people come to, somewhere and at some time; its options are the kinds of tickets for it."""

    name = models.CharField(_("name"), max_length=NAME_LIMIT)
    venue = models.CharField(_("venue"), max_length=NAME_LIMIT, blank=True)
    description = models.CharField(_("description"), max_length=DESCRIPTION_LIMIT, blank=True)
    starts_at = models.DateTimeField(_("begins"))
    ends_at = models.DateTimeField(_("ends"))
    time_zone = models.CharField(
        _("time zone"), max_length=64, help_text=_("Whose clocks the event goes by, such as Europe/Berlin.")
    )
    published = models.BooleanField(
        _("published"), default=False, help_text=_("Until then only supervisors see it, and nobody buys.")
    )
    cancel_until = models.DateTimeField(
        _("tickets are taken back until"),
        null=True,
        blank=True,
        help_text=_("Customers can give tickets back until then; without it, until the event begins."),
    )
    transfer_until = models.DateTimeField(
        _("tickets are handed on until"),
        null=True,
        blank=True,
        help_text=_("Tickets can be handed on to others until then; without it, until the event begins."),
    )

    gates = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="gate_events",
        verbose_name=_("gates"),
        help_text=_("The accounts of gates that admit people to this event."),
    )

    objects = querysets.EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="allocation_event_name_not_empty"),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="allocation_event_ends_after_begin",
                violation_error_message=_("An event ends after it has begun."),
            ),
            # Only the shape: which zones there are is not the same on every machine and in every year.
            models.CheckConstraint(
                condition=Q(time_zone__regex=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$"),
                name="allocation_event_zone_shape",
            ),
        ]
        indexes = [
            models.Index(fields=["starts_at", "id"], name="allocation_event_by_start"),
            models.Index(fields=["-created_at", "-id"], name="allocation_event_newest"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """Whose clocks the event goes by."""
        return ZoneInfo(self.time_zone)

    @property
    def returns_end(self) -> datetime:
        """Until when customers can give tickets back."""
        return self.cancel_until or self.starts_at

    @property
    def transfers_end(self) -> datetime:
        """Until when tickets can be handed on to others."""
        return self.transfer_until or self.starts_at


class TicketOption(Stock):
    """A kind of ticket on sale; its capacity is the allocation."""

    NAME_LIMIT = NAME_LIMIT
    DESCRIPTION_LIMIT = DESCRIPTION_LIMIT

    waiting_ends = "on_sale_until"

    event = models.ForeignKey(
        Event, null=True, blank=True, on_delete=models.PROTECT, related_name="options", verbose_name=_("event")
    )
    name = models.CharField(_("name"), max_length=NAME_LIMIT)
    description = models.CharField(_("description"), max_length=DESCRIPTION_LIMIT, blank=True)
    on_sale_from = models.DateTimeField(
        _("on sale from"), null=True, blank=True, help_text=_("Empty: as soon as it is there.")
    )
    on_sale_until = models.DateTimeField(
        _("on sale until"), null=True, blank=True, help_text=_("Empty: until its event ends; without an event, always.")
    )
    least = models.PositiveIntegerField(_("at least"), default=1, help_text=_("So many in one purchase, or more."))
    most = models.PositiveIntegerField(
        _("at most"), null=True, blank=True, help_text=_("So many in one purchase, or fewer; empty for any number.")
    )
    limit = models.PositiveIntegerField(
        _("limit per customer"),
        null=True,
        blank=True,
        help_text=_("So many over all purchases and holds of one customer; empty for any number."),
    )
    held = models.PositiveIntegerField(
        _("held"), default=0, editable=False, help_text=_("The part of what is taken that holds account for.")
    )

    objects = querysets.TicketOptionQuerySet.as_manager()

    class Meta(Stock.Meta):
        verbose_name = _("ticket option")
        verbose_name_plural = _("ticket options")
        constraints = [
            *Stock.Meta.constraints,
            models.CheckConstraint(condition=~Q(name=""), name="allocation_ticketoption_name_not_empty"),
            models.CheckConstraint(condition=Q(capacity__gte=1), name="allocation_ticketoption_capacity_positive"),
            models.CheckConstraint(condition=Q(held__lte=F("taken")), name="allocation_ticketoption_held_within_taken"),
            models.CheckConstraint(
                condition=Q(least__gte=1) & (Q(most=None) | Q(most__gte=F("least"))),
                name="allocation_ticketoption_least_within_most",
                violation_error_message=_("The most in one purchase cannot be fewer than the least."),
            ),
            models.CheckConstraint(
                condition=Q(limit=None) | Q(limit__gte=F("least")),
                name="allocation_ticketoption_least_within_limit",
                violation_error_message=_("The limit per customer cannot be lower than the least in one purchase."),
            ),
            models.CheckConstraint(
                condition=Q(on_sale_from=None) | Q(on_sale_until=None) | Q(on_sale_until__gt=F("on_sale_from")),
                name="allocation_ticketoption_sale_ends_after_begin",
                violation_error_message=_("The sale ends after it has begun."),
            ),
            # So that what asks whether it can still be had looks at one column.
            models.CheckConstraint(
                condition=Q(event=None) | Q(on_sale_until__isnull=False),
                name="allocation_ticketoption_of_event_has_end",
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="allocation_option_newest")]

    def __str__(self) -> str:
        return self.name

    @property
    def title(self) -> str:
        """What people call it where its event is not named beside it."""
        return f"{self.event}: {self.name}" if self.event else self.name

    @property
    def sold(self) -> int:
        """How many tickets are sold: what is taken and not merely held."""
        return self.taken - self.held

    @property
    def state(self) -> State:
        """Whether there is something left, and how much."""
        if not self.left:
            return State("bad", _("Sold out"))
        if self.left <= max(FEW, self.capacity // 10):
            return State("warn", _("Few left: %(left)s") % {"left": self.left})
        return State("good", _("Available: %(left)s") % {"left": self.left})


class Purchase(Record):
    """So many tickets, bought in one go; it stays for ever (invariant E2)."""

    option = models.ForeignKey(
        TicketOption,
        null=True,
        on_delete=models.PROTECT,
        related_name="purchases",
        verbose_name=_("ticket option"),
        help_text=_("What was bought; empty when it was more than one option."),
    )
    buyer = models.UUIDField(_("buyer"), help_text=_("The id that the caller gave for the buyer."))
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="purchases",
        verbose_name=_("account"),
        help_text=_("The buyer's account, where it is certain."),
    )
    quantity = models.PositiveIntegerField(_("quantity"))

    objects = querysets.PurchaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("purchase")
        verbose_name_plural = _("purchases")
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="allocation_purchase_quantity_positive")
        ]
        indexes = [models.Index(fields=["created_at", "id"], name="allocation_purchase_by_age")]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.option or _('several options')}"


class Hold(Record):
    """Tickets set aside for a buyer until some time; it ends once: confirmed, released or lapsed (invariant E5)."""

    replayed = False  # whether an answer repeats an earlier one; stands in no table

    class State(models.TextChoices):
        HELD = "held", _("held")
        CONFIRMED = "confirmed", _("confirmed")
        RELEASED = "released", _("released")
        LAPSED = "lapsed", _("lapsed")

    buyer = models.UUIDField(_("buyer"), help_text=_("The account it is held for."))
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="holds",
        verbose_name=_("account"),
    )
    until = models.DateTimeField(_("held until"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.HELD)
    purchase = models.OneToOneField(
        Purchase, null=True, on_delete=models.PROTECT, related_name="hold", verbose_name=_("purchase")
    )

    objects = querysets.HoldQuerySet.as_manager()

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["held", "confirmed", "released", "lapsed"]), name="allocation_hold_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state="confirmed", purchase__isnull=False) | ~Q(state="confirmed") & Q(purchase=None),
                name="allocation_hold_confirmed_by_purchase",
            ),
        ]
        indexes = [
            models.Index(fields=["until"], condition=Q(state="held"), name="allocation_hold_by_end"),
            models.Index(fields=["-created_at", "-id"], name="allocation_hold_newest"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class HeldItem(models.Model):
    """So many of one option within a hold."""

    pk = models.CompositePrimaryKey("hold_id", "option_id")
    hold = models.ForeignKey(Hold, on_delete=models.CASCADE, related_name="items", verbose_name=_("hold"))
    option = models.ForeignKey(
        TicketOption, on_delete=models.PROTECT, related_name="held_items", verbose_name=_("ticket option")
    )
    quantity = models.PositiveIntegerField(_("quantity"))

    class Meta:
        verbose_name = _("held tickets")
        verbose_name_plural = _("held tickets")
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="allocation_helditem_quantity_positive")
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.option}"


class BuyerCount(models.Model):
    """How many of an option one buyer has: bought and not cancelled, and held. The limit per customer reads it.

    What a buyer hands on still counts for them, and nothing for whoever accepts it.
    """

    pk = models.CompositePrimaryKey("option_id", "buyer")
    option = models.ForeignKey(
        TicketOption, on_delete=models.CASCADE, related_name="buyer_counts", db_index=False, verbose_name=_("option")
    )
    buyer = models.UUIDField(_("buyer"))
    taken = models.PositiveIntegerField(_("taken"))

    objects = querysets.BuyerCountQuerySet.as_manager()

    class Meta:
        verbose_name = _("count of a buyer")
        verbose_name_plural = _("counts of buyers")

    def __str__(self) -> str:
        return str(self.taken)


class Ticket(Record):
    """Admits one person. Whether it is valid and whether somebody was admitted are separate facts (invariant E4)."""

    option = models.ForeignKey(
        TicketOption, null=True, on_delete=models.PROTECT, related_name="tickets", verbose_name=_("ticket option")
    )
    # No index of its own: the unique constraint begins with it.
    purchase = models.ForeignKey(
        Purchase,
        null=True,
        on_delete=models.PROTECT,
        related_name="tickets",
        db_index=False,
        verbose_name=_("purchase"),
    )
    number = models.PositiveIntegerField(_("number"), null=True, help_text=_("Its place within the purchase."))
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="tickets_held",
        verbose_name=_("holder"),
        help_text=_("The account that has it: whoever bought it, or the last to whom it was handed on."),
    )
    valid = models.BooleanField(_("valid"), db_default=True)
    admitted_at = models.DateTimeField(_("admitted"), null=True)
    cancelled_at = models.DateTimeField(
        _("cancelled"), null=True, editable=False, help_text=_("Its place was given back then, for good.")
    )

    code_version = models.PositiveSmallIntegerField(
        _("version of the code"),
        db_default=1,
        editable=False,
        help_text=_("A new version makes the code of the old one void."),
    )

    objects = querysets.TicketQuerySet.as_manager()

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        constraints = [
            models.UniqueConstraint(fields=["purchase", "number"], name="allocation_ticket_number_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="allocation_ticket_number_positive"),
            models.CheckConstraint(
                condition=Q(purchase=None, option=None, number=None)
                | Q(purchase__isnull=False, option__isnull=False, number__isnull=False),
                name="allocation_ticket_bought_or_issued",
            ),
            models.CheckConstraint(
                condition=Q(cancelled_at=None) | Q(valid=False, admitted_at=None, purchase__isnull=False),
                name="allocation_ticket_cancelled_admits_nobody",
            ),
        ]
        indexes = [models.Index(fields=["created_at", "id"], name="allocation_ticket_by_age")]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def state(self) -> State:
        """Whether it admits somebody."""
        if self.cancelled_at:
            return State("", pgettext_lazy("ticket", "Cancelled"))
        if not self.valid:
            return State("bad", _("Not valid"))
        return State("calm", _("Used")) if self.admitted_at else State("good", _("Valid"))

    @property
    def code(self) -> str:
        """What admits: which ticket, and what only its holder was shown (see `proven`)."""
        return proven(self.pk, "allocation.ticket", f"{self.pk}:{self.code_version}")

    @property
    def admits_with_id(self) -> bool:
        """Whether its id, which is as random, admits: no account ever held it that could be shown a code."""
        return self.holder_id is None and self.code_version == 1

    def code_for(self, account: Any) -> str:
        """What admits, for the account that holds it, and the id where no account does; empty for all others."""
        if self.cancelled_at:
            return ""
        if self.admits_with_id:
            return str(self.pk)
        return self.code if self.holder_id and self.holder_id == account.pk else ""

    def admits_with(self, code: str) -> bool:
        """Whether this is its code, compared in constant time."""
        return is_same(self.code, code)


class Transfer(Record):
    """A ticket that is offered to whoever has the link; it ends once, and at most one of a ticket is open."""

    class State(models.TextChoices):
        OFFERED = "offered", _("offered")
        ACCEPTED = "accepted", _("accepted")
        WITHDRAWN = "withdrawn", _("withdrawn")
        LAPSED = "lapsed", _("lapsed")

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="transfers", verbose_name=_("ticket"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="tickets_handed_on",
        verbose_name=_("from"),
        help_text=_("The account that held it."),
    )
    to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="tickets_accepted",
        verbose_name=_("accepted by"),
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OFFERED)
    until = models.DateTimeField(_("offered until"))

    objects = querysets.TransferQuerySet.as_manager()

    class Meta:
        verbose_name = _("transfer of a ticket")
        verbose_name_plural = _("transfers of tickets")
        constraints = [
            models.UniqueConstraint(
                fields=["ticket"], condition=Q(state="offered"), name="allocation_transfer_one_open"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["offered", "accepted", "withdrawn", "lapsed"]),
                name="allocation_transfer_state_known",
            ),
            models.CheckConstraint(
                condition=Q(to=None) | Q(state="accepted"), name="allocation_transfer_to_who_accepted"
            ),
            models.CheckConstraint(
                condition=Q(to=None) | Q(by=None) | ~Q(to=F("by")), name="allocation_transfer_to_somebody_else"
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="allocation_transfer_newest")]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def secret(self) -> str:
        """What the link ends in (see `proven`)."""
        return proven(self.pk, "allocation.transfer", str(self.pk))

    def opens_with(self, secret: str) -> bool:
        """Whether this is the secret of the link."""
        return is_same(self.secret, secret)


class Scan(Record):
    """A code that was shown at a gate, and what became of it (invariant E4)."""

    class Outcome(models.TextChoices):
        ADMITTED = "admitted", _("admitted")
        ALREADY = "already_admitted", _("already admitted")
        INVALID = "not_valid", _("not valid")
        WRONG_EVENT = "wrong_event", _("wrong event")
        UNKNOWN = "unknown", _("unknown code")

    GATE_LIMIT = 50
    REASON_LIMIT = 250
    TONES: ClassVar[dict[str, Tone]] = {"admitted": "good", "already_admitted": "warn"}

    ticket = models.ForeignKey(
        Ticket, null=True, on_delete=models.PROTECT, related_name="scans", verbose_name=_("ticket")
    )
    event = models.ForeignKey(
        Event,
        null=True,
        on_delete=models.PROTECT,
        related_name="scans",
        db_index=False,
        verbose_name=_("event"),
        help_text=_("At whose gate it was shown; of a scan that names no event, the ticket's own."),
    )
    gate = models.CharField(_("gate"), max_length=GATE_LIMIT)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="scans",
        verbose_name=_("scanned by"),
    )
    nonce = models.UUIDField(_("nonce"), help_text=_("The same one again is the same scan."))
    code_digest = models.CharField(_("digest of the code"), max_length=64, help_text=_("SHA-256 of what was shown."))
    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome)
    earlier = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("admitted before by")
    )
    undone_at = models.DateTimeField(_("undone"), null=True)
    undone_reason = models.CharField(_("reason for it"), max_length=REASON_LIMIT, blank=True, db_default="")

    objects = querysets.ScanQuerySet.as_manager()

    class Meta:
        verbose_name = _("scan")
        verbose_name_plural = _("scans")
        constraints = [
            # Whatever the code does, nobody else is admitted with a ticket.
            models.UniqueConstraint(
                fields=["ticket"], condition=Q(outcome="admitted", undone_at=None), name="allocation_scan_admits_once"
            ),
            models.UniqueConstraint(fields=["account", "nonce"], name="allocation_scan_nonce_once"),
            models.CheckConstraint(
                condition=Q(outcome__in=["admitted", "already_admitted", "not_valid", "wrong_event", "unknown"]),
                name="allocation_scan_outcome_known",
            ),
            models.CheckConstraint(
                condition=Q(outcome="unknown", ticket=None) | ~Q(outcome="unknown") & Q(ticket__isnull=False),
                name="allocation_scan_of_a_ticket",
            ),
            models.CheckConstraint(
                condition=Q(undone_at=None, undone_reason="")
                | Q(undone_at__isnull=False, undone_reason__regex=r"\S", outcome="admitted"),
                name="allocation_scan_undone_for_a_reason",
            ),
            models.CheckConstraint(condition=Q(gate__regex=r"\S"), name="allocation_scan_gate_named"),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="allocation_scan_newest"),
            models.Index(fields=["event", "-created_at", "-id"], name="allocation_scan_of_event"),
            # What the gates count while people come.
            models.Index(
                fields=["event", "gate"],
                condition=Q(outcome="admitted", undone_at=None),
                name="allocation_scan_admissions",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def admits(self) -> bool:
        """Whether it admitted somebody and was not undone."""
        return self.outcome == self.Outcome.ADMITTED and self.undone_at is None

    @property
    def state(self) -> State:
        """The outcome as the pages show it."""
        if self.undone_at:
            return State("", _("undone"))
        return State(self.TONES.get(self.outcome, "bad"), self.get_outcome_display())
