from django.db import migrations, models

# Of a tag that it never met PostgreSQL believes that it is half as frequent as the rarest one that it knows.
KNOWN_TAGS = "ALTER TABLE support_ticket ALTER tags SET STATISTICS %d"
ENDED = """
UPDATE support_promise SET ended_at = closed_at
FROM support_ticket WHERE support_ticket.id = ticket_id AND closed_at IS NOT NULL
"""
MISSED = models.Q(("response_missed_at__isnull", False), ("resolution_missed_at__isnull", False), _connector="OR")


class Migration(migrations.Migration):
    """Lists of what is late, waits in its order or has a rare tag take as long among a million as among a few."""

    dependencies = [("support", "0022_search_entries")]

    operations = [
        migrations.RunSQL(KNOWN_TAGS % 1000, KNOWN_TAGS % -1),
        migrations.AddField(
            model_name="promise",
            name="ended_at",
            field=models.DateTimeField(
                help_text="When the ticket was closed: nothing is owed.", null=True, verbose_name="ended"
            ),
        ),
        migrations.RunSQL(ENDED, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="promise",
            index=models.Index(
                condition=models.Q(("ended_at", None), MISSED), fields=["ticket"], name="support_promise_late"
            ),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                condition=models.Q(("status", "created")),
                fields=["queue_at", "id"],
                name="support_ticket_next",
            ),
        ),
    ]
