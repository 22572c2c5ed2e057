"""Moving in: the tables of the five source systems, read by manage.py import_source."""

import csv
import io
import json
import os
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

import allocation.actions.moving_in
import booking.actions
import booking.actions.moving_in
import support.actions
import support.actions.moving_in
from allocation.models import Purchase, TicketOption
from allocation.models import Ticket as Admission
from booking.models import Booking, Service, Slot
from support.models import Agent, Reply, Ticket
from ticketing.errors import NotAllowed
from ticketing.management.commands import import_source
from ticketing.models import Activity, ApiToken, User
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes, snapshot
from ticketing.toolkit.tables import MAX_LINE

pytestmark = pytest.mark.django_db


class Said:
    """What the command said: the sums, and a line for each row that was not simply moved in."""

    def __init__(self, out, err):
        self.out, self.err = out.getvalue(), err.getvalue()

    def sums(self, table):
        [line] = [line for line in self.out.splitlines() if line.startswith(f"{table}: ")]
        return line.partition(": ")[2]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The directory that the command is started in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def move(home):
    """Write the files of a source and import them."""

    def run(source, files, **options):
        for name, text in files.items():
            (home / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        out, err = io.StringIO(), io.StringIO()
        call_command("import_source", source, *files, stdout=out, stderr=err, **options)
        return Said(out, err)

    return run


def as_json_lines(text):
    """The same table as JSON lines."""
    rows = csv.DictReader(io.StringIO(text))
    return "".join(json.dumps({name: value or None for name, value in row.items()}) + "\n" for row in rows)


def in_both_formats(test):
    return pytest.mark.parametrize("written", [str, as_json_lines], ids=["CSV", "JSON lines"])(test)


def audit():
    """The audit is green."""
    out = io.StringIO()
    call_command("audit", stdout=out)
    assert "UNTRUE" not in out.getvalue()


def ids(model):
    return set(model.objects.values_list("pk", flat=True))


SERVICE_USERS = """id,user_name,user_type,phone,is_online,created_at,updated_at
1,abhinav,agent,7654345123,1,2020-01-01 08:00:00,2020-01-01 08:00:00
2,priya,customer,7654345124,0,2020-01-01 08:00:00,2020-01-01 08:00:00
"""
SERVICE_TICKETS = """id,user_id,phone,query,status,created_at,updated_at
1,12345,7654345123,hey there! I have a query,created,2020-01-02 08:00:00,2020-01-02 08:00:00
2,12345,7654345123,"It broke.
All of it.",in_progress,2020-01-02 09:00:00,2020-01-02 09:30:00
3,67,0654345123,Thanks,completed,2020-01-02 10:00:00,2020-01-03 10:00:00
4,67,0654345123,BUY NOW,rejected,2020-01-02 11:00:00,2020-01-03 11:00:00
"""
SERVICE = {"tickets.csv": SERVICE_TICKETS, "users.csv": SERVICE_USERS}


@in_both_formats
def test_ticket_service_moves_in_with_its_statuses_and_times(move, written):
    files = {name: written(text) for name, text in SERVICE.items()}
    said = move("ticket-service", files)
    assert said.sums("user_ticket") == "4 added"
    assert said.err == ""
    rows = Ticket.objects.order_by("created_at").values_list("subject", "status", "claimed_user_id", "claimed_phone")
    assert list(rows) == [
        ("hey there! I have a query", "created", "12345", "7654345123"),
        ("It broke.", "created", "12345", "7654345123"),
        ("Thanks", "completed", "67", "0654345123"),
        ("BUY NOW", "rejected", "67", "0654345123"),
    ]
    broken = Ticket.objects.get(subject="It broke.")
    assert broken.message == "It broke.\nAll of it."
    assert broken.created_at == datetime(2020, 1, 2, 9, tzinfo=UTC)
    assert broken.updated_at == datetime(2020, 1, 2, 9, 30, tzinfo=UTC)
    assert Ticket.objects.get(status="rejected").rejection
    audit()


def test_agents_of_ticket_service_get_an_account_without_a_password_and_are_not_there_yet(move):
    move("ticket-service", SERVICE)
    [agent] = Agent.objects.select_related("user")
    assert (agent.user.username, agent.user.role, agent.online_until) == ("abhinav", "agent", None)
    assert not agent.user.has_usable_password()
    assert User.objects.get(username="priya").role == "customer"


def test_what_waited_longest_there_is_handed_out_first_here(move):
    move("ticket-service", SERVICE)
    user = User.objects.get(username="abhinav")
    Agent.objects.filter(user=user).update(capacity=1)
    support.actions.go_online(user, lasts=timedelta(hours=1), by=user)
    support.actions.assign_waiting_tickets()
    assert Ticket.objects.get(status="in_progress").subject == "hey there! I have a query"
    audit()


TOKEN = {"john": "9f8e7d6c5b4a39281706f5e4d3c2b1a0", "mike": "0a1b2c3d4e5f60718293a4b5c6d7e8f9"}
DESK_USERS = f"""id,token,email,name,user_type
1,{TOKEN["john"]},abfcd@example.com,John Smith,customer
2,short,xfyz@example.com,jane,customer
3,{TOKEN["mike"]},deff@example.com,Mike,staff
"""
DESK_TICKETS = """id,subject,department,priority,message,code,closed,user_id,created_at,updated_at
7,CAN'T LOGIN,technical,high,lorem ipsum...,a3f9c,f,1,2021-05-01 10:00:00.03934,
8,Prices,sale,low,lorem,00b1e,t,2,2021-05-02 10:00:00,2021-05-03 10:00:00
"""
DESK_REPLIES = """id,user_id,ticket_id,message,created_at,updated_at
1,3,7,Have you tried it again?,2021-05-01 11:00:00,
2,1,7,"Yes, twice.",2021-05-01 12:00:00,
3,2,8,Thanks,2021-05-03 10:00:00,
"""
DESK = {"replies.csv": DESK_REPLIES, "tickets.csv": DESK_TICKETS, "users.csv": DESK_USERS}


@in_both_formats
def test_ticketing_system_moves_in_and_its_clients_go_on(move, written, production):
    said = move("ticketing-system", {name: written(text) for name, text in DESK.items()})
    assert said.sums("users") == "3 added, 2 tokens kept"
    assert said.sums("replies") == "3 added"
    line = 3 if written is str else 2
    assert said.err == f"users.csv:{line}: Its token is too short or too plain: this client needs a new one.\n"
    client = Client(headers={"Authorization": f"Bearer {TOKEN['john']}"})
    shown = client.get("/tickets/a3f9c").json()
    assert shown == {
        "user": {"email": "abfcd@example.com", "user_type": "customer", "name": "John Smith"},
        "subject": "CAN'T LOGIN",
        "department": "technical",
        "priority": "high",
        "message": "lorem ipsum...",
        "code": "a3f9c",
        "closed": False,
        "created_at": "2021-05-01T10:00:00.039340Z",
        "updated_at": "2021-05-01T10:00:00.039340Z",
    }
    assert [row["code"] for row in client.get("/tickets").json()] == ["a3f9c"]
    assert [row["code"] for row in client.get("/tickets?code=a3f9c").json()] == ["a3f9c"]
    said_there = [(row["user"]["name"], row["message"]) for row in client.get("/replies?ticket=a3f9c").json()]
    assert said_there == [("John Smith", "Yes, twice."), ("Mike", "Have you tried it again?")]
    assert client.get("/tickets/00b1e").status_code == 404
    staff = Client(headers={"Authorization": f"Bearer {TOKEN['mike']}"})
    assert [row["code"] for row in staff.get("/tickets?closed=true").json()] == ["00b1e"]
    audit()


def test_a_code_of_ours_is_still_found_in_either_case(client):
    user = UserFactory()
    ticket = support.actions.open_ticket(subject="s", message="m", department="sales", priority="low", by=user)
    for spelled in (ticket.code, ticket.code.lower()):
        assert client.get(f"/tickets/{spelled}", headers=bearer(user)).json()["code"] == ticket.code


def test_what_the_api_of_ticketing_system_shows_can_be_moved_in_too(move):
    john = {"email": "abfcd@example.com", "user_type": "customer", "name": "John"}
    ticket = {
        "subject": "S",
        "department": "sales",
        "priority": "low",
        "message": "m",
        "code": "abc12",
        "closed": False,
    }
    times = {"created_at": "2021-05-01T10:00:00Z", "updated_at": None}
    reply = {"user": john, "ticket": {"code": "abc12", "subject": "S"}, "message": "yes"} | times
    files = {
        "replies.jsonl": json.dumps(reply),
        "tickets.jsonl": json.dumps(ticket | times | {"user": john}),
        "users.jsonl": json.dumps(john | {"token": TOKEN["john"]}),
    }
    move("ticketing-system", files)
    assert Reply.objects.get().author.email == Ticket.objects.get().user.email == "abfcd@example.com"
    assert move("ticketing-system", files).sums("replies") == "1 there already"


def test_whoever_has_proven_the_address_here_is_the_same_person_and_keeps_role_and_tokens(move):
    here = UserFactory(email="ABFCD@example.com", role="supervisor", email_confirmed_at=datetime.now(UTC))
    for _ in range(2):
        said = move("ticketing-system", DESK)
        assert "users.csv:2: Joined to the account that has this e-mail address here" in said.err
    assert Ticket.objects.get(code="a3f9c").user == here
    here.refresh_from_db()
    assert here.role == "supervisor"
    assert not ApiToken.objects.filter(user=here).exists()


def test_an_address_that_nobody_has_proven_here_collects_nothing(move):
    squatter = UserFactory(email="abfcd@example.com")
    said = move("ticketing-system", DESK)
    assert "users.csv:2: email: Another account has this e-mail address" in said.err
    assert "tickets.csv:2: user: The account it belongs to is not here." in said.err
    assert "replies.csv:2: ticket: The ticket it belongs to is not here." in said.err
    assert not Ticket.objects.filter(user=squatter).exists()


def tomorrow():
    return datetime.now(UTC) + timedelta(days=1)


def bookings(number=2, **columns):
    day = tomorrow()
    fixed = {
        "ticketId": "",
        "firstname": "Vaibhav",
        "lastname": "Dwivedi",
        "phone_number": "1234567890",
        "date": f"{day.day}-{day.month:02}-{day.year}",
        "time_hours": "18",
        "time_minutes": "0",
        "time_seconds": "30",
        "expired": "False",
    } | columns
    rows = [fixed | {"ticketId": str(uuid.UUID(int=n, version=4))} for n in range(1, number + 1)]
    return ",".join(fixed) + "\n" + "".join(",".join(row.values()) + "\n" for row in rows)


FIRST_BOOKING = str(uuid.UUID(int=1, version=4))


@in_both_formats
def test_ticket_management_system_moves_in_with_its_places(move, written, client):
    said = move("ticket-management-system", {"b.txt": written(bookings())})
    assert said.sums("bookings") == "2 added"
    assert list(Slot.objects.values_list("taken", flat=True)) == [2]
    [row] = client.post("/view/", {"query": "id", "id": FIRST_BOOKING}, content_type="application/json").json()
    day = tomorrow()
    assert row == {
        "ticketId": FIRST_BOOKING,
        "firstname": "Vaibhav",
        "lastname": "Dwivedi",
        "phone_number": 1234567890,
        "date": f"{day.day}-{day.month:02}-{day.year}",
        "time_hours": 18,
        "time_minutes": 0,
        "time_seconds": 30,
        "expired": False,
    }
    audit()


@pytest.mark.parametrize(
    "columns",
    [
        {"date": "{:%Y-%m-%d}", "time": "18:00:30"},
        {"datetime": "{:%Y-%m-%d} 18:00:30.000000"},
        {"date_time": "{:%Y-%m-%d}T20:00:30+02:00"},
    ],
)
def test_a_booking_says_its_time_in_any_of_the_sources_shapes(move, columns):
    columns = {name: text.format(tomorrow()) for name, text in columns.items()}
    id32 = uuid.uuid4().hex
    header = ["id", "firstname", "lastname", "phone_number", *columns]
    move(
        "ticket-management-system",
        {"b.csv": f"{','.join(header)}\n{id32},A,B,0123456789,{','.join(columns.values())}\n"},
    )
    booked = Booking.objects.get(pk=id32)
    assert booked.starts_at == tomorrow().replace(hour=18, minute=0, second=30, microsecond=0)
    assert booked.phone == "0123456789"


def test_the_twenty_first_booking_of_a_minute_is_refused_also_beside_those_made_here(move):
    slot = tomorrow().replace(hour=18, minute=0, second=0, microsecond=0)
    for _ in range(3):
        booking.actions.book(firstname="A", lastname="B", phone="5550100001", starts_at=slot, by=None)
    said = move("ticket-management-system", {"b.csv": bookings(25)})
    assert said.sums("bookings") == "17 added, 8 refused"
    assert said.err.splitlines()[0] == "b.csv:19: date: This time is fully booked."
    assert Slot.objects.get().taken == 20
    audit()


def test_what_expired_is_left_behind(move):
    files = {"b.csv": bookings(3, date="1-09-2020")}
    assert move("ticket-management-system", files).sums("bookings") == "3 expired, left behind"
    assert not Booking.objects.exists()
    assert not Slot.objects.exists()


def test_a_booking_cancelled_here_does_not_come_back(move):
    files = {"b.csv": bookings()}
    move("ticket-management-system", files)
    booking.actions.cancel_booking(Booking.objects.get(pk=FIRST_BOOKING), by=None)
    said = move("ticket-management-system", files)
    assert said.sums("bookings") == "1 there already, 1 kept"
    assert said.err == "b.csv:2: Kept as it is here: it was deleted since it was moved in.\n"
    assert Booking.objects.count() == 1


def test_a_booking_changed_here_is_kept_as_it_is(move):
    files = {"b.csv": bookings()}
    move("ticket-management-system", files)
    booking.actions.change_booking(Booking.objects.get(pk=FIRST_BOOKING), firstname="Ada", by=None)
    with nothing_changes():
        said = move("ticket-management-system", files)
    assert said.err == "b.csv:2: Kept as it is here: it was changed since it was moved in.\n"
    assert Booking.objects.get(pk=FIRST_BOOKING).firstname == "Ada"


OPTION = "297ac147-85cc-48bb-83e9-736077c22804"
BUYER = "406c1d05-bbb2-4e94-b183-7d208c2692e1"
PURCHASES = ["0a4b8f0e-6c1c-4d1f-9a53-111111111111", "0a4b8f0e-6c1c-4d1f-9a53-222222222222"]
TICKETS = ["7d1f2a3b-0c4d-4e5f-8a6b-111111111111", "7d1f2a3b-0c4d-4e5f-8a6b-222222222222"]
SALE_OPTIONS = f"""id,name,desc,allocation,created_at,updated_at
{OPTION},Fenerbahce vs Galatasaray,There are 10.000 available tickets.,9995,2022-01-05 17:41:08.039342,
"""
SALE_PURCHASES = f"""id,quantity,user_id,ticket_option_id,created_at,updated_at
{PURCHASES[0]},2,{BUYER},{OPTION},2022-01-06 09:00:00,2022-01-06 09:00:00
{PURCHASES[1]},3,{BUYER},{OPTION},2022-01-06 10:00:00,2022-01-06 10:00:00
"""
SALE_TICKETS = f"""id,ticket_option_id,purchase_id,created_at,updated_at
{TICKETS[0]},{OPTION},{PURCHASES[0]},2022-01-06 09:00:00.5,2022-01-06 09:00:00.5
{TICKETS[1]},{OPTION},{PURCHASES[1]},2022-01-06 10:00:00.5,2022-01-06 10:00:00.5
"""
SALE = {"tickets.csv": SALE_TICKETS, "purchases.csv": SALE_PURCHASES, "options.csv": SALE_OPTIONS}


@in_both_formats
def test_ticket_allocation_moves_in_and_the_books_balance(move, written, client):
    said = move("ticket-allocation", {name: written(text) for name, text in SALE.items()})
    assert (said.sums("ticket_options"), said.sums("purchases"), said.sums("tickets")) == ("1 added", *["2 added"] * 2)
    assert client.get(f"/ticket_options/{OPTION}").json() == {
        "ID": OPTION,
        "Name": "Fenerbahce vs Galatasaray",
        "Desc": "There are 10.000 available tickets.",
        "Allocation": 9995,
        "CreatedAt": "2022-01-05T17:41:08.039342Z",
        "UpdatedAt": "2022-01-05T17:41:08.039342Z",
        "Total": 10000,
        "Sold": 5,
        "Held": 0,
    }
    assert sorted(Purchase.objects.values_list("quantity", flat=True)) == [2, 3]
    assert Admission.objects.filter(purchase=PURCHASES[1]).count() == 3
    assert str(Admission.objects.get(purchase=PURCHASES[1], number=1).pk) == TICKETS[1]
    assert {pk.version for pk in ids(Admission)} == {4}
    audit()


def test_the_answers_of_the_api_of_ticket_allocation_can_be_moved_in_too(move):
    option = {"ID": OPTION, "Name": "N", "Desc": "", "Allocation": 3, "CreatedAt": "2022-01-05T17:41:08.039342Z"}
    bought = {"ID": PURCHASES[0], "TicketOptionID": OPTION, "UserID": BUYER, "Quantity": 2}
    bought["CreatedAt"] = "2022-01-06T09:00:00Z"
    move("ticket-allocation", {"o.jsonl": json.dumps(option), "p.jsonl": json.dumps(bought)})
    found = TicketOption.objects.get()
    assert (found.capacity, found.taken, found.left) == (5, 2, 3)
    audit()


def test_more_sales_in_the_source_leave_the_total_as_it_was(move):
    move("ticket-allocation", SALE)
    third = f"{uuid.uuid4()},10,{BUYER},{OPTION},2022-01-07 10:00:00,2022-01-07 10:00:00\n"
    grown = SALE | {
        "options.csv": SALE_OPTIONS.replace(",9995,", ",9985,"),
        "purchases.csv": SALE_PURCHASES + third,
    }
    said = move("ticket-allocation", grown)
    assert (said.sums("ticket_options"), said.sums("purchases")) == ("1 there already", "1 added, 2 there already")
    found = TicketOption.objects.get()
    assert (found.capacity, found.taken) == (10000, 15)
    audit()


def test_options_are_not_counted_without_their_purchases(move):
    with nothing_changes(), pytest.raises(CommandError, match="cannot be counted without purchases"):
        move("ticket-allocation", {"options.csv": SALE_OPTIONS})


def test_what_the_source_sold_twice_is_sold_here_too_but_no_more(move):
    files = SALE | {"options.csv": SALE_OPTIONS.replace(",9995,", ",-1,")}
    move("ticket-allocation", files)
    found = TicketOption.objects.get()
    assert (found.capacity, found.taken) == (5, 5)
    audit()


def test_a_purchase_beyond_what_is_left_here_and_a_stranger_ticket_are_refused(move):
    move("ticket-allocation", SALE)
    files = {
        "p.csv": SALE_PURCHASES.splitlines()[0] + f"\n{uuid.uuid4()},9996,{BUYER},{OPTION},2022-01-07 10:00:00,\n",
        "t.csv": SALE_TICKETS.splitlines()[0]
        + f"\n{uuid.uuid4()},{OPTION},{uuid.uuid4()},2022-01-07 10:00:00,\n"
        + f"{uuid.uuid1()},{OPTION},{PURCHASES[0]},2022-01-07 10:00:00,\n",
    }
    err = refused_all(move, "ticket-allocation", files)
    assert [line.split(":")[:3] for line in err.splitlines()] == [
        ["p.csv", "2", " quantity"],
        ["t.csv", "2", " purchase"],
        ["t.csv", "3", " id"],
    ]
    audit()


def refused_all(move, source, files):
    """What is said of files of which nothing can be moved in."""
    err = io.StringIO()
    for name, text in files.items():
        Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with nothing_changes(), pytest.raises(CommandError, match="Every row was refused") as ended:
        call_command("import_source", source, *files, stdout=io.StringIO(), stderr=err)
    assert ended.value.returncode == 1
    return err.getvalue()


OLD_TICKET = "4fcd3656-3c79-11ea-8e4c-8c1645e0f94e"
BARE = f"""id,timestamp,valid
{OLD_TICKET},1579630231.5780213,True
fbee5350-3c7b-11ea-8e4c-8c1645e0f94e,1579631379.3566003,False
"""


@in_both_formats
def test_tickets_api_moves_in(move, written, client):
    assert move("tickets-api", {"bare.txt": written(BARE)}).sums("tickets") == "2 added"
    [shown] = client.get(f'/ticket?id="{OLD_TICKET}"').json()
    assert shown == {"id": OLD_TICKET, "timestamp": 1579630231.578021, "valid": True}
    assert [row["valid"] for row in client.get("/ticket").json()] == [True, False]
    audit()


EVERY = {
    "ticket-service": SERVICE,
    "ticketing-system": DESK,
    "ticket-management-system": {"bookings.csv": bookings()},
    "ticket-allocation": SALE,
    "tickets-api": {"bare.csv": BARE},
}
every_source = pytest.mark.parametrize("source", EVERY)


@every_source
def test_twice_is_once(move, source):
    move(source, EVERY[source])
    with nothing_changes():
        again = move(source, EVERY[source])
    assert "added" not in again.out
    assert "there already" in again.out


@every_source
def test_a_dry_run_reports_the_same_and_changes_nothing(move, source):
    with nothing_changes():
        dry = move(source, EVERY[source], dry_run=True)
    wet = move(source, EVERY[source])
    assert dry.out == wet.out + "This was a dry run: nothing was changed.\n"
    assert dry.err == wet.err


@every_source
def test_the_trail_tells_of_chunks_without_personal_data(move, source):
    move(source, EVERY[source])
    for line in Activity.objects.filter(operation__contains="move_in"):
        assert line.role == "system"
        assert set(line.details) == {"source", "count", "ids"}
        assert line.details["count"] == len(line.details["ids"])
    trail = json.dumps(list(Activity.objects.values_list("details", flat=True)))
    assert "example.com" not in trail
    assert "1234567890" not in trail


def test_rows_added_in_the_source_later_come_with_the_next_import(move):
    move("ticket-service", SERVICE)
    more = SERVICE_TICKETS + "5,1,7654345123,One more,created,2020-02-01 00:00:00,2020-02-01 00:00:00\n"
    before = ids(Ticket)
    said = move("ticket-service", SERVICE | {"tickets.csv": more})
    assert said.sums("user_ticket") == "1 added, 4 there already"
    assert before < ids(Ticket)
    audit()


def test_after_a_crash_in_the_third_chunk_the_next_run_completes(move, monkeypatch):
    monkeypatch.setattr(import_source, "CHUNK", 2)
    settle = booking.actions.moving_in.settle
    chunks = []

    def crash(*args, **options):
        chunks.append(args)
        if len(chunks) == 3:
            raise KeyboardInterrupt
        settle(*args, **options)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(booking.actions.moving_in, "settle", crash)
        move("ticket-management-system", {"b.csv": bookings(8)})
    assert (Booking.objects.count(), Slot.objects.get().taken) == (4, 4)
    audit()
    assert move("ticket-management-system", {"b.csv": bookings(8)}).sums("bookings") == "4 added, 4 there already"
    assert Slot.objects.get().taken == 8
    audit()


def test_a_crash_between_purchases_and_tickets_leaves_true_books(move, monkeypatch):
    def crash(*args, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(allocation.actions.moving_in, "_rename", crash)
        move("ticket-allocation", SALE)
    audit()
    assert Admission.objects.count() == 5
    assert move("ticket-allocation", SALE).sums("tickets") == "2 added"
    assert Admission.objects.count() == 5
    audit()


REFUSED = [
    ("ticket-service", SERVICE_TICKETS, {"query": ""}, "query: “query” must not be empty."),
    ("ticket-service", SERVICE_TICKETS, {"query": "x" * 1001}, "query: “query” must have at most 1000 characters."),
    ("ticket-service", SERVICE_TICKETS, {"query": "a\0b"}, "query: “query” must not contain control characters."),
    ("ticket-service", SERVICE_TICKETS, {"phone": "1" * 46}, "phone: “phone” must have at most 45 characters."),
    ("ticket-service", SERVICE_TICKETS, {"status": "lost"}, "status: “status” must be one of"),
    ("ticket-service", SERVICE_TICKETS, {"id": "x"}, "id: “id” must be a whole number"),
    ("ticket-service", SERVICE_TICKETS, {"id": "٣"}, "id: “id” must be a whole number"),
    (
        "ticket-service",
        SERVICE_TICKETS,
        {"created_at": "2020-02-31 10:00:00"},
        "created_at: “created_at” must be a date",
    ),
    ("ticket-service", SERVICE_TICKETS, {"created_at": "0000-00-00 00:00:00"}, "created_at: “created_at” must be"),
    (
        "ticket-service",
        SERVICE_TICKETS,
        {"created_at": "2999-01-01 10:00:00"},
        "created_at: This time lies in the future.",
    ),
    ("ticket-service", SERVICE_USERS, {"user_type": "king"}, "user_type: “user_type” must be one of"),
    ("ticket-service", SERVICE_USERS, {"user_name": ""}, "user_name: “user_name” must not be empty."),
    ("ticketing-system", DESK_USERS, {"email": "nobody"}, "email: This is not an e-mail address."),
    ("ticketing-system", DESK_TICKETS, {"code": "x" * 13}, "code: “code” must have 1 to 12 letters"),
    ("ticketing-system", DESK_TICKETS, {"code": "a/b"}, "code: “code” must have 1 to 12 letters"),
    ("ticketing-system", DESK_TICKETS, {"user_id": "99"}, "user: The account it belongs to is not here."),
    ("ticketing-system", DESK_TICKETS, {"subject": "x" * 251}, "subject: “subject” must have at most 250"),
    (
        "ticket-management-system",
        bookings(1),
        {"phone_number": "123"},
        "phone_number: The phone number must have exactly ten",
    ),
    ("ticket-management-system", bookings(1), {"phone_number": "١٢٣٤٥٦٧٨٩٠"}, "phone_number: The phone number"),
    ("ticket-management-system", bookings(1), {"firstname": "x" * 101}, "firstname: “firstname” must have at most 100"),
    ("ticket-management-system", bookings(1), {"date": "31-02-2031"}, "date: There is no such day"),
    ("ticket-management-system", bookings(1), {"date": "12-09-20"}, "date: There is no such day"),
    ("ticket-management-system", bookings(1), {"time_hours": "24"}, "time_hours: There is no such time"),
    ("ticket-management-system", bookings(1), {"ticketId": "12"}, "ticketId: “ticketId” must be a UUID."),
    ("ticket-allocation", SALE_PURCHASES, {"quantity": "0"}, "quantity: “quantity” must be a whole number from 1"),
    ("ticket-allocation", SALE_PURCHASES, {"quantity": "1.5"}, "quantity: “quantity” must be a whole number from 1"),
    ("ticket-allocation", SALE_PURCHASES, {"user_id": ""}, "user_id: “user_id” is missing."),
    ("ticket-allocation", SALE_PURCHASES, {}, "option: The ticket option it belongs to is not here."),
    ("tickets-api", BARE, {"timestamp": "NaN"}, "timestamp: “timestamp” must be a number of seconds since 1970."),
    ("tickets-api", BARE, {"timestamp": "1e30"}, "timestamp: “timestamp” must be a number of seconds since 1970."),
    ("tickets-api", BARE, {"valid": "maybe"}, "valid: “valid” must be true or false."),
]


@pytest.mark.parametrize(("source", "text", "wrong", "sentence"), REFUSED)
def test_it_refuses_a_row_that_the_contract_would_refuse_and_names_line_and_column(move, source, text, wrong, sentence):
    row = next(csv.DictReader(io.StringIO(text))) | wrong
    written = io.StringIO()
    writer = csv.DictWriter(written, row, lineterminator="\n")
    writer.writeheader()
    writer.writerow(row)
    if wrong.get("user_id") == "99":
        move(source, {"users.csv": DESK_USERS})
    assert refused_all(move, source, {"f.csv": written.getvalue()}).startswith(f"f.csv:2: {sentence}")


def test_one_bad_row_does_not_keep_the_others_out_and_is_written_down(move, home):
    text = BARE.replace(OLD_TICKET, "not-a-uuid")
    said = move("tickets-api", {"t.csv": text}, refused="refused.csv")
    assert said.sums("tickets") == "1 added, 1 refused"
    rows = list(csv.reader((home / "refused.csv").open()))
    assert rows == [["file", "line", "column", "sentence"], ["t.csv", "2", "id", "“id” must be a UUID."]]


UNREADABLE = [
    (b'abc"d"e,1,"x\n', "is not CSV"),
    (b'"never closed,1,True\n', "is not CSV"),
    (b'"a"b,1,True\n', "is not CSV"),
    (b"\xff\xfe,1,True\n", "is not in UTF-8"),
    (b"only-one-column\n", "has 1 columns, the header 3"),
    (b"x" * (MAX_LINE + 5) + b"\n", "is longer than 1 MiB"),
    (b"x" * 200_000 + b",1,True\n", "is not CSV"),
    (b"a\0b,1,True\n", "must be a UUID"),
]


@pytest.mark.parametrize(("line", "sentence"), UNREADABLE)
def test_a_line_that_cannot_be_read_is_a_sentence_and_the_next_is_read(move, line, sentence):
    header, good, _ = BARE.encode().splitlines(keepends=True)
    said = move("tickets-api", {"t.csv": header + line + good})
    assert said.sums("tickets") == "1 added, 1 refused"
    assert said.err.startswith("t.csv:2: ")
    assert sentence in said.err
    assert str(Admission.objects.get().pk) == OLD_TICKET


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("[1, 2]", "is not a JSON object"),
        ("nonsense", "is not JSON"),
        ('{"id": 1, "id": 2}', "is not JSON"),
        ('{"id": 1, "ID": 2}', "same name"),
        ('{"id": "\\u0000"}', "is not JSON"),
        ('{"id": "\\ud800"}', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"id": {}, "timestamp": [], "valid": null}', "must be a number of seconds"),
        ('{"timestamp": 1e999, "valid": true, "id": 1}', "must be a number of seconds"),
        ("{}", "is missing"),
    ],
)
def test_a_json_line_that_cannot_be_read_is_a_sentence(move, line, sentence):
    good = as_json_lines(BARE).splitlines()[0]
    said = move("tickets-api", {"t.jsonl": f"{good}\n{line}\n"})
    assert said.sums("tickets") == "1 added, 1 refused"
    assert said.err.startswith("t.jsonl:2: ")
    assert sentence in said.err


