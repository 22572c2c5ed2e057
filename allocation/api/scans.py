"""The gate over the API."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from allocation import actions
from allocation.filters import ScanFilters
from allocation.models import Event, Scan
from ticketing.errors import NotFound
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Id, Instant, Steady, Text

CODE_LIMIT = 200


class Admission(serializers.Serializer):
    """When somebody was admitted, at which gate, and by whom."""

    id = serializers.UUIDField()
    at = Instant()
    gate = serializers.CharField()
    by = serializers.CharField(allow_null=True)


class ScanSerializer(Steady, serializers.ModelSerializer):
    """A code that was shown at a gate, and what became of it."""

    ticket = serializers.UUIDField(source="ticket_id", read_only=True, allow_null=True)
    option = serializers.CharField(
        source="ticket.option.name", read_only=True, allow_null=True, default=None, help_text="What the ticket is for."
    )
    event = serializers.UUIDField(
        source="event_id", read_only=True, allow_null=True, help_text="Where it was shown; else what the ticket is for."
    )
    by = serializers.CharField(source="account.name", read_only=True, allow_null=True, default=None)
    earlier = serializers.SerializerMethodField(help_text="The admission that stands, of a code that admitted already.")
    undone_at = Instant(read_only=True, allow_null=True)
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = Scan
        fields = [
            *("id", "outcome", "event", "ticket", "option", "gate", "by", "earlier"),
            *("undone_at", "undone_reason", "created_at", "updated_at"),
        ]
        read_only_fields = fields

    @extend_schema_field(Admission(allow_null=True))
    def get_earlier(self, scan: Scan) -> dict[str, Any] | None:
        """Who was admitted with it before."""
        if scan.earlier is None:
            return None
        by = scan.earlier.account.name if scan.earlier.account else None
        return {
            "id": str(scan.earlier.pk),
            "at": Instant().to_representation(scan.earlier.created_at),
            "gate": scan.earlier.gate,
            "by": by,
        }


class NewScan(Steady):
    """What is shown, where, and which scan it is."""

    code = Text(CODE_LIMIT, help_text="What the code of the ticket says; 52 letters and digits.")
    gate = Text(Scan.GATE_LIMIT, help_text="Which gate, as its staff call it.")
    nonce = Id(help_text="A new one for each scan; the same one again is answered like the first time.")
    event = Id(required=False, help_text="Admit to this event alone.")


class Undoing(serializers.Serializer):
    """Why an admission is undone."""

    reason = Text(Scan.REASON_LIMIT)


class ScanViewSet(ApiViewSet):
    """What was shown at gates; each ticket admits once."""

    operations = {
        "list": "allocation.see_scans",
        "retrieve": "allocation.see_scans",
        "create": "allocation.admit",
        "undo": "allocation.undo_admission",
    }
    serializer_class = ScanSerializer
    filterset_class = ScanFilters
    inputs = {"create": NewScan, "undo": Undoing}
    ends_early = frozenset({"create"})

    def rows(self) -> QuerySet:
        """Every scan with its ticket and its people."""
        return Scan.objects.with_people()

    def create(self, request: Request) -> Response:
        """Admit, or say why not: `outcome` is what a gate acts on, whatever it is the status is 201."""
        said = self.input()
        if named := said.pop("event", None):
            events = Event.objects.visible_to(request.user, "allocation.see_options")
            if not (event := events.filter(pk=named).first()):
                raise NotFound(field="event")
            said["event"] = event
        return self.shown(actions.scan(**said, by=request.user), 201)

    @action(detail=True, methods=["post"])
    def undo(self, request: Request, **kwargs: Any) -> Response:
        """Undo an admission: the ticket admits again."""
        return self.shown(actions.undo_admission(self.get_object(), **self.input(), by=request.user))
