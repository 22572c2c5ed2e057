"""What production keeps to: its database's mode, contracts that stay open, addresses, headers, systemd's socket."""

import io
import json
import os
import socket
import uuid

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.test import Client, RequestFactory

import allocation.actions
import booking.actions
import support.actions
from booking.models import Booking, Service
from support.models import Agent
from support.models import Ticket as SupportTicket
from support.tests.factories import TicketFactory, online_agent
from ticketing import rights
from ticketing.actions import issue_token, remember_mode
from ticketing.actions.upkeep import WrongMode
from ticketing.errors import LogInFirst
from ticketing.management.commands import up
from ticketing.models import Site, User
from ticketing.rights import CONTRACTS, DEMO, RIGHTS, Role, Scope, cell, coming_by
from ticketing.runtime.notify import notify
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.production import ENVIRONMENT, database_of_its_own, manage, python, rows_of
from ticketing.tests.snapshots import nothing_changes
from ticketing.toolkit.middleware import RealAddress

# The database remembers its mode


@pytest.mark.django_db
def test_a_database_is_of_the_mode_it_was_first_used_in(settings):
    remember_mode()
    remember_mode()
    assert Site.objects.get().mode == "demo"
    settings.SITE_MODE = "production"
    with nothing_changes(), pytest.raises(WrongMode, match="SITE_MODE=demo"):
        remember_mode()


@pytest.mark.django_db
def test_a_flushed_row_is_written_again(production):
    remember_mode()
    Site.objects.all().delete()
    remember_mode()
    assert Site.objects.get().mode == "production"


@pytest.mark.django_db
def test_demo_accounts_make_a_demo_database_whatever_was_not_written_down(production):
    UserFactory(is_demo=True)
    with nothing_changes(), pytest.raises(WrongMode):
        remember_mode()


@pytest.fixture(scope="module")
def demo_database(django_db_setup, django_db_blocker):
    """The name and address of a database that a demo uses."""
    name = f"going_live_{os.getpid()}"
    with django_db_blocker.unblock(), database_of_its_own(name) as url:
        for command in ("migrate", "demo"):
            assert manage(command, SITE_MODE="demo", DATABASE_URL=url).returncode == 0
        yield name, url


@pytest.mark.parametrize(
    "command",
    [
        ["audit"],
        ["migrate"],
        ["migrate", "allocation", "zero"],
        ["demo"],
        ["sweep", "--once"],
        ["qcluster"],
        ["runserver", "--noreload", "0"],
        ["shell", "-c", "print(1)"],
    ],
)
def test_no_command_touches_a_database_of_the_other_mode(demo_database, django_db_blocker, command):
    name, url = demo_database
    with django_db_blocker.unblock():
        before = rows_of(name)
        ended = manage(*command, DATABASE_URL=url)
        assert rows_of(name) == before
    assert (ended.returncode, "used by a site in demo mode" in ended.stderr) == (1, True)
    assert len(ended.stderr.splitlines()) == 1


def test_the_whole_site_does_not_start_on_a_database_of_the_other_mode(demo_database, django_db_blocker):
    name, url = demo_database
    with django_db_blocker.unblock():
        # Something is left to migrate, and is not: the refusal comes first.
        assert manage("migrate", "axes", "0009", SITE_MODE="demo", DATABASE_URL=url).returncode == 0
        before = rows_of(name)
        ended = manage("up", DATABASE_URL=url, PORT=str(free_port()))
        assert rows_of(name) == before
    assert (ended.returncode, "used by a site in demo mode" in ended.stderr) == (1, True)


def test_a_web_process_does_not_start_on_a_database_of_the_other_mode(demo_database):
    url = demo_database[1]
    ended = python("-c", "import ticketing.wsgi", **ENVIRONMENT | {"DATABASE_URL": url})
    assert (ended.returncode, "used by a site in demo mode" in ended.stderr) == (1, True)
    assert "Traceback" not in ended.stderr


def test_a_web_process_starts_while_the_database_is_away():
    ended = python("-c", "import ticketing.wsgi", **ENVIRONMENT)
    assert ended.returncode == 0


def test_a_demo_does_not_start_on_productions_database(demo_database, django_db_blocker):
    name = demo_database[0]
    with django_db_blocker.unblock(), database_of_its_own(f"{name}_live") as live:
        assert manage("migrate", DATABASE_URL=live).returncode == 0
        before = rows_of(f"{name}_live")
        for command in (["demo"], ["up"]):
            ended = manage(*command, SITE_MODE="demo", DATABASE_URL=live, PORT=str(free_port()))
            assert (ended.returncode, "used by a site in production mode" in ended.stderr) == (1, True)
        assert rows_of(f"{name}_live") == before


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# Contracts that stay open


