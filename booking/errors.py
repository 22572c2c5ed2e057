"""What booking refuses."""

from django.utils.translation import gettext_lazy as _

from ticketing.errors import Busy, Conflict, Invalid


class SlotFull(Conflict):
    """Every place of that minute is taken."""

    code = "slot_full"
    message = _("This time is fully booked. Choose another one.")


class TooFewPlaces(SlotFull):
    """Some are left, but not for so many."""

    message = _("There are not that many places left at this time. Choose another one, or come with fewer.")


class NotASlot(Conflict):
    """The grid of the service has no slot that begins then."""

    code = "not_a_slot"
    message = _("No visit begins at this time. Choose one of the times that are offered.")


class Closed(Conflict):
    """Not open from the beginning of the visit to its end."""

    code = "closed"
    message = _("It is not open at this time, or not for long enough. Choose another one.")


class TooSoon(Conflict):
    """Within the service's lead time, or past."""

    code = "too_soon"
    message = _("It is too late to book this time. Choose a later one.")


class TooFarAhead(Conflict):
    """Beyond the service's horizon."""

    code = "too_far_ahead"
    message = _("This time cannot be booked yet. Choose an earlier one, or come back later.")


class DeadlinePassed(Conflict):
    """Customers change and cancel until the service's deadline."""

    code = "deadline_passed"
    message = _("It is too late to change or cancel this booking yourself. Ask us to do it for you.")


class NotWalkedIn(Conflict):
    """Somebody booked it, so it is there whether they came or not."""

    code = "not_walked_in"
    message = _("This was booked and is nobody who walked in. Undo the check-in, or cancel the booking.")


class NobodyComes(Invalid):
    """A party of none."""

    message = _("At least one person comes.")


class PartyTooLarge(Conflict):
    """More than the service receives together."""

    code = "party_too_large"
    message = _("So many cannot come together. Book for fewer, or make several bookings.")


class TooManyBookings(Conflict):
    """As many are to come as may be at once, by the site's settings."""

    code = "too_many_bookings"


class TooManyForPhone(TooManyBookings):
    """Of one phone number."""

    message = _("This phone number has as many bookings as it may have at once. Cancel one first, or ask us to book.")


class TooManyForAddress(TooManyBookings):
    """Of one e-mail address."""

    message = _("This e-mail address has as many bookings as it may have at once. Cancel one first, or ask us to book.")


class TermsMisfit(Invalid):
    """A grid that does not divide the day would begin anew at midnight in the middle of a slot."""

    code = "terms_misfit"
    message = _("The slot grid must divide the day evenly. Choose 5, 10, 15, 20, 30, 45, 60 or 90 minutes.")


class NotWaitedFor(Conflict):
    """Whether a visit can be received is more there than a number of places."""

    code = "not_waited_for"
    message = _("There is no waiting list for this, because each visit needs a room or a person. Choose another time.")


class AlreadyArrived(Conflict):
    """They came already, or have been let in."""

    code = "already_arrived"
    message = _("They are checked in already. Undo that first if it was a mistake.")


class NotArrived(Conflict):
    """There is nothing to undo."""

    code = "not_arrived"
    message = _("They are not checked in. Load the page again to see how it stands.")


class NotToday(Conflict):
    """Whoever comes is checked in on the day of the booking."""

    code = "not_today"
    message = _("This booking is for another day. Move it to today first, or let them walk in.")


class TooEarly(Conflict):
    """They may still come."""

    code = "too_early"
    message = _("They may still come. Wait until the grace time is over.")


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
