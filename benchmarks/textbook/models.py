"""A counter, a purchase with its key, a row a ticket, slots with bookings that are counted, and a trail."""

import uuid

from django.conf import settings
from django.db import models


class Option(models.Model):
    """What is on sale."""

    allocation = models.PositiveIntegerField()
    sold = models.PositiveIntegerField(default=0)


class Purchase(models.Model):
    """So many tickets."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    option = models.ForeignKey(Option, on_delete=models.PROTECT)
    buyer = models.UUIDField()
    quantity = models.PositiveIntegerField()
    key = models.CharField(max_length=200, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)


class Ticket(models.Model):
    """One of them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="tickets")


class Entry(models.Model):
    """Who did what."""

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT)
    at = models.DateTimeField(auto_now_add=True)


class Slot(models.Model):
    """A time at which some are received."""

    starts_at = models.DateTimeField(unique=True)
    capacity = models.PositiveIntegerField(default=20)


class Booking(models.Model):
    """Somebody who comes then."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slot = models.ForeignKey(Slot, on_delete=models.PROTECT, related_name="bookings")
    starts_at = models.DateTimeField()
    firstname = models.CharField(max_length=100)
    lastname = models.CharField(max_length=100)
    phone = models.CharField(max_length=10)
    created_at = models.DateTimeField(auto_now_add=True)


class Visit(models.Model):
    """Who booked what."""

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT)
    booking = models.ForeignKey(Booking, on_delete=models.PROTECT)
    at = models.DateTimeField(auto_now_add=True)
