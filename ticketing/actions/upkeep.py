"""The verbs of the site itself."""

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext_lazy as _

from ticketing.errors import Conflict
from ticketing.models import (
    Allowance,
    ApiToken,
    Delivery,
    EmailLink,
    IdempotencyKey,
    Mail,
    Session,
    Site,
    User,
    Waiter,
)


class WrongMode(Conflict):
    """A demo would write over production's data, and production would let the demo's accounts in."""

    code = "wrong_mode"
    message = _(
        "This database is used by a site in %(mode)s mode. Set SITE_MODE=%(mode)s, or name another database in "
        "DATABASE_URL."
    )


def forget_outlived() -> int:
    """Delete what nobody can use any more and what nobody needs to look up any more; returns how many rows."""
    kinds = (IdempotencyKey, ApiToken, EmailLink, Allowance, Session, Mail, Delivery, Waiter)
    return sum(kind.objects.outlived().delete()[0] for kind in kinds)


def check_mode() -> None:
    """Refuse with WrongMode a database that is used in the other mode; one that is still empty fits either."""
    mode = _remembered_mode()
    if mode not in ("", settings.SITE_MODE):
        raise WrongMode(WrongMode.message % {"mode": mode})


def remember_mode() -> None:
    """Write down in which mode this database is used, the first time, or refuse with WrongMode."""
    check_mode()
    Site.objects.get_or_create(pk=1, defaults={"mode": settings.SITE_MODE})


def _remembered_mode() -> str:
    """Empty where nothing tells; the tables may not be there yet, and older ones know the demo by its accounts."""
    tables = connection.introspection.table_names()
    if Site._meta.db_table in tables and (site := Site.objects.first()):
        return site.mode
    holds_demo = User._meta.db_table in tables and User.objects.filter(is_demo=True).exists()
    return "demo" if holds_demo else ""
