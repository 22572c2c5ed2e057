import re
import uuid
from datetime import UTC, datetime

import pytest
from django.db.models.functions import Now

from allocation import actions
from allocation.models import Event, Purchase, Ticket, TicketOption
from allocation.tests.factories import EventFactory, PurchaseFactory, TicketFactory, TicketOptionFactory, bought_ticket
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

EVENTS, OPTIONS, PURCHASES, TICKETS = (
    f"/admin/allocation/{name}/" for name in ("event", "ticketoption", "purchase", "ticket")
)
MODELS = {OPTIONS: TicketOption, PURCHASES: Purchase, TICKETS: Ticket}


@pytest.fixture
def boss():
    return UserFactory(role="supervisor", is_superuser=True)


@pytest.fixture
def browser(client, boss):
    client.force_login(boss)
    return client


def rows_of(response):
    return list(response.context["cl"].result_list)


@pytest.mark.parametrize("path", MODELS)
def test_lists_and_rows_are_shown_and_filtered(browser, path):
    bought_ticket()
    TicketFactory()
    for query in ("", "?created_at__gte=2020-01-01T00:00Z", "?q=Concert", "?q=x%00y", "?q=%27%22%3B--", "?p=1&o=-2"):
        assert browser.get(path + query).status_code == 200
    row = MODELS[path].objects.first()
    assert browser.get(f"{path}{row.pk}/change/").status_code == 200


def test_rows_are_found_by_id_name_and_person(browser):
    person = UserFactory(username="ada")
    option = TicketOptionFactory(name="Derby", description="in the rain")
    ticket = bought_ticket(option=option, by=person, buyer=person.pk)
    purchase = ticket.purchase
    bought_ticket(option=TicketOptionFactory(name="Concert", description=""))
    TicketFactory()
    for path, row, terms in (
        (OPTIONS, option, ["derby", "rain", option.pk, str(option.pk).upper().lower()]),
        (PURCHASES, purchase, ["derby", "ada", purchase.pk, person.pk]),
        (TICKETS, ticket, ["derby", ticket.pk, purchase.pk]),
    ):
        for term in terms:
            assert rows_of(browser.get(path, {"q": term})) == [row]
        assert rows_of(browser.get(path, {"q": uuid.uuid4()})) == []


def test_tickets_are_filtered_by_validity_and_admission(browser):
    valid, invalid, admitted = TicketFactory(), TicketFactory(), TicketFactory()
    actions.invalidate(invalid, by=None)
    Ticket.objects.filter(pk=admitted.pk).update(admitted_at=Now())
    assert rows_of(browser.get(TICKETS, {"valid__exact": 0})) == [invalid]
    assert rows_of(browser.get(TICKETS, {"admitted_at__isempty": 0})) == [admitted]
    assert set(rows_of(browser.get(TICKETS, {"valid__exact": 1, "admitted_at__isempty": 1}))) == {valid}


@pytest.mark.parametrize("path", [PURCHASES, TICKETS])
def test_what_was_sold_is_there_to_read_only(browser, path):
    row = MODELS[path].objects.get(**{"purchase" if path == TICKETS else "pk": PurchaseFactory().id})
    with nothing_changes():
        assert browser.post(f"{path}add/", {}).status_code == 403
        assert browser.post(f"{path}{row.pk}/change/", {"quantity": 5, "valid": ""}).status_code == 403
        assert browser.post(f"{path}{row.pk}/delete/", {"post": "yes"}).status_code == 403
        browser.post(path, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})


def test_an_option_is_put_on_sale_by_the_verb(browser, boss):
    form = {"name": " Derby ", "description": "Two\r\nlines", "capacity": 300, "least": 1}
    response = browser.post(f"{OPTIONS}add/", form, follow=True)
    option = TicketOption.objects.get()
    assert (option.name, option.capacity, option.taken, option.held) == ("Derby", 300, 0, 0)
    assert "was added successfully" in response.content.decode()
    [line] = Activity.objects.about(option)
    assert (line.operation, line.actor) == ("allocation.create_option", boss)


