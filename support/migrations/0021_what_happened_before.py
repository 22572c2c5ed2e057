from django.db import migrations

# What is known of tickets from before: when each was asked (the last time), is handed to its agent, was answered and
# closed. Counting goes on from there by itself, as for everything else.
_ASKED_AT = """queue_at + CASE priority
    WHEN 'high' THEN interval '24 hours' WHEN 'medium' THEN interval '8 hours' ELSE interval '0' END"""

MILESTONES = f"""
INSERT INTO support_milestone (ticket_id, what, at, asked_at, department, priority, agent_id, in_time)
SELECT ticket.id, what, happened.at, least(ticket.asked, happened.at), department, priority, agent_id,
    CASE what WHEN 'answered' THEN promise.respond_by >= first_answered_at END
FROM (SELECT *, {_ASKED_AT} AS asked FROM support_ticket) AS ticket
LEFT JOIN support_promise AS promise ON promise.ticket_id = ticket.id
CROSS JOIN LATERAL (VALUES
    ('asked', ticket.asked), ('handed', assigned_at), ('answered', first_answered_at), ('closed', closed_at)
) AS happened (what, at)
WHERE happened.at IS NOT NULL
ORDER BY ticket.created_at, ticket.id
"""

# So that nobody's waiting ends twice.
FIRST_ASSIGNED = "UPDATE support_ticket SET first_assigned_at = assigned_at WHERE status = 'in_progress'"


class Migration(migrations.Migration):
    dependencies = [("support", "0020_tallies")]

    operations = [
        migrations.RunSQL(MILESTONES, "DELETE FROM support_milestone"),
        migrations.RunSQL(FIRST_ASSIGNED, migrations.RunSQL.noop),
    ]
