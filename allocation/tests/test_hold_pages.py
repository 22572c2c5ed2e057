"""The page of what is held for somebody, without scripts: buying it, giving it back, and what became of it."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from allocation.actions import hold_tickets, lapse_holds
from allocation.models import Hold, Purchase, Ticket
from allocation.tests.factories import EventFactory, HoldFactory, TicketOptionFactory, pass_time
from allocation.tests.test_audit import broken
from booking.tests.walking import visit
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


@pytest.fixture
def customer(client):
    person = UserFactory()
    client.force_login(person)
    return person


@pytest.fixture
def event():
    return EventFactory(name="Late quartets")


@pytest.fixture
def hold(customer, event):
    stalls, balcony = (TicketOptionFactory(name=name, event=event) for name in ("Stalls", "Balcony"))
    return hold_tickets({stalls.pk: 2, balcony.pk: 1}, buyer=customer.pk, by=customer)


def page_of(hold):
    return f"/panel/holds/{hold.pk}/"


def press(page, ending):
    """The button whose form goes to an address with this ending."""
    [form] = [form for form in page.forms if form.action.endswith(ending)]
    return form


def test_what_is_held_is_shown_with_its_end_in_words_and_bought(client, customer, hold):
    with nothing_changes():
        page = visit(client, page_of(hold))
    for words in (
        "Held for you",
        "Late quartets",
        "Stalls",
        "Balcony",
        "Nobody else can have them until to",
    ):  # -day or -morrow
        assert words in page.words
    assert re.search(r'role="timer" aria-label="Time left" data-countdown="(59\d|600)" [^>]*hidden></p>', page.html)
    bought = press(page, "/buy/").send()
    assert bought.address.startswith("/panel/tickets/")
    assert "You have 3 tickets for Late quartets." in bought.words
    assert Purchase.objects.get().account == customer
    assert Ticket.objects.count() == 3
    done = visit(client, page_of(hold))
    assert "You bought these tickets." in done.words
    assert "My tickets" in done.links
    assert broken() == set()


def test_pressed_twice_it_is_one_purchase(client, hold):
    button = press(visit(client, page_of(hold)), "/buy/")
    for _twice in range(2):
        assert button.send().address.startswith("/panel/tickets/")
    assert (Purchase.objects.count(), Ticket.objects.count()) == (1, 3)


def test_what_is_given_back_leads_back_to_the_event(client, hold, event):
    page = visit(client, page_of(hold))
    back = press(page, "/release/").send()
    assert back.address.startswith(f"/panel/events/{event.pk}/")
    assert "Of 10: 0 sold, 0 held, 10 left." in back.words
    done = visit(client, page_of(hold))
    assert "You gave them back" in done.words
    assert done.follow("Choose again").address.startswith(f"/panel/events/{event.pk}/")
    with nothing_changes():
        press(page, "/release/").send()


@pytest.mark.parametrize("ended", [pass_time, lambda: pass_time() or lapse_holds()])
def test_what_is_over_is_not_bought_any_more_and_says_so(client, hold, ended):
    ended()
    late = visit(client, page_of(hold))
    assert "Their time is over, and nothing was bought." in late.words
    assert [form for form in late.forms if "/holds/" in form.action] == []
    with nothing_changes():
        refused = client.post(f"{page_of(hold)}buy/", headers={"referer": f"http://testserver{page_of(hold)}"})
    assert refused["Location"].endswith(page_of(hold))
    assert "These tickets are no longer held for you." in visit(client, page_of(hold)).words


def test_strangers_and_staff_do_not_find_it(client, hold):
    for person in (UserFactory(), UserFactory(role="agent"), UserFactory(role="supervisor")):
        client.force_login(person)
        with nothing_changes():
            answers = [
                client.get(page_of(hold)),
                *(client.post(f"{page_of(hold)}{verb}/") for verb in ("buy", "release")),
            ]
        assert [answer.status_code for answer in answers] == [404] * 3
    assert Client().get(page_of(hold))["Location"] == f"/account/log-in/?next={page_of(hold)}"
    assert client.get(f"{page_of(hold)}buy/").status_code == 405


def test_a_form_from_elsewhere_buys_nothing(customer, hold):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(customer)
    with nothing_changes():
        assert browser.post(f"{page_of(hold)}buy/").status_code == 403


def test_other_pages_lead_back_to_what_is_held(client, customer, hold, event):
    other = HoldFactory(option=TicketOptionFactory(name="Season card"), buyer=customer.pk)
    for path in ("/panel/events/", f"/panel/events/{event.pk}/", "/panel/tickets/"):
        page = visit(client, path)
        assert page.follow("Go on with them: Late quartets").address.startswith(page_of(hold))
        assert page.follow("Go on with them: Season card").address.startswith(page_of(other))
    pass_time()
    assert "Go on with them" not in visit(client, "/panel/events/").words
    assert "Go on with them" not in visit(Client(), "/panel/events/").words


def test_it_is_kept_by_no_browser(client, hold):
    assert "no-store" in client.get(page_of(hold))["Cache-Control"]


def test_a_hold_of_many_options_costs_no_more_than_one_of_one(client, customer, event):
    def cost(options):
        held = hold_tickets(
            {TicketOptionFactory(event=event).pk: 1 for _ in range(options)}, buyer=customer.pk, by=None
        )
        with CaptureQueriesContext(connection) as queries:
            assert client.get(page_of(held)).status_code == 200
        return len(queries)

    assert cost(1) == cost(12) <= 6
    assert Hold.objects.count() == 2
