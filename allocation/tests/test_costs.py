"""What each call costs in queries, and the long list in memory."""

import tracemalloc
import uuid

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from allocation.compat.tickets_api import Tickets
from allocation.models import Ticket
from allocation.tests.factories import PurchaseFactory, TicketFactory, TicketOptionFactory, many_tickets
from ticketing.tests.factories import UserFactory, bearer


def cost(call):
    with CaptureQueriesContext(connection) as queries:
        call()
    return [query["sql"] for query in queries]


def buy(option, quantity, headers=None):
    data = {"Quantity": quantity, "UserID": str(uuid.uuid4())}
    path = f"/ticket_options/{option.pk}/purchases"
    return Client().post(path, data, content_type="application/json", headers=headers)


@pytest.mark.django_db(transaction=True)
def test_a_purchase_is_one_call_of_the_database_however_many_tickets_it_holds():
    option = TicketOptionFactory(allocation=100)
    key = {"Idempotency-Key": "x" * 22}
    for quantity in (1, 50):
        [call] = cost(lambda quantity=quantity: buy(option, quantity))
        assert call.startswith("SELECT * FROM allocation_purchase(")
    assert len(cost(lambda: buy(option, 2, key))) == 1
    assert len(cost(lambda: buy(option, 2, key))) == 1  # the replay
    assert len(cost(lambda: buy(option, 3, key))) == 1  # the key with another body
    assert len(cost(lambda: buy(option, 1000))) == 2  # sold out, with a look at what is left and what is overdue


@pytest.mark.django_db(transaction=True)
def test_a_purchase_with_a_token_costs_the_look_up_of_the_token_more():
    option, headers = TicketOptionFactory(), bearer(UserFactory())
    buy(option, 1, headers)  # once every five minutes it is noted that the token is in use
    assert len(cost(lambda: buy(option, 1, headers))) == 2


@pytest.mark.django_db(transaction=True)
def test_single_reads_are_one_query():
    option, ticket = TicketOptionFactory(), TicketFactory()
    assert len(cost(lambda: Client().get(f"/ticket_options/{option.pk}"))) == 1
    assert len(cost(lambda: Client().get(f"/ticket?id={ticket.pk}"))) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["ticketoption/", "purchase/", "ticket/", "ticket/?q=Concert", "purchase/?q=ada"])
def test_a_list_of_the_admin_costs_the_same_for_one_row_and_for_twenty(client, path):
    client.force_login(UserFactory(role="supervisor", is_superuser=True))
    person = UserFactory(username="ada")
    PurchaseFactory(by=person, buyer=person.pk)
    client.get(f"/admin/allocation/{path}")
    one = cost(lambda: client.get(f"/admin/allocation/{path}"))
    for _ in range(19):
        PurchaseFactory(by=person, buyer=person.pk)
    assert len(cost(lambda: client.get(f"/admin/allocation/{path}"))) == len(one) <= 8


@pytest.mark.django_db
def test_the_list_of_all_tickets_is_read_in_the_order_of_its_index():
    tickets = Ticket.objects.visible_to(None, "allocation.list_tickets").order_by("created_at", "id")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "allocation_ticket_by_age" in tickets.explain()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("pieces", [0, 1])
def test_a_list_that_nobody_reads_to_its_end_leaves_nothing_open(pieces):
    many_tickets(20_000)
    response = Tickets.as_view()(RequestFactory().get("/ticket"))
    for _ in range(pieces):
        next(response.streaming_content)
    assert open_cursors() == pieces  # closed unread it costs nothing
    for close in response._resource_closers:  # as a server does; response.close() would end the test's connection too
        close()
    del response
    assert open_cursors() == 0


def open_cursors():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_cursors WHERE is_holdable")
        return cursor.fetchone()[0]


@pytest.mark.django_db
def test_the_list_of_all_tickets_needs_no_more_memory_for_six_times_the_rows():
    peaks = []
    for more in (15_000, 75_000):
        many_tickets(more)
        tracemalloc.start()
        written = sum(map(len, Client().get("/ticket").streaming_content))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert written > 80 * Ticket.objects.count()
    assert peaks[1] < 1.5 * peaks[0]
