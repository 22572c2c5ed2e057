"""Where the links in mails lead, and to which address they are answered."""

import base64
import re
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from support.models import Ticket
from ticketing.sending import Hopeless

SIGNATURE = 20  # letters of base 32, a hundred bits: with a code and a plus they fit before the @ of any address
_KNOWN = re.compile(r"([A-Za-z0-9_~-]{1,12})\.([A-Za-z2-7]{20})")


def address_of_ticket(pk: str) -> str:
    """The page of a question; where nobody has an account with the address yet, the one that opens one."""
    named = Ticket.objects.filter(pk=UUID(pk)).values_list("code", "user").first()
    if named is None:
        raise Hopeless("The question is not there any more.")
    code, user = named
    return reverse("support:ticket", args=[code]) if user else reverse("account:sign_up")


def address_of_rating(pk: str) -> str:
    """The place on it where the customer says whether it was answered well."""
    address = address_of_ticket(pk)
    return address if address == reverse("account:sign_up") else f"{address}#rate"


def answers_to(code: str) -> str:
    """The address for answers about this question, which nobody can make up; empty where the site has none."""
    local, _at, domain = settings.SUPPORT_REPLY_ADDRESS.partition("@")
    known = f"{code}.{_signature(code)}"
    return f"{local}+{known}@{domain}" if local and _KNOWN.fullmatch(known) else ""


def answered_code(address: str) -> str | None:
    """The code of the question that an answer to this address is about; None unless the site made the address.

    Mail servers change the case of what they pass on, so it counts for nothing.
    """
    before, _at, domain = address.rpartition("@")
    name, _plus, known = before.partition("+")
    parts = _KNOWN.fullmatch(known)
    if parts is None or f"{name}@{domain}".lower() != settings.SUPPORT_REPLY_ADDRESS.lower():
        return None
    code, signature = parts.groups()
    return code if constant_time_compare(signature.lower(), _signature(code)) else None


def _signature(code: str) -> str:
    signed = salted_hmac("support.reply", code.upper(), algorithm="sha256").digest()
    return base64.b32encode(signed).decode()[:SIGNATURE].lower()
