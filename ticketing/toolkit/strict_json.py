"""JSON as programs should send it: bounded in size and depth, no key twice, nothing a database cannot store."""

import json
import re
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy as _

from ticketing.errors import Invalid, TooLarge

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 20
MAX_DIGITS = 100
_NO_TEXT = re.compile("[\0\ud800-\udfff]")  # no database stores a NUL, and a surrogate is half a character


class BadJSON(Invalid):
    """The body is not the JSON that we read (RFC 8259, without its loopholes)."""

    code = "bad_json"
    message = _("The body is not valid JSON.")


def loads(body: bytes) -> Any:
    """The parsed body; BadJSON says what is wrong with it, TooLarge when it is over 1 MiB."""
    if len(body) > MAX_BYTES:
        raise TooLarge
    try:
        data = _DECODER.decode(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadJSON from error
    for text in _texts(data, depth=1):
        if _NO_TEXT.search(text):
            raise BadJSON(_("The body contains characters that no text may hold."))
    return data


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) < len(pairs):
        raise BadJSON(_("The body names a key twice."))
    return keys


def _constant(name: str) -> None:
    raise BadJSON(_("The body contains a number that JSON does not know."))


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise BadJSON(_("The body contains a number that is too long."))
    return int(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer)


def _texts(data: Any, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        raise BadJSON(_("The body is nested too deeply."))
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        yield from data.keys()
        for value in data.values():
            yield from _texts(value, depth + 1)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value, depth + 1)
