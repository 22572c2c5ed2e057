"""Search entries: written by the database with whatever they are about, narrowed by marks, read newest first."""

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction

from support import actions, audit, querysets, words
from support.actions.forgetting import forget
from support.entries import SHELF
from support.models import Agent, Reply, SearchEntry, Ticket
from support.tests.factories import ReplyFactory, TicketFactory, online_agent
from ticketing.models import User
from ticketing.tests.factories import UserFactory

pytestmark = pytest.mark.django_db
[FINDS] = [sql for name, promise, sql in audit.CHECKS if name == "S6"]


def wrong():
    """The tickets that the search does not know as they are."""
    with connection.cursor() as cursor:
        cursor.execute(FINDS)
        return cursor.fetchall()


def versions():
    """Which rows there are, and by which transaction each was written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, ctid::text FROM support_searchentry ORDER BY id")
        return cursor.fetchall()


@pytest.fixture
def boss():
    """A supervisor, who also answers."""
    boss = UserFactory(role="supervisor")
    agent = actions.go_online(boss, lasts=timedelta(hours=1), by=boss)
    Agent.objects.filter(pk=agent.pk).update(capacity=20)
    return boss


@pytest.fixture
def ticket():
    ticket = TicketFactory(subject="The printer burns", department="technical")
    ReplyFactory(ticket=ticket, message="It is the toner.")
    return ticket


VERBS = {
    "a reply": lambda ticket, by: actions.reply_to_ticket(ticket, message="Wait for the smoke.", by=by),
    "a note": lambda ticket, by: actions.note_on_ticket(ticket, message="Probably arson.", by=by),
    "another priority": lambda ticket, by: actions.triage_ticket(ticket, priority="high", by=by),
    "another department": lambda ticket, by: actions.triage_ticket(ticket, department="sales", by=by),
    "a tag": lambda ticket, by: actions.tag_ticket(ticket, tag="fire", by=by),
    "an end": lambda ticket, by: actions.close_ticket(ticket, by=by),
    "a rejection": lambda ticket, by: actions.reject_ticket(ticket, reason="Not ours.", by=by),
    "a new address": lambda ticket, by: Ticket.objects.filter(pk=ticket.pk).update(email="who@example.org"),
    "another account": lambda ticket, by: Ticket.objects.filter(pk=ticket.pk).update(user=by),
    "other words": lambda ticket, by: Ticket.objects.filter(pk=ticket.pk).update(message="A flood."),
    "a changed reply": lambda ticket, by: Reply.objects.filter(ticket=ticket).update(message="Ink."),
    "a reply for staff": lambda ticket, by: Reply.objects.filter(ticket=ticket).update(is_internal=True),
    "a reply removed": lambda ticket, by: Reply.objects.filter(ticket=ticket).delete(),
}


@pytest.mark.parametrize("verb", VERBS)
def test_the_search_knows_a_ticket_as_it_is_after(verb, ticket, boss):
    VERBS[verb](ticket, boss)
    assert wrong() == []


def test_the_search_knows_a_ticket_that_was_re_opened_or_lost_its_words(ticket, boss):
    actions.assign_waiting_tickets()
    ticket.refresh_from_db()
    actions.close_ticket(ticket, by=boss)
    assert f"a{ticket.agent_id}" in SearchEntry.objects.filter(ticket=ticket).first().marks
    assert wrong() == []
    actions.reopen_ticket(ticket, by=boss)
    assert wrong() == []
    actions.close_ticket(ticket, by=boss)
    Ticket.objects.filter(pk=ticket.pk).update(closed_at="2020-01-01T00:00:00Z")
    assert forget(timedelta(days=1), limit=10) == 1
    assert wrong() == []
    found = Ticket.objects.visible_to(boss).found_by
    assert not found(words.sought("printer or toner"), boss).exists()


def test_nothing_is_left_of_a_ticket_that_is_gone(ticket):
    Reply.objects.filter(ticket=ticket).delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM support_milestone")
        cursor.execute("DELETE FROM support_ticket")
    assert not SearchEntry.objects.exists()


def test_neither_an_assignment_nor_its_end_writes_words_anew(ticket, boss):
    before = versions()
    other = online_agent(capacity=1)
    actions.assign_ticket(ticket, to=other, by=boss)
    Agent.objects.filter(pk=other.pk).update(online_until="2020-01-01T00:00:00Z")
    assert actions.assign_waiting_tickets() == 1  # taken back, and handed to the other one
    ticket.refresh_from_db()
    assert ticket.agent.user == boss
    assert versions() == before


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM support_searchentry WHERE reply_id IS NULL",
        "DELETE FROM support_searchentry WHERE reply_id IS NOT NULL",
        "UPDATE support_searchentry SET marks = '{}'",
        "UPDATE support_searchentry SET for_staff = true",
        "UPDATE support_searchentry SET reply_id = NULL WHERE reply_id IS NOT NULL",
    ],
)
def test_the_audit_finds_what_the_search_does_not_know(damage, ticket):
    assert wrong() == []
    with connection.cursor() as cursor:
        cursor.execute(damage)
    assert wrong()


NARROWED = {
    "visible_to": lambda tickets, one, boss: tickets.visible_to(one.user),
    "of_account": lambda tickets, one, boss: tickets.of_account(one.user_id),
    "in_department": lambda tickets, one, boss: tickets.in_department(one.department),
    "of_priority": lambda tickets, one, boss: tickets.of_priority(one.priority),
    "in_status": lambda tickets, one, boss: tickets.in_status(one.status),
    "open or closed": lambda tickets, one, boss: tickets.closed() if one.is_closed else tickets.open(),
    "in work": lambda tickets, one, boss: tickets.in_status("in_progress"),
    "tagged": lambda tickets, one, boss: tickets.tagged("fire"),
    "held_by": lambda tickets, one, boss: tickets.held_by(boss),
    "in_the_hands_of": lambda tickets, one, boss: tickets.in_the_hands_of(boss),
    "two of them": lambda tickets, one, boss: tickets.of_priority(one.priority).in_department(one.department),
}


@pytest.mark.parametrize("way", NARROWED)
def test_marks_only_narrow_what_is_narrowed_anyway(way, boss):
    """With them a search finds what it finds without, for tickets of every kind."""
    for number, (department, priority) in enumerate([("", "low"), ("sales", "high"), ("technical", "high")] * 3):
        ticket = TicketFactory(message="smoke", department=department, priority=priority)
        ReplyFactory(ticket=ticket, message="smoke")
        if number % 2:
            actions.tag_ticket(ticket, tag="fire", by=boss)
        if number % 3:
            actions.take_ticket(ticket, by=boss)
        if number % 4 == 0:
            actions.close_ticket(ticket, by=boss)
    boss = User.objects.get(pk=boss.pk)
    smoke = words.sought("smoke")
    for one in Ticket.objects.all():
        narrowed = NARROWED[way](Ticket.objects.all(), one, boss)
        assert narrowed._marks
        actor = one.user if way == "visible_to" else boss
        found = set(narrowed.found_by(smoke, actor).values_list("pk", flat=True))
        assert found == set(narrowed.values_list("pk", flat=True))
        assert set(narrowed.best(smoke, actor, 50)) == found


def test_the_newest_come_first_over_all_shelves(boss, monkeypatch):
    def ask(*after):
        for number in after:
            with connection.cursor() as cursor:
                cursor.execute("SELECT setval('support_searchentry_id_seq', %s)", [number])
            yield TicketFactory(message="smoke")

    earlier = list(ask(5, SHELF - 1, SHELF + 100, 3 * SHELF))
    smoke, tickets = words.sought("smoke"), Ticket.objects.visible_to(boss)
    assert set(tickets.found_by(smoke, boss)) == set(earlier)
    monkeypatch.setattr(querysets, "MOST_HITS", 3)
    assert set(tickets.found_by(smoke, boss)) == set(earlier[1:])
    [last] = ask(40 * SHELF)  # beyond the last shelf that has an end
    assert set(tickets.found_by(smoke, boss)) == {*earlier[2:], last}


@pytest.mark.django_db(transaction=True)
def test_a_reply_at_the_moment_of_the_end_is_marked_as_ended(ticket, boss):
    """Whatever writes the reply: here nothing of ours that would lock the ticket first."""
    ended, written = threading.Event(), threading.Event()

    def reply():
        ended.wait(10)
        row = Reply(id=uuid.uuid4(), ticket=ticket, author=boss, message="too late?")
        try:
            row.save(force_insert=True)
        finally:
            written.set()
            connection.close()

    thread = threading.Thread(target=reply)
    thread.start()
    with transaction.atomic():
        actions.close_ticket(ticket, by=boss)
        ended.set()
        assert not written.wait(0.5)
    thread.join(10)
    assert Reply.objects.filter(message="too late?").exists()
    assert wrong() == []


def test_postgresql_knows_so_many_words_of_each_shelf_that_others_seem_as_rare_as_they_are():
    """It would rather read backwards than ask the index for what seems to be in every 500th entry."""
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT DISTINCT attstattarget FROM pg_attribute
            WHERE attname = 'words' AND attrelid IN (SELECT relid FROM pg_partition_tree('support_searchentry'))
        """)
        assert cursor.fetchall() == [(500,)]
