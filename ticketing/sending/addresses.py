"""Where webhooks may go: to public addresses, unless the operator names a private one on purpose."""

import ipaddress
import re
import socket
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from ticketing import rights
from ticketing.errors import Invalid
from ticketing.sending import NotSent

PORTS = {"https": 443, "http": 80}
ALLOWED_PORTS = {80, 443, 8080, 8443}  # what web servers listen on, and nothing else does
# What RFC 3986 knows in no address, and brackets behind the host.
STRANGE = re.compile(r"""[ "<>\\^`{|}]|%(?![0-9A-Fa-f]{2})|^[a-z]+://[^/?]*[/?].*[\[\]]""")
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*|[0-9a-f:.]+")  # RFC 1123, section 2.1, and the numbers of IPv6
NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotAnAddress(Invalid):
    """Nothing can be sent there."""

    code = "not_an_address"

    def __init__(self, message: str) -> None:
        super().__init__(message, field="url")


def checked(url: str) -> SplitResult:
    """The parts of an address that may be a webhook's by its looks; NotAnAddress says what is wrong with it."""
    parts, port = _split(url)
    if parts.scheme not in PORTS or (parts.scheme == "http" and not rights.is_demo()):
        raise NotAnAddress(_("The address must start with https://."))
    if not HOST.fullmatch(parts.hostname or "") or "@" in parts.netloc or parts.fragment:
        raise NotAnAddress(_("The address needs a host, and can have neither a user name and password nor a #."))
    if port not in ALLOWED_PORTS and parts.hostname not in settings.WEBHOOK_PRIVATE_HOSTS:
        raise NotAnAddress(_("This port is not open to webhooks. Use the usual one, or 8443."))
    return parts


def port_of(parts: SplitResult) -> int:
    """The port that is named, or the usual one."""
    return parts.port or PORTS.get(parts.scheme, 0)


def resolved(host: str, port: int) -> list[str]:
    """The addresses of a host, all of which have been checked: connect to one of these and ask no second time."""
    try:
        found = {str(entry[4][0]): None for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        raise NotSent("Its host is not known.") from error
    if host not in settings.WEBHOOK_PRIVATE_HOSTS:
        for address in set(found).difference(settings.WEBHOOK_PRIVATE_HOSTS):
            if not is_public(address):
                raise NotSent("Its address is not public. WEBHOOK_PRIVATE_HOSTS can allow it.")
    return list(found)


def is_public(text: str) -> bool:
    """Whether this is an address out in the internet, also when it is wrapped in another one."""
    return all(map(_is_public, _unwrapped(ipaddress.ip_address(text))))


def _is_public(address: Address) -> bool:
    local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified or local)


def _unwrapped(address: Address) -> Iterator[Address]:
    """The address, or the IPv4 addresses that an IPv6 address carries and that are reached in its stead."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
    elif address.ipv4_mapped:
        yield address.ipv4_mapped
    elif address in NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    elif address.sixtofour:
        yield address.sixtofour
    elif address.teredo:
        yield from address.teredo
    else:
        yield address


def _split(url: str) -> tuple[SplitResult, int]:
    """The parts of an address and its port."""
    if not url.isascii() or not url.isprintable() or STRANGE.search(url):
        raise NotAnAddress(_("The address holds characters that none can hold. Write special letters as %xx."))
    try:
        parts = urlsplit(url)
        return parts, port_of(parts)
    except ValueError as error:
        raise NotAnAddress(_("This is not an address.")) from error
