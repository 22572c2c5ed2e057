"""The verbs of booking."""

from booking.actions.bookings import book, book_offer, cancel_booking, change_booking, renew_link
from booking.actions.day import check_in, mark_missed, undo_check_in, undo_walk_in, walk_in
from booking.actions.feeds import end_feed_of, make_feed, note_read, remove_feed, visits_on
from booking.actions.purge import CHUNK, purge_expired
from booking.actions.services import change_resource, change_service, change_slot, create_resource, create_service
from booking.actions.telling import remind_due
from booking.actions.welcome import welcome

__all__ = [
    "CHUNK",
    "book",
    "book_offer",
    "cancel_booking",
    "change_booking",
    "change_resource",
    "change_service",
    "change_slot",
    "check_in",
    "create_resource",
    "create_service",
    "end_feed_of",
    "make_feed",
    "mark_missed",
    "note_read",
    "purge_expired",
    "remind_due",
    "remove_feed",
    "renew_link",
    "undo_check_in",
    "undo_walk_in",
    "visits_on",
    "walk_in",
    "welcome",
]
