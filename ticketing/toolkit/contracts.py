"""The base of the source contracts: JSON in, JSON out, Bearer only, every failure in one shape.

A contract is a set of plain Django views, because one of them answers the verb UPDATE, which a DRF viewset would open
on every route. What differs between contracts is their parsing and their sentences.
"""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import URLPattern, re_path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from ticketing import rights
from ticketing.errors import Invalid, LogInFirst, NotFound, Refused, TooLarge
from ticketing.rights import Actor
from ticketing.texts import clean_text
from ticketing.toolkit import strict_json
from ticketing.toolkit.authentication import caller
from ticketing.toolkit.database import refusing_database_trouble
from ticketing.toolkit.throttles import throttle

LANE, QUICK, DEFER = "bridge.lane", "quick", "Bridge-Defer"  # as runtime/server.py has them
MAX_INTEGER = 2_147_483_647
ROWS_AT_ONCE = 500

_encode = DjangoJSONEncoder().encode


@method_decorator(csrf_exempt, name="dispatch")  # cookies never authenticate a contract, so there is nothing to forge
class ContractView(View):
    """One path of a contract. `operations` names the operation of rights.py for each verb it answers."""

    contract = ""  # as rights.CONTRACTS names it
    operations: Mapping[str, str]
    sentences: Mapping[type[Refused], str] = {}  # this contract's own words for a kind of refusal

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer the verb, or the refusal in the contract's shape."""
        verb = request.method or ""
        if verb not in self.verbs():
            return self.http_method_not_allowed(request)
        handler = getattr(self, verb.lower())  # Django makes `head` of `get`
        try:
            with refusing_database_trouble():
                operation = self.operations["GET" if verb == "HEAD" else verb]
                self.actor: Actor = caller(request, operation, self.contract)
                request.user = self.actor  # for the log; nobody comes here by cookie
                rights.require(self.actor, operation)
                throttle(request, self.actor, operation)
                return _in_its_lane(request, handler(request, *args, **kwargs))
        except Refused as refusal:
            return self.refused(refusal)

    @classmethod
    def verbs(cls) -> list[str]:
        """The HTTP verbs this path answers; HEAD wherever GET is."""
        return sorted({*cls.operations, *(["HEAD"] if "GET" in cls.operations else [])})

    def refused(self, refusal: Refused) -> JsonResponse:
        """The contract's failure: `status`, `message` and `errors` with the true HTTP code."""
        message = self.sentences.get(type(refusal), refusal.message)
        response = failure(str(message), refusal.status, {field: str(text) for field, text in refusal.errors.items()})
        if isinstance(refusal, LogInFirst):
            response["WWW-Authenticate"] = "Bearer"
        if refusal.retry_after is not None:
            response["Retry-After"] = str(refusal.retry_after)
        return response

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """405 with Allow, in the contract's shape."""
        response = failure(str(_("This path does not answer that verb.")), 405, {})
        response["Allow"] = ", ".join(self.verbs())
        return response


