"""What waits for whoever proves an e-mail address."""

from typing import Any

from django.db import transaction
from django.db.models.functions import Lower

from booking.models import Booking
from ticketing.models import Activity, User


@transaction.atomic
def welcome(user: User, terms: dict[str, Any]) -> None:
    """Give whoever proved the address the bookings that were made with it and belong to no account."""
    address = user.email.lower()
    orphans = Booking.objects.alias(address=Lower("email")).exclude(email="").filter(account=None, address=address)
    if joined := orphans.change(account=user):
        Activity.objects.record("booking.join_account", user, by=user, count=joined)
