"""How what happened to tickets is counted, as SQL: the same for counting, counting again, reading and checking.

A milestone is something that happened to a ticket. It is counted at the day and the hour of the site's clocks at which
the ticket was asked (the first time, or again when it was re-opened), for the department and the priority that it had
when it happened. How many are open is counted at the hour at which it happened, and so is what each agent did. On the
day on which the clocks go back two hours have one number, and both are counted there.

How long something took is kept as a class of durations, each a tenth longer than the one before: percentiles cannot be
added up, and numbers of classes can. What is told of a class is its middle, so it is wrong by 5 % at most, and by less
than a second below one. Days are added up to months besides, as a year has too many hours to be read one by one.
"""

import math

STEP = 1.1

NUMBERS = ("asked", "again", "handed", "answered", "in_time", "late", "closed", "came", "went")
TALLY_KEY = ("day", "hour", "department", "priority")
DURATION_KEY = ("starts", "is_month", "hour", "department", "what", "bin")
AGENT_KEY = ("day", "agent_id", "department")
AGENT_NUMBERS = ("handed", "closed")

FRESH = "(SELECT * FROM support_milestone WHERE NOT counted)"
COUNTED = "(SELECT * FROM support_milestone WHERE counted)"


def moments(source: str, zone: str = "%(zone)s") -> str:
    """SQL for the milestones of a table or a query, each with its days, hours and class of durations."""
    asked, happened = (f"(m.{column} AT TIME ZONE {zone})" for column in ("asked_at", "at"))
    seconds = "extract(epoch FROM m.at - m.asked_at)::double precision"
    class_ = f"1 + floor(ln({seconds}) / ln({STEP}::double precision))"
    return f"""
        SELECT m.what, m.department, m.priority, m.agent_id, m.in_time,
            {asked}::date AS day, extract(hour FROM {asked})::smallint AS hour,
            {happened}::date AS at_day, extract(hour FROM {happened})::smallint AS at_hour,
            CASE WHEN {seconds} < 1 THEN 0 ELSE {class_} END::smallint AS bin
        FROM {source} AS m
    """


# Each reads a table or a common table expression `moments`.
COUNTS = f"""
    SELECT {", ".join(TALLY_KEY)}, {", ".join(f"sum({name})::integer AS {name}" for name in NUMBERS)} FROM (
        SELECT {", ".join(TALLY_KEY)},
            (what IN ('asked', 'again'))::integer AS asked, (what = 'again')::integer AS again,
            (what = 'handed')::integer AS handed, (what = 'answered')::integer AS answered,
            coalesce(in_time, false)::integer AS in_time, coalesce(NOT in_time, false)::integer AS late,
            (what = 'closed')::integer AS closed, 0 AS came, 0 AS went
        FROM moments WHERE what NOT IN ('came', 'left')
        UNION ALL
        SELECT at_day, at_hour, department, priority, 0, 0, 0, 0, 0, 0, 0,
            (what IN ('asked', 'again', 'came'))::integer, (what IN ('closed', 'left'))::integer
        FROM moments WHERE what NOT IN ('handed', 'answered')
    ) AS flat GROUP BY {", ".join(TALLY_KEY)}
"""

DURATIONS = f"""
    SELECT {", ".join(DURATION_KEY)}, count(*)::integer AS number
    FROM moments CROSS JOIN LATERAL (
        VALUES (day, false), (date_trunc('month', day::timestamp)::date, true)
    ) AS span (starts, is_month)
    WHERE what IN ('handed', 'answered', 'closed') GROUP BY {", ".join(DURATION_KEY)}
"""

OF_AGENTS = """
    SELECT at_day AS day, agent_id, department,
        (count(*) FILTER (WHERE what = 'handed'))::integer AS handed,
        (count(*) FILTER (WHERE what = 'closed'))::integer AS closed
    FROM moments WHERE what IN ('handed', 'closed') AND agent_id IS NOT NULL GROUP BY at_day, agent_id, department
"""


def quantile(bins: dict[int, int], share: float) -> float | None:
    """The seconds that this share of the durations does not exceed, from how many there are of each class."""
    place = math.ceil(share * sum(bins.values()))
    for bin_, number in sorted(bins.items()):
        place -= number
        if place <= 0 < number:
            return middle(bin_)
    return None


def middle(bin_: int) -> float:
    """The seconds that stand for a class: as far from its shortest as from its longest, in proportion."""
    return 0 if bin_ == 0 else STEP ** (bin_ - 0.5)


def differences(table: str, counted: str, columns: tuple[str, ...]) -> str:
    """SQL for the rows of a table of tallies that differ from what is counted again; the first column names each."""
    names = ", ".join(columns)
    return f"""
        (SELECT {names} FROM {table} EXCEPT SELECT {names} FROM ({counted}) AS again)
        UNION ALL
        (SELECT {names} FROM ({counted}) AS again EXCEPT SELECT {names} FROM {table})
    """
