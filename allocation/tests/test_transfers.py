"""Tickets that are handed on by a link."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from allocation import actions
from allocation.errors import (
    AlreadyOffered,
    HandedOn,
    MailedOften,
    NotOffered,
    NotToHandOn,
    TermsMisfit,
    TooLateToHandOn,
    TransferEnded,
    YourOwnTicket,
)
from allocation.models import BuyerCount, Event, Purchase, Scan, Ticket, TicketOption, Transfer
from allocation.tests.factories import EventFactory, PurchaseFactory, TicketFactory, TicketOptionFactory
from allocation.tests.test_audit import broken
from ticketing.actions import DeadLink
from ticketing.clocks import database_now
from ticketing.errors import LogInFirst, NotAllowed
from ticketing.models import Activity, Mail
from ticketing.sending.mails import render
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return UserFactory(first_name="Ann", last_name="Ash", email="ann@example.org")


@pytest.fixture
def ben():
    return UserFactory(first_name="Ben", last_name="Bell")


@pytest.fixture
def ticket(ann):
    """The first of two, of an evening that is sold out with them."""
    option = TicketOptionFactory(event=EventFactory(), allocation=2, limit=2, name="Stalls")
    PurchaseFactory(option=option, quantity=2, buyer=ann.pk, by=ann)
    return Ticket.objects.get(number=1)


def scan(code):
    return actions.scan(code, gate="North", nonce=uuid.uuid4(), by=None).outcome


def handed_on(ticket, to):
    offer = actions.offer_transfer(ticket, by=ticket.holder)
    actions.accept_transfer(actions.opened_transfer(offer.secret), by=to)
    ticket.refresh_from_db()
    return ticket


def test_whoever_buys_holds_the_tickets(ann, ticket):
    assert set(Ticket.objects.values_list("holder", flat=True)) == {ann.pk}
    PurchaseFactory()  # for a buyer without an account
    assert Ticket.objects.filter(holder=None).count() == 1


def test_the_old_code_is_dead_at_once_and_the_new_one_admits(ann, ben, ticket):
    old = ticket.code_for(ann)
    offer = actions.offer_transfer(ticket, by=ann)
    assert ticket.code_for(ann) == old != ""
    actions.accept_transfer(actions.opened_transfer(offer.secret), by=ben)
    ticket.refresh_from_db()
    assert (ticket.code_for(ann), ticket.holder) == ("", ben)
    assert ticket.code_for(ben) not in ("", old)
    assert (scan(old), scan(str(ticket.pk))) == (Scan.Outcome.UNKNOWN, Scan.Outcome.UNKNOWN)
    assert scan(ticket.code_for(ben)) == Scan.Outcome.ADMITTED
    assert broken() == set()


def test_it_works_when_sold_out_and_leaves_stock_and_count_of_the_buyer(ann, ben, ticket):
    handed_on(ticket, ben)
    option = TicketOption.objects.get()
    assert (option.left, BuyerCount.objects.get().taken, BuyerCount.objects.get().buyer) == (0, 2, ann.pk)


def test_it_can_be_handed_on_and_on_and_back(ann, ben, ticket):
    codes = [ticket.code]
    for person in (ben, UserFactory(), ann):
        codes.append(handed_on(ticket, person).code)
    assert (len(set(codes)), ticket.holder, ticket.code_version) == (4, ann, 4)
    assert broken() == set()


def test_the_secret_stands_nowhere_and_another_one_opens_nothing(ann, ticket):
    offer = actions.offer_transfer(ticket, by=ann, email="ben@example.org")
    kept = f"{Transfer.objects.values().get()} {list(Mail.objects.values())} {list(Activity.objects.values())}"
    assert len(offer.secret) == 52
    assert offer.secret not in kept
    assert ticket.code not in (offer.secret, kept)
    wrong = offer.secret[:-1] + ("B" if offer.secret[-1] == "A" else "A")
    for secret in (wrong, ticket.code, str(offer.pk), "", "ü" * 52, offer.secret[:51] + "="):
        with pytest.raises(DeadLink):
            actions.opened_transfer(secret)


def test_one_link_at_a_time(ann, ticket):
    actions.offer_transfer(ticket, by=ann)
    with nothing_changes(), pytest.raises(AlreadyOffered):
        actions.offer_transfer(ticket, by=ann)
    with pytest.raises(IntegrityError), transaction.atomic():
        Transfer.objects.create(ticket=ticket, until=Now())
    Transfer.objects.update(until=Now())
    actions.offer_transfer(ticket, by=ann)
    assert sorted(Transfer.objects.values_list("state", flat=True)) == ["lapsed", "offered"]


def test_a_withdrawn_link_is_dead(ann, ben, ticket):
    offer = actions.offer_transfer(ticket, by=ann)
    actions.withdraw_transfer(ticket, by=ann)
    with nothing_changes():
        with pytest.raises(TransferEnded):
            actions.accept_transfer(offer, by=ben)
        with pytest.raises(NotOffered):
            actions.withdraw_transfer(ticket, by=ann)


def test_whoever_accepted_may_press_twice_and_others_come_too_late(ann, ben, ticket):
    offer = actions.offer_transfer(ticket, by=ann)
    actions.accept_transfer(offer, by=ben)
    with nothing_changes():
        actions.accept_transfer(offer, by=ben)
        for late in (ann, UserFactory.build(pk=uuid.uuid4())):
            with pytest.raises(TransferEnded):
                actions.accept_transfer(offer, by=late)
        with pytest.raises(NotOffered):
            actions.withdraw_transfer(ticket, by=ann)


def test_nobody_accepts_their_own_nor_without_an_account_nor_as_a_gate(ann, ticket):
    offer = actions.offer_transfer(ticket, by=ann)
    gate = UserFactory(role="gate")
    refusals = [(ann, YourOwnTicket), (AnonymousUser(), LogInFirst), (None, LogInFirst), (gate, NotAllowed)]
    with nothing_changes():
        for person, refusal in refusals:
            with pytest.raises(refusal):
                actions.accept_transfer(offer, by=person)


@pytest.mark.parametrize("deadline", ["transfer_until", "starts_at"])
def test_the_organisers_deadline_ends_offers_and_accepting(ann, ben, ticket, deadline):
    offer = actions.offer_transfer(ticket, by=ann)
    event = Event.objects.get()
    assert offer.until == event.transfers_end
    Event.objects.update(**{deadline: database_now() - timedelta(seconds=1)})
    boss = UserFactory(role="supervisor")
    with nothing_changes():
        with pytest.raises(TooLateToHandOn):
            actions.accept_transfer(offer, by=ben)
        for giver in (ann, boss):
            with pytest.raises(TooLateToHandOn):
                actions.offer_transfer(Ticket.objects.get(number=2), by=giver)


def test_an_offer_ends_in_time_also_where_the_event_was_put_off(ann, ben, ticket):
    offer = actions.offer_transfer(ticket, by=ann)
    Transfer.objects.update(until=Now())
    with nothing_changes(), pytest.raises(TransferEnded):
        actions.accept_transfer(offer, by=ben)


def test_the_deadline_lies_within_the_event():
    event = EventFactory()
    with nothing_changes(), pytest.raises(TermsMisfit):
        actions.change_event(event, transfer_until=event.ends_at + timedelta(seconds=1), by=None)
    assert actions.change_event(event, transfer_until=event.ends_at, by=None).transfers_end == event.ends_at


def test_what_belongs_to_no_event_is_offered_for_thirty_days(ann):
    PurchaseFactory(buyer=ann.pk, by=ann)
    offer = actions.offer_transfer(Ticket.objects.get(), by=ann)
    assert timedelta(days=29) < offer.until - database_now() <= timedelta(days=30)


@pytest.mark.parametrize(
    "fact", [{"valid": False}, {"valid": False, "cancelled_at": Now()}, {"admitted_at": Now()}], ids=str
)
def test_what_admits_nobody_is_neither_offered_nor_accepted(ann, ben, ticket, fact):
    offer = actions.offer_transfer(ticket, by=ann)
    Ticket.objects.update(**fact)
    with nothing_changes():
        with pytest.raises(NotToHandOn):
            actions.accept_transfer(offer, by=ben)
        with pytest.raises(NotToHandOn):
            actions.offer_transfer(Ticket.objects.get(number=2), by=ann)


def test_giving_back_and_admitting_end_the_offer(ann, ticket):
    other = Ticket.objects.get(number=2)
    for one in (ticket, other):
        actions.offer_transfer(one, by=ann)
    actions.cancel_ticket(ticket, by=ann)
    scan(other.code)
    assert set(Transfer.objects.values_list("state", flat=True)) == {"lapsed"}
    assert broken() == set()


def test_strangers_and_gates_hand_nothing_on(ann, ben, ticket):
    gate = UserFactory(role="gate")
    with nothing_changes():
        for verb in (actions.offer_transfer, actions.withdraw_transfer):
            with pytest.raises(NotAllowed):
                verb(ticket, by=gate)
        with pytest.raises(HandedOn):
            actions.offer_transfer(ticket, by=ben)
    actions.offer_transfer(ticket, by=ann)
    with nothing_changes(), pytest.raises(NotOffered):
        actions.withdraw_transfer(ticket, by=ben)


def test_staff_offer_and_withdraw_on_behalf_and_the_holder_is_the_giver(ann, ticket):
    agent = UserFactory(role="agent")
    assert actions.offer_transfer(ticket, by=agent).by == ann
    actions.withdraw_transfer(ticket, by=agent)
    trail = Activity.objects.about(ticket).values_list("operation", "actor")
    assert set(trail) == {("allocation.transfer", agent.pk), ("allocation.withdraw_transfer", agent.pk)}


def test_a_ticket_without_a_holder_gets_one_and_its_id_admits_no_more(ben):
    bare = TicketFactory()
    assert bare.code_for(AnonymousUser()) == str(bare.pk)
    actions.accept_transfer(actions.offer_transfer(bare, by=None), by=ben)
    bare.refresh_from_db()
    assert (bare.code_for(AnonymousUser()), scan(str(bare.pk))) == ("", Scan.Outcome.UNKNOWN)
    assert scan(bare.code_for(ben)) == Scan.Outcome.ADMITTED
    ben.delete()
    bare.refresh_from_db()
    assert (bare.holder, bare.code_for(AnonymousUser())) == (None, "")
    assert broken() == set()


def test_a_purchase_gives_back_what_its_buyer_still_holds(ann, ben, ticket):
    handed_on(ticket, ben)
    actions.cancel_purchase(Purchase.objects.get(), by=ann)
    assert list(Ticket.objects.filter(cancelled_at=None)) == [ticket]
    assert TicketOption.objects.get().left == 1
    handed_on_too = Purchase.objects.get()
    actions.cancel_ticket(ticket, by=ben)  # the place is on sale again, and the buyer may have two again
    assert (TicketOption.objects.get().left, BuyerCount.objects.get().taken) == (2, 0)
    with nothing_changes(), pytest.raises(HandedOn):
        actions.cancel_ticket(ticket, by=ann)
    actions.cancel_purchase(handed_on_too, by=ann)  # twice is harmless
    assert broken() == set()


def test_of_a_purchase_that_is_all_handed_on_nothing_is_given_back(ann, ben, ticket):
    for one in Ticket.objects.all():
        handed_on(one, ben)
    with nothing_changes():
        for stranger in (ann, UserFactory.build(pk=uuid.uuid4())):
            with pytest.raises(HandedOn):
                actions.cancel_purchase(Purchase.objects.get(), by=stranger)
    actions.cancel_purchase(Purchase.objects.get(), by=None)
    assert broken() == set()


def test_the_link_is_mailed_once_and_the_giver_hears_of_it(ann, ben, ticket):
    offer = actions.offer_transfer(ticket, by=ann, email=" Ben@Example.org ")
    mail = Mail.objects.get(template="ticket_offered")
    sent = render(mail)
    assert (mail.to, sent.subject) == ("ben@example.org", f"A ticket for you: {ticket.option.event}")
    assert offer.secret in sent.body
    assert "Ann Ash hands a ticket on to you" in sent.body
    assert ann.email not in sent.body
    assert "19:00 (time zone Europe/Berlin)" in sent.body
    actions.accept_transfer(offer, by=ben)
    told = Mail.objects.get(template="ticket_accepted")
    assert told.to == ann.email
    assert "Ben Bell has accepted" in render(told).body


def test_nobodys_mailbox_rings_all_day(ann, ticket):
    for _time in range(5):
        actions.offer_transfer(ticket, by=ann, email="ben@example.org")
        actions.withdraw_transfer(ticket, by=ann)
    with nothing_changes(), pytest.raises(MailedOften):
        actions.offer_transfer(ticket, by=ann, email="ben@example.org")
    actions.offer_transfer(ticket, by=ann)
