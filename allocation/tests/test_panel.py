"""The pages of customers: what is on, and their tickets."""

import re
import uuid
from urllib.parse import parse_qsl

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from allocation.actions import invalidate
from allocation.models import Hold, Purchase, Ticket
from allocation.tests.factories import PurchaseFactory, TicketFactory, TicketOptionFactory, bought_ticket
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]

EVENTS, TICKETS = "/panel/events/", "/panel/tickets/"


def page(response):
    assert response.status_code == 200
    html = response.content.decode()
    assert html.count("<h1") == 1
    assert not re.search(r"<script(?![^>]* src=)", html)
    assert "style=" not in html
    return html


def buy_page(option):
    return f"{EVENTS}{option.pk}/buy/"


def hold_page(hold):
    return f"/panel/holds/{hold.pk}/"


def form(html, option, **typed):
    """What a browser sends of that option's form."""
    shown = re.search(rf'name="form_key" value="([^"]+)" id="id_{option.pk}_form_key"', html)[1]
    return {"form_key": shown, "quantity": "1", **typed}


def buys(customer, option, quantity=1):
    return PurchaseFactory(option=option, quantity=quantity, buyer=customer.pk, by=customer)


@pytest.fixture
def customer(client):
    person = UserFactory()
    client.force_login(person)
    return person


def test_a_customer_buys_tickets_and_shows_the_code_of_one(client, customer):
    option = TicketOptionFactory(name="Chamber music")
    html = page(client.get(EVENTS))
    assert "Chamber music" in html
    assert f'<label for="id_{option.pk}_quantity">' in html
    answer = client.post(buy_page(option), form(html, option, quantity="2"))
    hold = Hold.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, hold_page(hold))
    assert not Purchase.objects.exists()
    key = re.search(r'name="form_key" value="([^"]+)"', page(client.get(hold_page(hold))))[1]
    assert client.post(f"{hold_page(hold)}buy/", {"form_key": key})["Location"] == TICKETS
    bought = Purchase.objects.get()
    assert (bought.account, bought.quantity) == (customer, 2)
    html = page(client.get(TICKETS))
    assert "You have 2 tickets for Chamber music." in html
    for ticket in Ticket.objects.all():
        assert f'href="{TICKETS}{ticket.pk}/"' in html
        shown = page(client.get(f"{TICKETS}{ticket.pk}/"))
        assert "<svg" in shown
        assert f"{ticket.number} of 2" in shown


def test_a_form_that_is_sent_twice_is_one_hold_and_with_another_number_another(client, customer):
    option = TicketOptionFactory()
    typed = form(page(client.get(EVENTS)), option)
    first, again = (client.post(buy_page(option), typed)["Location"] for _ in range(2))
    assert first == again == hold_page(Hold.objects.get())
    client.post(buy_page(option), {**typed, "quantity": "2"})
    assert Hold.objects.count() == 2


def shown(client, **address):
    """The names that the list shows, in their order."""
    return re.findall(r"<h2>([^<]+)</h2>", page(client.get(EVENTS, address)))


def test_what_is_on_is_searched_by_name_and_narrowed_to_what_is_left(client):
    TicketOptionFactory(name="Łódź by night")
    gone = TicketOptionFactory(name="Jazz night", allocation=1)
    PurchaseFactory(option=gone)
    TicketOptionFactory(name="100% silence")
    assert shown(client) == ["100% silence", "Jazz night", "Łódź by night"]
    assert shown(client, name=" NIGHT ") == ["Jazz night", "Łódź by night"]
    assert shown(client, name="łÓDŹ") == shown(client, name="night", left="on") == ["Łódź by night"]
    assert shown(client, name="0%") == ["100% silence"]
    nothing = page(client.get(EVENTS, {"name": "opera"}))
    assert "Nothing fits" in nothing
    assert 'value="opera"' in nothing


@pytest.mark.parametrize("name", ["x" * 201, "a\0b"])
def test_a_name_that_is_none_narrows_nothing_and_is_said_at_its_field(client, name):
    TicketOptionFactory(name="Here")
    assert shown(client, name=name) == ["Here"]
    assert 'aria-invalid="true"' in page(client.get(EVENTS, {"name": name}))


def test_a_search_is_kept_from_page_to_page_and_changes_the_list_in_place(client):
    for number in range(25):
        TicketOptionFactory(name=f"Jazz {number}")
    TicketOptionFactory(name="Chess")
    html = client.get(EVENTS, {"name": "jazz"}, headers={"HX-Request": "true"}).content.decode()
    assert html.startswith('<div id="offers"')
    after = re.search(r'rel="next" href="([^"]+)"', html)[1].replace("&amp;", "&")
    assert "name=jazz" in after
    assert "<h2>Jazz 0</h2>" in page(client.get(EVENTS + after))


