"""The gate: each ticket admits once."""

import uuid
from functools import partial

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction

from allocation import actions
from allocation.errors import NotAdmitted, TermsMisfit, TicketUsed
from allocation.models import Purchase, Scan, Ticket
from allocation.tests.factories import EventFactory, PurchaseFactory, TicketFactory, TicketOptionFactory
from allocation.tests.test_audit import broken
from allocation.tests.test_races import at_once
from ticketing.errors import Invalid, KeyReused, LogInFirst, NotAllowed
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def gate():
    return UserFactory(role="gate", first_name="Gerda")


@pytest.fixture
def event(gate):
    return EventFactory(gates=[gate])


@pytest.fixture
def ticket(event):
    return sold(event)


def sold(event=None, **option):
    person = UserFactory()
    receipt = PurchaseFactory(option=TicketOptionFactory(event=event, **option), buyer=person.pk, by=person)
    return Ticket.objects.get(pk=receipt.tickets[0])


def scan(code, by=None, nonce=None, **more):
    return actions.scan(code, **{"gate": "North", "nonce": nonce or uuid.uuid4(), "by": by, **more})


def test_a_code_has_128_bits_of_its_own_beside_the_id(ticket):
    assert (len(ticket.code), ticket.code.isalnum(), ticket.code.upper()) == (52, True, ticket.code)
    assert ticket.code[26:] != sold().code[26:]


def test_whoever_shows_a_valid_code_is_admitted_once_and_told_when_and_where(ticket, gate):
    first = scan(ticket.code, by=gate)
    assert (first.outcome, first.ticket, first.earlier) == ("admitted", ticket, None)
    again = scan(ticket.code, gate="South", by=gate)
    assert (again.outcome, again.earlier) == ("already_admitted", first)
    ticket.refresh_from_db()
    assert ticket.admitted_at
    assert [line.details["outcome"] for line in Activity.objects.filter(operation="allocation.scan")] == [
        "admitted",
        "already_admitted",
    ]
    assert broken() == set()


@pytest.mark.parametrize("typed", [str.lower, lambda code: f" {code[:26]}-{code[26:]}\r\n"])
def test_a_code_is_read_as_scanners_and_people_enter_it(ticket, gate, typed):
    assert scan(typed(ticket.code), by=gate).outcome == "admitted"


@pytest.mark.parametrize(
    "code",
    [
        "",
        "x",
        "A" * 52,
        "0" * 52,
        "é" * 52,
        "A" * 53,
        "{0.pk}",
        "{0.pk.hex}",
    ],
)
def test_what_is_no_code_of_ours_admits_nobody(ticket, gate, code):
    assert scan(code.format(ticket), by=gate).outcome == "unknown"
    assert scan(ticket.code[:-2] + ("AA" if ticket.code[-2:] != "AA" else "AI"), by=gate).outcome == "unknown"


def test_a_code_of_an_older_version_admits_nobody(ticket, gate):
    old = ticket.code
    Ticket.objects.filter(pk=ticket.pk).update(code_version=2)
    assert scan(old, by=gate).outcome == "unknown"
    ticket.refresh_from_db()
    assert scan(ticket.code, by=gate).outcome == "admitted"


def test_what_was_bought_without_an_account_is_admitted_by_its_id():
    bare, bought = TicketFactory(), Ticket.objects.get(pk=PurchaseFactory().tickets[0])
    for ticket in (bare, bought):
        assert scan(str(ticket.pk)).outcome == "admitted"
        Ticket.objects.filter(pk=ticket.pk).update(code_version=2)
        assert scan(str(ticket.pk)).outcome == "unknown"


def test_gates_admit_to_their_events_only(ticket, gate):
    foreign, none = sold(EventFactory()), sold()
    for other in (foreign, none):
        assert scan(other.code, by=gate).outcome == "wrong_event"
    boss = UserFactory(role="supervisor")
    assert scan(foreign.code, by=boss, event=ticket.option.event).outcome == "wrong_event"
    assert scan(foreign.code, by=boss, event=foreign.option.event).outcome == "admitted"


def test_invalid_and_returned_tickets_admit_nobody(event, gate):
    invalid, returned = sold(event), sold(event)
    actions.invalidate(invalid, by=None)
    actions.cancel_ticket(returned, by=None)
    assert [scan(ticket.code, by=gate).outcome for ticket in (invalid, returned)] == ["not_valid"] * 2


def test_a_ticket_that_admitted_is_not_given_back(ticket, gate):
    scan(ticket.code, by=gate)
    with nothing_changes(), pytest.raises(TicketUsed):
        actions.cancel_ticket(ticket, by=None)


def test_the_same_nonce_is_the_same_scan(ticket, gate):
    nonce = uuid.uuid4()
    first = scan(ticket.code, by=gate, nonce=nonce)
    with nothing_changes():
        assert scan(ticket.code, by=gate, nonce=nonce) == first
    with nothing_changes(), pytest.raises(KeyReused):
        scan("another", by=gate, nonce=nonce)


