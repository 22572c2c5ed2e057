from importlib import import_module

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models

SHELF, SHELVES = 2**20, 8  # as in support/entries.py; the last shelf takes whatever is beyond it

earlier = import_module("support.migrations.0014_search")

# Shelves by age: a search reads the newest one first, each by a plan of its own, and most of them not at all.
TABLE = """
CREATE SEQUENCE support_searchentry_id_seq AS bigint;
CREATE TABLE support_searchentry (
    id bigint PRIMARY KEY DEFAULT nextval('support_searchentry_id_seq'),
    ticket_id uuid NOT NULL REFERENCES support_ticket ON DELETE CASCADE,
    reply_id uuid REFERENCES support_reply ON DELETE CASCADE,
    for_staff boolean NOT NULL,
    said_at timestamptz NOT NULL,
    words tsvector NOT NULL,
    marks text[] NOT NULL
) PARTITION BY RANGE (id);
ALTER SEQUENCE support_searchentry_id_seq OWNED BY support_searchentry.id;
""" + "".join(
    f"CREATE TABLE support_searchentry_{number} PARTITION OF support_searchentry FOR VALUES "
    f"FROM ({number * SHELF if number else 'MINVALUE'}) TO ({(number + 1) * SHELF if number + 1 < SHELVES else 'MAXVALUE'});\n"
    for number in range(SHELVES)
)

# What is said of a ticket, and by which marks the entries of all that belongs to it are narrowed. Who has an open one
# in hand is no mark: it would be written anew with each assignment.
RULES = """
CREATE FUNCTION support_question_words(ticket support_ticket) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT setweight(support_words(ticket.subject || ' ' || ticket.code), 'A')
        || setweight(support_words(ticket.message), 'B') || setweight(support_words(ticket.rejection), 'C')
$$;
CREATE FUNCTION support_staff_words(ticket support_ticket) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT support_words(concat_ws(' ', ticket.claimed_user_id, ticket.claimed_phone, ticket.email, ticket.handover_note))
$$;
CREATE FUNCTION support_reply_words(reply support_reply) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT setweight(support_words(reply.message), 'B')
$$;
CREATE FUNCTION support_marks(ticket support_ticket) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY['d' || ticket.department, 'p' || ticket.priority,
            's' || CASE WHEN ticket.closed_at IS NULL THEN 'open' ELSE ticket.status END]
        || CASE WHEN ticket.user_id IS NOT NULL THEN ARRAY['u' || ticket.user_id] END
        || CASE WHEN ticket.closed_at IS NOT NULL AND ticket.agent_id IS NOT NULL THEN ARRAY['a' || ticket.agent_id] END
        || ARRAY(SELECT 't' || tag FROM unnest(ticket.tags) tag)
$$;
CREATE VIEW support_searchentry_due AS
    SELECT ticket.id AS ticket_id, NULL::uuid AS reply_id, false AS for_staff, ticket.created_at AS said_at,
        support_question_words(ticket) AS words, support_marks(ticket) AS marks
    FROM support_ticket ticket
    UNION ALL
    SELECT ticket.id, NULL, true, ticket.created_at, support_staff_words(ticket), support_marks(ticket)
    FROM support_ticket ticket
    WHERE concat(claimed_user_id, claimed_phone, email, handover_note) <> ''
    UNION ALL
    SELECT ticket.id, reply.id, reply.is_internal, reply.created_at, support_reply_words(reply), support_marks(ticket)
    FROM support_reply reply JOIN support_ticket ticket ON ticket.id = reply.ticket_id
"""

TRIGGERS = """
CREATE FUNCTION support_enter_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO support_searchentry (ticket_id, for_staff, said_at, words, marks)
        VALUES (NEW.id, false, NEW.created_at, support_question_words(NEW), support_marks(NEW));
    ELSE
        UPDATE support_searchentry SET marks = support_marks(NEW)
        WHERE ticket_id = NEW.id AND marks <> support_marks(NEW);
        UPDATE support_searchentry
        SET words = CASE WHEN for_staff THEN support_staff_words(NEW) ELSE support_question_words(NEW) END
        WHERE ticket_id = NEW.id AND reply_id IS NULL
            AND words <> CASE WHEN for_staff THEN support_staff_words(NEW) ELSE support_question_words(NEW) END;
    END IF;
    INSERT INTO support_searchentry (ticket_id, for_staff, said_at, words, marks)
    SELECT NEW.id, true, NEW.created_at, support_staff_words(NEW), support_marks(NEW)
    WHERE concat(NEW.claimed_user_id, NEW.claimed_phone, NEW.email, NEW.handover_note) <> '' AND NOT EXISTS (
        SELECT FROM support_searchentry WHERE ticket_id = NEW.id AND reply_id IS NULL AND for_staff
    );
    RETURN NULL;
END
$$;
CREATE FUNCTION support_enter_reply() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Whatever is being changed of the ticket is waited for: its marks are those that it has afterwards.
    PERFORM FROM support_ticket WHERE id = NEW.ticket_id FOR SHARE;
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM support_searchentry WHERE reply_id = OLD.id;
    END IF;
    INSERT INTO support_searchentry (ticket_id, reply_id, for_staff, said_at, words, marks)
    SELECT NEW.ticket_id, NEW.id, NEW.is_internal, NEW.created_at, support_reply_words(NEW), support_marks(ticket)
    FROM support_ticket ticket WHERE ticket.id = NEW.ticket_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER support_ticket_entered AFTER INSERT ON support_ticket
FOR EACH ROW EXECUTE FUNCTION support_enter_ticket();
CREATE TRIGGER support_ticket_entered_anew AFTER UPDATE ON support_ticket FOR EACH ROW WHEN (
    (OLD.subject, OLD.code, OLD.message, OLD.rejection, OLD.claimed_user_id, OLD.claimed_phone, OLD.email,
        OLD.handover_note, OLD.department, OLD.priority, OLD.user_id, OLD.tags, OLD.closed_at)
    IS DISTINCT FROM
    (NEW.subject, NEW.code, NEW.message, NEW.rejection, NEW.claimed_user_id, NEW.claimed_phone, NEW.email,
        NEW.handover_note, NEW.department, NEW.priority, NEW.user_id, NEW.tags, NEW.closed_at)
    OR NEW.closed_at IS NOT NULL AND (OLD.status, OLD.agent_id) IS DISTINCT FROM (NEW.status, NEW.agent_id)
) EXECUTE FUNCTION support_enter_ticket();
CREATE TRIGGER support_reply_entered AFTER INSERT OR UPDATE OF ticket_id, message, is_internal ON support_reply
FOR EACH ROW EXECUTE FUNCTION support_enter_reply()
"""