def _in_its_lane(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Ask the bridge to put the request of a long list where it makes nobody else wait (runtime/server.py)."""
    if not response.streaming or request.META.get(LANE) != QUICK:
        return response
    return HttpResponse(headers={DEFER: "1"})  # the stream was never begun, so there is nothing to close


def failure(message: str, status: int, errors: dict[str, str]) -> JsonResponse:
    """The one shape of every contract's failure."""
    return JsonResponse({"status": False, "message": message, "errors": errors}, status=status)


def route(pattern: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
    """A literal path that answers with and without the trailing slash, and nothing longer or shorter."""
    return re_path(rf"^{pattern}/?\Z", view, name=name)


class Fields:
    """The JSON object of a request, read field by field; each reader returns a value or raises Invalid naming it."""

    def __init__(self, request: HttpRequest, tolerate: re.Pattern[bytes] | None = None) -> None:
        body = _body(request)
        data = strict_json.loads(body if tolerate is None else tolerate.sub(b"", body))
        if not isinstance(data, dict):
            raise Invalid(_("The body must be a JSON object."))
        self.data: dict[str, Any] = data

    def __contains__(self, name: str) -> bool:
        return name in self.data

    def required(self, name: str) -> Any:
        """The raw value, which may be null."""
        if name not in self.data:
            raise Invalid(_("“%(field)s” is missing.") % {"field": name}, field=name)
        return self.data[name]

    def text(self, name: str, limit: int, *, empty: bool = False, lines: bool = False) -> str:
        """A trimmed text; see ticketing.texts."""
        return clean_text(self.required(name), field=name, limit=limit, empty=empty, lines=lines)

    def password(self, name: str) -> str:
        """A secret as it was typed, at most 1000 characters: nothing is trimmed."""
        value = self.required(name)
        if not isinstance(value, str) or not 1 <= len(value) <= 1000:
            sentence = _("“%(field)s” must be a text of 1 to 1000 characters.")
            raise Invalid(sentence % {"field": name}, field=name)
        return value

    def choice(self, name: str, choices: list[str]) -> str:
        """One of the listed words."""
        return pick(name, self.required(name), choices)

    def boolean(self, name: str) -> bool:
        """true or false, nothing that merely looks like it."""
        value = self.required(name)
        if not isinstance(value, bool):
            raise Invalid(_("“%(field)s” must be true or false.") % {"field": name}, field=name)
        return value

    def positive(self, name: str) -> int:
        """A whole number from 1 to 2 147 483 647."""
        value = self.required(name)
        if type(value) is not int or not 1 <= value <= MAX_INTEGER:
            sentence = _("“%(field)s” must be a whole number from 1 to %(limit)d.")
            raise Invalid(sentence % {"field": name, "limit": MAX_INTEGER}, field=name)
        return value

    def uuid(self, name: str) -> uuid.UUID:
        """A UUID in its usual notation."""
        value = self.required(name)
        if isinstance(value, str) and (parsed := parse_uuid(value)):
            return parsed
        raise Invalid(_("“%(field)s” must be a UUID.") % {"field": name}, field=name)


def _body(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RequestDataTooBig as error:
        raise TooLarge from error


def pick(name: str, value: Any, choices: list[str]) -> str:
    """`value` if it is one of the listed words, else Invalid naming the field and the words."""
    if not isinstance(value, str) or value not in choices:
        sentence = _("“%(field)s” must be one of %(choices)s.")
        raise Invalid(sentence % {"field": name, "choices": ", ".join(choices)}, field=name)
    return value


def parse_uuid(text: str) -> uuid.UUID | None:
    """A UUID written with its hyphens, in either case; None for anything else."""
    try:
        parsed = uuid.UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text.lower() else None


def found(queryset: Any, **lookup: Any) -> Any:
    """The one visible row, or NotFound: somebody else's answers as a missing one."""
    row = queryset.filter(**lookup).first()
    if row is None:
        raise NotFound
    return row


def json_array(
    rows: QuerySet, shown: Callable[[Any], Any] | None = None, *, if_empty: type[Refused] | None = None
) -> HttpResponseBase:
    """A bare JSON array of any length: each row as `shown` has it, or as it is where rows are JSON already.

    A short list is answered whole, an empty one refused with `if_empty`. A long one is streamed, so that it never
    stands in memory.
    """
    encode: Callable[[Any], str] = str if shown is None else lambda row: _encode(shown(row))
    head = list(rows[: ROWS_AT_ONCE + 1])
    if not head and if_empty:
        raise if_empty
    if len(head) <= ROWS_AT_ONCE:
        return HttpResponse(f"[{','.join(map(encode, head))}]", content_type="application/json")
    return StreamingHttpResponse(_array(rows, encode), content_type="application/json")


def _array(rows: QuerySet, encode: Callable[[Any], str]) -> Iterator[str]:
    texts = map(encode, rows.iterator(chunk_size=ROWS_AT_ONCE))
    separator = "["
    while batch := ",".join(islice(texts, ROWS_AT_ONCE)):
        yield separator + batch
        separator = ","
    yield "[]" if separator == "[" else "]"