def test_what_is_left_refreshes_itself_beside_what_is_being_typed(client, customer):
    options = [TicketOptionFactory(allocation=100) for _ in range(2)]
    html = page(client.get(EVENTS, {"left": "on"}))
    polled = r'hx-get="/panel/events/\?left=on" hx-trigger="every 20s[^"]*" hx-swap="none" ([^>]*)>'
    swapped = re.search(polled, html)[1]
    for option in options:
        assert f"#left-{option.pk}" in swapped
        assert f"#id_{option.pk}_quantity_helptext" in swapped
        assert f'id="left-{option.pk}"' in html
        assert f'id="id_{option.pk}_quantity_helptext"' in html
    assert "_quantity," not in swapped
    bought = page(client.get(buy_page(options[0])))
    assert 'hx-select="#left"' in bought
    assert '<p id="left"' in bought


def test_a_refused_choice_says_what_to_do_next(client, customer):
    option = TicketOptionFactory(allocation=3)
    with nothing_changes():
        html = page(client.post(buy_page(option), {"quantity": "4"}))
    assert "Nothing is held for you yet. Change the number, and choose again." in html
    PurchaseFactory(option=option, quantity=3)
    with nothing_changes():
        html = page(client.post(buy_page(option), {"quantity": "1"}))
    assert "All tickets are sold or held. See what else is on, or wait for tickets." in html
    assert f'href="{EVENTS}?left=on"' in html


def asked(html):
    """What the links “I need help with this” fill in."""
    links = re.findall(r'href="/panel/questions/new/\?([^"]+)"', html)
    return [dict(parse_qsl(link.replace("&amp;", "&"))) for link in links]


def test_whoever_bought_can_ask_about_it_with_one_link(client, customer):
    ticket = bought_ticket(option=TicketOptionFactory(name="Tom & “Jerry” <1>"), buyer=customer.pk, by=customer)
    wanted = {"subject": "About my tickets for Tom & “Jerry” <1>", "message": f"Purchase id: {ticket.purchase_id}"}
    for path, about in ((TICKETS, f"purchase:{ticket.purchase_id}"), (f"{TICKETS}{ticket.pk}/", f"ticket:{ticket.pk}")):
        assert asked(page(client.get(path))) == [wanted | {"about": f"allocation.{about}"}]
    client.force_login(UserFactory(role="gate"))
    assert asked(page(client.get(f"{TICKETS}{ticket.pk}/"))) == []


def test_a_ticket_can_be_printed(client, customer):
    ticket = bought_ticket(buyer=customer.pk, by=customer)
    html = page(client.get(f"{TICKETS}{ticket.pk}/"))
    assert 'class="card narrow ticket"' in html
    assert re.search(r"<button[^>]*data-print hidden>Print</button>", html)


def test_a_sold_out_option_is_said_at_the_field_with_what_is_left(client, customer):
    option = TicketOptionFactory(allocation=3)
    typed = form(page(client.get(EVENTS)), option, quantity="4")
    with nothing_changes():
        html = page(client.post(buy_page(option), typed))
    assert f'<ul class="errorlist" id="id_{option.pk}_quantity_error">' in html
    assert "Only 3 tickets of" in html
    assert "3 tickets are left." in html
    assert 'value="4"' in html
    again = form(html, option, quantity="3")
    assert again["form_key"] != typed["form_key"]
    client.post(buy_page(option), again)
    assert Hold.objects.get().items.get().quantity == 3


@pytest.mark.parametrize("quantity", ["", "0", "-1", "1.5", "x", "2147483648", "9" * 40])
def test_a_quantity_that_is_none_is_refused_at_its_field(client, customer, quantity):
    option = TicketOptionFactory()
    typed = form(page(client.get(EVENTS)), option, quantity=quantity)
    with nothing_changes():
        html = page(client.post(buy_page(option), typed))
    assert 'aria-invalid="true"' in html


def test_a_form_with_a_broken_key_is_refused(client, customer):
    option = TicketOptionFactory()
    with nothing_changes():
        assert "errorlist" in page(client.post(buy_page(option), {"quantity": "1", "form_key": "x"}))


def test_a_form_from_elsewhere_is_refused(customer):
    option, browser = TicketOptionFactory(), Client(enforce_csrf_checks=True)
    browser.force_login(customer)
    with nothing_changes():
        assert browser.post(buy_page(option), {"quantity": "1"}).status_code == 403


