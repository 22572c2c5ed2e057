"""Who is told of, as staff and customers see them."""

from rest_framework import serializers

from support.models import (
    Agent,
)
from ticketing import rights
from ticketing.models import User


class ForStaff(serializers.ModelSerializer):
    """A serializer of which customers see less: `staff_fields` are shown to whoever may triage tickets."""

    staff_fields: frozenset[str] = frozenset()

    def get_fields(self) -> dict[str, serializers.Field]:
        """All of them, or those for everybody; the description has all."""
        view = self.context["view"]
        if getattr(view, "swagger_fake_view", False) or rights.scope(view.request.user, "support.triage"):
            return super().get_fields()
        return {name: field for name, field in super().get_fields().items() if name not in self.staff_fields}


class PersonSerializer(ForStaff):
    """Somebody with an account. The e-mail address is for staff."""

    name = serializers.CharField(read_only=True)
    email = serializers.CharField(required=False)

    staff_fields = frozenset({"email"})

    class Meta:
        model = User
        fields = ["id", "name", "email"]
        read_only_fields = fields


class HandlerSerializer(serializers.ModelSerializer):
    """The agent who answers."""

    name = serializers.CharField(source="user.name", read_only=True)

    class Meta:
        model = Agent
        fields = ["id", "name"]
        read_only_fields = fields