def test_a_byte_order_mark_and_windows_line_ends_are_read(move):
    text = b"\xef\xbb\xbf" + BARE.encode().replace(b"\n", b"\r\n")
    assert move("tickets-api", {"t.csv": text}).sums("tickets") == "2 added"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is no table of tickets-api"),
        ("name,colour\nx,red\n", "is no table of tickets-api"),
        ("id;timestamp;valid\n", "is no table of tickets-api"),
        ('[{"id": 1}]', "jq -c"),
        ("id,timestamp,valid\n".encode("utf-16"), "not in UTF-8"),
        (b"\xff,timestamp,valid\n", "t.csv:1: The line is not in UTF-8"),
    ],
)
def test_a_file_that_holds_no_table_of_the_source_stops_everything_before_it_begins(move, text, sentence):
    with nothing_changes(), pytest.raises(CommandError, match=sentence) as ended:
        move("tickets-api", {"good.csv": BARE, "t.csv": text})
    assert ended.value.returncode == 1


def test_a_file_that_is_not_there_is_said_in_a_sentence(home):
    with pytest.raises(CommandError, match=r"nowhere\.csv is not a file"):
        call_command("import_source", "tickets-api", "nowhere.csv", stdout=io.StringIO())


def test_a_ticket_that_was_dealt_with_here_is_kept_as_it_is(move):
    move("ticket-service", SERVICE)
    support.actions.close_ticket(Ticket.objects.get(subject="It broke."), by=None)
    with nothing_changes():
        said = move("ticket-service", SERVICE)
    assert said.err == "tickets.csv:3: Kept as it is here: it was changed since it was moved in.\n"


