"""What booking has of people (see ticketing/people.py). Bookings themselves are deleted 8 hours after their time."""

from django.db.models import Q
from django.utils.translation import ngettext

from booking.actions import cancel_booking
from booking.actions.telling import visit_of
from booking.models import Booking, Feed
from booking.querysets import BookingQuerySet
from ticketing.models import Mail
from ticketing.people import GONE, Holding, Person
from ticketing.querysets import digest
from ticketing.rights import Actor


def _made(person: Person) -> Q:
    return person.rows(account="account", email="email", phone="phone")


HOLDINGS = [
    Holding(
        "bookings",
        Booking,
        _made,
        shows={
            **{name: name for name in ("id", "created_at", "starts_at", "ends_at", "party")},
            **{"service": "slot__service__name", "resource": "resource__name"},
            **{name: name for name in ("firstname", "lastname", "phone", "email", "language")},
            **{name: name for name in ("arrived_at", "missed_at", "walked_in")},
        },
        becomes={
            "firstname": GONE,
            "lastname": GONE,
            "phone": "0000000000",  # no number of anybody: the contracts and the audit want ten digits
            "email": "",
            "next_reminder_at": None,
        },
        keeps={
            "account": "the account, of which nothing is left but its id",
            "language": "one of those that the site speaks",
            "manage_digest": "of a token that nobody has any more (see `forget`)",
        },
    ),
    Holding(
        "calendar_links",
        Feed,
        lambda person: person.rows(account="account"),
        shows={"created_at": "created_at", "read_at": "read_at"},
    ),
]

NOBODYS = {
    "booking.Resource": "rooms, and what those who receive are called at work",
    "booking.Service": "what can be booked",
    "booking.Slot": "times",
    "booking.Tally": "numbers",
}


def ahead(person: Person) -> list[str]:
    """Bookings that are not over."""
    count = _to_come(person).count()
    return [ngettext("%d booking", "%d bookings", count) % count] if count else []


def end(person: Person, *, by: Actor) -> None:
    """Cancel every booking."""
    for booking in _to_come(person).order_by("pk"):
        cancel_booking(booking, by=by)


def lock(person: Person) -> None:
    """Rows that verbs lock before they come to an account."""
    list(Booking.objects.filter(_made(person)).order_by("pk").select_for_update(no_key=True).values_list("pk"))


def forget(person: Person) -> None:
    """Make the links that were mailed void, and drop the mails, to whichever address they went."""
    for booking in Booking.objects.filter(_made(person)).select_related("slot__service", "resource"):
        booking.manage_version += 1
        renewed = {"manage_version": booking.manage_version, "manage_digest": digest(booking.manage_token)}
        Booking.objects.filter(pk=booking.pk).update(**renewed)
        Mail.objects.filter(context__visit__uid=visit_of(booking).uid).delete()


def _to_come(person: Person) -> BookingQuerySet:
    return Booking.objects.to_come().filter(_made(person))
