"""Saved views, over the API."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from support import actions
from support.models import QUERY_LIMIT, VIEW_NAME_LIMIT, SavedView
from ticketing.toolkit.api import ApiViewSet
from ticketing.toolkit.fields import Flag, Instant, Text

_QUERY = (
    "As in the address of the list of questions, after the question mark: search, status, order, department, priority, "
    "tag, mine and late. Anything else is left out."
)


class SavedViewSerializer(serializers.ModelSerializer):
    """A list of questions as somebody narrowed and ordered it."""

    shared = serializers.BooleanField(source="is_shared", read_only=True, help_text="Whether all of the desk have it.")
    own = serializers.SerializerMethodField(help_text="Whether the caller keeps it.")
    created_at = Instant(read_only=True)
    updated_at = Instant(read_only=True)

    class Meta:
        model = SavedView
        fields = ["id", "name", "query", "shared", "own", "created_at", "updated_at"]
        read_only_fields = fields

    def get_own(self, view: SavedView) -> bool:
        """Told apart, as others may have shared one of the same name."""
        return view.user_id == self.context["request"].user.pk


class NewView(serializers.Serializer):
    """Its name tells it from the others that the caller keeps."""

    name = Text(VIEW_NAME_LIMIT)
    query = Text(QUERY_LIMIT, help_text=_QUERY)
    shared = Flag(source="is_shared", required=False, help_text="For all of the desk; by supervisors.")


class ViewChange(serializers.Serializer):
    """What is left out stays."""

    name = Text(VIEW_NAME_LIMIT, required=False)
    query = Text(QUERY_LIMIT, required=False, help_text=_QUERY)
    shared = Flag(source="is_shared", required=False, help_text="For all of the desk; by supervisors.")


class SavedViewViewSet(ApiViewSet):
    """Lists of questions that are kept under a name: the caller's own, and those that are shared."""

    operations = {
        "list": "support.keep_views",
        "retrieve": "support.keep_views",
        "create": "support.keep_views",
        "partial_update": "support.keep_views",
        "destroy": "support.keep_views",
    }
    serializer_class = SavedViewSerializer
    inputs = {"create": NewView, "partial_update": ViewChange}
    examples = {
        "create": {"name": "Late and technical", "query": "department=technical&late=on"},
        "partial_update": {"name": "Late, technical"},
    }

    def rows(self) -> QuerySet:
        """Every saved view."""
        return SavedView.objects.all()

    def create(self, request: Request) -> Response:
        """Keep another one."""
        return self.answer(actions.keep_view(**self.input(), by=request.user), 201)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change its name or what it shows; supervisors also whether it is shared, and those of others that are."""
        return self.answer(actions.change_view(self.get_object(), **self.input(), by=request.user))

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Keep it no more; the questions stay."""
        actions.remove_view(self.get_object(), by=request.user)
        return self.done()