@pytest.mark.parametrize("here", [{"username": "abhinav"}, {"email": "abhinav@example.org"}])
def test_a_username_that_is_typed_for_somebody_else_here_is_refused(move, here):
    UserFactory(**here)
    name = next(iter(here.values()))
    said = move("ticket-service", SERVICE | {"users.csv": SERVICE_USERS.replace("abhinav", name)})
    assert "users.csv:2: username: Another account here has this as its username or address." in said.err
    assert not User.objects.filter(username=name).exclude(first_name="Ada").exists()


def many(source, number):
    """A source that has grown to so many rows."""
    at = "2020-01-01 08:00:00"
    number //= {"ticketing-system": 3, "ticket-allocation": 2}.get(source, 1)
    if source == "ticket-service":
        rows = (f"{n},{n},7654345123,Question {n},{status},{at},{at}" for n, status in enumerate(cycle_of(number), 1))
        yield "tickets.csv", "id,user_id,phone,query,status,created_at,updated_at", rows
    elif source == "ticketing-system":
        yield (
            "r.csv",
            "id,user_id,ticket_id,message,created_at",
            (f"{n},{n},{n},Yes,{at}" for n in range(1, number + 1)),
        )
        tickets = (f"{n},S,sales,low,m,c{n},f,{n},{at}" for n in range(1, number + 1))
        yield "t.csv", "id,subject,department,priority,message,code,closed,user_id,created_at", tickets
        people = (
            f"{n},{uuid.UUID(int=n << 64 | 0x1234567890ABCDEF).hex},p{n}@example.com,P {n},customer"
            for n in range(1, number + 1)
        )
        yield "u.csv", "id,token,email,name,user_type", people
    elif source == "ticket-management-system":
        day = f"{tomorrow():%d-%m-%Y}"
        rows = (
            f"{uuid.UUID(int=n, version=4)},A,B,1234567890,{day},{n % 24},{n // 24 % 60}" for n in range(1, number + 1)
        )
        yield "b.csv", "ticketId,firstname,lastname,phone_number,date,time_hours,time_minutes", rows
    elif source == "ticket-allocation":
        options = [uuid.UUID(int=n + 1, version=4) for n in range(10)]
        yield "o.csv", "id,name,desc,allocation,created_at", (f"{option},N,,7,{at}" for option in options)
        bought = [uuid.UUID(int=n << 32, version=4) for n in range(1, number + 1)]
        rows = (f"{pk},{n % 3 + 1},{BUYER},{options[n % 10]},{at}" for n, pk in enumerate(bought))
        yield "p.csv", "id,quantity,user_id,ticket_option_id,created_at", rows
        rows = (f"{uuid.UUID(int=n << 80, version=4)},{options[n % 10]},{pk},{at}" for n, pk in enumerate(bought))
        yield "t.csv", "id,ticket_option_id,purchase_id,created_at", rows
    else:
        rows = (f"{uuid.UUID(int=n)},{1579630231.5 + n},{n % 2}" for n in range(1, number + 1))
        yield "t.csv", "id,timestamp,valid", rows


