"""How much a caller may do in a time: per account, per address without one, and less of what costs people time."""

import ipaddress
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest

from ticketing import rights
from ticketing.actions.keys import Rate, spend
from ticketing.rights import Actor, Role

_PERIODS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}


def throttle(request: HttpRequest, actor: Actor, operation: str) -> None:
    """Let the request pass, or TooManyRequests. Without THROTTLES, as in the demo, everything passes."""
    name, who = _bucket(request, actor, operation)
    if name in settings.THROTTLES:
        spend(f"{name} {who}", parse_rate(settings.THROTTLES[name]))


def _bucket(request: HttpRequest, actor: Actor, operation: str) -> tuple[str, str]:
    is_rare = request.method not in ("GET", "HEAD", "OPTIONS") and operation in settings.THROTTLES
    if actor is None or rights.role_of(actor) == Role.ANONYMOUS:
        return (operation if is_rare else "anonymous"), _network(request)
    # What mails or asks for a password is as rare for an account. Questions and bookings are a program's daily work.
    return (operation if is_rare and operation.startswith("account.") else "account"), str(actor.pk)


def _network(request: HttpRequest) -> str:
    """The caller's address; of IPv6 the network of 64 bits, as one household has countless addresses."""
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def parse_rate(text: str) -> Rate:
    """`10/minute` as a rate; ValueError for anything else."""
    if match := rights.RATE.fullmatch(text):
        return Rate(int(match[1]), _PERIODS[match[2]])
    raise ValueError(f"“{text}” is not a rate. Write it like 10/minute.")
