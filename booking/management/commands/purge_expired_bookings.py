"""Deletes what the minutely task would delete, however much there is."""

from typing import Any

from booking.actions import CHUNK, purge_expired
from booking.models import Booking
from ticketing.toolkit.commands import DomainCommand, with_progress


class Command(DomainCommand):
    help = "Delete all bookings that are more than 8 hours past by the database's clock. May run at any time."

    def handle(self, *args: Any, **options: Any) -> None:
        """Purge chunk by chunk, each a transaction of its own, until nothing is left."""
        chunks = -(-Booking.objects.expired().count() // CHUNK)
        purged = sum(with_progress(iter(purge_expired, 0), total=chunks, unit=" chunks"))
        self.stdout.write(f"Expired bookings deleted: {purged}")
