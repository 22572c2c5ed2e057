"""The OpenAPI description, read off the views: every parameter, status and right is stated once and shown here."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers

from ticketing import rights
from ticketing.rights import RIGHTS, Role, cell
from ticketing.toolkit.problems import PROBLEM

_SENTENCES = {
    "200": "Here it is.",
    "201": "It is made; `Location` says where it can be read.",
    "202": "It is on its way.",
    "204": "It is done; there is nothing to show.",
    "400": "The request breaks a rule of its own; `errors` names the fields.",
    "401": "Nobody is logged in, or the token is not one of ours.",
    "403": "This role lacks the whole function, or a form's CSRF token is missing.",
    "404": "There is no such thing, or it is somebody else's.",
    "409": "The state of the site stands against it; or others are changing the same thing, then with Retry-After.",
    "412": "It was changed since you read it: the version in If-Match is another one.",
    "413": "The body is over 1 MiB.",
    "415": "The body is not application/json.",
    "422": "This Idempotency-Key was used for another request.",
    "429": "Too many requests or attempts; Retry-After says when the next one is welcome.",
    "503": "The database is away. Nothing was done; try again.",
}
_WAIT = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
_HEADERS = {"401": {"WWW-Authenticate": {"schema": {"type": "string"}}}, "503": _WAIT}
_ETAG = {"ETag": {"schema": {"type": "string"}, "description": "The version, for If-Match."}}
_MADE = {"Location": {"schema": {"type": "string", "format": "uri-reference"}, "description": "Its address."}}


class BearerScheme(OpenApiAuthenticationExtension):
    """Bearer tokens in the description."""

    target_class = "ticketing.toolkit.api.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """RFC 6750."""
        return {"type": "http", "scheme": "bearer", "description": "An API token of an account."}


class Problem(serializers.Serializer):
    """What went wrong (RFC 9457)."""

    type = serializers.CharField(help_text="Always about:blank: the code says what it is.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="For programs; it does not change.")
    detail = serializers.CharField(help_text="For people, in English; programs go by the code.")
    errors = serializers.DictField(  # type: ignore[assignment]  # the member's name is the standard's
        child=serializers.ListField(child=serializers.CharField()), help_text="Sentences by field."
    )


class ApiSchema(AutoSchema):
    """One operation of a view that is an ApiViewSet."""

    view: Any

    def get_request_serializer(self) -> Any:
        """What the action takes."""
        return self.view.inputs.get(self.view.action)

    def get_response_serializers(self) -> Any:
        """What the action answers when all is well."""
        if self.view.action in self.view.without_body:
            return {self.view.without_body[self.view.action]: None}
        if media := self.view.files.get(self.view.action):
            return {(200, media): OpenApiTypes.BINARY}
        output = self.view.get_serializer_class()
        if self.view.action in self.view.several:
            return {200: output(many=True)}
        return {201 if self.view.action in self.view.creating else 200: output}

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular has it
        """What the action does, and who may do it."""
        return "\n\n".join(part for part in (super().get_description(), _who(self._operation())) if part)

    def _operation(self) -> str:
        return self.view.operations[self.view.action]

    def get_override_parameters(self) -> list[Any]:
        """The headers that a change takes, and those that the view adds."""
        headers = self.view.headers_of(self.view.action)
        return [header for header in headers if self.view.detail or header.name != "If-Match"]

    def get_auth(self) -> list[dict[str, Any]]:
        """How to say who one is; nobody has to where everybody may."""
        nobody = cell(Role.ANONYMOUS, self._operation(), demo=rights.is_demo())
        return [*super().get_auth(), *([{}] if nobody else [])]

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        """The operation, with every refusal it can answer."""
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        responses = operation["responses"]
        for status in responses:
            responses[status].setdefault("headers", {}).update(self._told(status))
            responses[status]["description"] = _SENTENCES[status]
        for status in sorted(self._refusals()):
            answer = self._get_response_for_code(Problem, status, [PROBLEM])
            responses[status] = {**answer, "description": _SENTENCES[status], "headers": _HEADERS.get(status, {})}
        for parameter in operation.get("parameters", []):
            if (parameter["in"], parameter["name"]) == ("path", "id"):
                parameter["schema"] = dict(self.view.id_schema)
        if example := self.view.examples.get(self.view.action):
            for content in operation.get("requestBody", {}).get("content", {}).values():
                content["examples"] = {"example": {"value": example}}
        return operation

    def _told(self, status: str) -> dict[str, Any]:
        if self.view.action in self.view.without_body or self.view.action in self.view.files or self._is_question():
            return {}
        return {**_ETAG, **(_MADE if status == "201" else {})}

    def _is_question(self) -> bool:
        """Whether its address holds more than a name: what it answers is no row, and what it asks may make no sense."""
        asked = self.view.headers_of(self.view.action)
        return self._is_list_view() or any(parameter.location == "query" for parameter in asked)

    def _refusals(self) -> set[str]:
        found = {"401", "403", "409", "429", "503"}
        if self._is_question():
            found.add("400")
        if self.view.detail:
            found.add("404")
        if self.method in ("POST", "PATCH", "DELETE"):
            found |= {"400", "404", "413", "415", "422"} | ({"412"} if self.view.detail else set())
        return found


def _who(operation: str) -> str:
    """Who may do it, from the table of rights."""
    reach = [f"{role} ({cell(role, operation, demo=False)})" for role in Role if RIGHTS[operation][role]]
    more = rights.DEMO.get(operation)
    demo = f" In demo mode everybody ({more})." if more else ""
    return f"**Who may** (`{operation}`): {', '.join(reach) or 'nobody'}.{demo}"


def only_the_api(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """The views that stand in the description: those of /api/v1/ that are an ApiViewSet."""
    return [endpoint for endpoint in endpoints if hasattr(endpoint[3].cls, "operations")]


def site_address(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Name the mode, as the rights depend on it."""
    result["info"]["description"] += f" This site runs in {settings.SITE_MODE} mode."
    return result