def test_the_page_after_adding_is_the_new_options_own(browser):
    form = {"name": "Derby", "description": "", "capacity": 300, "least": 1, "_continue": "1"}
    response = browser.post(f"{OPTIONS}add/", form)
    assert response["Location"] == f"{OPTIONS}{TicketOption.objects.get().pk}/change/"


def test_an_option_is_changed_by_the_verbs_and_only_where_it_changed(browser):
    option = TicketOptionFactory(allocation=10)
    PurchaseFactory(option=option, quantity=4)
    change = f"{OPTIONS}{option.pk}/change/"
    browser.post(change, {"name": option.name, "description": option.description, "capacity": 20, "least": 1})
    browser.post(change, {"name": "Matinee", "description": "", "capacity": 20, "least": 1})
    browser.post(change, {"name": "Matinee", "description": "", "capacity": 20, "least": 1})
    assert [line.operation for line in Activity.objects.about(option)] == [
        "allocation.create_option",
        "allocation.set_allocation",
        "allocation.describe_option",
    ]
    option.refresh_from_db()
    assert (option.name, option.description, option.capacity, option.taken) == ("Matinee", "", 20, 4)


def test_what_a_sale_did_meanwhile_is_not_overwritten(browser):
    option = TicketOptionFactory(allocation=10)
    change = f"{OPTIONS}{option.pk}/change/"
    form = {"name": "x", "description": "", "capacity": 12, "least": 1, "taken": 0, "held": 9, "sold": 0}
    PurchaseFactory(option=option, quantity=7)
    assert browser.post(change, form).status_code == 302
    option.refresh_from_db()
    assert (option.capacity, option.taken, option.held) == (12, 7, 0)


def test_what_is_refused_stands_in_the_form_beside_what_was_typed(browser):
    option = TicketOptionFactory(allocation=10)
    PurchaseFactory(option=option, quantity=4)
    typed = {"name": "y", "description": "Said in vain?", "capacity": 3, "least": 1}
    with nothing_changes():
        response = browser.post(f"{OPTIONS}{option.pk}/change/", typed)
    page = response.content.decode()
    assert response.status_code == 200
    assert "4 tickets are sold or held already. The allocation cannot be lower than that." in page
    assert "Said in vain?" in page
    event = {"name": "Late", "venue": "", "description": "", "time_zone": "Mars/Base"}
    for name, hour in (("starts_at", "19:00"), ("ends_at", "22:00")):
        event |= {f"{name}_0": "2031-05-01", f"{name}_1": hour}
    with nothing_changes():
        response = browser.post(f"{EVENTS}add/", event)
    assert response.context["adminform"].form.errors["time_zone"]
    assert 'value="Late"' in response.content.decode()


def typed_event(**said):
    times = {"starts_at": "19:00", "ends_at": "23:00"}
    typed = {"name": "Evening", "venue": "", "description": "", "time_zone": "America/New_York", **said}
    for name, hour in times.items():
        typed |= {f"{name}_0": "2031-05-01", f"{name}_1": hour}
    return typed


def test_an_events_times_are_typed_and_shown_on_its_own_clocks_whatever_those_of_the_site_are(browser):
    assert browser.post(f"{EVENTS}add/", typed_event()).status_code == 302
    event = Event.objects.get()
    assert event.starts_at == datetime(2031, 5, 1, 23, tzinfo=UTC)
    page = browser.get(f"{EVENTS}{event.pk}/change/").content.decode()
    assert all(f'value="{hour}:00"' in page for hour in (19, 23))
    assert "(America/New_York)" in browser.get(EVENTS).content.decode()
    assert browser.post(f"{EVENTS}{event.pk}/change/", typed_event(name="Late evening")).status_code == 302
    assert Activity.objects.latest("pk").details["fields"] == ["name"]


