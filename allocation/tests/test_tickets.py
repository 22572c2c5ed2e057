import pytest
from django.contrib.auth.models import AnonymousUser
from django.db.models.functions import Now

from allocation import actions
from allocation.models import Ticket
from allocation.tests.factories import PurchaseFactory, TicketFactory, TicketOptionFactory, bought_ticket
from ticketing.errors import LogInFirst, NotAllowed
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


def test_a_ticket_can_be_issued_without_a_purchase():
    boss = UserFactory(role="supervisor")
    ticket = actions.issue_ticket(by=boss)
    stored = Ticket.objects.get()
    assert (stored.pk, stored.created_at, stored.valid) == (ticket.pk, ticket.created_at, True)
    assert (stored.option, stored.purchase, stored.number, stored.admitted_at) == (None, None, None, None)
    assert stored.pk.version == 4
    [line] = Activity.objects.about(ticket)
    assert (line.operation, line.actor) == ("allocation.issue", boss)


def test_validity_changes_and_each_change_is_recorded_once():
    ticket = bought_ticket()
    for valid in (False, True):
        assert actions.set_validity(ticket, valid=valid, by=None).valid is valid
        assert Ticket.objects.get().valid is valid
        with nothing_changes():
            assert actions.set_validity(ticket, valid=valid, by=None).valid is valid
    assert [line.details for line in Activity.objects.about(ticket)] == [{"valid": False}, {"valid": True}]


def test_validating_again_never_erases_an_admission():
    ticket = TicketFactory()
    Ticket.objects.update(admitted_at=Now())
    admitted_at = Ticket.objects.get().admitted_at
    actions.invalidate(ticket, by=None)
    actions.validate(ticket, by=None)
    stored = Ticket.objects.get()
    assert (stored.valid, stored.admitted_at) == (True, admitted_at)


def test_a_ticket_that_looks_stale_is_still_changed_by_what_the_database_holds():
    ticket = TicketFactory()
    stale = Ticket.objects.get()
    actions.invalidate(ticket, by=None)
    assert stale.valid
    actions.validate(stale, by=None)
    assert Ticket.objects.get().valid


@pytest.mark.parametrize("role", ["customer", "agent", "gate"])
def test_in_production_only_supervisors_issue_and_invalidate(production, role):
    ticket, person = TicketFactory(), UserFactory(role=role)
    for by, refused in ((person, NotAllowed), (AnonymousUser(), LogInFirst)):
        with nothing_changes(), pytest.raises(refused):
            actions.issue_ticket(by=by)
        with nothing_changes(), pytest.raises(refused):
            actions.invalidate(ticket, by=by)
    actions.invalidate(ticket, by=UserFactory(role="supervisor"))


def test_in_production_customers_see_their_own_tickets(production):
    person, other = UserFactory(), UserFactory()
    option = TicketOptionFactory()
    mine = bought_ticket(option=option, by=person, buyer=person.pk)
    PurchaseFactory(option=option, by=other, buyer=other.pk)
    PurchaseFactory(option=option, buyer=person.pk, by=UserFactory(role="agent"), quantity=2)
    TicketFactory()
    for operation in ("allocation.see_ticket", "allocation.list_tickets"):
        seen = Ticket.objects.visible_to(person, operation)
        assert seen.count() == 3
        assert mine in seen
        assert Ticket.objects.visible_to(UserFactory(role="supervisor"), operation).count() == 5


@pytest.mark.parametrize("role", ["agent", "gate"])
def test_in_production_staff_see_a_ticket_whose_id_they_have_and_no_list(production, role):
    ticket, person = bought_ticket(), UserFactory(role=role)
    assert Ticket.objects.visible_to(person, "allocation.see_ticket").get(pk=ticket.pk) == ticket
    with pytest.raises(NotAllowed):
        Ticket.objects.visible_to(person, "allocation.list_tickets")


def test_in_production_nobody_else_sees_tickets(production):
    for operation in ("allocation.see_ticket", "allocation.list_tickets"):
        with pytest.raises(LogInFirst):
            Ticket.objects.visible_to(AnonymousUser(), operation)


def test_in_the_demo_everybody_sees_all_tickets():
    bought_ticket()
    TicketFactory()
    for person in (AnonymousUser(), UserFactory(), UserFactory(role="gate")):
        assert Ticket.objects.visible_to(person, "allocation.list_tickets").count() == 2
