"""Years of a support desk, as rows that keep every promise: what is asked, said, promised, and by whom.

Whatever a page shows of one person or of the present is the same however much is past: a customer with 400 tickets,
400 customers of one first name, fifty agents with ten tickets each in work. Only what waits grows with the rest.
"""

from benchmarks.place import Database

YEARS = 3
BUSY, NAMESAKES, RARELY, AGENTS, IN_WORK = 400, 400, 60, 50, 10
TABLES = ("ticket", "reply", "promise", "rating", "attachment", "searchentry")
TRAIL_TABLE = "ticketing_activity"

SENTENCES, VOCABULARY = 4000, 3000
# Words that nobody means, some of them far more often than others, a dozen to a sentence.
SENTENCE = """
    CREATE TEMP TABLE sentence AS
    SELECT number, string_agg(translate(substr(md5(word::text), 1, 7), '0123456789', 'ghijklmnop'), ' ') AS said
    FROM generate_series(0, %(sentences)s - 1) number, generate_series(1, 12) place,
        LATERAL (SELECT floor(%(vocabulary)s * power(random(), 3)) AS word WHERE number + place > 0) chosen
    GROUP BY number
"""
CUSTOMERS = """
    INSERT INTO ticketing_user (id, username, role, password, is_superuser, first_name, last_name, email, is_staff,
        is_active, date_joined, is_demo)
    SELECT gen_random_uuid(), 'customer' || number, 'customer', '', false,
        CASE number %% (%(customers)s / %(namesakes)s) WHEN 0 THEN 'Maria' ELSE 'First' || number %% 997 END,
        CASE number %% (%(customers)s / 40) WHEN 1 THEN 'Lovelace' ELSE 'Last' || number %% 9973 END,
        'customer' || number || '@example.org', false, true, now(), true
    FROM generate_series(0, %(customers)s - 1) number
"""
STAFF = """
    INSERT INTO ticketing_user (id, username, role, password, is_superuser, first_name, last_name, email, is_staff,
        is_active, date_joined, is_demo)
    SELECT gen_random_uuid(), 'agent' || number, 'agent', '', false, 'Agent', 'Of' || number, '', false, true, now(),
        true
    FROM generate_series(0, %(agents)s - 1) number
    UNION ALL
    SELECT gen_random_uuid(), 'boss', 'supervisor', '', true, 'Grace', 'Hopper', '', true, true, now(), true
    UNION ALL
    SELECT gen_random_uuid(), 'busy', 'customer', '', false, 'Ada', 'Byron', 'busy@example.org', false, true, now(),
        true
"""
# All are there and full, so that whatever waits may wait.
DESK = """
    INSERT INTO support_agent (id, user_id, capacity, taken, departments, online_until)
    SELECT gen_random_uuid(), id, %(in_work)s, 0,
        CASE substr(username, 6)::int %% 5 WHEN 0 THEN ARRAY['sales'] WHEN 1 THEN ARRAY['technical', 'security']
            ELSE '{}' END, now() + interval '1 day'
    FROM ticketing_user WHERE username LIKE 'agent%%'
"""
# The newest has age 0. What is open is of the newest tenth, but for some that were forgotten. What is rare is of the
# same people and departments however much there is beside it.
ASKED = """
    CREATE TEMP TABLE asked AS
    SELECT gen_random_uuid() AS id, number, age, at, status, customer.id AS customer, agent.id AS agent,
        agent.user_id AS answerer, mixed
    FROM (
        SELECT number, age, mixed, now() - (age + 1) * (%(years)s * interval '1 year' / %(tickets)s) AS at,
            CASE WHEN age < %(tickets)s / 10 AND age %% %(step)s = 0 THEN 'in_progress'
                WHEN age < %(tickets)s / 10 AND mixed / 1000 %% 10 = 3 OR age %% 1000 = 3 THEN 'created'
                WHEN age %% 33 = 5 THEN 'rejected' ELSE 'completed' END AS status,
            CASE WHEN age < %(tickets)s / 10 AND age %% %(step)s = 0 THEN age / %(step)s %% %(agents)s
                ELSE mixed / 7 %% (%(agents)s - 5) END AS agent_number
        FROM (
            SELECT number, %(tickets)s - number AS age,
                CASE WHEN number %% (%(tickets)s / %(rarely)s) BETWEEN 3 AND 5
                    THEN number / (%(tickets)s / %(rarely)s) * 7
                    ELSE number::bigint * 2654435761 %% 1000003 END AS mixed
            FROM generate_series(1, %(tickets)s) number
        ) numbered
    ) told
    LEFT JOIN ticketing_user customer ON number %% 20 <> 7 AND customer.username = CASE
        WHEN number %% (%(tickets)s / %(busy)s) = 2 OR number %% (%(tickets)s / %(rarely)s * 10) = 3 THEN 'busy'
        ELSE 'customer' || mixed %% %(customers)s END
    JOIN (
        SELECT support_agent.id, user_id, username
        FROM support_agent JOIN ticketing_user account ON account.id = user_id
    ) agent ON agent.username = 'agent' || agent_number
    ORDER BY number
"""
# "printer" is in every twentieth, in some of them with "burns" behind it, "smoke" in every tenth; "fax" is of years
# ago; "xylophone" is in few whatever is asked.
TICKETS = """
    INSERT INTO support_ticket (id, code, user_id, claimed_user_id, claimed_phone, email, subject, message, department,
        priority, status, agent_id, queue_at, assigned_at, answered_at, first_answered_at, closed_at, tags, rejection,
        created_at, updated_at)
    SELECT asked.id, 'B' || upper(substr(md5(asked.number::text), 1, 4)) || lpad(asked.number::text, 7, '0'), customer,
        CASE WHEN customer IS NULL THEN 'guest' || asked.number ELSE '' END, '',
        CASE WHEN customer IS NULL THEN 'guest' || asked.number || '@example.org' ELSE '' END,
        concat_ws(' ', initcap(split_part(one.said, ' ', 1)), split_part(one.said, ' ', 2),
            CASE WHEN asked.number %% 40 = 1 THEN 'printer' END, CASE WHEN asked.number %% 400 = 1 THEN 'burns' END),
        concat_ws(' ', one.said, CASE WHEN asked.number %% 40 = 21 THEN 'printer' END,
            CASE WHEN asked.number %% 80 = 21 THEN 'burns' END, CASE WHEN mixed %% 10 = 1 THEN 'smoke' END, other.said,
            CASE WHEN asked.number %% (%(tickets)s / %(rarely)s) = 3 THEN 'xylophone' END,
            CASE WHEN asked.number < %(tickets)s / 3 AND mixed %% 20 = 5 THEN 'fax' END),
        CASE WHEN mixed %% 100 < 30 THEN '' WHEN mixed %% 100 < 60 THEN 'sales' WHEN mixed %% 100 < 98 THEN 'technical'
            ELSE 'security' END,
        priority, status, CASE WHEN status <> 'created' THEN agent END, at - lift,
        CASE WHEN status <> 'created' THEN at + interval '5 minutes' END,
        CASE WHEN status <> 'created' AND mixed %% 3 > 0 THEN at + interval '20 minutes' END,
        CASE WHEN status <> 'created' THEN at + interval '10 minutes' END,
        CASE WHEN status IN ('completed', 'rejected') THEN at + interval '25 minutes' END,
        CASE WHEN asked.number %% (%(tickets)s / %(rarely)s) = 4 THEN ARRAY['rare'] WHEN mixed %% 20 = 3
            THEN ARRAY['common', 'kind ' || mixed %% 7] WHEN mixed %% 4 = 0 THEN ARRAY['kind ' || mixed %% 7]
            ELSE '{}' END,
        CASE status WHEN 'rejected' THEN 'It is not for us.' ELSE '' END,
        at, least(at + interval '25 minutes', now())
    FROM asked
    JOIN sentence one ON one.number = asked.number::bigint * 7919 %% %(sentences)s
    JOIN sentence other ON other.number = asked.number::bigint * 6007 %% %(sentences)s,
    LATERAL (
        SELECT CASE WHEN mixed %% 10 < 7 THEN 'medium' WHEN mixed %% 10 < 9 THEN 'low' ELSE 'high' END
    ) p (priority),
    LATERAL (SELECT CASE priority WHEN 'medium' THEN interval '8 hours' WHEN 'high' THEN interval '24 hours'
        ELSE interval '0' END) l (lift)
    ORDER BY asked.number
"""
# One to three, the first by staff, the second by who asked, the third by staff again, often as a note.
REPLIES = """
    INSERT INTO support_reply (id, ticket_id, author_id, message, is_internal, created_at, updated_at)
    SELECT gen_random_uuid(), asked.id, CASE WHEN place = 2 THEN coalesce(customer, answerer) ELSE answerer END,
        concat_ws(' ', said, CASE WHEN (asked.number + place) %% 40 = 11 THEN 'printer' END,
            CASE WHEN asked.number %% (%(tickets)s / %(rarely)s) = 5 AND place = 1 THEN 'xylophone' END),
        place = 3 AND mixed %% 2 = 0, at + place * interval '6 minutes', at + place * interval '6 minutes'
    FROM asked, generate_series(1, 1 + asked.number %% 3) place
    JOIN sentence ON true
    WHERE sentence.number = (asked.number::bigint * 4409 + place * 17) %% %(sentences)s
    ORDER BY asked.number, place
"""
PROMISES = """
    INSERT INTO support_promise (ticket_id, asked_at, ended_at, respond_by, resolve_by, clock_since, clock_spent,
        response_missed_at, resolution_missed_at)
    SELECT id, at, CASE WHEN NOT is_open THEN at + interval '25 minutes' END,
        at + interval '1 hour', CASE WHEN is_open THEN at + interval '8 hours' END,
        CASE WHEN is_open THEN at END, '0', CASE WHEN mixed %% 11 = 0 THEN at + interval '1 hour' END,
        CASE WHEN mixed %% 13 = 0 THEN at + interval '8 hours' END
    FROM asked, LATERAL (SELECT status IN ('created', 'in_progress') AS is_open) still WHERE number %% 2 = 0
"""
RATINGS = """
    INSERT INTO support_rating (id, ticket_id, closed_at, verdict, comment, created_at, updated_at)
    SELECT gen_random_uuid(), id, at + interval '25 minutes', CASE WHEN mixed %% 9 = 0 THEN 'bad' ELSE 'good' END,
        'It was quick.', at + interval '1 hour', at + interval '1 hour'
    FROM asked WHERE status = 'completed' AND customer IS NOT NULL AND number %% 10 = 0
"""
FILES = """
    INSERT INTO support_attachment (id, ticket_id, name, size, content, created_at, updated_at)
    SELECT gen_random_uuid(), id, 'picture.png', 7, 'picture', at, at FROM asked WHERE number %% 50 = 0
"""
TRAIL = """
    INSERT INTO ticketing_activity (at, actor_id, role, operation, kind, object_id, details)
    SELECT created_at, user_id, 'customer', 'support.open', 'support.ticket', id, '{}'::jsonb FROM support_ticket
    UNION ALL
    SELECT created_at, author_id, 'agent', CASE WHEN is_internal THEN 'support.note' ELSE 'support.reply' END,
        'support.ticket', ticket_id, '{}'
    FROM support_reply
    ORDER BY 1
"""
# Written by triggers otherwise, which stand still meanwhile.
ENTRIES = """
    INSERT INTO support_searchentry (ticket_id, reply_id, for_staff, said_at, words, marks)
    SELECT ticket_id, reply_id, for_staff, said_at, words, marks FROM support_searchentry_due ORDER BY said_at
"""
MILESTONES = """
    INSERT INTO support_milestone (ticket_id, what, at, asked_at, department, priority)
    SELECT id, 'asked', created_at, created_at, department, priority FROM support_ticket
"""
COUNTED = """
    UPDATE support_agent SET taken = (
        SELECT count(*) FROM support_ticket WHERE agent_id = support_agent.id AND status = 'in_progress'
    )
"""
INDEXES = """
    SELECT replace(indexdef, ' ON ONLY ', ' ON '), format('DROP INDEX %%I', indexname) FROM pg_indexes
    WHERE tablename = ANY (%s) AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""


def fill(database: Database, tickets: int) -> None:
    """So many questions, asked evenly over the years. The indexes are made last, as after a restored backup."""
    customers = max(tickets // 10, NAMESAKES)
    words = {"tickets": tickets, "customers": customers, "namesakes": NAMESAKES, "busy": BUSY, "rarely": RARELY}
    words |= {"agents": AGENTS, "in_work": IN_WORK, "step": max(1, tickets // 10 // (AGENTS * IN_WORK))}
    words |= {"years": YEARS, "sentences": SENTENCES, "vocabulary": VOCABULARY}
    with database.connect() as connection:
        connection.execute("SET session_replication_role = replica")  # what refers to what is right, and audited after
        connection.execute("SET maintenance_work_mem = '512MB'")
        indexes = connection.execute(INDEXES, [[*(f"support_{table}" for table in TABLES), TRAIL_TABLE]]).fetchall()
        for _made, dropped in indexes:
            connection.execute(dropped)
        people = (SENTENCE, CUSTOMERS, STAFF, DESK, ASKED)
        for statement in (*people, TICKETS, REPLIES, PROMISES, RATINGS, FILES, TRAIL, ENTRIES, MILESTONES, COUNTED):
            connection.execute(statement, words)
        for made, _dropped in indexes:
            connection.execute(made)
        connection.execute("VACUUM (ANALYZE)")
