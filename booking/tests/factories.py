"""Bookings for tests, made by the verbs that make real ones."""

from datetime import UTC, datetime, timedelta

import factory
from django.db import connection

from booking.actions import book, change_booking
from booking.models import Booking, Service

NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)


class ServiceFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Service

    slug = factory.Sequence("service-{}".format)
    name = factory.Sequence("Service {}".format)


class BookingFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Booking

    firstname = "Ishan"
    lastname = factory.Sequence("Dixit {}".format)
    phone = "9927898022"
    starts_at = NOON
    by = None

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        return book(**kwargs)


def book_each(instants):
    """Bookings at all these times, as rows: for tests that ask which are found, and of how many."""
    first, *more = instants
    slot = BookingFactory(starts_at=first).slot
    whom = {"slot": slot, "firstname": "Ishan", "lastname": "Dixit", "phone": "9927898022"}
    Booking.objects.bulk_create(
        Booking(starts_at=instant, ends_at=instant + timedelta(minutes=1), manage_digest=f"{number:064x}", **whom)
        for number, instant in enumerate(more)
    )


def database_now():
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        return cursor.fetchone()[0]


def past(age, **kwargs):
    """A booking whose time is that long ago by the database's clock."""
    return change_booking(BookingFactory(**kwargs), starts_at=database_now() - age, by=None)
