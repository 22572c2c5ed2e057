"""Bookings over /api/v1/booking/."""

from booking.api.bookings import BookingViewSet
from booking.api.feeds import FeedViewSet
from booking.api.resources import ResourceViewSet
from booking.api.services import ServiceViewSet
from booking.api.slots import SlotViewSet, TallyViewSet

__all__ = ["BookingViewSet", "FeedViewSet", "ResourceViewSet", "ServiceViewSet", "SlotViewSet", "TallyViewSet"]
