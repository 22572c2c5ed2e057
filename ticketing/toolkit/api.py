"""The base of /api/v1/: who calls, what they may, one effect per key, no change over somebody else's."""

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from json import JSONEncoder
from typing import Any, ClassVar
from urllib.parse import quote
from uuid import UUID

from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpResponse
from django.urls import get_script_prefix, reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework import authentication, negotiation, parsers, permissions, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from ticketing import rights
from ticketing.actions.keys import claim_key, settle_key
from ticketing.errors import Invalid, NotFound, PreconditionFailed, TooLarge
from ticketing.models import IdempotencyKey
from ticketing.toolkit import strict_json
from ticketing.toolkit.authentication import bearer_token
from ticketing.toolkit.contracts import found, parse_uuid
from ticketing.toolkit.filters import Filters
from ticketing.toolkit.idempotency import REPLAYED, STRONG_KEY, strong_key
from ticketing.toolkit.pagination import Keyset
from ticketing.toolkit.schema import ApiSchema
from ticketing.toolkit.throttles import throttle

_SAFE = ("GET", "HEAD")
_WRITER = JSONEncoder(ensure_ascii=False, separators=(",", ":"))  # as the renderer writes
_TAG = r'(W/)?"[!#-~]*"'  # RFC 9110, section 8.8.3
_VERSIONS = rf"^(\*|{_TAG}( *, *{_TAG})*)$"

CHANGE_HEADERS = [
    OpenApiParameter(
        "Idempotency-Key",
        {"type": "string", "pattern": STRONG_KEY},
        OpenApiParameter.HEADER,
        description="The same key again within a day answers the same and changes nothing more.",
    ),
    OpenApiParameter(
        "If-Match",
        {"type": "string", "pattern": _VERSIONS},
        OpenApiParameter.HEADER,
        description="The ETag that you read: the change is refused with 412 if somebody was faster.",
        examples=[OpenApiExample("any", "*", description="Whichever version it is.")],
    ),
]


class BearerAuthentication(authentication.BaseAuthentication):
    """A token of an account, as RFC 6750 writes it; one that is not ours or not live is 401 also on an open call."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """The account and its token, or None without the header."""
        token = bearer_token(request._request)
        return (token.user, token) if token else None

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return "Bearer"


class MayOperate(permissions.BasePermission):
    """The operation of rights.py that the view names for this action; a verb without an action is left to the 405."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """True, or LogInFirst, or NotAllowed."""
        if view.action in view.operations:
            rights.require(request.user, view.operation)
        return True


class StrictJSONParser(parsers.BaseParser):
    """JSON without its loopholes."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The parsed body."""
        return strict_json.loads(stream.read(strict_json.MAX_BYTES + 1))


