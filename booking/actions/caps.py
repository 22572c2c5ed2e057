"""How many bookings one phone number or one e-mail address may have at once, where the site's owner limits it."""

from django.db import connection

from booking.models import Booking
from booking.policies import cap_of, require_under
from ticketing.querysets import digest
from ticketing.rights import Actor


def require_few(booking: Booking, *, by: Actor, phone: str, email: str) -> None:
    """Refuse what would be one too many that is not yet over: TooManyForPhone, TooManyForAddress.

    Whoever books with the same number or address waits here until the other's transaction has ended, so that both
    count both. These locks come before those of resources, tallies and slots, in ascending order.
    """
    said = {"phone": phone, "email": email.lower()}
    capped = {name: value for name, value in said.items() if value and cap_of(name, by=by) is not None}
    for key in sorted(_key(name, value) for name, value in capped.items()):
        _wait_for(key)
    for name, value in capped.items():
        same = Booking.objects.to_come().reached_at(name, value)
        if not same.filter(pk=booking.pk).exists():
            require_under(name, same.count(), by=by)


def _key(name: str, value: str) -> int:
    """64 bits with a sign, as PostgreSQL counts its locks."""
    return int.from_bytes(bytes.fromhex(digest(f"booking.caps {name} {value}"))[:8], signed=True)


def _wait_for(key: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
