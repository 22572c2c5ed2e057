"""The verbs of the support desk."""

from support.actions.agents import go_offline, go_online, set_capacity
from support.actions.dispatch import assign_waiting_tickets
from support.actions.tickets import (
    close_ticket,
    open_ticket,
    raise_unverified_ticket,
    reject_ticket,
    reopen_ticket,
    reply_to_ticket,
)

__all__ = [
    "assign_waiting_tickets",
    "close_ticket",
    "go_offline",
    "go_online",
    "open_ticket",
    "raise_unverified_ticket",
    "reject_ticket",
    "reopen_ticket",
    "reply_to_ticket",
    "set_capacity",
]
