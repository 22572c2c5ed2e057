"""The Idempotency-Key header: one effect per caller, route and key (invariant E3)."""

import re

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ticketing import rights
from ticketing.errors import Invalid
from ticketing.rights import Actor

HEADER = "Idempotency-Key"
REPLAYED = {"Idempotent-Replayed": "true"}
_PRINTABLE = re.compile(r"[\x20-\x7e]{1,200}")
_UNGUESSABLE = 22  # characters: 128 bits in base 64
STRONG_KEY = f"^[!-~]{{{_UNGUESSABLE},200}}$"


def idempotency_key(request: HttpRequest, actor: Actor) -> str:
    """The request's key, empty without the header; Invalid names the header when it cannot serve as one."""
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return ""
    if not _PRINTABLE.fullmatch(key):
        raise Invalid(_("“Idempotency-Key” must have 1 to 200 printable ASCII characters."), field=HEADER)
    # An account has its keys to itself; all anonymous callers share one drawer, so there the key is the secret.
    if len(key) < _UNGUESSABLE and rights.role_of(actor) == rights.Role.ANONYMOUS:
        sentence = _("Without an account, “Idempotency-Key” must have at least %(least)d characters.")
        raise Invalid(sentence % {"least": _UNGUESSABLE}, field=HEADER)
    return key


def strong_key(request: HttpRequest) -> str:
    """The request's key as /api/v1/ wants it of everybody, empty without the header; else Invalid."""
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None or re.fullmatch(STRONG_KEY, key):
        return key or ""
    sentence = _("“Idempotency-Key” must have %(least)d to 200 printable ASCII characters and no spaces.")
    raise Invalid(sentence % {"least": _UNGUESSABLE}, field=HEADER)
