"""The pages of an event: what is on, and choosing several kinds of tickets at once, without scripts."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from allocation.actions import change_event
from allocation.models import Event, Hold, TicketOption
from allocation.tests.factories import EventFactory, HoldFactory, PurchaseFactory, TicketOptionFactory
from booking.tests.walking import visit
from ticketing.tests.factories import PASSWORD, UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]

ON = "/panel/events/"
HOUR = timedelta(hours=1)


def page_of(event):
    return f"{ON}{event.pk}/"


@pytest.fixture
def event():
    return EventFactory(name="Late quartets", venue="The small hall")


@pytest.fixture
def customer(client):
    person = UserFactory()
    client.force_login(person)
    return person


def choose(page, **quantities):
    """Send the form of an event: how many of the options with these names."""
    form = page.forms[-1]
    named = {option.name: str(option.pk) for option in TicketOption.objects.all()}
    return form.send(**{named[name]: str(quantity) for name, quantity in quantities.items()})


def test_what_is_on_is_grouped_by_event_on_the_clocks_of_the_event(client, event):
    for name in ("Stalls", "Balcony"):
        TicketOptionFactory(name=name, event=event)
    TicketOptionFactory(name="Season card")
    sooner = EventFactory(name="Matinée", starts_at=datetime(2031, 4, 1, 9, tzinfo=UTC), time_zone="America/New_York")
    TicketOptionFactory(name="Seats", event=sooner)
    page = visit(client, ON)
    order = [page.words.index(name) for name in ("Matinée", "Seats", "Late quartets", "Stalls", "Balcony", "Season")]
    assert order == sorted(order)
    assert "The small hall" in page.words
    assert "Thursday 1 May 2031, 19:00 (time zone Europe/Berlin)" in page.words
    assert "Tuesday 1 April 2031, 05:00 (time zone America/New York)" in page.words
    assert page.words.count("Late quartets") == 2  # once for the eye, once with its button


def test_options_are_found_by_the_name_of_their_event_too(client, event):
    TicketOptionFactory(name="Stalls", event=event)
    for part in ("QUARTETS", "small hall", "stalls"):
        assert "Stalls" in visit(client, f"{ON}?name={part}").words
    assert "Nothing fits" in visit(client, f"{ON}?name=opera").words


def test_an_event_is_on_until_it_is_over_and_seen_when_it_is_published(client, event):
    TicketOptionFactory(name="Stalls", event=event, on_sale_from=timezone.now() - HOUR)
    Event.objects.update(published=False)
    assert "Stalls" not in visit(client, ON).words
    assert client.get(page_of(event)).status_code == 404
    client.force_login(UserFactory(role="supervisor"))
    unpublished = visit(client, page_of(event)).words
    assert "This event is not published" in unpublished
    assert "On sale as soon as the event is published." in unpublished
    assert "On sale from" not in unpublished
    assert "Not published" in visit(client, ON).words
    Event.objects.update(published=True)
    assert "Stalls" in visit(client, ON).words
    now = timezone.now()
    change_event(Event.objects.get(), starts_at=now - 2 * HOUR, ends_at=now - HOUR, by=None)
    assert "Stalls" not in visit(client, ON).words
    assert "No longer on sale" in visit(client, page_of(event)).words


@pytest.mark.parametrize(
    ("terms", "words", "sells"),
    [
        ({"on_sale_from": datetime(2031, 1, 2, 9, tzinfo=UTC)}, "On sale from Thursday 2 January 2031, 10:00.", False),
        ({"on_sale_until": datetime(2031, 1, 2, 9, tzinfo=UTC)}, "On sale until Thursday 2 January 2031, 10:00.", True),
        ({"on_sale_until": timezone.now() - HOUR}, "No longer on sale", False),
        ({"limit": 4}, "At most 4 per customer.", True),
        ({"most": 6, "least": 2}, "At least 2 at once.", True),
        ({"most": 6}, "At most 6 at once.", True),
    ],
)
def test_the_terms_of_a_sale_are_said_in_words(client, customer, event, terms, words, sells):
    option = TicketOptionFactory(name="Stalls", event=event, **terms)
    for path in (ON, page_of(event), f"{ON}{option.pk}/buy/"):
        assert words in visit(client, path).words
    for path in (page_of(event), f"{ON}{option.pk}/buy/"):
        names = {field.get("name") for form in visit(client, path).forms for field in form.shown()}
        assert bool(names & {str(option.pk), "quantity"}) == sells


def test_what_is_no_longer_on_sale_and_of_no_event_has_gone_by(client):
    TicketOptionFactory(name="Early bird", on_sale_until=timezone.now() - HOUR)
    assert "Nothing is on sale yet" in visit(client, ON).words


def test_an_event_shows_its_books_to_everybody(client, event):
    option = TicketOptionFactory(event=event, allocation=10)
    PurchaseFactory(option=option, quantity=3)
    HoldFactory(option=option, quantity=2, buyer=UserFactory().pk)
    assert "Of 10: 3 sold, 2 held, 5 left." in visit(client, page_of(event)).words


def test_several_kinds_of_tickets_are_chosen_at_once_and_held(client, customer, event):
    stalls, balcony, _none = (TicketOptionFactory(name=name, event=event) for name in ("Stalls", "Balcony", "Box"))
    held = choose(visit(client, page_of(event)), Stalls=2, Balcony=1)
    hold = Hold.objects.get()
    assert held.address.startswith(f"/panel/holds/{hold.pk}/")
    assert hold.account == customer
    assert {item.option: item.quantity for item in hold.items.all()} == {stalls: 2, balcony: 1}
    assert "Held for you" in held.words


def test_the_same_form_sent_twice_is_one_hold_and_with_another_choice_another(client, customer, event):
    TicketOptionFactory(name="Stalls", event=event)
    page = visit(client, page_of(event))
    assert choose(page, Stalls=2).address == choose(page, Stalls=2).address
    choose(page, Stalls=3)
    assert Hold.objects.count() == 2


def test_whoever_is_not_logged_in_comes_back_with_what_they_chose(client, event):
    option = TicketOptionFactory(name="Stalls", event=event)
    person = UserFactory()
    with nothing_changes():
        asked = choose(visit(client, page_of(event)), Stalls=3)
    assert asked.address.startswith("/account/log-in/")
    back = asked.form("username").send(username=person.username, password=PASSWORD)
    assert back.address.startswith(page_of(event))
    [field] = [field for field in back.forms[-1].shown() if field.get("name") == str(option.pk)]
    assert field["value"] == "3"
    assert "Held for you" in choose(back).words


def test_a_choice_that_cannot_be_held_changes_nothing_and_says_what_to_do(client, customer, event):
    stalls = TicketOptionFactory(name="Stalls", event=event, allocation=2, most=4)
    TicketOptionFactory(name="Balcony", event=event, limit=2)
    page = visit(client, page_of(event))
    for choice, sentence in (
        ({}, "Choose at least one ticket."),
        ({"Stalls": 3, "Balcony": 1}, "Only 2 tickets of “Stalls” are left."),
        ({"Stalls": 5}, "are left"),
        ({"Balcony": 3}, "One customer may have 2 of “Balcony”"),
        ({"Balcony": -1}, "Nothing is held for you yet."),
        ({"Balcony": 10**12}, "Nothing is held for you yet."),
    ):
        with nothing_changes():
            refused = choose(page, **choice)
        assert sentence in refused.words
        assert "Nothing is held for you yet. Change the numbers, and choose again." in refused.words
    PurchaseFactory(option=stalls, quantity=2)
    with nothing_changes():
        refused = choose(page, Stalls=1, Balcony=1)
    assert "“Stalls” is sold out." in refused.words
    assert "Held for you" in choose(refused).words  # what is left of the choice


def test_a_refused_form_can_be_sent_again(client, customer, event):
    TicketOptionFactory(name="Stalls", event=event, allocation=2)
    refused = choose(visit(client, page_of(event)), Stalls=3)
    assert "Held for you" in choose(refused, Stalls=2).words


def test_a_gate_sees_and_does_not_choose(client, event):
    client.force_login(UserFactory(role="gate"))
    option = TicketOptionFactory(event=event)
    assert "Choose these tickets" not in visit(client, page_of(event)).words
    with nothing_changes():
        assert client.post(page_of(event), {str(option.pk): "1"}).status_code == 403


def test_a_form_from_elsewhere_is_refused(customer, event):
    option, browser = TicketOptionFactory(event=event), Client(enforce_csrf_checks=True)
    browser.force_login(customer)
    with nothing_changes():
        assert browser.post(page_of(event), {str(option.pk): "1"}).status_code == 403


def test_an_event_without_tickets_leads_on(client, event):
    assert "Nothing is on sale yet" in visit(client, page_of(event)).words


@pytest.mark.parametrize("name", ["on", "event"])
def test_a_page_costs_the_same_for_one_option_and_for_thirty(client, customer, event, name):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(ON if name == "on" else page_of(event)).status_code == 200
        return len(queries)

    def add():
        option = TicketOptionFactory(event=event)
        TicketOptionFactory(event=EventFactory())
        HoldFactory(option=option, buyer=customer.pk)

    add()
    one = cost()
    for _ in range(29):
        add()
    assert cost() == one <= 9
