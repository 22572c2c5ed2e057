"""The nouns of allocation: what is on sale, who bought how many, and the tickets that admit people."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from allocation import querysets
from ticketing.models import Record, State, Stock

FEW = 5  # or a tenth of the allocation


class TicketOption(Stock):
    """A kind of ticket on sale; its capacity is the allocation."""

    NAME_LIMIT = 200
    DESCRIPTION_LIMIT = 2000

    name = models.CharField(_("name"), max_length=NAME_LIMIT)
    description = models.CharField(_("description"), max_length=DESCRIPTION_LIMIT, blank=True)
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
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="allocation_option_newest")]

    def __str__(self) -> str:
        return self.name

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
    """So many tickets of one option, bought in one go; it stays for ever (invariant E2)."""

    option = models.ForeignKey(
        TicketOption, on_delete=models.PROTECT, related_name="purchases", verbose_name=_("ticket option")
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
        return f"{self.quantity} × {self.option}"


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
    valid = models.BooleanField(_("valid"), db_default=True)
    admitted_at = models.DateTimeField(_("admitted"), null=True)

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
        ]
        indexes = [models.Index(fields=["created_at", "id"], name="allocation_ticket_by_age")]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def state(self) -> State:
        """Whether it admits somebody."""
        if not self.valid:
            return State("bad", _("Not valid"))
        return State("calm", _("Used")) if self.admitted_at else State("good", _("Valid"))
