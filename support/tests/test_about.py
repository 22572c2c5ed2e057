"""A question is about something of its customer's: somebody else's, and what is not there, is alike."""

import uuid

import pytest
from django.test import Client

from allocation.models import Ticket as EventTicket
from allocation.tests.factories import PurchaseFactory, TicketOptionFactory
from booking.tests.factories import BookingFactory
from support import actions
from support.models import About, Ticket
from ticketing.errors import NotFound
from ticketing.subjects import Subject, shown
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

ASKED = {"subject": "Help", "message": "It is wrong.", "priority": "medium", "department": ""}


def things_of(person):
    """A booking, a purchase and a ticket of this account."""
    bought = PurchaseFactory(option=TicketOptionFactory(name="Concert"), buyer=person.pk, by=person)
    ticket = EventTicket.objects.get(purchase=bought.id)
    booking = BookingFactory(by=person)
    kinds = {"booking.booking": booking.pk, "allocation.purchase": bought.id, "allocation.ticket": ticket.pk}
    return [Subject(kind, pk) for kind, pk in kinds.items()]


@pytest.fixture
def customer():
    return UserFactory()


def of(person):
    client = Client()
    client.force_login(person)
    return client


def ask(person, *subjects, **more):
    return actions.open_ticket(**ASKED, by=person, about=subjects, **more)


def test_a_question_is_about_a_booking_a_purchase_and_a_ticket_and_leads_to_them(customer):
    ticket = ask(customer, *things_of(customer))
    for person in (customer, UserFactory(role="agent")):
        page = of(person).get(f"/panel/questions/{ticket.code}/").content.decode()
        assert page.count("<dt>About</dt>") == 3
        assert "Booking on " in page
        assert "Ticket: Concert" in page


def test_what_is_somebody_elses_missing_or_of_no_kind_is_alike_and_nothing_is_asked(customer):
    mine, *_rest = things_of(customer)
    foreign = things_of(UserFactory())
    missing = [Subject(kind, uuid.uuid4()) for kind, _pk in foreign]
    for subject in (*foreign, *missing, Subject("ticketing.user", customer.pk), Subject("booking.slot", mine.pk)):
        with nothing_changes(), pytest.raises(NotFound):
            ask(customer, mine, subject)
    headers, sent = bearer(customer), []
    for kind, pk in (foreign[0], missing[0]):
        body = {"subject": "s", "message": "m", "about": [{"kind": kind, "id": str(pk)}]}
        address = "/api/v1/support/tickets/"
        sent.append(Client().post(address, body, content_type="application/json", headers=headers))
    assert {(answer.status_code, answer.content) for answer in sent} == {(404, sent[0].content)}


def test_staff_ask_about_what_is_the_customers_and_not_about_their_own(customer):
    agent = UserFactory(role="agent")
    [booking, *_others], [mine, *_rest] = things_of(customer), things_of(agent)
    assert ask(agent, booking, customer=customer).about.count() == 1
    with nothing_changes(), pytest.raises(NotFound):
        ask(agent, mine, customer=customer)


def test_each_page_of_what_somebody_has_leads_to_the_form_that_is_about_it(customer):
    booking, purchase, ticket = things_of(customer)
    client = of(customer)
    pages = {
        f"/panel/bookings/{booking.pk}/": booking,
        "/panel/tickets/": purchase,
        f"/panel/tickets/{ticket.pk}/": ticket,
    }
    for address, subject in pages.items():
        page = client.get(address).content.decode()
        assert "I need help with this" in page
        assert f"&amp;about={subject.kind}:{subject.pk}" in page
    form = client.get(f"/panel/questions/new/?about={booking.kind}:{booking.pk}").content.decode()
    assert "Your question is about this: Booking on" in form
    assert f'<input type="hidden" name="about" value="{booking.kind}:{booking.pk}">' in form
    client.post("/panel/questions/new/", {**ASKED, "about": f"{booking.kind}:{booking.pk}"})
    assert About.objects.get().subject == booking


def test_a_form_that_names_somebody_elses_thing_shows_and_does_nothing(customer):
    foreign, *_rest = things_of(UserFactory())
    client = of(customer)
    for named in (f"{foreign.kind}:{foreign.pk}", f"{foreign.kind}:{uuid.uuid4()}", "x", f"x:{foreign.pk}"):
        assert "is about this" not in client.get(f"/panel/questions/new/?about={named}").content.decode()
    for pk in (foreign.pk, uuid.uuid4()):
        answer = client.post("/panel/questions/new/", {**ASKED, "about": f"{foreign.kind}:{pk}"})
        assert (answer.status_code, Ticket.objects.count()) == (200, 0)
        assert "There is no such thing." in answer.content.decode()


def test_programs_say_and_read_what_a_ticket_is_about(customer):
    booking, *_rest = things_of(customer)
    said = {"subject": "s", "message": "m", "about": [{"kind": booking.kind, "id": str(booking.pk)}] * 2}
    headers = bearer(customer)
    made = Client().post("/api/v1/support/tickets/", said, content_type="application/json", headers=headers).json()
    assert made["about"] == said["about"][:1]


def test_what_is_not_there_any_more_is_left_out_and_all_of_a_kind_are_one_question(customer, django_assert_num_queries):
    subjects = [*things_of(customer), *things_of(customer), Subject("booking.booking", uuid.uuid4())]
    with django_assert_num_queries(3):
        assert len(shown(subjects, owner=customer)) == 6
    with django_assert_num_queries(0):
        assert shown(subjects, owner=None) == {}