class Calls:
    """The documented calls of each contract, without an account, on things that are there."""

    def __init__(self):
        self.option = allocation.actions.create_option(name="Play", description="", allocation=100, by=None)
        self.ticket = allocation.actions.issue_ticket(by=None)
        self.first, self.second = (self.booking() for _ in range(2))

    def booking(self):
        at = Service.objects.default().created_at
        return booking.actions.book(firstname="Ada", lastname="L", phone="5550100001", starts_at=at, by=None)

    def by_contract(self):
        option, ticket = f"/ticket_options/{self.option.pk}", f"?id={self.ticket.pk}"
        first, second = str(self.first.pk), str(self.second.pk)
        return {
            "ticket-service": [
                ("POST", "/api/customer/ticket/generate", {"user_id": "1", "phone": "5550100002", "query": "Hey!"}),
                ("GET", "/health", None),
            ],
            "ticketing-system": [("GET", "/users", None)],
            "ticket-management-system": [
                ("POST", "/view/", {"query": "id", "id": first}),
                ("POST", "/view/", {"query": "datetime", "time": str(Booking.objects.get(pk=first).starts_at.hour)}),
                ("POST", "/view/", {"query": "all"}),
                ("POST", "/update/edit/", {"id": first, "firstname": "Grace"}),
                ("POST", "/update/delete/", {"id": second}),
            ],
            "ticket-allocation": [
                ("POST", "/ticket_options", {"Name": "Film", "Desc": "", "Allocation": 5}),
                ("GET", option, None),
                ("POST", f"{option}/purchases", {"Quantity": 2, "UserID": str(uuid.uuid4())}),
            ],
            "tickets-api": [
                ("POST", "/ticket", None),
                ("GET", f"/ticket{ticket}", None),
                ("GET", "/ticket", None),
                ("UPDATE", f"/ticket/invalidate{ticket}", None),
                ("UPDATE", f"/ticket/validate{ticket}", None),
            ],
        }

    def statuses(self, **headers):
        return {
            contract: [ask(*call, **headers).status_code for call in calls]
            for contract, calls in self.by_contract().items()
        }


def ask(verb, path, body, **headers):
    data = "" if body is None else json.dumps(body)
    return Client().generic(verb, path, data, content_type="application/json", headers=headers)


CLOSED = {  # in production, by the order above
    "ticket-service": [200, 200],
    "ticketing-system": [401],
    "ticket-management-system": [404, 401, 401, 404, 404],
    "ticket-allocation": [401, 200, 401],
    "tickets-api": [401, 401, 401, 401, 401],
}


@pytest.mark.django_db
@pytest.mark.parametrize("opened", CONTRACTS)
def test_the_calls_of_an_opened_contract_work_and_all_others_answer_as_before(production, opened):
    production.THROTTLES = {}
    assert Calls().statuses() == CLOSED
    production.OPEN_CONTRACTS = [opened]
    statuses = Calls().statuses()
    assert statuses == CLOSED | {opened: [200] * len(CLOSED[opened])}


@pytest.mark.django_db
def test_somebody_who_is_logged_in_may_no_less_than_nobody_at_an_opened_contract(production):
    production.OPEN_CONTRACTS = ["tickets-api", "ticket-allocation", "ticket-management-system"]
    statuses = Calls().statuses(**bearer(UserFactory()))
    assert all(set(statuses[contract]) == {200} for contract in production.OPEN_CONTRACTS)


@pytest.mark.django_db
def test_no_opened_contract_ever_lists_the_token_of_a_real_account(production):
    production.OPEN_CONTRACTS = list(CONTRACTS)
    owner, secret = UserFactory(role="supervisor"), "s" * 40
    issue_token(owner, name="x", secret=secret, by=None)
    UserFactory(is_demo=True)
    assert ask("GET", "/users", None).json() == []
    assert ask("GET", "/users", None, **bearer(UserFactory())).json() == []
    seen = ask("GET", "/users", None, **bearer(owner)).json()
    assert owner.email in [account["email"] for account in seen]
    assert all("token" not in account for account in seen)


def test_what_an_opened_contract_allows_holds_for_its_own_paths_only(production):
    production.OPEN_CONTRACTS = ["ticket-allocation"]
    guest = coming_by("ticket-allocation", AnonymousUser())
    assert rights.require(guest, "allocation.purchase") == Scope.ALL
    for stranger in (AnonymousUser(), coming_by("tickets-api", AnonymousUser()), coming_by("", AnonymousUser())):
        with pytest.raises(LogInFirst):
            rights.require(stranger, "allocation.purchase")
    with pytest.raises(LogInFirst):
        rights.require(guest, "allocation.issue")
    assert rights.scope(User(role="customer"), "allocation.purchase") == Scope.OWN


