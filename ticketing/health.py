"""Whether the site does its work: a word for each part for whoever asks, numbers for those who look after it."""

from datetime import timedelta
from typing import Any

from django.db.models import DurationField, Expression, ExpressionWrapper, F, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from django_q.models import OrmQ

from ticketing import rights
from ticketing.errors import Unavailable
from ticketing.models import Delivery, Heartbeat, Mail, Verdict
from ticketing.runtime.heartbeat import BEATING, PATIENCE
from ticketing.toolkit.authentication import caller
from ticketing.toolkit.database import refusing_database_trouble

LATE = timedelta(minutes=2)  # how long a task, a mail or a delivery may be due before it is late

Ages = dict[str, timedelta | None]


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when every part does its work, else 503; whoever may see the outbox also gets the numbers."""
    more: dict[str, Any] = {}
    try:
        with refusing_database_trouble():
            ages = ages_of_parts()
            parts = words(ages)
            if rights.scope(caller(request, "site.health"), "site.outbox"):
                more = {"seconds": _seconds(ages), "given_up": _given_up(), "untrue": untrue()}
    except Unavailable:
        parts = {"database": "away"}
    well = set(parts.values()) == {"ok"}
    body = {"status": "ok" if well else "unwell", "mode": rights.mode(), "parts": parts}
    return JsonResponse(body | more, status=200 if well else 503)


ready.operation = "site.health"  # type: ignore[attr-defined]  # a function may carry what it likes
ready.is_for_programs = True  # type: ignore[attr-defined]


def ages_of_parts() -> Ages:
    """Since when each process gave no sign of life, and since when the oldest task, mail and delivery are due."""
    # What waits behind a mail server or a receiver that fails is theirs to mend: the site itself is well.
    mails = Mail.objects.none() if Mail.objects.being_tried().exists() else Mail.objects.due()
    deliveries = Delivery.objects.due().exclude(webhook__in=Delivery.objects.being_tried().values("webhook"))
    beats = dict(Heartbeat.objects.values_list("name", _age("at")))
    return {name: beats.get(name) for name in sorted(BEATING)} | {
        "queue": _oldest(OrmQ.objects.filter(lock__lte=Now()).order_by("lock"), "lock"),
        "mail": _oldest(mails, "next_at"),
        "webhooks": _oldest(deliveries, "next_at"),
    }


def words(ages: Ages) -> dict[str, str]:
    """A word for each part of a site whose database has just told the ages: ok, silent or late."""
    return {"database": "ok"} | {name: _word(name, age) for name, age in ages.items()}


def untrue() -> list[str]:
    """The promises of which the last audit found that they are untrue."""
    return list(Verdict.objects.untrue().values_list("promise", flat=True))


def _oldest(rows: QuerySet, column: str) -> timedelta | None:
    return rows.values_list(_age(column), flat=True).first()


def _age(column: str) -> Expression:
    return ExpressionWrapper(Now() - F(column), output_field=DurationField())


def _word(part: str, age: timedelta | None) -> str:
    if part in BEATING:
        return "ok" if age is not None and age < PATIENCE else "silent"
    return "ok" if age is None or age < LATE else "late"


def _seconds(ages: Ages) -> dict[str, int | None]:
    return {name: None if age is None else round(age.total_seconds()) for name, age in ages.items()}


def _given_up() -> int:
    return Mail.objects.dead().count() + Delivery.objects.dead().count()
