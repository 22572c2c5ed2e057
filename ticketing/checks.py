"""What is wrong with a production site's settings (`manage.py check --deploy`), each with what to do about it.

Settings without which nothing may start are refused by settings.py itself; `manage.py up` refuses to start on errors
here and prints the warnings.
"""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import Error as DatabaseError
from django.db import connections
from django.http.request import validate_host

from ticketing import rights
from ticketing.runtime.secret import is_local_secret

LOOPBACK = ("localhost", "127.0.0.1", "::1")
MAIL_THAT_GOES_NOWHERE = ("console", "dummy", "locmem", "filebased")
LEAST_CHARACTERS = 20  # different ones, of the fifty that settings.py asks for


@register(Tags.security, deploy=True)
def production_settings(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """Every way of getting production wrong that the settings alone show."""
    return [] if rights.is_demo() else [*_secret(), *_hosts(), *_tls(), *_database(), *_outside(), *_open(), *_house()]


@register(Tags.database)
def database_role(app_configs: Any, databases: Any = None, **options: Any) -> list[CheckMessage]:
    """A role that may do everything turns one defect into the loss of everything (`check --database default`)."""
    if rights.is_demo():
        return []
    return [found for alias in databases or [] for found in _superuser(alias)]


def _secret() -> Iterator[CheckMessage]:
    if len(set(settings.SECRET_KEY)) < LEAST_CHARACTERS:
        yield Error("SECRET_KEY repeats few characters.", hint="Generate a random one.", id="ticketing.E001")
    if is_local_secret(settings.TICKETING_HOME, settings.SECRET_KEY):
        yield Error(
            "SECRET_KEY is the demo's own, which made the tokens that it shows everybody.",
            hint="Generate another one.",
            id="ticketing.E002",
        )


def _hosts() -> Iterator[CheckMessage]:
    for host in settings.ALLOWED_HOSTS:
        if "/" in host or (":" in host and not host.startswith("[")):
            yield Error(f"ALLOWED_HOSTS has “{host}”.", hint="Name hosts without scheme and port.", id="ticketing.E003")
    address = urlsplit(settings.SITE_URL)
    if address.scheme != "https":
        yield Error("SITE_URL, which links in mails begin with, is not https://.", id="ticketing.E004")
    if not validate_host(address.hostname or "", settings.ALLOWED_HOSTS):
        yield Error(
            f"SITE_URL's host {address.hostname} is not among ALLOWED_HOSTS.",
            hint="Links in mails would not be answered.",
            id="ticketing.E005",
        )
    for origin in settings.CSRF_TRUSTED_ORIGINS:
        if not origin.startswith("https://"):
            yield Error(f"CSRF_TRUSTED_ORIGINS trusts {origin}, which anybody on the way can be.", id="ticketing.E006")


def _tls() -> Iterator[CheckMessage]:
    if not settings.BEHIND_PROXY:
        yield Warning(
            "BEHIND_PROXY is not set: the site speaks HTTP, and takes every request for one that needs to go to HTTPS.",
            hint="Set BEHIND_PROXY=1 when a proxy of yours ends TLS (deploy/nginx.conf).",
            id="ticketing.W007",
        )
    if timedelta(seconds=settings.SECURE_HSTS_SECONDS) < timedelta(days=1):
        yield Warning("HSTS_SECONDS is less than a day, which protects nobody.", id="ticketing.W008")
    if not (settings.SESSION_COOKIE_NAME.startswith("__Host-") and settings.CSRF_COOKIE_NAME.startswith("__Host-")):
        yield Warning("SESSION_COOKIE_NAME or CSRF_COOKIE_NAME lacks the prefix __Host-.", id="ticketing.W009")


def _database() -> Iterator[CheckMessage]:
    database = settings.DATABASES["default"]
    host = str(database.get("HOST", ""))
    if database.get("USER") == "postgres":
        yield Error("DATABASE_URL names the superuser postgres.", hint="Make a role of its own.", id="ticketing.E010")
    elsewhere = bool(host) and not host.startswith("/") and host not in LOOPBACK
    if elsewhere and database.get("OPTIONS", {}).get("sslmode") not in ("require", "verify-ca", "verify-full"):
        yield Error(
            f"DATABASE_URL speaks to {host} without TLS.",
            hint="Append ?sslmode=verify-full, or at least ?sslmode=require.",
            id="ticketing.E011",
        )


def _superuser(alias: str) -> Iterator[CheckMessage]:
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            [is_superuser] = cursor.fetchone()
    except DatabaseError as error:
        yield Error(f"DATABASE_URL: the database does not answer: {error}", id="ticketing.E012")
        return
    if is_superuser:
        yield Error("DATABASE_URL names a superuser.", hint="Make a role of its own.", id="ticketing.E010")


def _outside() -> Iterator[CheckMessage]:
    if any(word in settings.EMAIL_BACKEND for word in MAIL_THAT_GOES_NOWHERE):
        yield Error("EMAIL_URL sends mail nowhere: nobody could sign up or reset a password.", id="ticketing.E013")
    if settings.EMAIL_HOST not in LOOPBACK and not (settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL):
        yield Warning("EMAIL_URL speaks to another host without TLS.", hint="Use smtp+tls://.", id="ticketing.W014")
    if getattr(settings, "CORS_ALLOW_ALL_ORIGINS", False) or "*" in settings.CORS_ALLOWED_ORIGINS:
        yield Error("CORS_ALLOWED_ORIGINS lets programs of every page in.", id="ticketing.E015")
    for origin in settings.CORS_ALLOWED_ORIGINS:
        if origin.startswith("http://"):
            yield Warning(f"CORS_ALLOWED_ORIGINS has {origin}, which anybody on the way can be.", id="ticketing.W016")
    for origin in settings.EMBED_ORIGINS:
        if not origin.startswith("https://"):
            yield Error(f"EMBED_ORIGINS lets {origin} frame the booking, which anybody can be.", id="ticketing.E022")
    for host in settings.WEBHOOK_PRIVATE_HOSTS:
        yield Warning(
            f"WEBHOOK_PRIVATE_HOSTS lets webhooks reach {host}, inside your network.",
            hint="Superusers choose the address. Silence this if you mean it (SILENCE_CHECKS=ticketing.W017).",
            id="ticketing.W017",
        )


def _open() -> Iterator[CheckMessage]:
    for contract in settings.OPEN_CONTRACTS:
        operations = ", ".join(rights.CONTRACTS[contract]) or "nothing that is not open anyway"
        yield Warning(
            f"OPEN_CONTRACTS opens {contract} to everybody: {operations}.",
            hint="Give its clients tokens, then take it out.",
            id="ticketing.W018",
        )
    if not settings.THROTTLES.get("anonymous"):
        yield Warning("THROTTLES lets callers without an account ask without a limit.", id="ticketing.W021")


def _house() -> Iterator[CheckMessage]:
    if "TIME_ZONE" not in os.environ:
        yield Warning(
            "TIME_ZONE is not set: places are booked by the clocks of UTC.",
            hint="Name the zone of your clocks, such as Europe/Berlin, or UTC.",
            id="ticketing.W019",
        )
    if settings.LOG_LEVEL == "DEBUG":
        yield Warning("LOG_LEVEL is DEBUG: libraries may then log what people entered.", id="ticketing.W020")