# The words are taken from where they were until now; the indexes are made after the rows, which is much quicker.
FILLED = """
INSERT INTO support_searchentry (ticket_id, reply_id, for_staff, said_at, words, marks)
SELECT id, NULL::uuid, false, created_at, words, support_marks(ticket) FROM support_ticket ticket
UNION ALL
SELECT id, NULL, true, created_at, staff_words, support_marks(ticket) FROM support_ticket ticket
WHERE concat(claimed_user_id, claimed_phone, email, handover_note) <> ''
UNION ALL
SELECT ticket.id, reply.id, is_internal, reply.created_at, reply.words, support_marks(ticket)
FROM support_reply reply JOIN support_ticket ticket ON ticket.id = reply.ticket_id
ORDER BY 4;
CREATE INDEX support_entry_words ON support_searchentry USING gin (words, marks) WITH (fastupdate = off);
CREATE INDEX support_entry_of_ticket ON support_searchentry (ticket_id);
CREATE INDEX support_entry_of_reply ON support_searchentry (reply_id) WHERE reply_id IS NOT NULL
"""

UNMADE = """
DROP TRIGGER support_ticket_entered ON support_ticket;
DROP TRIGGER support_ticket_entered_anew ON support_ticket;
DROP TRIGGER support_reply_entered ON support_reply;
DROP FUNCTION support_enter_ticket(), support_enter_reply();
DROP VIEW support_searchentry_due;
DROP FUNCTION support_question_words(support_ticket), support_staff_words(support_ticket),
    support_reply_words(support_reply), support_marks(support_ticket)
"""


class Migration(migrations.Migration):
    """What the search finds is a table of its own: no change of a ticket but of its words writes them anew."""

    dependencies = [("support", "0021_what_happened_before")]

    operations = [
        migrations.RunSQL(TABLE, "DROP TABLE support_searchentry"),
        migrations.RunSQL(RULES + ";" + TRIGGERS, UNMADE),
        migrations.RunSQL(FILLED, migrations.RunSQL.noop),
        migrations.RunSQL("ALTER TABLE support_ticket DROP COLUMN words, DROP COLUMN staff_words", earlier.TICKETS),
        migrations.RunSQL("ALTER TABLE support_reply DROP COLUMN words", earlier.REPLIES),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="SearchEntry",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False, verbose_name="number")),
                        ("for_staff", models.BooleanField(verbose_name="for staff")),
                        ("said_at", models.DateTimeField(verbose_name="said")),
                        ("words", django.contrib.postgres.search.SearchVectorField(verbose_name="words")),
                        (
                            "marks",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.TextField(),
                                help_text="What the ticket is narrowed by: d for its department, p priority, s status, "
                                "u account, a who ended it, t tag.",
                                size=None,
                                verbose_name="marks",
                            ),
                        ),
                        (
                            "reply",
                            models.ForeignKey(
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="support.reply",
                                verbose_name="reply",
                            ),
                        ),
                        (
                            "ticket",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="search_entries",
                                to="support.ticket",
                                verbose_name="ticket",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "search entry",
                        "verbose_name_plural": "search entries",
                        "indexes": [
                            django.contrib.postgres.indexes.GinIndex(
                                fields=["words", "marks"], name="support_entry_words", fastupdate=False
                            ),
                            models.Index(fields=["ticket"], name="support_entry_of_ticket"),
                            models.Index(
                                fields=["reply"],
                                name="support_entry_of_reply",
                                condition=models.Q(("reply__isnull", False)),
                            ),
                        ],
                    },
                )
            ]
        ),
    ]
