"""The ways allocation says no."""

from django.utils.translation import gettext_lazy as _

from ticketing.errors import Conflict, Invalid, NotAllowed


class SoldOut(Conflict):
    """Fewer tickets are left than were asked for."""

    code = "sold_out"
    message = _("There are not that many tickets left.")


class BelowTaken(Conflict):
    """An allocation may shrink to what is taken, never below (invariant E6)."""

    code = "below_taken"
    message = _("The allocation cannot be lower than what is taken already.")


class TooManyAtOnce(Invalid):
    """More tickets than one purchase may hold, although they are there."""

    code = "too_many_at_once"
    message = _("That is more tickets than one purchase may hold. Buy them in several purchases.")


class NotYourPurchase(NotAllowed):
    """A customer named somebody else as the buyer."""

    code = "not_your_purchase"
    message = _("You can only buy for yourself.")
