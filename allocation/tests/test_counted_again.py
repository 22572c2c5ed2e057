"""When the books of events were counted again, who is told what of it, and one option recounted step by step."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.models import F
from django.test import Client

from allocation import tasks
from allocation.actions import cancel_ticket, release_hold
from allocation.models import Ticket, TicketOption
from allocation.tests.factories import EventFactory, HoldFactory, PurchaseFactory, TicketOptionFactory, pass_time
from booking.tests.walking import visit
from ticketing.actions import join_list
from ticketing.models import Verdict
from ticketing.tests.factories import UserFactory, bearer

pytestmark = pytest.mark.django_db

RIGHT, NOT_YET = "All of it is right.", "have not been counted again yet"


@pytest.fixture
def option():
    return TicketOptionFactory(name="Stalls", event=EventFactory(name="Late quartets"), allocation=10)


@pytest.fixture
def boss():
    browser = Client()
    browser.force_login(UserFactory(role="supervisor"))
    return browser


def falsify(option, **books):
    """As no verb would do it."""
    TicketOption.objects.filter(pk=option.pk).update(**{name: F(name) + more for name, more in books.items()})


def words(browser, option):
    return visit(browser, f"/panel/events/{option.event_id}/").words


def told(option, browser=None):
    return (browser or Client()).get(f"/api/v1/allocation/events/{option.event_id}/").json()["audited_at"]


def audit(*args):
    """What the command writes, and how it ends."""
    out = io.StringIO()
    try:
        call_command("audit", *args, stdout=out)
    except SystemExit as ended:
        return out.getvalue(), ended.code
    return out.getvalue(), 0


def test_an_event_says_to_everybody_when_its_books_were_counted_again(client, option):
    assert NOT_YET in words(client, option)
    assert told(option) is None
    assert tasks.count_again() == 0
    assert RIGHT in words(client, option)
    assert datetime.fromisoformat(told(option)) == Verdict.objects.get(promise="E1").at


def test_the_command_counts_again_too_and_notes_every_promise_once(client, option):
    assert audit()[1] == audit()[1] == 0
    assert RIGHT in words(client, option)
    assert {"E1", "E4", "W1", "X2", "B1", "S2"} <= set(Verdict.objects.values_list("promise", flat=True))
    assert not Verdict.objects.untrue().exists()


def test_what_is_prepared_after_the_count_is_not_counted_yet(client, option):
    tasks.count_again()
    later = TicketOptionFactory(event=EventFactory())
    assert NOT_YET in words(client, later)
    assert (told(later), told(option) is None) == (None, False)


def test_books_that_are_wrong_claim_nothing_and_supervisors_are_told(client, boss, option):
    other = TicketOptionFactory(event=EventFactory())
    tasks.count_again()
    falsify(option, taken=1)
    assert tasks.count_again() == 1
    for page in (words(client, option), words(boss, option)):
        assert RIGHT not in page
        assert NOT_YET not in page
    assert "manage.py audit --explain" in words(boss, option)
    assert "manage.py audit" not in words(client, option)
    assert (told(option), told(option, boss)) == (None, None)
    assert RIGHT in words(client, other)
    falsify(option, taken=-1)
    tasks.count_again()
    assert RIGHT in words(client, option)


def test_where_too_many_are_wrong_to_be_named_no_event_claims_anything(client, option):
    Verdict.objects.note("E1", at=option.event.created_at + timedelta(1), damaged=["x"] * 1000)
    assert RIGHT not in words(client, option)
    assert told(option) is None


def test_a_later_verdict_is_not_written_over_by_an_earlier_one():
    late = datetime(2031, 5, 2, tzinfo=UTC)
    Verdict.objects.note("E1", at=late, damaged=["x"])
    Verdict.objects.note("E1", at=late - timedelta(1), damaged=[])
    assert Verdict.objects.values_list("at", "damaged").get() == (late, ["x"])


def test_a_count_that_takes_too_long_leaves_the_last_verdict(client, option, monkeypatch):
    tasks.count_again()
    before = told(option)

    def too_long(checks):
        class Cancelled(Exception):
            sqlstate = "57014"

        raise OperationalError from Cancelled()

    monkeypatch.setattr("allocation.actions.counting.findings", too_long)
    assert tasks.count_again() == {"refused": "busy"}
    assert told(option) == before is not None


def test_the_readiness_and_the_board_tell_supervisors_what_is_untrue(client, boss, option):
    headers = bearer(UserFactory(role="supervisor"))
    assert client.get("/health/ready", headers=headers).json()["untrue"] == []
    falsify(option, taken=1)
    audit()
    assert client.get("/health/ready", headers=headers).json()["untrue"] == ["E1"]
    assert "untrue" not in client.get("/health/ready").json()
    assert "The audit found something untrue: E1" in visit(boss, "/panel/board/?still").words


# manage.py audit --explain


def steps(option):
    """The numbers of the recount by what they are, and how it ends."""
    out, code = audit("--explain", str(option.pk))
    lines = [line.strip().split("  ", 1) for line in out.splitlines() if line.startswith("  ")]
    return {what: int(number) for number, what in (line for line in lines if len(line) == 2)}, out, code


def test_an_option_is_recounted_step_by_step(option):
    bought = PurchaseFactory(option=option, quantity=4)
    cancel_ticket(Ticket.objects.get(pk=bought.tickets[0]), by=None)
    HoldFactory(option=option, quantity=2)
    release_hold(HoldFactory(option=option, quantity=1), by=None)
    numbers, out, code = steps(option)
    assert "overdue" not in out
    assert numbers == {
        "allocation": 10,
        "tickets bought": 4,
        "of these given back": -1,
        "sold": 3,
        "held by open holds (1)": 2,
        "held by offers of the waiting list (0)": 0,
        "left": 5,
    }
    assert "“Stalls” of the event “Late quartets”" in out
    assert "the books say taken 5, and so it is" in out
    assert "The books are right." in out
    assert code == 0


def test_what_is_overdue_is_named(option):
    hold = HoldFactory(option=option, quantity=2)
    pass_time()
    _numbers, out, code = steps(option)
    assert f"overdue: hold {hold.pk} of 2, until" in out
    assert code == 0


def test_offers_of_the_waiting_list_are_counted(option):
    bought = PurchaseFactory(option=option, quantity=10)
    join_list(option, quantity=2, email="a@example.org", language="en", by=None)
    for pk in bought.tickets[:2]:
        cancel_ticket(Ticket.objects.get(pk=pk), by=None)
    numbers, _out, code = steps(option)
    assert (numbers["held by offers of the waiting list (1)"] > 0, numbers["left"] >= 0, code) == (True, True, 0)


@pytest.mark.parametrize(
    ("books", "sentence"),
    [
        ({"taken": 2}, "the books say taken 7, but it is 5: 2 too many."),
        ({"taken": -1}, "the books say taken 4, but it is 5: 1 too few."),
        ({"held": 1}, "the books say held 3, but it is 2: 1 too many."),
    ],
)
def test_a_falsified_row_is_found_with_its_difference(option, books, sentence):
    PurchaseFactory(option=option, quantity=3)
    HoldFactory(option=option, quantity=2)
    falsify(option, **books)
    _numbers, out, code = steps(option)
    assert sentence in out
    assert "The books are wrong." in out
    assert code == 1


def test_a_lost_ticket_is_found_with_its_difference(option):
    bought = PurchaseFactory(option=option, quantity=3)
    Ticket.objects.filter(pk=bought.tickets[0]).delete()
    _numbers, out, code = steps(option)
    assert ("the books say taken 3, but it is 2: 1 too many." in out, code) == (True, 1)


def test_more_tickets_than_the_allocation_are_found(option):
    PurchaseFactory(option=option, quantity=3)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "ALTER TABLE allocation_ticketoption DROP CONSTRAINT allocation_ticketoption_taken_within_capacity"
        )
    TicketOption.objects.filter(pk=option.pk).update(capacity=2)
    _numbers, out, code = steps(option)
    assert ("more is taken than the allocation: by 1" in out, code) == (True, 1)


def test_an_option_is_named_by_its_id_or_by_a_name_that_only_one_has(option):
    assert audit("--explain", " STALLS ") == audit("--explain", "Stalls")
    assert f"option {option.pk}" in audit("--explain", "Stalls")[0]


@pytest.mark.parametrize("named", ["", "Stall", "%", "00000000-0000-4000-8000-000000000000"])
def test_an_unknown_option_is_refused(option, named):
    with pytest.raises(CommandError, match="There is no such ticket option"):
        audit("--explain", named)


def test_an_ambiguous_name_is_refused_with_the_ids(option):
    other = TicketOptionFactory(name="stalls")
    with pytest.raises(CommandError, match="Several ticket options") as refused:
        audit("--explain", "Stalls")
    assert {str(option.pk), str(other.pk)} <= set(str(refused.value).replace(",", "").split())


def test_a_recount_notes_no_verdict(option):
    audit("--explain", "Stalls")
    assert not Verdict.objects.exists()
