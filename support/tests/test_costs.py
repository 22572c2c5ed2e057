from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from support import actions
from support.tests.factories import ReplyFactory, TicketFactory, online_agent
from ticketing.actions import add_special_opening
from ticketing.tests.factories import CalendarFactory, UserFactory, bearer

pytestmark = pytest.mark.django_db


def cost(request):
    with CaptureQueriesContext(connection) as queries:
        answer = request()
        assert answer.status_code == 200
        assert len(b"".join(answer)) > 2
    return len(queries)


def test_a_list_of_the_contract_costs_the_same_for_one_row_and_for_twenty(client):
    headers = bearer(UserFactory(role="supervisor"))
    ticket = ReplyFactory().ticket
    paths = ("/tickets", f"/replies?ticket={ticket.code}")
    one = [cost(lambda path=path: client.get(path, headers=headers)) for path in paths]
    TicketFactory.create_batch(19)
    ReplyFactory.create_batch(19, ticket=ticket)
    # The token with its account; the rows with theirs; the ticket that is asked about.
    assert [cost(lambda path=path: client.get(path, headers=headers)) for path in paths] == one == [2, 3]


@pytest.mark.parametrize("model", ["ticket", "reply", "agent"])
def test_an_admin_list_costs_the_same_for_one_row_and_for_twenty(client, model):
    client.force_login(UserFactory(role="supervisor", is_superuser=True, is_staff=True))
    path = f"/admin/support/{model}/"
    online_agent()
    ReplyFactory()
    actions.assign_waiting_tickets()
    client.get(path)
    one = cost(lambda: client.get(path))
    for _ in range(19):
        online_agent()
        ReplyFactory()
    actions.assign_waiting_tickets()
    assert cost(lambda: client.get(path)) == one <= 10


@pytest.mark.parametrize("path", ["/api/v1/support/tickets/", "/admin/support/ticket/", "/panel/questions/"])
def test_a_list_reads_the_hours_of_the_desk_once(client, path):
    boss = UserFactory(role="supervisor", is_superuser=True, is_staff=True)
    client.force_login(boss)
    add_special_opening(CalendarFactory(slug="default"), day=date(2031, 5, 6), opens=510, closes=600, by=None)
    TicketFactory()
    assert "Outside hours until" in str(client.get(path).content)
    one = cost(lambda: client.get(path))
    TicketFactory.create_batch(19)
    assert cost(lambda: client.get(path)) == one


def test_a_pass_costs_the_same_for_one_ticket_and_for_twenty():
    def passing():
        with CaptureQueriesContext(connection) as queries:
            actions.assign_waiting_tickets()
        return len(queries)

    online_agent(capacity=50)
    TicketFactory()
    one = passing()
    TicketFactory.create_batch(19)
    assert passing() == one
