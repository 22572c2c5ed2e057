"""Internal notes: said among staff, and by no way known to a customer."""

import re

import pytest
from django.test import Client

from support import actions
from support.models import Reply, Ticket
from support.tests.factories import ReplyFactory, TicketFactory
from ticketing.actions import create_webhook
from ticketing.errors import NotAllowed
from ticketing.models import Activity, Delivery, Mail
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

SECRET = "Promised him a discount"


@pytest.fixture
def agent():
    return UserFactory(role="agent", first_name="Ada")


@pytest.fixture
def ticket():
    return ReplyFactory().ticket


def of(person):
    client = Client()
    client.force_login(person)
    return client


def ask(person, path):
    return Client().get(f"/api/v1/support/{path}", headers=bearer(person))


def everything(customer, ticket, note):
    """What the customer sees at every address that shows something of a ticket, without the keys of forms."""
    browser = of(customer)
    pages = [f"/panel/questions/{ticket.code}/", "/panel/questions/", "/"]
    shown = [re.sub('value="[^"]{36,64}"', "", browser.get(address).content.decode()) for address in pages]
    paths = [f"tickets/{ticket.code}/", "tickets/", f"replies/?ticket={ticket.code}", "replies/", f"replies/{note}/"]
    answers = [ask(customer, path) for path in paths]
    for path in (f"/replies?ticket={ticket.code}", f"/tickets/{ticket.code}", "/tickets"):
        answers.append(Client().get(path, headers=bearer(customer)))
    said = [(answer.status_code, answer.content.decode(), answer.get("ETag")) for answer in answers]
    return shown, said


def test_a_customer_finds_no_trace_of_a_note_anywhere(agent, ticket):
    anything = "00000000-0000-4000-8000-000000000009"
    before = everything(ticket.user, ticket, anything)
    note = actions.note_on_ticket(ticket, message=SECRET, by=agent)
    after = everything(ticket.user, ticket, note.pk)
    assert str(after).replace(str(note.pk), anything) == str(before)


def test_staff_read_a_note_in_its_place_on_the_page_and_over_the_api(agent, ticket):
    note = actions.note_on_ticket(ticket, message=SECRET, by=agent)
    actions.reply_to_ticket(ticket, message="Then that is settled.", by=agent)
    page = of(agent).get(f"/panel/questions/{ticket.code}/").content.decode()
    assert page.index(SECRET) < page.index("Internal note</strong>") < page.index("Then that is settled.")
    [listed] = ask(agent, f"notes/?ticket={ticket.code}").json()["results"]
    assert (listed["id"], listed["message"]) == (str(note.pk), SECRET)
    assert ask(agent, f"notes/{note.pk}/").status_code == 200


def test_to_programs_of_staff_too_a_note_is_no_reply(agent, ticket):
    note = actions.note_on_ticket(ticket, message=SECRET, by=agent)
    assert ask(agent, f"replies/{note.pk}/").status_code == 404
    assert SECRET not in ask(agent, f"replies/?ticket={ticket.code}").content.decode()
    old = Client().get(f"/replies?ticket={ticket.code}", headers=bearer(agent))
    assert (old.status_code, len(old.json())) == (200, 1)
    reply = Reply.objects.public().get()
    assert ask(agent, f"notes/{reply.pk}/").status_code == 404


def test_a_note_opens_nothing_again_and_leaves_the_ticket_as_it_is(agent, ticket):
    actions.close_ticket(ticket, by=agent)
    before = Ticket.objects.filter(pk=ticket.pk).values().get()
    actions.note_on_ticket(ticket, message=SECRET, by=agent)
    assert Ticket.objects.filter(pk=ticket.pk).values().get() == before


def test_a_note_leaves_by_no_mail_and_no_webhook_and_the_trail_has_its_line_without_its_words(agent, ticket):
    create_webhook(url="https://example.org/all", by=None)
    create_webhook(url="https://example.org/some", operations=["support.note"], by=None)
    Delivery.objects.all().delete()
    mails = Mail.objects.count()
    actions.note_on_ticket(ticket, message=SECRET, by=agent)
    assert (Delivery.objects.count(), Mail.objects.count()) == (0, mails)
    line = Activity.objects.about(ticket).last()
    assert (line.operation, line.actor, line.details) == ("support.note", agent, {})
    actions.reply_to_ticket(ticket, message="Good morning.", by=agent)
    assert Delivery.objects.count() == 1


def test_customers_write_no_notes_not_even_on_their_own_tickets(ticket):
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.note_on_ticket(ticket, message=SECRET, by=ticket.user)
    assert of(ticket.user).post(f"/panel/questions/{ticket.code}/note/", {"message": "x"}).status_code == 403
    assert ask(ticket.user, "notes/").status_code == 403


def test_an_agent_keeps_a_note_on_the_page_once_however_often_it_is_sent(agent, ticket):
    sent = {"message": f" {SECRET} ", "form_key": "9f6c1a52-1f0c-4a8e-9d2a-6a6d1e9f0b11"}
    for _twice in range(2):
        answer = of(agent).post(f"/panel/questions/{ticket.code}/note/", sent)
        assert answer["Location"] == f"/panel/questions/{ticket.code}/"
    assert [note.message for note in Reply.objects.notes()] == [SECRET]
    browser = of(agent)
    with nothing_changes():
        page = browser.post(f"/panel/questions/{ticket.code}/note/", {"message": ""}).content.decode()
    assert '<details class="card" open>' in page


def test_an_agent_who_sees_less_reads_and_writes_fewer_notes(agent, settings):
    settings.AGENTS_SEE = "assigned"
    ticket = TicketFactory()
    note = actions.note_on_ticket(ticket, message=SECRET, by=UserFactory(role="supervisor"))
    assert ask(agent, f"notes/{note.pk}/").status_code == 404
    headers = bearer(agent)
    body = {"ticket": ticket.code, "message": "x"}
    sent = Client().post("/api/v1/support/notes/", body, content_type="application/json", headers=headers)
    assert sent.status_code == 404


def test_addresses_in_what_people_write_can_be_followed_and_nothing_else_is_markup(agent, ticket):
    said = "See https://a.example/x?y=1&z=2. <b>Not</b> javascript:alert(1), nor www.b.example"
    actions.reply_to_ticket(ticket, message=said, by=agent)
    page = of(ticket.user).get(f"/panel/questions/{ticket.code}/").content.decode()
    link = '<a href="https://a.example/x?y=1&amp;z=2" rel="noopener nofollow">https://a.example/x?y=1&amp;z=2</a>.'
    assert f"See {link} &lt;b&gt;Not&lt;/b&gt; javascript:alert(1), nor www.b.example" in page
