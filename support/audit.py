"""What is always true of the support desk, as SQL that finds the rows for which it is not (see manage.py audit)."""

from django.conf import settings

from support import tallies
from support.tallies import AGENT_KEY, AGENT_NUMBERS, DURATION_KEY, NUMBERS, TALLY_KEY, differences

# For EXCEPT: whatever PostgreSQL believes of the tables, that never goes through one for each row of another.
_MOVED_IN = """SELECT jsonb_array_elements_text(details -> 'ids')::uuid
               FROM ticketing_activity WHERE operation = '%s'"""

_GRACE = settings.AGENT_GRACE.total_seconds()

_PRESENT = """a.online_until > statement_timestamp()
    AND EXISTS (SELECT 1 FROM ticketing_user u WHERE u.id = a.user_id AND u.is_active
                AND (u.role IN ('agent', 'supervisor') OR u.is_superuser))"""

_CLOCKS = f"'{settings.TIME_ZONE}'"
_ON_THESE_CLOCKS = f"SELECT {_CLOCKS} AS zone, * FROM ({tallies.COUNTS}) AS found"
_RECOUNTED = [
    ("support_tally", _ON_THESE_CLOCKS, ("zone", *TALLY_KEY, *NUMBERS)),
    ("support_durationtally", tallies.DURATIONS, (*DURATION_KEY, "number")),
    ("support_agenttally", tallies.OF_AGENTS, (*AGENT_KEY, *AGENT_NUMBERS)),
]
_DIFFERENT = " UNION ALL ".join(
    f"SELECT concat_ws(' ', '{table}', {', '.join(columns[:5])}) FROM ({differences(table, counted, columns)}) AS one"
    for table, counted, columns in _RECOUNTED
)

CHECKS = [
    (
        "S1",
        "a waiting ticket has no agent, one in progress has exactly one, a closed one says when",
        """SELECT code FROM support_ticket WHERE NOT (
               (status = 'created' AND agent_id IS NULL AND closed_at IS NULL)
            OR (status = 'in_progress' AND agent_id IS NOT NULL AND closed_at IS NULL)
            OR (status IN ('completed', 'rejected') AND closed_at IS NOT NULL))""",
    ),
    (
        "S1",
        "no ticket is in progress with an agent there is no row of",
        """SELECT code FROM support_ticket t WHERE status = 'in_progress'
           AND NOT EXISTS (SELECT 1 FROM support_agent a WHERE a.id = t.agent_id)""",
    ),
    (
        "S2",
        "no agent is above capacity, and each agent's count is that of the tickets in progress",
        """SELECT a.id FROM support_agent a
           LEFT JOIN support_ticket t ON t.agent_id = a.id AND t.status = 'in_progress'
           GROUP BY a.id HAVING a.taken <> count(t.id) OR a.taken > a.capacity""",
    ),
    (
        "S2",
        "no unanswered ticket stays with an agent who has been gone for 10 seconds more than the grace",
        f"""SELECT t.code FROM support_ticket t JOIN support_agent a ON a.id = t.agent_id
            WHERE t.status = 'in_progress' AND NOT coalesce({_PRESENT}, false)
            AND t.answered_at IS NULL
            AND greatest(a.online_until + interval '{_GRACE} seconds', a.updated_at, t.updated_at)
                < statement_timestamp() - interval '10 seconds'""",
    ),
    (
        "S3",
        "no ticket waits longer than 10 seconds while a fit agent has room",
        f"""SELECT t.code FROM support_ticket t WHERE t.status = 'created' AND EXISTS (
                SELECT 1 FROM support_agent a WHERE a.taken < a.capacity AND NOT a.is_away AND {_PRESENT}
                AND (t.department = '' OR a.departments = '{{}}' OR t.department = ANY (a.departments))
                AND a.id IS DISTINCT FROM t.released_by_id
                AND greatest(a.updated_at, t.updated_at) < statement_timestamp() - interval '10 seconds')""",
    ),
    (
        "S4",
        "a ticket's place in the queue is its time less at most the lift of its priority, never later than now",
        """SELECT code FROM support_ticket
           WHERE queue_at > statement_timestamp() OR queue_at < created_at - interval '24 hours 1 second'""",
    ),
    (
        "S5",
        "the tallies of the reports are what counting all that happened again comes to",
        f"WITH moments AS MATERIALIZED ({tallies.moments(tallies.COUNTED, zone=_CLOCKS)}) {_DIFFERENT}",
    ),
    (
        "S5",
        "every ticket is counted as asked",
        """SELECT id FROM support_ticket
           EXCEPT SELECT ticket_id FROM support_milestone WHERE what = 'asked'""",
    ),
    (
        "S6",
        "the search finds every ticket and reply, as it is",
        """SELECT coalesce(due.ticket_id, entry.ticket_id)
           FROM support_searchentry_due due
           FULL JOIN support_searchentry entry ON due.for_staff = entry.for_staff
               AND coalesce(due.reply_id, due.ticket_id) = coalesce(entry.reply_id, entry.ticket_id)
           WHERE (due.words IS DISTINCT FROM entry.words OR due.marks IS DISTINCT FROM entry.marks)
           AND NOT (due.ticket_id IS NULL AND entry.words = '')""",
    ),
    (
        "X2",
        "every ticket and every reply has its line in the audit trail",
        f"""WITH made_here AS (
               SELECT id FROM support_reply EXCEPT {_MOVED_IN % "support.move_in_replies"}
           ), replied AS (
               SELECT ticket_id AS id, is_internal, count(*) AS replies
               FROM support_reply JOIN made_here USING (id) GROUP BY 1, 2
           ), told AS (
               SELECT object_id AS id, operation = 'support.note' AS is_internal, count(*) AS lines
               FROM ticketing_activity WHERE operation IN ('support.reply', 'support.note') GROUP BY 1, 2
           )
           (SELECT id FROM support_ticket
            EXCEPT SELECT object_id FROM ticketing_activity WHERE operation = 'support.open'
            EXCEPT {_MOVED_IN % "support.move_in"})
           UNION ALL
           SELECT id FROM replied LEFT JOIN told USING (id, is_internal) WHERE replies > coalesce(lines, 0)""",
    ),
]
