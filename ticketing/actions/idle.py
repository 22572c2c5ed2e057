"""Accounts of customers who did nothing for long are anonymised, by age alone (RETENTION_DAYS)."""

import logging
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import Error
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from ticketing.actions.privacy import anonymise_account
from ticketing.errors import Refused
from ticketing.models import Activity, ApiToken, User

AT_ONCE = 20  # each is a transaction of its own

logger = logging.getLogger(__name__)


def _idle(age: timedelta) -> QuerySet[Any]:
    """Customers who neither logged in since then, nor used a token, nor did anything else that is written down."""
    then = Now() - age
    since = Coalesce("last_login", "date_joined")
    tokens = ApiToken.objects.filter(user=OuterRef("pk"), last_used_at__gte=then)
    lines = Activity.objects.filter(actor=OuterRef("pk"), at__gte=then)
    customers = User.objects.filter(role=User.Role.CUSTOMER, is_superuser=False, anonymised_at=None, is_demo=False)
    return customers.alias(since=since).filter(since__lt=then).exclude(Exists(tokens)).exclude(Exists(lines))


def outlived(age: timedelta) -> int:
    """How many there are; of whom some may have something ahead, and stay."""
    return _idle(age).count()


def forget(age: timedelta, *, limit: int) -> int:
    """Anonymise at most so many; returns how many. Who has something ahead is passed over, and keeps nobody waiting."""
    limit = min(limit, AT_ONCE)
    begin = uuid4()  # somewhere, so that those who are passed over each time do not stand before the others
    found = list(_idle(age).filter(pk__gte=begin).order_by("pk")[:limit])
    found += list(_idle(age).filter(Q(pk__lt=begin)).order_by("pk")[: limit - len(found)])
    return sum(_forgotten(account) for account in found)


def _forgotten(account: User) -> bool:
    try:
        anonymise_account(account, by=None, reason="age")
    except (Refused, Error) as error:
        logger.info("retention: account %s stays: %s", account.pk, type(error).__name__)
        return False
    return True
