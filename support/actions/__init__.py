"""The verbs of the support desk."""

from support.actions.agents import (
    add_agent,
    change_agent,
    give_sign_of_life,
    go_away,
    go_offline,
    go_online,
    set_capacity,
    set_departments,
)
from support.actions.canned import add_canned_reply, change_canned_reply, remove_canned_reply
from support.actions.dispatch import assign_waiting_tickets
from support.actions.hands import assign_ticket, hand_over_ticket, release_ticket, take_ticket
from support.actions.levels import change_level, create_level, escalate_late_tickets, remove_level
from support.actions.milestones import count_milestones, count_milestones_again
from support.actions.ratings import rate_ticket
from support.actions.tags import tag_ticket, untag_ticket
from support.actions.thread import Seen, forget_readers, look_at_ticket, said_since
from support.actions.tickets import (
    close_ticket,
    note_on_ticket,
    open_ticket,
    raise_unverified_ticket,
    reject_ticket,
    reopen_ticket,
    reply_to_ticket,
    triage_ticket,
)
from support.actions.views import change_view, keep_view, remove_view
from support.actions.welcome import check_invitation, welcome

__all__ = [
    "Seen",
    "add_agent",
    "add_canned_reply",
    "assign_ticket",
    "assign_waiting_tickets",
    "change_agent",
    "change_canned_reply",
    "change_level",
    "change_view",
    "check_invitation",
    "close_ticket",
    "count_milestones",
    "count_milestones_again",
    "create_level",
    "escalate_late_tickets",
    "forget_readers",
    "give_sign_of_life",
    "go_away",
    "go_offline",
    "go_online",
    "hand_over_ticket",
    "keep_view",
    "look_at_ticket",
    "note_on_ticket",
    "open_ticket",
    "raise_unverified_ticket",
    "rate_ticket",
    "reject_ticket",
    "release_ticket",
    "remove_canned_reply",
    "remove_level",
    "remove_view",
    "reopen_ticket",
    "reply_to_ticket",
    "said_since",
    "set_capacity",
    "set_departments",
    "tag_ticket",
    "take_ticket",
    "triage_ticket",
    "untag_ticket",
    "welcome",
]
