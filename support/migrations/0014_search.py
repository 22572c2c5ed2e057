from django.db import migrations

# Words without accents and punctuation, in small letters, so that "Zoë" and "zoe", "a.b@c.org" and "b c" are the same
# for whoever looks for them. Signs are named one by one: what the database's locale takes for a letter does not count.
PLAIN = r"""
CREATE FUNCTION support_plain(said text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN regexp_replace(
    regexp_replace(normalize(replace(lower(said), 'ß', 'ss'), NFKD), U&'[\0300-\036F]+', '', 'g'),
    U&'[\0001-/:-@\005B-`{-\00BF\2000-\206F\3000-\303F]+', ' ', 'g'
)
"""

# Each word plain; those with an umlaut in the spelling of those who have no umlauts, too: muller and mueller.
WORDS = r"""
CREATE FUNCTION support_words(said text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN to_tsvector('simple', support_plain(said)) || CASE WHEN said ~ '[äöüÄÖÜ]' THEN
    to_tsvector('simple', support_plain(replace(replace(replace(
        regexp_replace(lower(said), '(^|\s)[^\säöü]+(?=\s|$)', ' ', 'g'),
        'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue')))
ELSE '' END
"""

# These words beside each other; the last one may be the beginning of a longer one.
SOUGHT = """
CREATE FUNCTION support_sought(said text, begins boolean) RETURNS tsquery
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN begins AND numnode(phraseto_tsquery('simple', support_plain(said))) > 0
    THEN (phraseto_tsquery('simple', support_plain(said))::text || ':*')::tsquery
    ELSE phraseto_tsquery('simple', support_plain(said)) END
"""

TICKETS = """
ALTER TABLE support_ticket
    ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(support_words(subject || ' ' || code), 'A') || setweight(support_words(message), 'B')
        || setweight(support_words(rejection), 'C')
    ) STORED,
    ADD COLUMN staff_words tsvector NOT NULL GENERATED ALWAYS AS (
        support_words(claimed_user_id || ' ' || claimed_phone || ' ' || email || ' ' || handover_note)
    ) STORED;
CREATE INDEX support_ticket_words ON support_ticket USING gin (words) WITH (fastupdate = off);
CREATE INDEX support_ticket_staff_words ON support_ticket USING gin (staff_words) WITH (fastupdate = off)
"""

REPLIES = """
ALTER TABLE support_reply
    ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS (setweight(support_words(message), 'B')) STORED;
CREATE INDEX support_reply_words ON support_reply USING gin (words) WITH (fastupdate = off)
"""

PEOPLE = """
CREATE INDEX support_customer_words ON ticketing_user USING gin (
    support_words(username || ' ' || first_name || ' ' || last_name || ' ' || email)
) WITH (fastupdate = off)
"""


class Migration(migrations.Migration):
    """The columns are no fields of the models: only the database writes them, and no page has to load them."""

    dependencies = [("support", "0013_service_levels"), ("ticketing", "0009_webhooks_hear_no_notes")]

    operations = [
        migrations.RunSQL(PLAIN, "DROP FUNCTION support_plain(text)"),
        migrations.RunSQL(WORDS, "DROP FUNCTION support_words(text)"),
        migrations.RunSQL(SOUGHT, "DROP FUNCTION support_sought(text, boolean)"),
        migrations.RunSQL(TICKETS, "ALTER TABLE support_ticket DROP COLUMN words, DROP COLUMN staff_words"),
        migrations.RunSQL(REPLIES, "ALTER TABLE support_reply DROP COLUMN words"),
        migrations.RunSQL(PEOPLE, "DROP INDEX support_customer_words"),
    ]