def test_another_zone_keeps_the_times_that_stand_in_the_form(browser):
    event = EventFactory(time_zone="America/New_York")
    typed = typed_event(name=event.name, venue=event.venue, time_zone="Asia/Tokyo")
    assert browser.post(f"{EVENTS}{event.pk}/change/", typed).status_code == 302
    event.refresh_from_db()
    assert (event.starts_at, event.ends_at) == tuple(datetime(2031, 5, 1, hour, tzinfo=UTC) for hour in (10, 14))


def test_a_time_that_the_events_clocks_skip_is_refused(browser):
    typed = typed_event() | {"starts_at_0": "2031-03-09", "starts_at_1": "02:30"}
    with nothing_changes():
        response = browser.post(f"{EVENTS}add/", typed)
    assert "America/New_York" in str(response.context["adminform"].form.errors["starts_at"])


def test_the_sale_of_an_option_is_typed_on_the_clocks_of_its_event(browser):
    event = EventFactory(time_zone="America/New_York", ends_at=datetime(2031, 5, 2, 3, tzinfo=UTC))
    typed = {"event": str(event.pk), "name": "Stalls", "description": "", "capacity": 9, "least": 1}
    typed |= {"on_sale_from_0": "2031-04-01", "on_sale_from_1": "10:00"}
    assert browser.post(f"{OPTIONS}add/", typed).status_code == 302
    option = TicketOption.objects.get()
    assert option.on_sale_from == datetime(2031, 4, 1, 14, tzinfo=UTC)
    assert 'value="10:00"' in browser.get(f"{OPTIONS}{option.pk}/change/").content.decode()


def test_what_belongs_to_an_event_is_on_sale_until_it_ends_unless_somebody_says_another_time(browser):
    event = EventFactory()
    typed = {"event": str(event.pk), "name": "Stalls", "description": "", "capacity": 9, "least": 1}
    assert browser.post(f"{OPTIONS}add/", typed).status_code == 302
    assert TicketOption.objects.get().on_sale_until == event.ends_at


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "x" * 201}, {"description": "x" * 2001}, {"capacity": 0}, {"capacity": 2**31}]
)
def test_a_bad_option_is_shown_on_the_form(browser, wrong):
    for path in (f"{OPTIONS}add/", f"{OPTIONS}{TicketOptionFactory().pk}/change/"):
        with nothing_changes():
            response = browser.post(path, {"name": "x", "description": "", "capacity": 5, "least": 1} | wrong)
        assert response.status_code == 200
        assert response.context["adminform"].form.errors


def test_options_are_never_deleted(browser):
    option = TicketOptionFactory()
    with nothing_changes():
        assert browser.post(f"{OPTIONS}{option.pk}/delete/", {"post": "yes"}).status_code == 403


def test_tickets_are_validated_and_invalidated_by_the_verbs(browser, boss):
    tickets = [TicketFactory(), bought_ticket()]
    for action, valid in (("invalidate", False), ("validate", True)):
        data = {"action": action, "_selected_action": [ticket.pk for ticket in tickets]}
        page = browser.post(TICKETS, data, follow=True).content.decode()
        assert "2 done." in page
        assert set(Ticket.objects.values_list("valid", flat=True)) == {valid}
    assert Activity.objects.about(tickets[0]).last().actor == boss


def test_texts_of_people_are_escaped(browser):
    TicketOptionFactory(name="<script>alert(1)</script>", description="<b>")
    page = browser.get(OPTIONS).content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert not re.search(r"<script>alert", page)


@pytest.mark.parametrize("role", ["customer", "agent", "gate"])
def test_nobody_else_enters(client, role):
    client.force_login(UserFactory(role=role))
    for path in MODELS:
        assert client.get(path).status_code == 302


def test_a_supervisor_needs_no_other_permission(client):
    client.force_login(UserFactory(role="supervisor"))
    for path in MODELS:
        assert client.get(path).status_code == 200
    form = {"name": "Derby", "description": "", "capacity": 3, "least": 1}
    assert client.post(f"{OPTIONS}add/", form).status_code == 302
    ticket = TicketFactory()
    client.post(TICKETS, {"action": "invalidate", "_selected_action": [ticket.pk]})
    assert not Ticket.objects.get().valid
