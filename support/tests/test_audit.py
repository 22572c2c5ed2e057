"""Each promise is seen to be untrue once something is planted that breaks it."""

import pytest
from django.db import connection

from support import actions, audit
from support.tests.factories import ReplyFactory, TicketFactory, online_agent

pytestmark = pytest.mark.django_db

DAMAGE = {
    "a waiting ticket has": [
        "ALTER TABLE support_ticket DROP CONSTRAINT support_ticket_status_fits_agent",
        "UPDATE support_ticket SET agent_id = NULL",
    ],
    "no ticket is in progress with": [
        "ALTER TABLE support_ticket DROP CONSTRAINT {foreign_key}",
        "UPDATE support_ticket SET agent_id = gen_random_uuid()",
    ],
    "no agent is above": ["UPDATE support_agent SET taken = taken + 1"],
    "no unanswered ticket stays": [
        "UPDATE support_agent SET online_until = now() - interval '1 hour', updated_at = now() - interval '1 hour'",
        "UPDATE support_ticket SET updated_at = now() - interval '1 hour'",
    ],
    "no ticket waits longer": [
        "UPDATE support_ticket SET status = 'created', agent_id = NULL, updated_at = now() - interval '11 seconds'"
        " WHERE status = 'in_progress'",
        "UPDATE support_agent SET taken = 0, updated_at = now() - interval '11 seconds'",
    ],
    "a ticket's place": ["UPDATE support_ticket SET queue_at = now() + interval '1 hour'"],
    "the tallies of the reports": ["UPDATE support_tally SET asked = asked + 1"],
    "every ticket is counted": ["DELETE FROM support_milestone WHERE what = 'asked'"],
    "the search finds": ["UPDATE support_searchentry SET words = '' WHERE reply_id IS NOT NULL"],
    "every ticket and": ["DELETE FROM ticketing_activity WHERE operation = 'support.reply'"],
}


def untrue():
    with connection.cursor() as cursor:
        for _, promise, sql in audit.CHECKS:
            cursor.execute(sql)
            if cursor.fetchall():
                yield promise


@pytest.fixture
def desk():
    online_agent()
    ReplyFactory()
    actions.assign_waiting_tickets()
    actions.close_ticket(TicketFactory(), by=None)
    actions.count_milestones(limit=3)


def test_every_promise_holds_on_what_the_verbs_made(desk):
    assert list(untrue()) == []


@pytest.mark.parametrize("promise", DAMAGE)
def test_planted_damage_is_found(desk, promise):
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, "support_ticket")
        [foreign_key] = [
            name for name, found in constraints.items() if found["foreign_key"] and found["columns"] == ["agent_id"]
        ]
        for statement in ["SET CONSTRAINTS ALL IMMEDIATE", *DAMAGE[promise]]:
            cursor.execute(statement.format(foreign_key=foreign_key))
    assert any(found.startswith(promise) for found in untrue())


@pytest.mark.parametrize(
    "tampered",
    [
        "DELETE FROM support_agenttally",
        "UPDATE support_agenttally SET closed = closed + 1",
        "UPDATE support_durationtally SET bin = bin + 1 WHERE is_month",
        "UPDATE support_tally SET zone = 'Asia/Kathmandu'",
        "INSERT INTO support_tally (zone, day, hour, department, priority) VALUES ('UTC', '1999-01-01', 1, '', 'low')",
    ],
)
def test_a_tally_that_somebody_tampered_with_is_found(desk, tampered):
    actions.count_milestones()
    with connection.cursor() as cursor:
        cursor.execute(tampered)
    assert list(untrue()) == ["the tallies of the reports are what counting all that happened again comes to"]
    actions.count_milestones_again()
    assert list(untrue()) == []


def test_every_promise_has_its_damage():
    for _, promise, _ in audit.CHECKS:
        assert any(promise.startswith(start) for start in DAMAGE)