def test_the_matrix_by_an_opened_contract_differs_by_exactly_its_rows(production):
    production.OPEN_CONTRACTS = ["ticket-management-system"]
    for contract in CONTRACTS:
        for operation in RIGHTS:
            for role in Role:
                opened = contract in production.OPEN_CONTRACTS and operation in CONTRACTS[contract]
                expected = cell(role, operation, demo=opened)
                assert cell(role, operation, demo=False, contract=contract) == expected


def test_every_row_of_the_demo_belongs_to_exactly_one_contract():
    rows = [operation for operations in CONTRACTS.values() for operation in operations]
    assert sorted(rows) == sorted(DEMO)


def test_the_command_lists_what_is_opened(production):
    production.OPEN_CONTRACTS = ["ticket-allocation"]
    out = io.StringIO()
    call_command("rights", stdout=out)
    line = out.getvalue().splitlines()[-1]
    assert "ticket-allocation" in line
    assert all(operation in line for operation in CONTRACTS["ticket-allocation"])


def test_a_contract_that_does_not_exist_is_refused_by_name():
    ended = manage("rights", OPEN_CONTRACTS="ticket-allocation,tickets")
    assert (ended.returncode, "OPEN_CONTRACTS names tickets" in ended.stderr) == (1, True)


# What an agent sees


@pytest.mark.django_db
def test_an_agent_sees_what_is_assigned_to_them_and_what_waits_in_their_departments(settings):
    mine, others, waits_here, waits_there, anywhere = (
        TicketFactory(department=department) for department in ("technical", "sales", "technical", "sales", "technical")
    )
    agent, other = online_agent(departments=["technical"]), online_agent()
    SupportTicket.objects.filter(pk=anywhere.pk).update(department="")
    for ticket, holder in ((mine, agent), (others, other)):
        SupportTicket.objects.filter(pk=ticket.pk).update(status="in_progress", agent=holder)
    everything = {mine, others, waits_here, waits_there, anywhere}
    see = lambda who, operation: set(SupportTicket.objects.visible_to(who, operation))  # noqa: E731
    for operation in rights.NARROWED:
        settings.AGENTS_SEE = "all"
        assert see(agent.user, operation) == everything
        settings.AGENTS_SEE = "assigned"
        assert see(agent.user, operation) == {mine, waits_here, anywhere}
        assert see(other.user, operation) == {others, waits_here, waits_there, anywhere}
        assert see(UserFactory(role="supervisor"), operation) == everything
        assert see(UserFactory(role="agent"), operation) == set()
    assert see(mine.user, "support.list") == {mine}


@pytest.mark.django_db
def test_a_ticket_in_somebody_elses_hands_is_missing_for_an_agent_who_sees_their_own(settings):
    settings.AGENTS_SEE = "assigned"
    ticket = TicketFactory()
    holder, other = online_agent(), online_agent()
    support.actions.assign_waiting_tickets()
    [agent] = Agent.objects.filter(tickets=ticket)
    stranger = other if agent == holder else holder
    path, headers = f"/tickets/{ticket.code}", bearer(stranger.user)
    assert ask("GET", path, None, **headers).json() == ask("GET", "/tickets/NOBODYS", None, **headers).json()
    assert ask("PATCH", path, {"closed": True}, **headers).status_code == 404
    assert ask("GET", path, None, **bearer(agent.user)).status_code == 200


def test_a_word_that_agents_cannot_see_by_is_refused():
    ended = manage("rights", AGENTS_SEE="some")
    assert (ended.returncode, "AGENTS_SEE" in ended.stderr) == (1, True)


# The caller's address


def address(settings, *, behind_proxy, forwarded):
    settings.BEHIND_PROXY = behind_proxy
    request = RequestFactory().get("/", REMOTE_ADDR="127.0.0.1", headers={"X-Forwarded-For": forwarded})
    return RealAddress(lambda request: request.META["REMOTE_ADDR"])(request)


@pytest.mark.parametrize("forwarded", ["203.0.113.9", "198.51.100.1, 203.0.113.9", "nonsense,  203.0.113.9 "])
def test_behind_the_proxy_the_address_is_the_one_the_proxy_wrote_last(settings, forwarded):
    assert address(settings, behind_proxy=True, forwarded=forwarded) == "203.0.113.9"
    assert address(settings, behind_proxy=False, forwarded=forwarded) == "127.0.0.1"


