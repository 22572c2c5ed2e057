"""The site itself over /api/v1/: what was done, what leaves, and which programs hear of it."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from ticketing import actions
from ticketing.errors import NotFound
from ticketing.models import Activity, Delivery, IdempotencyKey, Mail, Webhook
from ticketing.sending import addresses
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Flag, Instant, Ruled, Text
from ticketing.toolkit.filters import IdFilter, InstantFilter, TextFilter

BIGGEST = 2**63 - 1
OPERATION = r"^[a-z_]+\.[a-z_]+$"
# All that is taken but hosts written as numbers of IPv6; in the demo http:// is taken too.
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_BEHIND = r"([!$&'()*+,./0-9:;=?@A-Z_a-z~-]|%[0-9A-Fa-f]{2})*"  # RFC 3986, section 3.3
URL_PATTERN = rf"^https://{_LABEL}(\.{_LABEL})*(:(80|443|8080|8443))?([/?]{_BEHIND})?$"


class Numbered(ApiViewSet):
    """Rows that are numbered as they come."""

    orderings = {"id": ("id",)}
    id_schema = {"type": "integer", "minimum": 1, "maximum": BIGGEST}

    def named(self) -> dict[str, Any]:
        """The number in the address; NotFound when it can be none."""
        text = self.kwargs["pk"]
        if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= BIGGEST:
            return {"pk": int(text)}
        raise NotFound

    def made(self, response: Response) -> UUID | None:
        """The number, in the shape in which keys remember what was made."""
        return UUID(int=response.data["id"])

    def replay(self, first: IdempotencyKey) -> Response:
        """The row as it is now."""
        number = first.made.int if first.made else 0
        return super().replay(IdempotencyKey(made=UUID(int=number), status=first.status))


class ActivitySerializer(serializers.ModelSerializer):
    """Who did what to which object, and when."""

    at = Instant(read_only=True)
    actor = serializers.UUIDField(source="actor_id", read_only=True, allow_null=True, help_text="Null is nobody known.")
    object = serializers.UUIDField(source="object_id", read_only=True, allow_null=True)
    details = serializers.DictField(read_only=True, help_text="Counts, codes and states; never personal data.")

    class Meta:
        model = Activity
        fields = ["id", "at", "actor", "role", "operation", "kind", "object", "details"]
        read_only_fields = fields


class ActivityFilters(django_filters.FilterSet):
    """The trail by what, who, on what, and when."""

    operation = TextFilter(help_text="Such as booking.book.")
    actor = IdFilter(field_name="actor_id", help_text="By this account.")
    object = IdFilter(field_name="object_id", help_text="On this object.")
    at_from = InstantFilter(field_name="at", lookup_expr="gte", help_text="At this instant or later.")
    at_to = InstantFilter(field_name="at", lookup_expr="lt", help_text="Before this instant.")

    class Meta:
        model = Activity
        fields: list[str] = []


class ActivityViewSet(Numbered):
    """The audit trail."""

    operations = {"list": "site.trail", "retrieve": "site.trail"}
    serializer_class = ActivitySerializer
    filterset_class = ActivityFilters

    def rows(self) -> QuerySet:
        """All of it."""
        return Activity.objects.all()


# What leaves the site


class WebhookSerializer(serializers.ModelSerializer):
    """Where a program hears what happens, without what signs it."""

    operations = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="What it hears of. Empty means all."
    )
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = Webhook
        fields = ["id", "url", "description", "operations", "is_active", "created_at", "updated_at"]
        read_only_fields = fields


class ShownWebhook(WebhookSerializer):
    """A webhook with its secret."""

    secret = serializers.SerializerMethodField(
        help_text="What signs its messages. Shown this once: null when the request is repeated with its key."
    )

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]
        read_only_fields = fields

    def get_secret(self, webhook: Webhook) -> str | None:
        """Nothing: the view adds it."""
        return None


def _address(url: str, *, field: str) -> str:
    addresses.checked(url)
    return url


def _url(**kwargs: Any) -> Ruled:
    return Ruled(_address, limit=500, pattern=URL_PATTERN, help_text="https:// and a public host.", **kwargs)


def _operations(**kwargs: Any) -> serializers.ListField:
    return serializers.ListField(child=serializers.RegexField(OPERATION, max_length=60), max_length=100, **kwargs)


class NewWebhook(serializers.Serializer):
    """Where to send what."""

    url = _url()
    description = Text(200, empty=True, default="")
    operations = _operations(default=[], help_text="Operations of the audit trail. Empty means all.")
    is_active = Flag(default=True)


class WebhookChange(serializers.Serializer):
    """What may change of a webhook; what is left out stays."""

    url = _url(required=False)
    description = Text(200, empty=True, required=False)
    operations = _operations(required=False)
    is_active = Flag(required=False)


class WebhookViewSet(ApiViewSet):
    """Programs that hear what happens on the site (Standard Webhooks)."""

    operations = {
        "list": "site.webhooks",
        "retrieve": "site.webhooks",
        "create": "site.webhooks",
        "partial_update": "site.webhooks",
        "destroy": "site.webhooks",
        "rotate": "site.webhooks",
    }
    serializer_class = WebhookSerializer
    inputs = {"create": NewWebhook, "partial_update": WebhookChange}
    outputs = {"create": ShownWebhook, "rotate": ShownWebhook}
    examples = {
        "create": {"url": "https://hooks.example.org/tickets", "operations": ["booking.book", "booking.cancel"]},
        "partial_update": {"is_active": False},
    }

    def rows(self) -> QuerySet:
        """Every webhook."""
        return Webhook.objects.all()

    def create(self, request: Request) -> Response:
        """Begin to send there; the secret is shown this once."""
        webhook, secret = actions.create_webhook(**self.input(), by=request.user)
        return self.answer(webhook, 201, secret=secret)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change where it leads and what it hears; what waits for one that is switched off is given up."""
        webhook, changes = self.get_object(), self.input()
        kept = {name: getattr(webhook, name) for name in ("url", "description", "operations", "is_active")}
        actions.change_webhook(webhook, **(kept | changes), by=request.user)
        return self.answer(webhook)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Remove it, with everything that waits for it or was sent there."""
        actions.remove_webhook(self.get_object(), by=request.user)
        return self.done()

    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, **kwargs: Any) -> Response:
        """Make a new secret, shown this once; the one before it signs as well until the next."""
        webhook = self.get_object()
        return self.answer(webhook, secret=actions.rotate_webhook_secret(webhook, by=request.user))


class OutgoingSerializer(serializers.ModelSerializer):
    """One thing to send once."""

    created_at = Instant(read_only=True)
    next_at = Instant(read_only=True, help_text="When it is tried next, unless it was sent or given up.")
    sent_at = Instant(read_only=True, allow_null=True)
    dead_at = Instant(read_only=True, allow_null=True, help_text="When it was given up.")

    class Meta:
        fields = ["id", "created_at", "attempts", "next_at", "sent_at", "dead_at", "last_error"]


class MailSerializer(OutgoingSerializer):
    """A mail, without what stands in it."""

    to = serializers.CharField(read_only=True)

    class Meta(OutgoingSerializer.Meta):
        model = Mail
        fields = [*OutgoingSerializer.Meta.fields, "to", "template", "language"]
        read_only_fields = fields


class DeliverySerializer(OutgoingSerializer):
    """A line of the audit trail on its way to a webhook."""

    webhook = serializers.UUIDField(source="webhook_id", read_only=True)
    activity = serializers.IntegerField(source="activity_id", read_only=True)

    class Meta(OutgoingSerializer.Meta):
        model = Delivery
        fields = [*OutgoingSerializer.Meta.fields, "webhook", "activity"]
        read_only_fields = fields


STATES = {
    "unsent": "neither sent nor given up",
    "due": "unsent, and its next attempt has come",
    "sent": "sent",
    "dead": "given up",
}


class OutgoingFilters(django_filters.FilterSet):
    """What leaves, by how far it came."""

    state = django_filters.ChoiceFilter(
        method="in_state",
        choices=[(state, state) for state in STATES],
        help_text="; ".join(f"{state}: {meaning}" for state, meaning in STATES.items()) + ".",
    )

    def in_state(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """Those in the state."""
        return getattr(rows, value)()


class DeliveryFilters(OutgoingFilters):
    """Deliveries also by where they go."""

    webhook = IdFilter(field_name="webhook_id", help_text="To this webhook.")


class OutgoingViewSet(Numbered):
    """What mails and deliveries share."""

    operations = {"list": "site.outbox", "retrieve": "site.outbox", "resend": "site.outbox"}
    filterset_class = OutgoingFilters

    @action(detail=True, methods=["post"])
    def resend(self, request: Request, **kwargs: Any) -> Response:
        """Begin anew with what was given up."""
        row = self.get_object()
        actions.resend(row, by=request.user)
        return self.answer(row)


class MailViewSet(OutgoingViewSet):
    """Mails that the site sends."""

    serializer_class = MailSerializer

    def rows(self) -> QuerySet:
        """Every mail of the last weeks."""
        return Mail.objects.all()


class DeliveryViewSet(OutgoingViewSet):
    """Events on their way to webhooks."""

    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilters

    def rows(self) -> QuerySet:
        """Every delivery of the last weeks."""
        return Delivery.objects.all()
