"""Two people on one ticket see each other, and nobody writes past what they have not read."""

import re
import uuid
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client

from support import actions
from support.errors import ThreadMovedOn
from support.models import Reader, Reply
from support.tests.factories import ReplyFactory, TicketFactory
from support.tests.test_races import at_once
from ticketing.errors import NotAllowed, NotFound
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return UserFactory(role="agent", first_name="Ada", last_name="")


@pytest.fixture
def mei():
    return UserFactory(role="agent", first_name="Mei", last_name="")


@pytest.fixture
def ticket():
    return TicketFactory()


def of(person):
    client = Client()
    client.force_login(person)
    return client


def page(person, ticket):
    return of(person).get(f"/panel/questions/{ticket.code}/").content.decode()


def seen_on(html):
    return re.search('<input type="hidden" name="seen" value="([^"]*)" form="reply">', html)[1]


def send(client, ticket, message, seen):
    return client.post(f"/panel/questions/{ticket.code}/reply/", {"message": message, "seen": seen})


def test_two_who_have_a_ticket_open_see_each_other_until_one_is_gone(ada, mei, ticket):
    assert "open, too" not in page(ada, ticket)
    assert "Ada has this question open, too." in page(mei, ticket)
    part = of(ada).get(f"/panel/questions/{ticket.code}/", headers={"HX-Request": "true"}).content.decode()
    assert "Mei has this question open, too." in part
    assert "open, too" not in page(mei, TicketFactory())
    third = UserFactory(role="supervisor", first_name="Zoë", last_name="")
    assert "Ada, Mei have this question open, too." in page(third, ticket)
    Reader.objects.update(until=Now() - timedelta(seconds=1))
    assert "open, too" not in page(mei, ticket)


def test_a_customer_neither_sees_nor_is_seen(ada, ticket):
    page(ada, ticket)
    mine = page(ticket.user, ticket)
    assert "open, too" not in mine
    assert 'name="seen"' not in mine
    assert Reader.objects.count() == 1
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.look_at_ticket(ticket, by=ticket.user)


def test_a_lease_is_one_row_however_often_it_is_renewed_and_is_forgotten_in_the_end(ada, ticket):
    for _twice in range(2):
        actions.look_at_ticket(ticket, by=ada)
    assert Reader.objects.present().count() == 1
    assert actions.forget_readers() == 0
    Reader.objects.update(until=Now() - timedelta(hours=2))
    assert actions.forget_readers() == 1


def test_programs_look_too_and_learn_who_else_does(ada, mei, ticket):
    page(ada, ticket)
    address = f"/api/v1/support/tickets/{ticket.code}/look/"
    told = Client().post(address, headers=bearer(mei)).json()
    assert [other["name"] for other in told["others"]] == ["Ada"]
    assert Client().post(address, headers=bearer(ticket.user)).status_code == 403


def test_a_reply_on_a_stale_page_is_held_back_with_what_came_in_between_and_then_sent(ada, mei, ticket):
    browser = of(ada)
    seen = seen_on(browser.get(f"/panel/questions/{ticket.code}/").content.decode())
    actions.reply_to_ticket(ticket, message="Mei was here.", by=mei)
    actions.note_on_ticket(ticket, message="Call her first.", by=mei)
    with nothing_changes():
        held = send(browser, ticket, "Ada's answer", seen).content.decode()
    assert "your reply is not sent yet" in held
    form = held.split('id="reply"')[1]
    assert form.index("Mei was here.") < form.index("Call her first.") < form.index("Ada&#x27;s answer")
    assert "Send it now" in form
    assert send(browser, ticket, "Ada's answer, changed", seen_on(held)).status_code == 302
    assert Reply.objects.newest_first()[0].message == "Ada's answer, changed"


def test_a_page_that_shows_all_holds_nothing_back_nor_does_an_older_page_of_a_long_thread(ada, ticket, monkeypatch):
    monkeypatch.setattr("support.shown.SAID_ON_PAGE", 2)
    for number in range(4):
        ReplyFactory(ticket=ticket, message=f"{number}")
    address = f"/panel/questions/{ticket.code}/"
    newest = of(ada).get(address).content.decode()
    older = of(ada).get(address + "?after=" + re.search(r"\?after=([^\"&]+)", newest)[1]).content.decode()
    assert seen_on(older) == seen_on(newest) == str(Reply.objects.newest_first()[0].pk)
    assert send(of(ada), ticket, "Hello", seen_on(older)).status_code == 302


def test_a_customer_is_never_held_back(mei, ticket):
    actions.reply_to_ticket(ticket, message="Mei was here.", by=mei)
    assert send(of(ticket.user), ticket, "Anything new?", "").status_code == 302


def post(person, ticket, **said):
    body = {"ticket": ticket.code, "message": "x", **said}
    return Client().post("/api/v1/support/replies/", body, content_type="application/json", headers=bearer(person))


def test_a_program_that_says_what_it_saw_is_told_what_it_missed(ada, mei, ticket):
    assert post(ada, ticket, seen=None).status_code == 201
    first = Reply.objects.get()
    note = actions.note_on_ticket(ticket, message="Call her first.", by=mei)
    refused = post(ada, ticket, seen=str(first.pk))
    assert Reply.objects.count() == 2
    assert (refused.status_code, refused.json()["code"]) == (409, "thread_moved_on")
    assert [(row["id"], row["is_internal"], row["message"]) for row in refused.json()["since"]] == [
        (str(note.pk), True, "Call her first.")
    ]
    assert post(ada, ticket, seen=str(note.pk)).status_code == 201
    assert post(mei, ticket).status_code == 201


def test_a_customers_program_learns_nothing_of_notes_by_it(mei, ticket):
    note = actions.note_on_ticket(ticket, message="Call her first.", by=mei)
    assert post(ticket.user, ticket, seen=None).status_code == 201
    foreign = ReplyFactory()
    answers = [post(ticket.user, ticket, seen=str(pk)) for pk in (note.pk, foreign.pk, uuid.uuid4())]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[2].content)}


def test_what_is_none_of_the_ticket_is_not_found(ada, ticket):
    with nothing_changes(), pytest.raises(NotFound):
        actions.reply_to_ticket(ticket, message="x", by=ada, seen=actions.Seen(uuid.uuid4()))


def test_the_page_costs_the_same_for_one_reader_and_for_many(ada, ticket, django_assert_max_num_queries):
    for _ in range(8):
        actions.look_at_ticket(ticket, by=UserFactory(role="agent"))
    browser = of(ada)
    with django_assert_max_num_queries(20):
        browser.get(f"/panel/questions/{ticket.code}/")


@pytest.mark.django_db(transaction=True)
def test_of_many_replies_to_what_all_have_seen_one_is_sent():
    ticket, people, missed = TicketFactory(), [UserFactory(role="agent") for _ in range(8)], []

    def answer(person):
        try:
            actions.reply_to_ticket(ticket, message="x", by=person, seen=actions.Seen(None))
        except ThreadMovedOn as refusal:
            missed.append(len(refusal.since))

    at_once(answer, people)
    assert (Reply.objects.count(), missed) == (1, [1] * 7)
