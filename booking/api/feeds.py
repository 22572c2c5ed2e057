"""Private calendar links over the API."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from booking.actions import make_feed, remove_feed
from booking.api.named import resources_named
from booking.links import address_of_feed
from booking.models import Feed
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Id, Instant


class FeedSerializer(serializers.ModelSerializer):
    """A private calendar that calendar programs read, without what opens it."""

    resource = serializers.UUIDField(
        source="resource_id", read_only=True, allow_null=True, help_text="Whose visits it shows; null for an account's."
    )
    account = serializers.UUIDField(
        source="account_id",
        read_only=True,
        allow_null=True,
        help_text="Whose bookings it shows, or null.",
    )
    read_at = Instant(read_only=True, allow_null=True, help_text="When it was last read, to the hour.")
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = Feed
        fields = ["id", "resource", "account", "read_at", "created_at", "updated_at"]
        read_only_fields = fields


class ShownFeed(FeedSerializer):
    """A calendar with its link."""

    address = serializers.SerializerMethodField(
        help_text="What a calendar program subscribes to. Whoever has it can read the calendar. Shown this once: "
        "null when the request is repeated with its Idempotency-Key."
    )

    class Meta(FeedSerializer.Meta):
        fields = [*FeedSerializer.Meta.fields, "address"]
        read_only_fields = fields

    def get_address(self, feed: Feed) -> str | None:
        """Nothing: the view adds it."""
        return None


class NewFeed(serializers.Serializer):
    """Whose calendar it is."""

    resource = Id(required=False, help_text="The id of a room or a person; the caller's own bookings if unsaid.")


class FeedViewSet(ApiViewSet):
    """Private calendar links. There is one for each account and each resource at most: a new one makes it void."""

    operations = dict.fromkeys(("list", "retrieve", "create", "destroy"), "booking.feeds")
    serializer_class = FeedSerializer
    inputs = {"create": NewFeed}
    outputs = {"create": ShownFeed}
    examples = {"create": {}}

    def rows(self) -> QuerySet:
        """Every link."""
        return Feed.objects.all()

    def create(self, request: Request) -> Response:
        """Make a link, shown this once, and the older one of the same void."""
        said = self.input()
        [resource] = resources_named([said["resource"]], request) if "resource" in said else [None]
        feed, token = make_feed(resource=resource, by=request.user)
        return self.answer(feed, 201, address=address_of_feed(token))

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Make the link void for good."""
        remove_feed(self.get_object(), by=request.user)
        return self.done()
