"""What people are told about their bookings by mail, and when they are reminded."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from booking.models import Booking
from booking.policies import is_bound
from ticketing.actions.links import MOST_MAILS
from ticketing.actions.outbox import post_mail
from ticketing.clocks import database_now
from ticketing.models import Mail, User
from ticketing.rights import Actor
from ticketing.sending.calendar_files import Visit
from ticketing.texts import current_language

AT_ONCE = 500  # reminders in one transaction


def language_of(person: Actor) -> str:
    """In which language mails go to whoever books: the account's, or else that of the page."""
    return person.language if isinstance(person, User) and is_bound(person) else current_language()


def set_reminder(booking: Booking) -> None:
    """Note when the next reminder is due; of a booking without an e-mail address never."""
    booking.next_reminder_at = _next_reminder(booking, database_now()) if booking.email else None


def _next_reminder(booking: Booking, now: datetime) -> datetime | None:
    due = (booking.starts_at - ahead for ahead in settings.BOOKING_REMINDERS)
    return min((at for at in due if at > now), default=None)


def tell(booking: Booking, template: str, *, by: Actor) -> None:
    """Post a mail about the booking, if it has an address. Strangers make a mailbox ring so often an hour at most."""
    if not booking.email or _is_too_often(booking, by):
        return
    context = {"visit": visit_of(booking).told(), "party": booking.party}
    if template != "booking_cancelled":
        context["opens"] = ["booking.booking", str(booking.pk), booking.manage_version]
    post_mail(to=booking.email, template=template, language=booking.language, context=context)


def _is_too_often(booking: Booking, by: Actor) -> bool:
    return is_bound(by) and booking.account_id is None and Mail.objects.lately_to(booking.email).count() >= MOST_MAILS


def visit_of(booking: Booking) -> Visit:
    """The booking as calendars show it; it comes with its service and its resource."""
    return Visit(
        uid=f"booking-{booking.pk}",
        sequence=booking.sequence,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        changed_at=booking.updated_at,
        summary=booking.slot.service.name,
        location=booking.resource.name if booking.resource else "",
    )


@transaction.atomic
def remind_due(limit: int = AT_ONCE) -> int:
    """Post the reminders that are due, and note the next ones; returns how many bookings were dealt with.

    Whoever is being changed by somebody is reminded by the next run. What has begun already is not reminded of.
    """
    now = database_now()
    due = Booking.objects.to_remind().select_for_update(skip_locked=True, of=("self",))
    found = list(due.select_related("slot__service", "resource")[:limit])
    for booking in found:
        if booking.starts_at > now:
            tell(booking, "booking_reminder", by=None)
        Booking.objects.filter(pk=booking.pk).update(next_reminder_at=_next_reminder(booking, now))
    return len(found)
