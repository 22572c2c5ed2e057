import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction

from allocation import actions
from allocation.errors import BelowTaken
from allocation.models import TicketOption
from allocation.tests.factories import PurchaseFactory, TicketOptionFactory
from ticketing.errors import Invalid, LogInFirst, NotAllowed
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db


def test_an_option_starts_with_its_whole_allocation_left():
    boss = UserFactory(role="supervisor")
    option = actions.create_option(name="  Derby ", description=" Bring\na scarf ", allocation=10_000, by=boss)
    option.refresh_from_db()
    assert (option.name, option.description) == ("Derby", "Bring\na scarf")
    assert (option.capacity, option.taken, option.held, option.sold, option.left) == (10_000, 0, 0, 0, 10_000)
    [line] = Activity.objects.about(option)
    assert (line.operation, line.actor, line.role) == ("allocation.create_option", boss, "supervisor")
    assert line.details == {"allocation": 10_000}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"description": "x" * 2001}, "description"),
        ({"description": "a\x07b"}, "description"),
        ({"allocation": 0}, "allocation"),
        ({"allocation": -1}, "allocation"),
        ({"allocation": 2**31}, "allocation"),
    ],
)
def test_an_option_that_breaks_a_rule_is_refused(wrong, field):
    with nothing_changes(), pytest.raises(Invalid) as refusal:
        TicketOptionFactory(**wrong)
    assert refusal.value.field == field


def test_the_longest_texts_and_the_largest_allocation_are_accepted():
    option = TicketOptionFactory(name="n" * 200, description="d" * 2000, allocation=2**31 - 1)
    assert option.left == 2**31 - 1


def test_what_an_option_says_can_change():
    option = TicketOptionFactory()
    actions.describe_option(option, name="Matinee", description="", by=None)
    changed = TicketOption.objects.get()
    assert (changed.name, changed.description) == (option.name, option.description) == ("Matinee", "")
    assert changed.updated_at > option.updated_at
    assert Activity.objects.about(option).last().operation == "allocation.describe_option"


def test_an_allocation_shrinks_to_what_is_taken_and_not_below():
    option = TicketOptionFactory(allocation=10)
    PurchaseFactory(option=option, quantity=4)
    with nothing_changes(), pytest.raises(BelowTaken):
        actions.set_allocation(option, allocation=3, by=None)
    assert option.capacity == 10
    actions.set_allocation(option, allocation=4, by=None)
    changed = TicketOption.objects.get()
    assert (changed.capacity, changed.left) == (option.capacity, 0) == (4, 0)
    assert changed.updated_at > option.updated_at
    line = Activity.objects.about(option).last()
    assert (line.operation, line.details) == ("allocation.set_allocation", {"allocation": 4})


def test_an_allocation_is_a_positive_integer():
    option = TicketOptionFactory()
    for allocation in (0, -5, 2**31):
        with nothing_changes(), pytest.raises(Invalid):
            actions.set_allocation(option, allocation=allocation, by=None)


@pytest.mark.parametrize("role", ["customer", "agent", "gate"])
def test_in_production_only_supervisors_change_options(production, role):
    option, person = TicketOptionFactory(), UserFactory(role=role)
    for verb in (
        lambda: actions.create_option(name="x", description="", allocation=1, by=person),
        lambda: actions.describe_option(option, name="x", description="", by=person),
        lambda: actions.set_allocation(option, allocation=1, by=person),
    ):
        with nothing_changes(), pytest.raises(NotAllowed):
            verb()
    with pytest.raises(LogInFirst):
        actions.set_allocation(option, allocation=1, by=AnonymousUser())
    actions.set_allocation(option, allocation=1, by=UserFactory(role="supervisor"))


@pytest.mark.parametrize(
    ("broken", "constraint"),
    [
        ({"name": ""}, "allocation_ticketoption_name_not_empty"),
        ({"capacity": 0, "taken": 0}, "allocation_ticketoption_capacity_positive"),
        ({"taken": 11}, "allocation_ticketoption_taken_within_capacity"),
        ({"held": 1}, "allocation_ticketoption_held_within_taken"),
    ],
)
def test_the_database_keeps_the_promise_by_itself(broken, constraint):
    option = TicketOptionFactory(allocation=10)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        TicketOption.objects.filter(pk=option.pk).update(**broken)
