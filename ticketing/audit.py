"""What is always true of the site as a whole, as SQL that finds the rows for which it is not (see manage.py audit)."""

CHECKS = [
    (
        "X2",
        "every line of the audit trail names a role and an operation, and holds no text longer than a code",
        """SELECT id FROM ticketing_activity
           WHERE operation = ''
           OR role NOT IN ('anonymous', 'customer', 'agent', 'gate', 'supervisor', 'superuser', 'system')
           OR EXISTS (SELECT 1 FROM jsonb_each(details) WHERE jsonb_typeof(value) = 'string'
                      AND length(value #>> '{}') > 40)""",
    ),
    (
        "X4",
        "no queued task has waited for a worker longer than ten minutes",
        "SELECT id FROM django_q_ormq WHERE lock < now() - interval '10 minutes'",
    ),
    (
        "X6",
        "every token is stored as a digest, and every password as a hash",
        """SELECT id FROM ticketing_apitoken WHERE digest !~ '^[0-9a-f]{64}$'
           UNION ALL
           SELECT id FROM ticketing_user WHERE password !~ '^(!|[a-z0-9_]+\\$)' AND password <> ''""",
    ),
    (
        "X7",
        "what is to leave the site leaves it: nothing waits an hour past its time, unless what was tried there fails",
        """SELECT id FROM ticketing_mail AS waiting
           WHERE sent_at IS NULL AND dead_at IS NULL AND next_at < now() - interval '1 hour'
           AND NOT EXISTS (SELECT 1 FROM ticketing_mail AS tried
                           WHERE tried.sent_at IS NULL AND tried.dead_at IS NULL AND tried.attempts > 0
                           AND tried.next_at > now() - interval '1 hour')
           UNION ALL
           SELECT id FROM ticketing_delivery AS waiting
           WHERE sent_at IS NULL AND dead_at IS NULL AND next_at < now() - interval '1 hour'
           AND NOT EXISTS (SELECT 1 FROM ticketing_delivery AS tried
                           WHERE tried.sent_at IS NULL AND tried.dead_at IS NULL AND tried.attempts > 0
                           AND tried.next_at > now() - interval '1 hour' AND tried.webhook_id = waiting.webhook_id)""",
    ),
]
