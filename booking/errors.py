"""What booking refuses."""

from django.utils.translation import gettext_lazy as _

from ticketing.errors import Busy, Conflict, Invalid


class SlotFull(Conflict):
    """Every place of that minute is taken."""

    code = "slot_full"
    message = _("This time is fully booked. Choose another one.")


class PlacesTaken(Conflict):
    """A slot's capacity may not fall below the places that are taken."""

    code = "places_taken"
    message = _("More places than that are taken already. Move or cancel some bookings first.")


class SlugTaken(Conflict):
    """Services are told apart by their short names."""

    code = "slug_taken"
    message = _("Another service has this short name. Choose another one.")


class SlotVanished(Busy):
    """The purge removed the empty slot of a past minute while somebody booked it; a second try makes it anew."""


class BadPhone(Invalid):
    """Not ten digits."""

    code = "bad_phone"
    message = _("The phone number must have exactly ten digits.")


class NoSuchDay(Invalid):
    """Not in the calendar, or outside the years that can be booked."""

    code = "no_such_day"
    message = _("There is no such day, or it cannot be booked.")


class DayIsOver(Invalid):
    """The steps of the panel lead to times that are still to come."""

    code = "day_is_over"
    message = _("This day is over. Choose today or a later one.")


class TimeIsOver(Invalid):
    """The same of a time of today."""

    code = "time_is_over"
    message = _("This time has passed. Choose a later one.")


class NoSuchTime(Invalid):
    """Not a time of day, or one that the clocks skip on that day."""

    code = "no_such_time"
    message = _("There is no such time on that day.")