class AlwaysJSON(negotiation.BaseContentNegotiation):
    """There is one representation, whatever the caller says to accept."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """The one parser, for its media type only."""
        return negotiation.DefaultContentNegotiation().select_parser(request, parsers)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """The one renderer."""
        return renderers[0], renderers[0].media_type


class ApiViewSet(viewsets.GenericViewSet):
    """A noun of the API. `operations` names the operation of each action, `inputs` the serializer of what it takes.

    An action is three steps: `self.get_object()` or `self.input()`, one verb, `self.answer(...)`.
    """

    operations: ClassVar[Mapping[str, str]]
    inputs: ClassVar[Mapping[str, type[serializers.Serializer]]] = {}
    outputs: ClassVar[Mapping[str, type[serializers.Serializer]]] = {}  # where it is not `serializer_class`
    several: ClassVar[frozenset[str]] = frozenset()  # actions beside `list` that answer a list, and a whole one
    examples: ClassVar[Mapping[str, dict[str, Any]]] = {}  # bodies that work in the demo as they stand
    creating: ClassVar[frozenset[str]] = frozenset({"create"})  # actions that answer 201
    without_body: ClassVar[Mapping[str, int]] = {"destroy": 204}  # actions that answer a bare status, and which
    files: ClassVar[Mapping[str, str]] = {}  # actions that answer a file, and of which media type
    # The orders of the list by their public names, the default one first; a unique column comes last.
    orderings: ClassVar[Mapping[str, tuple[str, ...]]] = {"created_at": ("created_at", "id")}
    newest_first: ClassVar[bool] = True  # whether the default order descends
    keeps_own_keys: ClassVar[frozenset[str]] = frozenset()  # actions whose verb takes the idempotency key itself
    # Actions that are one verb on something scarce: it is answered when the transaction of the verb is over, so that
    # others do not wait for the answer as well. With a key, or with If-Match, they are one transaction like all others.
    ends_early: ClassVar[frozenset[str]] = frozenset()
    authentication_classes = [BearerAuthentication, authentication.SessionAuthentication]
    permission_classes = [MayOperate]
    parser_classes = [StrictJSONParser]
    content_negotiation_class = AlwaysJSON
    filter_backends = [Filters]
    schema = ApiSchema()
    http_method_names = ["get", "post", "patch", "delete", "head"]
    lookup_value_regex = "[^/]+"
    id_schema: ClassVar[Mapping[str, Any]] = {"type": "string", "format": "uuid"}
    pagination_class = Keyset
    paginator: Keyset
    metadata_class = None

    @classmethod
    def default_ordering(cls) -> str:
        """What the list is ordered by when nobody says."""
        return ("-" if cls.newest_first else "") + next(iter(cls.orderings))

    @classmethod
    def headers_of(cls, action: str) -> list[OpenApiParameter]:
        """What an action takes beside its body; a view with headers of its own adds them."""
        return [] if action in ("list", "retrieve", *cls.files) else CHANGE_HEADERS

    @property
    def operation(self) -> str:
        """The operation of this action."""
        return self.operations[self.action]

    def rows(self) -> Any:
        """All rows, as the serializer needs them."""
        raise NotImplementedError

    def get_serializer_class(self) -> Any:
        """What this action answers."""
        return self.outputs.get(self.action) or super().get_serializer_class()

    def get_queryset(self) -> QuerySet:
        """The rows that this action reaches for the caller."""
        if getattr(self, "swagger_fake_view", False):
            return self.rows()  # nobody calls: the description is being written
        return self.rows().visible_to(self.request.user, self.operation)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Ask who calls and whether they may, and let a change happen once and whole."""
        super().initial(request, *args, **kwargs)
        if self.action not in self.operations:
            return
        throttle(request, request.user, self.operation)
        if request.method not in _SAFE:
            name = str(request.method).lower()
            setattr(self, name, partial(self.change, getattr(self, name)))

    def change(self, handler: Callable[..., Response], request: Request, *args: Any, **kwargs: Any) -> Response:
        """Run the handler; a verb that keeps its keys itself is a transaction of its own."""
        if self.detail:
            self.versions()  # a repeated request is answered without a look at the row, but not without this
        is_bare = not strong_key(request) and "If-Match" not in request.headers
        if self.action in self.keeps_own_keys or (is_bare and self.action in self.ends_early):
            return handler(request, *args, **kwargs)
        return self.once(handler, request, *args, **kwargs)

    @transaction.atomic
    def once(self, handler: Callable[..., Response], request: Request, *args: Any, **kwargs: Any) -> Response:
        """Run the handler in one transaction with its idempotency key, or answer like the first time."""
        key = strong_key(request)
        if not key:
            return handler(request, *args, **kwargs)
        named = {"caller": str(request.user.pk or ""), "route": f"v1 {self.operation}", "key": key}
        if first := claim_key(**named, fingerprint=_fingerprint(request)):
            return self.replay(first)
        response = handler(request, *args, **kwargs)
        settle_key(**named, made=self.made(response), status=response.status_code)
        return response

    def made(self, response: Response) -> UUID | None:
        """The id of what the answer shows."""
        shown = response.data.get(self.lookup_field_name) if isinstance(response.data, dict) else None
        return UUID(str(shown)) if shown else None

    lookup_field_name = "id"

    def replay(self, first: IdempotencyKey) -> Response:
        """What the first request made, as it is now."""
        if first.made is None:
            return Response(status=first.status, headers=REPLAYED)
        return self.answer(found(self.rows(), pk=first.made), first.status, REPLAYED)

    def get_object(self) -> Any:
        """The one row that is named and visible; for a change with If-Match only while it is as the caller saw it."""
        queryset = self.get_queryset()
        if "If-Match" in self.request.headers and self.request.method not in _SAFE:
            queryset = queryset.select_for_update(no_key=True, of=("self",))
        row = found(queryset, **self.named())
        self.check_version(row)
        return row

    def version(self, row: Any) -> str:
        """The entity tag of a row: it moves with every edit. Counters such as places left move without it."""
        changed = getattr(row, "updated_at", None)
        return f'"{int(changed.timestamp() * 1_000_000):x}"' if changed else '"0"'

    def versions(self) -> list[str]:
        """The entity tags that the caller means to change; Invalid for what can be none."""
        wanted = self.request.headers.get("If-Match", "*")
        if not re.fullmatch(_VERSIONS, wanted):
            raise Invalid(_("“If-Match” must be the ETag that you read, with its quotes."), field="If-Match")
        return [tag.strip() for tag in wanted.split(",")]

    def check_version(self, row: Any) -> None:
        """PreconditionFailed if the caller wants to change another version than this."""
        if self.request.method in _SAFE:
            return
        tags = self.versions()
        if "*" not in tags and self.version(row) not in tags:
            raise PreconditionFailed

    def named(self) -> dict[str, Any]:
        """The look-up for what the address names; NotFound when it can be nobody's."""
        if parsed := parse_uuid(self.kwargs[self.lookup_url_kwarg or self.lookup_field]):
            return {self.lookup_field: parsed}
        raise NotFound

    def input(self) -> dict[str, Any]:
        """What the body says, clean."""
        serializer = self.inputs[self.action](data=self.request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def answer(self, row: Model, status: int = 200, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
        """The row as it is now with its version; 201 names its address. `more` is shown this once."""
        if self.request.method not in _SAFE:
            row = found(self.rows(), pk=row.pk)
        return self.shown(row, status, headers, **more)

    def shown(self, row: Model, status: int = 200, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
        """The same of a row that is known whole; the database is not asked for it."""
        told = {"ETag": self.version(row), **(headers or {})}
        if status == 201:
            told["Location"] = self.address_of(row)
        return Response({**self.get_serializer(row).data, **more}, status=status, headers=told)

    def written(self, said: Mapping[str, Any], row: Any) -> HttpResponse:
        """What a verb made, and has told already all that is shown of: it only has to be written down."""
        told = {"ETag": self.version(row), "Location": self.address_of(row)}
        return HttpResponse(_WRITER.encode(said), content_type="application/json", status=201, headers=told)

    def address_of(self, row: Any) -> str:
        """Where the row can be read."""
        before, after = _around(f"v1:{self.basename}-detail", get_script_prefix())
        return f"{before}{quote(str(getattr(row, self.lookup_field)))}{after}"

    def file(self, content: bytes, name: str) -> HttpResponse:
        """A file to keep, which no cache on the way keeps too."""
        told = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
        return HttpResponse(content, content_type=self.files[self.action], headers=told)

    def done(self) -> Response:
        """Nothing to show."""
        return Response(status=self.without_body[self.action])

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The rows that the caller may see and the filters let through, a page at a time."""
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        data = self.get_serializer(rows, many=True).data
        return self.paginator.get_paginated_response(data, rows[-1] if rows else None)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One row; somebody else's answers as a missing one."""
        return self.answer(self.get_object())


@cache
def _around(name: str, prefix: str) -> tuple[str, str]:
    """The address of that name around what it names; each begins with the prefix, below which the site may be."""
    before, _, after = reverse(name, args=["_"]).rpartition("_")
    return before, after


def _fingerprint(request: Request) -> str:
    try:
        body = request._request.body
    except RequestDataTooBig as error:
        raise TooLarge from error
    asked = f"{request.method} {request.path.rstrip('/')} {body.hex()}"
    # With the site's key: a body can hold a password, and a bare hash of it could be guessed.
    return salted_hmac("ticketing.idempotency", asked, algorithm="sha256").hexdigest()
