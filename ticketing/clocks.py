"""The site's clocks, as the database reads them: whether something is of today, and in which hour of it."""

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Aggregate, Count, DateTimeField, Expression, Q, QuerySet, Value
from django.db.models.functions import ExtractHour, Now, TruncDate
from django.db.models.lookups import Exact
from django.utils import timezone

LONGEST_DAY = timedelta(hours=27)


def database_now() -> datetime:
    """What the database's clock shows now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        shown: datetime = cursor.fetchone()[0]
    return shown


def is_today(column: str, at: datetime | None = None) -> Q:
    """Whether the clocks show the same day at the instants of this column as now, or as at that instant."""
    zone = timezone.get_default_timezone()
    now = Now() if at is None else Value(at, output_field=DateTimeField())
    # The range finds the day's neighbourhood in an index, whichever way the clocks change; the rest is exact.
    near = Q(**{f"{column}__gt": now - Value(LONGEST_DAY), f"{column}__lt": now + Value(LONGEST_DAY)})
    return near & Q(Exact(TruncDate(column, tzinfo=zone), TruncDate(now, tzinfo=zone)))


def hour_of(column: str) -> Expression:
    """The hour that the clocks show at the instants of this column."""
    return ExtractHour(column, tzinfo=timezone.get_default_timezone())


def by_hour(rows: QuerySet, column: str, counted: Aggregate | None = None) -> dict[int, int]:
    """For each hour of the clocks that has any of the rows: how many, or whatever is to be counted of them."""
    return dict(rows.order_by().values_list(hour_of(column)).annotate(counted or Count("pk")))
