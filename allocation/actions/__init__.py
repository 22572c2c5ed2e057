"""The verbs of allocation."""

from allocation.actions.counting import count_again
from allocation.actions.gate import scan, undo_admission
from allocation.actions.holds import confirm_hold, hold_tickets, release_hold
from allocation.actions.options import (
    MAX_STOCK,
    change_event,
    change_option,
    create_event,
    create_option,
    describe_option,
    set_allocation,
    set_terms,
)
from allocation.actions.overdue import lapse_holds
from allocation.actions.sales import MAX_AT_ONCE, Receipt, buy, purchase
from allocation.actions.tickets import (
    cancel_purchase,
    cancel_ticket,
    cancel_tickets,
    invalidate,
    issue_ticket,
    set_validity,
    validate,
)
from allocation.actions.transfers import accept_transfer, offer_transfer, opened_transfer, withdraw_transfer
from allocation.actions.waiting import buy_offer

__all__ = [
    "MAX_AT_ONCE",
    "MAX_STOCK",
    "Receipt",
    "accept_transfer",
    "buy",
    "buy_offer",
    "cancel_purchase",
    "cancel_ticket",
    "cancel_tickets",
    "change_event",
    "change_option",
    "confirm_hold",
    "count_again",
    "create_event",
    "create_option",
    "describe_option",
    "hold_tickets",
    "invalidate",
    "issue_ticket",
    "lapse_holds",
    "offer_transfer",
    "opened_transfer",
    "purchase",
    "release_hold",
    "scan",
    "set_allocation",
    "set_terms",
    "set_validity",
    "undo_admission",
    "validate",
    "withdraw_transfer",
]
