"""From a row of the outbox to a request in the form of Standard Webhooks (https://www.standardwebhooks.com)."""

import base64
import hashlib
import hmac
import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from threading import Timer
from time import monotonic
from urllib.parse import SplitResult

from ticketing.errors import Refused
from ticketing.models import Activity, Delivery, Webhook
from ticketing.sending import Gone, NotSent
from ticketing.sending.addresses import checked, port_of, resolved

CONNECT = 5.0  # seconds
TOO_LATE = "It did not answer in time."
TOTAL = 15.0  # seconds for all of it, however slowly the answer drips


def send(delivery: Delivery, *, now: datetime) -> None:
    """Post the event once and look at the status only; NotSent says what went wrong, Gone that nobody wants it."""
    body = payload(delivery.activity)
    headers = {"Content-Type": "application/json", "User-Agent": "Ticketing-Webhooks"}
    status = post(
        delivery.webhook.url, body, headers | signed(delivery.webhook, event_id(delivery.activity), now, body)
    )
    if status == http.client.GONE:
        raise Gone("It answered 410: the webhook was switched off.")
    if 300 <= status < 400:
        raise NotSent(f"It answered {status}, a redirect, and redirects are not followed.")
    if not 200 <= status < 300:
        raise NotSent(f"It answered {status}.")


def payload(activity: Activity) -> bytes:
    """What the receiver reads; the same bytes at each attempt."""
    about = {"kind": activity.kind, "id": activity.object_id and str(activity.object_id), "role": activity.role}
    event = {
        "type": activity.operation,
        "timestamp": activity.at.isoformat(),
        "data": about | {"details": activity.details},
    }
    return json.dumps(event, separators=(",", ":")).encode()


def event_id(activity: Activity) -> str:
    """One per event, the same at each attempt."""
    # With the time in it, because a restored database gives the same numbers to other events.
    return f"evt_{activity.pk}_{activity.at:%Y%m%d%H%M%S%f}"


def signed(webhook: Webhook, identity: str, now: datetime, body: bytes) -> dict[str, str]:
    """The headers by which the receiver knows that it was us: signed with each key that may be in use."""
    timestamp = str(int(now.timestamp()))
    content = f"{identity}.{timestamp}.".encode() + body
    macs = [hmac.digest(key, content, hashlib.sha256) for key in webhook.keys]
    signature = " ".join(f"v1,{base64.b64encode(mac).decode()}" for mac in macs)
    return {"webhook-id": identity, "webhook-timestamp": timestamp, "webhook-signature": signature}


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """The status of the answer, of which nothing more than its head is read."""
    end = monotonic() + TOTAL
    try:
        parts = checked(url)
        with connected(parts, end) as sock:
            status = exchange(sock, parts, body, headers)
    except Refused as refusal:
        raise NotSent(f"Its address is not allowed: {refusal.code}.") from refusal
    except ssl.SSLCertVerificationError as error:
        raise NotSent("Its certificate is not valid for its address.") from error
    except ConnectionRefusedError as error:
        raise NotSent("It refused the connection.") from error
    except (OSError, http.client.HTTPException) as error:
        late = isinstance(error, TimeoutError) or monotonic() >= end
        raise NotSent(TOO_LATE if late else "The connection broke.") from error
    if monotonic() >= end:  # half an answer, cut off by the clock
        raise NotSent(TOO_LATE)
    return status


def exchange(sock: socket.socket, parts: SplitResult, body: bytes, headers: dict[str, str]) -> int:
    """Ask on a connection that stands; http.client would resolve the host a second time."""
    connection = http.client.HTTPConnection(parts.netloc)
    connection.sock = sock
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("POST", target, body, headers | {"Host": parts.netloc, "Connection": "close"})
    with connection.getresponse() as answer:
        return answer.status


@contextmanager
def connected(parts: SplitResult, end: float) -> Iterator[socket.socket]:
    """A connection to an address that was checked, encrypted if it should be; it breaks at the end of the time."""
    host = str(parts.hostname)
    addresses = resolved(host, port_of(parts))
    with closing_at(end, first_to_connect(addresses, port_of(parts), end)) as plain:
        if parts.scheme == "http":
            yield plain
            return
        with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as encrypted:
            yield encrypted


def first_to_connect(addresses: list[str], port: int, end: float) -> socket.socket:
    """A connection to the first of the addresses that answers."""
    failure: OSError = TimeoutError()
    for address in addresses:
        left = end - monotonic()
        if left <= 0:
            break
        try:
            sock = socket.create_connection((address, port), min(CONNECT, left))
        except OSError as error:
            failure = error
        else:
            sock.settimeout(TOTAL)
            return sock
    raise failure


@contextmanager
def closing_at(end: float, sock: socket.socket) -> Iterator[socket.socket]:
    """Break the connection at that time: a time-out of a socket starts anew with every byte."""
    # A second handle, because encryption takes the first one over.
    handle = sock.dup()

    def end_it() -> None:
        with suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)

    timer = Timer(end - monotonic(), end_it)
    timer.daemon = True
    timer.start()
    try:
        with sock:
            yield sock
    finally:
        timer.cancel()
        handle.close()
