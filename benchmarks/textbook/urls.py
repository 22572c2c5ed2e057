"""A viewset, a serializer, the ORM and a lock; and a view that answers always the same."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework import serializers, viewsets
from rest_framework.authentication import TokenAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import DefaultRouter

from benchmarks.textbook.models import Entry, Option, Purchase, Ticket


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


def constant(request: HttpRequest) -> HttpResponse:
    """What the server costs by itself."""
    return HttpResponse(b'{"status": "ok"}', content_type="application/json")


router = DefaultRouter()
router.register("purchases", PurchaseViewSet)
urlpatterns = [path("constant/", constant), path("", include(router.urls))]
