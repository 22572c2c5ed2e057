"""Tickets that are accepted, given back and scanned at once, on real connections."""

import uuid
from functools import partial

import pytest

from allocation import actions
from allocation.errors import HandedOn, NotToHandOn, TicketUsed, TransferEnded
from allocation.models import Scan, Ticket, Transfer
from allocation.tests.factories import bought_ticket
from allocation.tests.test_audit import broken
from allocation.tests.test_races import at_once, kinds
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ann():
    return UserFactory()


def test_of_many_who_accept_at_once_one_has_the_ticket(ann):
    offer = actions.offer_transfer(bought_ticket(buyer=ann.pk, by=ann), by=ann)
    people = [UserFactory() for _ in range(12)]
    answers = at_once(*[partial(actions.accept_transfer, offer, by=person) for person in people])
    assert kinds(answers) == {Transfer: 1, TransferEnded: 11}
    ticket, done = Ticket.objects.get(), Transfer.objects.get()
    assert (ticket.holder, ticket.code_version, done.state) == (done.to, 2, "accepted")
    assert Activity.objects.filter(operation="allocation.accept_transfer").count() == 1
    assert broken() == set()


def test_a_ticket_is_accepted_or_given_back_or_used_and_never_two_of_them(ann):
    ben = UserFactory()
    allowed = (Transfer, Ticket, Scan, HandedOn, NotToHandOn, TicketUsed, TransferEnded)
    for _round in range(25):
        ticket = bought_ticket(buyer=ann.pk, by=ann)
        offer = actions.offer_transfer(ticket, by=ann)
        accepted, given_back, scanned = at_once(
            partial(actions.accept_transfer, offer, by=ben),
            partial(actions.cancel_ticket, ticket, by=ann),
            lambda ticket=ticket: actions.scan(ticket.code, gate="North", nonce=uuid.uuid4(), by=None),
        )
        assert isinstance(accepted, allowed), accepted
        assert isinstance(given_back, allowed), given_back
        came_first = [isinstance(accepted, Transfer), isinstance(given_back, Ticket), scanned.outcome == "admitted"]
        assert sum(came_first) == 1
        assert not Transfer.objects.offered().exists()
    assert broken() == set()


def test_a_link_is_withdrawn_or_accepted_never_both(ann):
    ben = UserFactory()
    for _round in range(15):
        ticket = bought_ticket(buyer=ann.pk, by=ann)
        offer = actions.offer_transfer(ticket, by=ann)
        answers = at_once(
            partial(actions.accept_transfer, offer, by=ben), partial(actions.withdraw_transfer, ticket, by=ann)
        )
        assert len([answer for answer in answers if isinstance(answer, Exception)]) == 1, answers
    assert broken() == set()
