"""What customers say of how they were answered: once for each closing, and nobody in their place."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F
from django.test import Client

from support import actions
from support.errors import NotClosed, RatedTooLate
from support.models import Rating, Ticket
from support.tests.factories import TicketFactory
from ticketing.errors import NotAllowed, NotFound
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent():
    return UserFactory(role="agent")


@pytest.fixture
def ticket(agent):
    return actions.close_ticket(TicketFactory(), by=agent)


def of(person):
    client = Client()
    client.force_login(person)
    return client


def told(ticket, person):
    return Client().get(f"/api/v1/support/tickets/{ticket.code}/", headers=bearer(person)).json()["satisfaction"]


def test_a_customer_rates_once_and_may_change_it(ticket, agent):
    for verdict, comment in (("bad", ""), ("good", "Quick.")):
        actions.rate_ticket(ticket, verdict=verdict, comment=comment, by=ticket.user)
    rating = Rating.objects.get()
    assert (rating.verdict, rating.comment, rating.closed_at) == ("good", "Quick.", ticket.closed_at)
    trail = Activity.objects.about(ticket).filter(operation="support.rate")
    assert [line.details for line in trail] == [{"rating": "bad"}, {"rating": "good"}]
    for person in (ticket.user, agent, UserFactory(role="supervisor")):
        assert (told(ticket, person)["rating"], told(ticket, person)["comment"]) == ("good", "Quick.")


def test_each_closing_is_rated_anew_and_earlier_ratings_stay(ticket, agent):
    actions.rate_ticket(ticket, verdict="bad", by=ticket.user)
    actions.reopen_ticket(ticket, by=agent)
    assert told(ticket, agent) is None
    with pytest.raises(NotClosed), nothing_changes():
        actions.rate_ticket(ticket, verdict="good", by=ticket.user)
    actions.reject_ticket(ticket, reason="x", by=agent)
    assert told(ticket, agent) is None
    actions.rate_ticket(ticket, verdict="good", by=ticket.user)
    assert list(Rating.objects.order_by("created_at").values_list("verdict", flat=True)) == ["bad", "good"]


def test_a_month_later_nobody_rates_any_more(ticket):
    Ticket.objects.update(closed_at=F("closed_at") - timedelta(days=30, minutes=1))
    with pytest.raises(RatedTooLate), nothing_changes():
        actions.rate_ticket(ticket, verdict="good", by=ticket.user)
    assert 'id="rate"' not in of(ticket.user).get(f"/panel/questions/{ticket.code}/").content.decode()


def test_nobody_rates_for_a_customer(ticket, agent):
    nobodys = actions.close_ticket(
        actions.raise_unverified_ticket(user_id="", phone="", query="x", email="a@example.org", by=None), by=agent
    )
    for person in (UserFactory(), agent, UserFactory(role="supervisor", is_superuser=True)):
        for one in (ticket, nobodys):
            with pytest.raises(NotFound), nothing_changes():
                actions.rate_ticket(one, verdict="good", by=person)
    with pytest.raises(NotAllowed):
        actions.rate_ticket(ticket, verdict="good", by=UserFactory(role="gate"))


def test_to_a_stranger_it_is_as_if_it_were_missing_at_each_door(ticket, agent):
    for person in (UserFactory(), agent):
        there, missing = (
            [
                Client().post(
                    f"/api/v1/support/tickets/{code}/rate/",
                    {"rating": "good"},
                    "application/json",
                    headers=bearer(person),
                ),
                of(person).post(f"/panel/questions/{code}/rate/", {"verdict": "good"}),
            ]
            for code in (ticket.code, "ZZZZZZZZZZZZ")
        )
        assert [answer.status_code for answer in there] == [404, 404] == [answer.status_code for answer in missing]
        assert there[0].json() == missing[0].json()
    assert not Rating.objects.exists()


def test_the_database_keeps_one_rating_per_closing_and_only_known_ones(ticket):
    actions.rate_ticket(ticket, verdict="bad", by=ticket.user)
    later = ticket.closed_at + timedelta(days=1)
    for fields in ({"closed_at": ticket.closed_at, "verdict": "good"}, {"closed_at": later, "verdict": "so"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Rating.objects.create(ticket=ticket, **fields)


def test_the_page_offers_it_to_the_customer_alone_and_looking_changes_nothing(ticket, agent):
    path = f"/panel/questions/{ticket.code}/"
    customer = of(ticket.user)
    with nothing_changes():
        assert 'id="rate"' in customer.get(path).content.decode()
        assert customer.get(f"{path}rate/").status_code == 302
    assert 'id="rate"' not in of(agent).get(path).content.decode()
    assert "This field is required" in customer.post(f"{path}rate/", {"comment": "x"}).content.decode()
    done = customer.post(f"{path}rate/", {"verdict": "bad", "comment": "Too <b>late"}, follow=True)
    assert "Change the rating" in done.content.decode()
    seen = of(agent).get(path).content.decode()
    assert "Too &lt;b&gt;late" in seen
    assert "Bad" in seen
    actions.reopen_ticket(ticket, by=agent)
    assert 'id="rate"' not in customer.get(path).content.decode()
    assert "can be rated once it is closed" in customer.post(f"{path}rate/", {"verdict": "bad"}).content.decode()
