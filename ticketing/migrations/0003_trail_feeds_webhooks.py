"""Every line of the audit trail becomes one delivery for each webhook that asked for it, in the same transaction.

A trigger, because the trail is written by Python, by set-based statements and by functions of the database alike, and none
may forget it. It runs once per statement, so a purge of thousands costs one INSERT.
"""

from django.db import migrations

FEED = """
CREATE FUNCTION ticketing_feed_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ticketing_delivery (activity_id, webhook_id, about)
    SELECT line.id, webhook.id, line.object_id
    FROM added AS line
    JOIN ticketing_webhook AS webhook
        ON webhook.is_active AND (webhook.operations = '{}' OR line.operation = ANY (webhook.operations))
    ORDER BY line.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER ticketing_feed_webhooks AFTER INSERT ON ticketing_activity
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ticketing_feed_webhooks();
-- What is lost in a crash is forgotten spending, which harms nobody; what is saved is a write to the log per request.
ALTER TABLE ticketing_allowance SET UNLOGGED;
"""

FORGET = """
DROP TRIGGER ticketing_feed_webhooks ON ticketing_activity;
DROP FUNCTION ticketing_feed_webhooks();
ALTER TABLE ticketing_allowance SET LOGGED;
"""


class Migration(migrations.Migration):
    dependencies = [("ticketing", "0002_doors")]

    operations = [migrations.RunSQL(FEED, FORGET)]