@pytest.mark.parametrize("forwarded", ["", "nonsense", "203.0.113.9,", "203.0.113.9, unknown"])
def test_what_is_no_address_changes_none(settings, forwarded):
    assert address(settings, behind_proxy=True, forwarded=forwarded) == "127.0.0.1"


@pytest.mark.django_db
def test_forged_addresses_do_not_unlock_a_log_in(settings):
    for guess in range(7):
        answer = ask(
            "POST",
            "/api/agent/login",
            {"username": "amara", "password": "wrong"},
            **{"X-Forwarded-For": f"203.0.113.{guess}"},
        )
    assert answer.status_code == 429


@pytest.mark.django_db
def test_behind_the_proxy_callers_do_not_lock_each_other_out(settings):
    settings.BEHIND_PROXY = True
    for guess in range(7):
        answer = ask(
            "POST",
            "/api/agent/login",
            {"username": "amara", "password": "wrong"},
            **{"X-Forwarded-For": f"203.0.113.{guess}"},
        )
    assert answer.status_code == 401


# Headers


GUARDS = {
    "Content-Security-Policy",
    "Permissions-Policy",
    "Referrer-Policy",
    "X-Content-Type-Options",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "X-Frame-Options",
    "Cache-Control",
    "X-Request-ID",
    "X-Site-Mode",
}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/", 405),
        ("DELETE", "/health", 405),
        ("GET", "/admin/login/", 200),
        ("GET", "/admin/", 302),
        ("GET", "/health", 200),
        ("GET", "/broken", 500),
    ],
)
def test_every_answer_is_guarded(settings, verb, path, status):
    settings.ROOT_URLCONF = "ticketing.tests.broken_urls"
    answer = Client(raise_request_exception=False).generic(verb, path)
    assert (answer.status_code, GUARDS - set(answer.headers)) == (status, set())
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.django_db
def test_nothing_about_a_person_stays_behind(client):
    client.force_login(UserFactory(role="supervisor"))
    assert client.get("/admin/").headers["Cache-Control"].find("no-store") >= 0
    assert client.get("/").headers["Cache-Control"] == "no-store"
    assert ask("GET", "/users", None).headers["Cache-Control"] == "no-store"


def test_production_sends_browsers_to_tls_and_keeps_cookies_there():
    script = (
        "import django; django.setup(); from django.conf import settings as s; "
        "print(s.SECURE_HSTS_SECONDS, s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, "
        "s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, s.SESSION_COOKIE_SAMESITE)"
    )
    ended = python("-c", script, DJANGO_SETTINGS_MODULE="ticketing.settings", **ENVIRONMENT)
    assert ended.stdout.split() == [
        "31536000", "True", "__Host-sessionid", "__Host-csrftoken", "True", "True", "True", "Lax",
    ]  # fmt: skip


# systemd


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """The socket that a service of Type=notify writes to."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listener


def test_systemd_is_told(systemd):
    notify("READY=1", "STATUS=here")
    assert systemd.recv(100) == b"READY=1\nSTATUS=here"


def test_an_abstract_socket_is_told_too(monkeypatch):
    name = f"ticketing-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify("WATCHDOG=1")
        assert listener.recv(100) == b"WATCHDOG=1"


def test_the_site_is_ready_once_all_its_parts_live_and_says_so_again_and_again(systemd, monkeypatch):
    command = up.Command()
    command.address, command.told, command.look_at = ("127.0.0.1", 1), True, 0.0
    monkeypatch.setattr(up, "keep_database", lambda: None)
    monkeypatch.setattr(up, "is_well", lambda *_: False)
    command.tick()
    systemd.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.recv(100)
    monkeypatch.setattr(up, "is_well", lambda *_: True)
    command.tick()
    assert systemd.recv(100) == b"READY=1\nWATCHDOG=1"


def test_nobody_is_told_where_nobody_listens(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")


@pytest.mark.parametrize(
    ("status", "parts", "well"),
    [
        (200, {"database": "ok", "cluster": "ok", "sweep": "ok", "queue": "ok"}, True),
        (503, {"database": "ok", "cluster": "ok", "sweep": "ok", "queue": "late"}, True),
        (503, {"database": "away"}, True),
        (503, {"database": "ok", "cluster": "silent", "sweep": "ok"}, False),
        (599, {}, False),
        (400, {}, False),
    ],
)
def test_the_watchdog_is_fed_while_a_restart_would_mend_nothing(monkeypatch, status, parts, well):
    monkeypatch.setattr(up, "_asked", lambda *_: (status, json.dumps({"parts": parts}).encode()))
    monkeypatch.setattr(up, "BEATING", {"cluster", "sweep"})
    assert up.is_well("127.0.0.1", 8000) is well
