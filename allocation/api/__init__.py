"""Allocation over /api/v1/allocation/."""

from allocation.api.events import EventViewSet
from allocation.api.options import OptionViewSet
from allocation.api.purchases import HoldViewSet, PurchaseViewSet
from allocation.api.scans import ScanViewSet
from allocation.api.tickets import TicketViewSet, TransferViewSet

__all__ = [
    "EventViewSet",
    "HoldViewSet",
    "OptionViewSet",
    "PurchaseViewSet",
    "ScanViewSet",
    "TicketViewSet",
    "TransferViewSet",
]
