"""The verbs of booking."""

from booking.actions.bookings import book, book_offer, cancel_booking, change_booking, renew_link
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
    "create_resource",
    "create_service",
    "purge_expired",
    "remind_due",
    "renew_link",
    "welcome",
]