@pytest.mark.parametrize(
    ("allocation", "taken", "words"), [(100, 0, "Available: 100"), (100, 91, "Few left: 9"), (4, 4, "Sold out")]
)
def test_each_option_says_how_much_is_left_of_it(client, customer, allocation, taken, words):
    option = TicketOptionFactory(allocation=allocation)
    if taken:
        PurchaseFactory(option=option, quantity=taken)
    html = page(client.get(EVENTS))
    assert words in html
    assert (f'action="{buy_page(option)}"' in html) == (taken < allocation)


def test_a_stranger_sees_what_is_on_and_logs_in_to_buy(client):
    option = TicketOptionFactory()
    html = page(client.get(EVENTS))
    assert f'href="{buy_page(option)}"' in html
    assert "_quantity" not in html
    with nothing_changes():
        answers = [client.get(buy_page(option)), client.post(buy_page(option), {"quantity": "2"})]
    assert answers[0]["Location"] == f"/account/log-in/?next={buy_page(option)}"
    assert answers[1]["Location"] == f"/account/log-in/?next={buy_page(option)}%3Fquantity%3D2"
    client.force_login(UserFactory())
    assert 'name="quantity" value="2"' in page(client.get(f"{buy_page(option)}?quantity=2"))


def test_a_stranger_logs_in_first_in_the_demo_too(client, settings):
    settings.SITE_MODE = "demo"
    option = TicketOptionFactory()
    with nothing_changes():
        for path in (buy_page(option), TICKETS):
            assert client.get(path)["Location"] == f"/account/log-in/?next={path}"


def test_a_gate_does_not_buy(client):
    client.force_login(UserFactory(role="gate"))
    option = TicketOptionFactory()
    assert "_quantity" not in page(client.get(EVENTS))
    with nothing_changes():
        assert client.post(buy_page(option), {"quantity": "1"}).status_code == 403


def test_an_option_that_is_not_there_is_not_found(client, customer):
    assert client.get(f"{EVENTS}{uuid.uuid4()}/buy/").status_code == 404


def test_a_foreign_ticket_is_as_missing_as_one_that_is_not_there(client, customer):
    stranger = UserFactory()
    foreign = bought_ticket(buyer=stranger.pk, by=stranger)
    bare = TicketFactory()
    for pk in (foreign.pk, bare.pk, uuid.uuid4()):
        assert client.get(f"{TICKETS}{pk}/").status_code == 404
    assert str(foreign.pk) not in page(client.get(TICKETS))


def test_whoever_may_see_every_ticket_is_shown_their_own_as_theirs(client):
    supervisor, stranger = UserFactory(role="supervisor"), UserFactory()
    client.force_login(supervisor)
    foreign = bought_ticket(buyer=stranger.pk, by=stranger)
    assert "You have no tickets yet" in page(client.get(TICKETS))
    html = page(client.get(f"{TICKETS}{foreign.pk}/"))
    assert "Bought" not in html


def test_a_ticket_says_its_state_in_a_word(client, customer):
    ticket = bought_ticket(buyer=customer.pk, by=customer)
    assert ">Valid</span>" in page(client.get(f"{TICKETS}{ticket.pk}/"))
    Ticket.objects.filter(pk=ticket.pk).update(admitted_at=ticket.created_at)
    assert ">Used</span>" in page(client.get(f"{TICKETS}{ticket.pk}/"))
    invalidate(ticket, by=None)
    for path in (TICKETS, f"{TICKETS}{ticket.pk}/"):
        assert ">Not valid</span>" in page(client.get(path))


def test_empty_pages_say_what_to_do_next(client, customer):
    assert "Nothing is on sale yet" in page(client.get(EVENTS))
    assert f'href="{EVENTS}"' in page(client.get(TICKETS))


def test_nothing_of_a_person_is_kept_by_browsers(client, customer):
    ticket = bought_ticket(buyer=customer.pk, by=customer)
    for path in (EVENTS, buy_page(ticket.option), TICKETS, f"{TICKETS}{ticket.pk}/"):
        assert "no-store" in client.get(path)["Cache-Control"]


def test_what_an_option_says_is_escaped(client, customer):
    TicketOptionFactory(name="<script>alert(1)</script>", description="<b>x</b>")
    assert "<b>x" not in page(client.get(EVENTS))


@pytest.mark.parametrize("path", [EVENTS, f"{EVENTS}?name=concert&left=on", TICKETS])
def test_a_page_costs_the_same_for_one_row_and_for_thirty(client, customer, path):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            page(client.get(path))
        return len(queries)

    buys(customer, TicketOptionFactory())
    one = cost()
    for _ in range(29):
        buys(customer, TicketOptionFactory())
    assert cost() == one <= 6
