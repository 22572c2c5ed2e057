"""Viewsets, serializers, the ORM and locks; and a view that answers always the same."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework import serializers, viewsets
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import APIException
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import DefaultRouter

from benchmarks.textbook.models import Booking, Entry, Option, Purchase, Slot, Ticket, Visit


class PurchaseSerializer(serializers.ModelSerializer):
    """A purchase with its tickets."""

    tickets = serializers.PrimaryKeyRelatedField(many=True, read_only=True)

    class Meta:
        model = Purchase
        fields = ["id", "option", "buyer", "quantity", "created_at", "tickets"]


class PurchaseViewSet(viewsets.ModelViewSet):
    """The lock comes first, as one is told; the rest happens under it."""

    queryset = Purchase.objects.all()
    serializer_class = PurchaseSerializer
    authentication_classes = [TokenAuthentication]
    permission_classes = [IsAuthenticated]

    @transaction.atomic
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Sell, or say that it is sold out."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        option = Option.objects.select_for_update().get(pk=serializer.validated_data["option"].pk)
        key = request.headers["Idempotency-Key"]
        if known := Purchase.objects.filter(key=key).first():
            return Response(self.get_serializer(known).data)
        quantity = serializer.validated_data["quantity"]
        if option.sold + quantity > option.allocation:
            raise serializers.ValidationError("Sold out.")
        purchase = serializer.save(key=key)
        for _number in range(quantity):
            Ticket.objects.create(purchase=purchase)
        option.sold += quantity
        option.save()
        Entry.objects.create(actor=request.user, purchase=purchase)
        return Response(self.get_serializer(purchase).data, status=201)


class BookingSerializer(serializers.ModelSerializer):
    """A booking."""

    class Meta:
        model = Booking
        fields = ["id", "slot", "starts_at", "firstname", "lastname", "phone", "created_at"]
        read_only_fields = ["slot"]


class Full(APIException):
    """Nobody else is received at that time."""

    status_code = 409
    default_detail = "This time is fully booked."


class BookingViewSet(viewsets.ModelViewSet):
    """Whoever books locks the slot, and counts who has booked it."""

    queryset = Booking.objects.all()
    serializer_class = BookingSerializer
    permission_classes = [AllowAny]

    @transaction.atomic
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Book, or say that it is full."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        starts_at = serializer.validated_data["starts_at"].replace(second=0, microsecond=0)
        slot, _is_new = Slot.objects.select_for_update().get_or_create(starts_at=starts_at)
        if slot.bookings.count() >= slot.capacity:
            raise Full
        booking = serializer.save(slot=slot)
        Visit.objects.create(actor=request.user if request.user.is_authenticated else None, booking=booking)
        return Response(self.get_serializer(booking).data, status=201)


def constant(request: HttpRequest) -> HttpResponse:
    """What the server costs by itself."""
    return HttpResponse(b'{"status": "ok"}', content_type="application/json")


router = DefaultRouter()
router.register("purchases", PurchaseViewSet)
router.register("bookings", BookingViewSet)
urlpatterns = [path("constant/", constant), path("", include(router.urls))]
