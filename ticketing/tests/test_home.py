"""The start page: what stands at each door, and for whom."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from allocation.tests.factories import PurchaseFactory, TicketOptionFactory
from booking.tests.factories import BookingFactory, database_now
from support import actions
from support.models import Agent
from support.tests.factories import TicketFactory, online_agent
from ticketing.tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def of(person=None):
    client = Client()
    if person:
        client.force_login(person)
    return client


def news(client, **headers):
    """What stands at each door that says something, by its address."""
    html = client.get("/", headers=headers).content.decode()
    doors = re.findall(r'<a id="door-\d+" class="card" href="([^"]+)">(.*?)</a>', html, re.S)
    told = {address: re.search(r"<strong>(.*?)</strong>", door, re.S) for address, door in doors}
    return {address: words[1].strip() for address, words in told.items() if words}


@pytest.mark.parametrize("mode", ["demo", "production"])
def test_a_stranger_is_told_what_is_public_and_nothing_else(settings, mode):
    settings.SITE_MODE = mode
    TicketFactory()
    BookingFactory()
    assert news(of()) == {"/panel/events/": "Nothing is on sale yet."}
    PurchaseFactory(option=TicketOptionFactory(allocation=1))
    assert news(of()) == {"/panel/events/": "Everything is sold out at the moment."}
    TicketOptionFactory()
    assert news(of()) == {"/panel/events/": "1 kind of ticket is left."}
    TicketOptionFactory()
    assert news(of()) == {"/panel/events/": "2 kinds of tickets are left."}


@pytest.mark.parametrize("mode", ["demo", "production"])
def test_a_customer_is_told_what_is_theirs(settings, mode):
    settings.SITE_MODE = mode
    person, other = UserFactory(), UserFactory()
    client = of(person)
    empty = news(client)
    assert (empty["/panel/bookings/"], empty["/panel/tickets/"], empty["/panel/questions/"]) == (
        "Nothing is coming up.",
        "You have no tickets yet.",
        "No question of yours is open.",
    )
    option = TicketOptionFactory(allocation=2000)
    for buyer in (person, other):
        BookingFactory(by=buyer)
        PurchaseFactory(option=option, quantity=3, buyer=buyer.pk, by=buyer)
        TicketFactory(by=buyer)
        actions.close_ticket(TicketFactory(by=buyer), by=None)
    BookingFactory(by=person, starts_at=database_now())  # which is over
    assert news(client) == {
        "/panel/bookings/": "1 booking comes up.",
        "/panel/events/": "1 kind of ticket is left.",
        "/panel/tickets/": "You have 3 tickets.",
        "/panel/questions/": "1 question is open.",
    }
    PurchaseFactory(option=option, quantity=1200, buyer=person.pk, by=person)
    assert news(client)["/panel/tickets/"] == "You have 1,203 tickets."


def test_an_agent_is_told_who_waits_and_what_is_in_their_hands(production):
    agent = online_agent(capacity=1)
    client = of(agent.user)
    assert news(client)["/panel/desk/"] == "Nobody waits."
    TicketFactory.create_batch(3)
    assert news(client)["/panel/desk/"] == "3 questions wait."
    actions.assign_waiting_tickets()
    assert news(client)["/panel/desk/"] == "2 questions wait. 1 is in your hands."
    assert "/panel/questions/" not in news(client)
    assert "/panel/board/" not in news(client)


def test_an_agent_who_sees_less_is_told_less(production, settings):
    settings.AGENTS_SEE = "assigned"
    agent = online_agent(departments=["sales"], capacity=0)
    TicketFactory(department="sales")
    TicketFactory(department="technical")
    assert news(of(agent.user))["/panel/desk/"] == "1 question waits."


def test_a_supervisor_is_told_of_their_own_bookings_and_tickets_only(production):
    BookingFactory()
    PurchaseFactory()
    told = news(of(UserFactory(role="supervisor")))
    assert (told["/panel/bookings/"], told["/panel/tickets/"]) == ("Nothing is coming up.", "You have no tickets yet.")


def test_a_supervisor_is_told_who_is_there(production):
    boss = of(UserFactory(role="supervisor"))
    assert news(boss)["/panel/board/"] == "No agent is online."
    online_agent()
    Agent.objects.create(user=UserFactory(role="agent"))
    assert news(boss)["/panel/board/"] == "1 agent is online."


def test_a_gate_is_told_what_is_on(production):
    assert set(news(of(UserFactory(role="gate")))) == {"/panel/events/"}


def test_the_doors_refresh_themselves_in_place():
    html = of().get("/").content.decode()
    assert re.search(r'<ul id="doors"[^>]* hx-get="/" hx-trigger="every 30s[^"]*" hx-swap="outerHTML"', html)
    part = of().get("/", headers={"HX-Request": "true"})
    assert part.content.decode().lstrip().startswith('<ul id="doors"')
    assert "HX-Request" in part["Vary"]


def test_the_start_page_costs_the_same_for_one_row_and_for_twenty():
    customer, agent, boss = UserFactory(), online_agent().user, UserFactory(role="supervisor")

    def more(number):
        for _ in range(number):
            PurchaseFactory(buyer=customer.pk, by=customer)
            BookingFactory(by=customer)
            TicketFactory(by=customer)
            online_agent()

    def costs():
        found = []
        for client in (of(), of(customer), of(agent), of(boss)):
            with CaptureQueriesContext(connection) as queries:
                client.get("/")
            found.append(len(queries))
        return found

    more(1)
    one = costs()
    more(19)
    # Session and account; what is on; one's bookings, tickets and questions; who waits and what one has; who is there.
    assert costs() == one == [1, 6, 5, 8]