def test_an_admission_is_undone_for_a_reason_and_admits_again(ticket, gate):
    first, boss = scan(ticket.code, by=gate), UserFactory(role="supervisor")
    with nothing_changes(), pytest.raises(Invalid):
        actions.undo_admission(first, reason=" ", by=boss)
    with nothing_changes(), pytest.raises(NotAllowed):
        actions.undo_admission(first, reason="Wrong queue.", by=gate)
    assert actions.undo_admission(first, reason="Wrong queue.", by=boss).undone_reason == "Wrong queue."
    ticket.refresh_from_db()
    assert ticket.admitted_at is None
    with nothing_changes(), pytest.raises(NotAdmitted):
        actions.undo_admission(first, reason="Again.", by=boss)
    assert scan(ticket.code, by=gate).outcome == "admitted"
    assert broken() == set()


@pytest.mark.parametrize("role", ["customer", "agent"])
def test_others_admit_nobody(ticket, role):
    person = UserFactory(role=role)
    with nothing_changes(), pytest.raises(NotAllowed):
        scan(ticket.code, by=person)
    with nothing_changes(), pytest.raises(LogInFirst):
        scan(ticket.code, by=AnonymousUser())


def test_only_gates_are_gates(event):
    with nothing_changes(), pytest.raises(TermsMisfit):
        actions.change_event(event, gates=[UserFactory.build()], by=None)


def test_a_scan_belongs_to_the_event_at_whose_gate_it_was_made(ticket, gate):
    boss, event, other = UserFactory(role="supervisor"), ticket.option.event, EventFactory()
    assert scan(ticket.code, by=gate).event == event
    assert scan(ticket.code, by=boss, event=other).event == other
    assert scan("nonsense", by=boss, event=other).event == other
    assert scan("nonsense", by=gate).event is None
    assert Scan.objects.filter(event=event).per_gate() == [("North", 1)]
    assert Scan.objects.filter(event=other).per_gate() == []


def test_the_database_alone_admits_nobody_twice(ticket):
    first = scan(ticket.code)
    with pytest.raises(IntegrityError, match="admits_once"), transaction.atomic():
        Scan.objects.create(ticket=ticket, gate="x", nonce=uuid.uuid4(), outcome="admitted", code_digest="x")
    actions.undo_admission(first, reason="x", by=None)


def test_an_admission_without_its_scan_is_found(ticket):
    scan(ticket.code)
    Scan.objects.update(outcome="not_valid")
    assert broken() == {"E4"}


@pytest.mark.django_db(transaction=True)
def test_one_ticket_at_fifty_gates_at_once_admits_one():
    ticket = sold(EventFactory())
    answers = at_once(*[partial(scan, ticket.code, gate=f"Gate {number}") for number in range(50)])
    admitted = [answer for answer in answers if answer.outcome == "admitted"]
    told = [answer for answer in answers if answer.outcome == "already_admitted"]
    assert (len(admitted), len(told)) == (1, 49)
    assert {answer.earlier for answer in told} == set(admitted)
    assert broken() == set()


@pytest.mark.django_db(transaction=True)
def test_one_scan_sent_ten_times_at_once_is_one():
    ticket, nonce = sold(EventFactory()), uuid.uuid4()
    person = UserFactory(role="supervisor")
    answers = at_once(*[partial(scan, ticket.code, by=person, nonce=nonce)] * 10)
    assert {answer.pk for answer in answers} == {Scan.objects.get().pk}


@pytest.mark.django_db(transaction=True)
def test_one_scan_of_an_unknown_code_sent_ten_times_at_once_is_one():
    person, nonce = UserFactory(role="supervisor"), uuid.uuid4()
    answers = at_once(*[partial(scan, "nonsense", by=person, nonce=nonce)] * 10)
    assert {answer.pk for answer in answers} == {Scan.objects.get().pk}


@pytest.mark.django_db(transaction=True)
def test_of_two_who_undo_one_admission_at_once_one_is_told_that_it_is_undone_already():
    ticket = sold(EventFactory())
    bosses = UserFactory.create_batch(2, role="supervisor")
    for _round in range(10):
        admitted = scan(ticket.code)
        calls = [partial(actions.undo_admission, admitted, reason=f"By {boss}.", by=boss) for boss in bosses]
        answers = at_once(*calls)
        assert [isinstance(answer, NotAdmitted) for answer in answers].count(True) == 1
        [undone] = [answer for answer in answers if isinstance(answer, Scan)]
        assert Scan.objects.get(pk=admitted.pk).undone_reason == undone.undone_reason
        assert broken() == set()


@pytest.mark.django_db(transaction=True)
def test_a_ticket_is_either_given_back_or_admitted_at_once():
    for _round in range(10):
        ticket = sold(EventFactory())
        admitted, returned = at_once(partial(scan, ticket.code), partial(actions.cancel_ticket, ticket, by=None))
        assert (admitted.outcome == "admitted") == isinstance(returned, TicketUsed)
        assert broken() == set()
    assert Purchase.objects.count() == 10
