"""The ways allocation says no."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ticketing.errors import Conflict, Invalid, NotAllowed, NotFound


class SoldOut(Conflict):
    """Fewer tickets are left than were asked for."""

    code = "sold_out"
    message = _("There are not that many tickets left.")
    option: Any = None  # of which there are too few


class LimitReached(Conflict):
    """One customer has as many of an option, bought and held, as one customer may have."""

    code = "limit_reached"
    message = _("That is more than one customer may have of this. Choose fewer.")
    option: Any = None  # of which it would be too many


class NotOnSaleYet(Conflict):
    """The sale has not begun."""

    code = "not_on_sale_yet"
    message = _("This is not on sale yet. Come back when it is.")


class NoLongerOnSale(Conflict):
    """The sale is over."""

    code = "no_longer_on_sale"
    message = _("This is no longer on sale. See what else is on.")


class HoldEnded(Conflict):
    """A hold ends once: confirmed, released, or when its time is over (invariant E5)."""

    code = "hold_ended"
    message = _("These tickets are no longer held for you. Choose them again, if they are still left.")


class HoldBought(HoldEnded):
    """What was held is bought."""

    code = "hold_bought"
    message = _("These tickets are bought already. You find them under “My tickets”.")


class BelowTaken(Conflict):
    """An allocation may shrink to what is taken, never below (invariant E6)."""

    code = "below_taken"
    message = _("The allocation cannot be lower than what is taken already.")

    @classmethod
    def by(cls, taken: int) -> "BelowTaken":
        """With the number."""
        sentence = ngettext(
            "%(taken)d ticket is sold or held already. The allocation cannot be lower than that.",
            "%(taken)d tickets are sold or held already. The allocation cannot be lower than that.",
            taken,
        )
        return cls(sentence % {"taken": taken}, field="allocation")


class NotAdmitted(Conflict):
    """Only an admission that stands can be undone."""

    code = "not_admitted"
    message = _("Nobody was admitted by this scan, or that was undone already. Load the list of scans again.")


class TermsMisfit(Conflict):
    """What an event or an option is to be does not go together; the sentence says what with what."""

    code = "terms_misfit"
    message = _("This does not go together.")


class WrongQuantity(Conflict):
    """Fewer or more than the organiser sells at once."""

    code = "wrong_quantity"
    message = _("So many are not sold at once.")


class TicketUsed(Conflict):
    """Somebody was admitted with it, so it cannot be given back."""

    code = "ticket_used"
    message = _("A ticket with which somebody was admitted cannot be given back. Ask us, if nobody was.")


class TicketCancelled(Conflict):
    """What was given back admits nobody any more; its place may be somebody else's."""

    code = "ticket_cancelled"
    message = _("This ticket was given back. That cannot be undone; buy another one.")


class TooLateToCancel(Conflict):
    """The organiser takes no tickets back any more."""

    code = "too_late_to_cancel"
    message = _("It is too late to give tickets back for this event. Ask us, if you cannot come.")


class NotBought(Conflict):
    """A ticket that nobody bought has no place that could be given back."""

    code = "not_bought"
    message = _("Nobody bought this ticket, so it cannot be given back. Make it invalid instead.")


class HandedOn(Conflict):
    """Somebody else holds it by now."""

    code = "handed_on"
    message = _("These tickets are somebody else's by now. Only whoever has them can give them back.")


class NotToHandOn(Conflict):
    """A ticket that admits nobody, or nobody any more, is of no use to others."""

    code = "not_to_hand_on"
    message = _("This ticket is used, given back or not valid, so it cannot be handed on.")


class TooLateToHandOn(Conflict):
    """The organiser lets nobody hand tickets on any more."""

    code = "too_late_to_hand_on"
    message = _("It is too late to hand tickets on for this event.")


class AlreadyOffered(Conflict):
    """One link at a time: whoever gave out two would disappoint somebody."""

    code = "already_offered"
    message = _("This ticket is offered by a link already. Withdraw that first, if you want another one.")


class NotOffered(Conflict):
    """There is no offer that could be withdrawn: somebody has accepted, or it has ended."""

    code = "not_offered"
    message = _("This ticket is not offered to anybody, or somebody has accepted it. Load the page again.")


class TransferEnded(Conflict):
    """An offer ends once: accepted, withdrawn, or when its time or its ticket is over."""

    code = "transfer_ended"
    message = _("This ticket is no longer offered. Ask whoever sent you the link.")


class YourOwnTicket(Conflict):
    """Nobody hands a ticket on to themselves."""

    code = "your_own_ticket"
    message = _("This ticket is yours already. Send the link to whoever is to have it.")


class MailedOften(Conflict):
    """Nobody's mailbox is to ring all day."""

    code = "mailed_often"
    message = _("This address got many mails from us lately. Leave it out, and send the link yourself.")


class NoEvent(Conflict):
    """What belongs to no event has no time that a calendar could show."""

    code = "no_event"
    message = _("These tickets belong to no event, so there is nothing for a calendar.")


class TooManyOnPaper(Conflict):
    """A file with thousands of pages is of no use at a gate."""

    code = "too_many_on_paper"
    message = _("These are too many tickets for one file. Take them one by one.")


class TooManyAtOnce(Invalid):
    """More tickets than one purchase may hold, although they are there."""

    code = "too_many_at_once"
    message = _("That is more tickets than one purchase may hold. Buy them in several purchases.")


class NotYourPurchase(NotAllowed):
    """A customer named somebody else as the buyer."""

    code = "not_your_purchase"
    message = _("You can only buy for yourself.")


class NoSuchOption(NotFound):
    """No ticket option has this id or name."""

    code = "no_such_option"
    message = _("There is no such ticket option. Name one by its id, or by its name as it is written.")


class AmbiguousName(Conflict):
    """Several ticket options have this name."""

    code = "ambiguous_name"
    message = _("Several ticket options have this name. Name one by its id.")

    @classmethod
    def of(cls, ids: list[str]) -> "AmbiguousName":
        """With the ids."""
        sentence = _("Several ticket options have this name. Name one by its id: %(ids)s")
        return cls(sentence % {"ids": ", ".join(ids)})
