"""Whether anything in the database changed."""

from contextlib import contextmanager

from django.db import connection

# What counts failed log-ins and requests is meant to change by a refusal, and so is when a token was last seen.
COUNTERS = {"axes_accessattempt", "axes_accessfailurelog", "ticketing_session", "ticketing_allowance"}
SEEN = "last_used_at"


def snapshot():
    """A fingerprint of every table."""
    with connection.cursor() as cursor:
        names = set(connection.introspection.table_names(cursor)) - COUNTERS
        rows = " UNION ALL ".join(
            f"SELECT '{name}', md5(coalesce(string_agg(row, '|' ORDER BY row), ''))"
            f" FROM (SELECT (to_jsonb(t) - '{SEEN}')::text AS row FROM {name} t) AS rows"
            for name in sorted(names)
        )
        cursor.execute(rows)
        return dict(cursor.fetchall())


@contextmanager
def nothing_changes():
    """Fail if a table changed inside the block."""
    before = snapshot()
    yield
    after = snapshot()
    assert {name for name in after if after[name] != before[name]} == set()
