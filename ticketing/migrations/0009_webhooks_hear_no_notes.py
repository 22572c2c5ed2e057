"""Webhooks hear of everything but of internal notes: what staff say among themselves leaves the site by no way."""

from django.db import migrations

FEED = """
CREATE OR REPLACE FUNCTION ticketing_feed_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ticketing_delivery (activity_id, webhook_id, about)
    SELECT line.id, webhook.id, line.object_id
    FROM added AS line
    JOIN ticketing_webhook AS webhook
        ON webhook.is_active AND (webhook.operations = '{{}}' OR line.operation = ANY (webhook.operations))
    {silent}
    ORDER BY line.id;
    RETURN NULL;
END
$$;
"""
SILENT = "WHERE line.operation <> 'support.note'"


class Migration(migrations.Migration):
    dependencies = [("ticketing", "0008_verdict")]

    operations = [migrations.RunSQL(FEED.format(silent=SILENT), FEED.format(silent=""))]