def cycle_of(number):
    statuses = ["created", "in_progress", "completed", "rejected"]
    return (statuses[n % 4] for n in range(number))


# At every change fewer than anybody has, and as many as anybody has on demand: MANY_ROWS=10000.
MANY_ROWS = int(os.environ.get("MANY_ROWS", "1500"))


@every_source
def test_many_rows_move_in_twice_with_the_same_rows_and_true_books(move, source):
    files = {name: f"{header}\n" + "\n".join(rows) + "\n" for name, header, rows in many(source, MANY_ROWS)}
    first = move(source, files)
    assert (first.err, "refused" in first.out) == ("", False)
    before = snapshot()
    again = move(source, files)
    assert snapshot() == before
    assert "added" not in again.out
    audit()


def test_a_chunk_costs_the_same_queries_however_many_rows_it_has(move):
    Service.objects.default()
    cost = []
    for number in (2, 18):
        Booking.objects.all().delete()
        Slot.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            move("ticket-management-system", {"b.csv": bookings(number)})
        cost.append(len(queries))
    assert cost[0] == cost[1] < 25


@pytest.mark.parametrize("role", ["customer", "agent", "supervisor"])
def test_only_the_site_itself_moves_data_in(role):
    with nothing_changes_by(role) as actor:
        for verb in (
            support.actions.moving_in.move_in_people,
            support.actions.moving_in.move_in_tickets,
            support.actions.moving_in.move_in_replies,
            booking.actions.moving_in.move_in_bookings,
            allocation.actions.moving_in.move_in_options,
            allocation.actions.moving_in.move_in_purchases,
            allocation.actions.moving_in.move_in_bought_tickets,
            allocation.actions.moving_in.move_in_tickets,
        ):
            with pytest.raises(NotAllowed):
                verb([], source="tickets-api", by=actor)


@contextmanager
def nothing_changes_by(role):
    actor = UserFactory(role=role)
    with nothing_changes():
        yield actor


def test_the_file_of_refusals_is_none_of_the_tables(move):
    with pytest.raises(CommandError, match="twice"):
        move("tickets-api", {"t.csv": BARE}, refused="t.csv")
    assert Path("t.csv").read_text() == BARE


def test_a_source_that_nobody_knows_is_refused(move):
    with pytest.raises(CommandError, match="invalid choice"):
        move("tickets", {"t.csv": BARE})
