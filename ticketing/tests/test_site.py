"""The whole site as it runs: `manage.py up` in a process of its own, with real workers, killed in every way."""

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path

import environ
import psycopg
import pytest

from ticketing.runtime import postgres

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def within(seconds, condition):
    """What `condition` returns once it is true; fails if it is not in time."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)
    return answer


class Site:
    """A demo with a home and a port of its own."""

    def __init__(self, home):
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.variable = f"TICKETING_HOME={home}".encode()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=self.environment(),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.line = self.process.stdout.readline()
        return self

    def environment(self):
        inherited = {
            name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "TICKETING_ROLE")
        }
        return inherited | {"SITE_MODE": "demo", "TICKETING_HOME": str(self.home), "PORT": str(self.port)}

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10) == 0
        within(5, lambda: not self.processes())

    def processes(self):
        """Everything that runs for this home, by command line: {pid: arguments}."""
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                environment = (path / "environ").read_bytes()
                arguments = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                directory = os.readlink(path / "cwd")
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            mine = str(self.home) in f"{arguments} {directory}" or self.variable in environment.split(b"\0")
            if mine and arguments and int(path.name) != os.getpid():
                found[int(path.name)] = arguments
        return found

    def kill(self):
        """Kill -9 everything; what was still there."""
        left = self.processes()
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return left

    def pids(self, pattern):
        return [pid for pid, arguments in self.processes().items() if re.search(pattern, arguments)]

    def call(self, verb, path, body=None, **headers):
        """Status, JSON and headers of one request."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=verb)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer), answer.headers
        except urllib.error.HTTPError as answer:
            return answer.code, json.load(answer), answer.headers

    def sql(self, query, *parameters):
        address = environ.Env.db_url_config(postgres.url(self.home))
        parts = {"host": address["HOST"], "port": address["PORT"], "user": address["USER"], "dbname": address["NAME"]}
        with psycopg.connect(**parts, autocommit=True) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def log_in(self, username="abhinav"):
        status, answer, _ = self.call("POST", "/api/agent/login", {"username": username, "password": "12345"})
        assert status == 200
        return {"Authorization": f"Bearer {answer['token']}"}

    def raise_ticket(self):
        body = {"user_id": "12345", "phone": "7654345123", "query": "hey there! I have a query"}
        status, answer, _ = self.call("POST", "/api/customer/ticket/generate", body)
        assert status == 200
        return answer["ticket"]

    def status_of(self, code):
        return self.sql("SELECT status FROM support_ticket WHERE code = %s", code)[0][0]

    def everybody_leaves(self):
        self.sql("UPDATE support_agent SET online_until = NULL, is_away = false, updated_at = now()")
        self.sql("UPDATE support_ticket SET answered_at = NULL")  # or they would stay with whoever is gone
        within(10, lambda: not self.sql("SELECT 1 FROM support_ticket WHERE status = 'in_progress'"))
        self.sql("UPDATE support_ticket SET status = 'completed', closed_at = now() WHERE status = 'created'")

    def audit(self):
        command = [sys.executable, "manage.py", "audit"]
        return subprocess.run(command, cwd=ROOT, env=self.environment(), capture_output=True, text=True)


@contextmanager
def home():
    """A directory that PostgreSQL's user can reach also when the tests run as root; pytest's own is private."""
    directory = Path(tempfile.mkdtemp(prefix="ticketing-"))
    directory.chmod(0o711)
    yield directory / "home"
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def site():
    with home() as place:
        site = Site(place).start()
        yield site
        site.stop()


def test_one_line_says_where_the_site_is(site):
    assert site.url in site.line
    assert site.call("GET", "/health")[:2] == (200, {"status": True, "message": "OK"})
    with urllib.request.urlopen(f"{site.url}/panel/book/") as page:
        assert page.headers["X-Site-Mode"] == "demo"
        assert b"<form" in page.read()
    with urllib.request.urlopen(f"{site.url}/static/css/base.css") as style:
        assert style.status == 200


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_every_line_of_the_readme_works_as_it_stands(site):
    block = "".join(re.findall(r"```sh\n[SA]=(?:http)?[^\n]*\n(.*?)```", README, re.DOTALL))
    lines = f'set -eu; S={site.url} A={site.url}/api/v1\ncurl() {{ command curl -fsS "$@"; }}\n{block}'
    done = subprocess.run(["bash", "-c", lines], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert block.count("curl ") + block.count("\napi ") >= 30


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("booking.md", "<title>Book a time</title>"),
        ("allocation.md", "admitted\n{'id': "),
        ("support.md", '"in_progress"'),
    ],
    ids=["a service", "an event", "the desk"],
)
def test_every_line_of_how_something_is_set_up_works_as_it_stands(site, name, says):
    guide = (ROOT / "docs" / name).read_text()
    blocks = re.findall(r"```sh\n(.*?)```", guide, re.DOTALL)
    assert len(blocks) == guide.count("\n## ") + 1  # one for each step, after the first lines
    lines = "".join(blocks).replace("http://127.0.0.1:8000", site.url)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", lines], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert says in done.stdout


def test_a_second_site_on_the_same_port_says_so_and_ends_with_1(site):
    command = [sys.executable, "manage.py", "up"]
    second = subprocess.run(command, cwd=ROOT, env=site.environment(), capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert f"Port {site.port} is taken" in second.stderr
    assert "Traceback" not in second.stderr


def test_forty_clients_buy_one_each_of_twenty_five(site):
    _, option, _ = site.call("POST", "/ticket_options", {"Name": "Small hall", "Desc": "", "Allocation": 25})

    def buy(_):
        body = {"Quantity": 1, "UserID": str(uuid.uuid4())}
        return site.call("POST", f"/ticket_options/{option['ID']}/purchases", body)[:2]

    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(buy, range(40)))
    refused = [body for status, body in answers if status == 409]
    assert [status for status, _ in answers].count(200) == 25
    assert [body["message"] for body in refused] == ["there is not any available tickets"] * 15
    assert site.call("GET", f"/ticket_options/{option['ID']}")[1]["Allocation"] == 0


def test_one_key_fifty_times_at_once_is_one_purchase(site):
    _, option, _ = site.call("POST", "/ticket_options", {"Name": "Large hall", "Desc": "", "Allocation": 1000})
    body, key = {"Quantity": 2, "UserID": str(uuid.uuid4())}, uuid.uuid4().hex

    def buy(_):
        path = f"/ticket_options/{option['ID']}/purchases"
        status, answer, headers = site.call("POST", path, body, **{"Idempotency-Key": key})
        return status, json.dumps(answer), headers.get("Idempotent-Replayed")

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(buy, range(50)))
    assert {answer[:2] for answer in answers} == {(200, answers[0][1])}
    assert [replayed for *_, replayed in answers].count("true") == 49
    assert site.call("GET", f"/ticket_options/{option['ID']}")[1]["Sold"] == 2


def test_thirty_clients_book_one_minute_and_twenty_get_a_place(site):
    body = {"firstname": "A", "lastname": "B", "phone_number": 5550100001, "date": "24-12-2031", "time": "18:00"}
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: site.call("POST", "/book/", body)[:2], range(30)))
    refused = [answer["message"] for status, answer in answers if status == 409]
    assert [status for status, _ in answers].count(200) == 20
    assert refused == ["20 entries already exist for this time"] * 10


def test_a_ticket_raised_while_an_agent_is_there_is_in_progress_at_once(site):
    site.everybody_leaves()
    site.log_in()
    code = site.raise_ticket()
    within(2, lambda: site.status_of(code) == "in_progress")


def test_with_nobody_there_it_waits_and_a_log_in_gets_it(site):
    site.everybody_leaves()
    code = site.raise_ticket()
    time.sleep(3)  # longer than a sweep
    assert site.status_of(code) == "created"
    site.log_in()
    within(2, lambda: site.status_of(code) == "in_progress")


def test_bookings_are_purged_eight_hours_after_their_time_and_not_before(site):
    def booking(interval):
        body = {"firstname": "A", "lastname": "B", "phone_number": 5550100001, "date": "1-1-2031", "time": "10:00"}
        ticket = site.call("POST", "/book/", body)[1]["id"]
        moved = "UPDATE booking_booking SET starts_at = now() - %s::interval WHERE id = %s"
        site.sql(moved, interval, ticket)
        return ticket

    younger, older = booking("7 hours 59 minutes"), booking("8 hours 1 second")
    view = {"query": "id", "id": older}
    status, rows, _ = site.call("POST", "/view/", view)
    assert status == 404 or rows[0]["expired"] is True
    within(120, lambda: site.call("POST", "/view/", view)[0] == 404)
    [row] = site.call("POST", "/view/", {"query": "id", "id": younger})[1]
    assert row["expired"] is False
    site.sql("UPDATE booking_booking SET starts_at = '2031-01-01 10:00Z' WHERE id = %s", younger)


def test_a_killed_database_is_back_and_no_answer_is_a_500(site):
    [postmaster] = [pid for pid in site.pids(r"postgres .*(-D|--data)") if os.getpgid(pid)]
    os.kill(postmaster, signal.SIGKILL)
    statuses = set()

    def healthy():
        """Every process of the site, so that the next test finds it whole."""
        lately = {site.call("GET", "/health")[0] for _ in range(10)}
        statuses.update(lately)
        return lately == {200}

    within(15, healthy)
    assert statuses <= {200, 503}


def test_an_idle_worker_killed_keeps_nobody_waiting_and_the_cluster_becomes_whole_again(site):
    site.everybody_leaves()
    site.log_in()
    began = site.sql("SELECT now()")[0][0]
    # The database was killed before, and perhaps the cluster with it.
    within(45, lambda: site.sql("SELECT 1 FROM ticketing_heartbeat WHERE name = 'cluster' AND at > %s", began))
    workers = site.pids("qcluster")
    before = site.sql("SELECT at FROM ticketing_heartbeat WHERE name = 'cluster'")
    os.kill(max(workers), signal.SIGKILL)
    code = site.raise_ticket()
    within(10, lambda: site.status_of(code) == "in_progress")

    def whole():
        beats = "SELECT 1 FROM ticketing_heartbeat WHERE name = 'cluster' AND at > %s + interval '5 seconds'"
        return len(site.pids("qcluster")) >= len(workers) and site.sql(beats, before[0][0])

    within(45, whole)


def test_every_promise_holds_after_all_that(site):
    def holds():
        audit = site.audit()
        return audit if audit.returncode == 0 else None

    assert "promises hold" in within(30, holds).stdout


@pytest.fixture
def own_site():
    with home() as place:
        site = Site(place).start()
        yield site
        if site.process.poll() is None:
            site.stop()
        within(15, lambda: not site.processes())


def test_after_kill_9_of_the_whole_tree_each_ticket_is_assigned_once_and_nobody_has_too_many(own_site):
    site = own_site
    site.everybody_leaves()
    site.sql("UPDATE support_agent SET capacity = 30")
    site.log_in()
    working = [site.raise_ticket() for _ in range(10)]
    within(10, lambda: all(site.status_of(code) == "in_progress" for code in working))
    site.sql("UPDATE support_agent SET capacity = taken WHERE taken > 0")
    waiting = [site.raise_ticket() for _ in range(50)]
    kill_everything(site)
    site.start()
    site.sql("UPDATE support_agent SET capacity = 30")
    site.log_in("mei")
    in_progress = "SELECT count(*) FROM support_ticket WHERE status = 'in_progress' AND code = ANY (%s)"
    within(10, lambda: site.sql(in_progress, working + waiting) == [(60,)])
    once = """SELECT object_id FROM ticketing_activity WHERE operation = 'support.assign'
              GROUP BY object_id HAVING count(*) <> 1"""
    assert site.sql(once) == []
    assert site.sql("SELECT 1 FROM support_agent WHERE taken > capacity") == []
    assert site.audit().returncode == 0


def kill_everything(site):
    site.process.kill()  # first, or it starts anew what is killed before it
    site.process.wait(10)
    within(10, lambda: not site.kill())


TEN_AGENTS = """
    WITH people AS (
        INSERT INTO ticketing_user SELECT (jsonb_populate_record(mei, jsonb_build_object(
            'id', gen_random_uuid(), 'username', 'flaps' || n, 'email', 'flaps' || n || '@example.org'
        ))).*
        FROM ticketing_user mei, generate_series(1, 10) n WHERE username = 'mei'
        RETURNING id
    )
    INSERT INTO support_agent (id, created_at, updated_at, user_id, capacity, taken, departments)
    SELECT gen_random_uuid(), now(), now(), id, 40, 0, '{}' FROM people
"""
LEASES = """
    UPDATE support_agent SET online_until = CASE WHEN random() < %s THEN now() + random() * %s::interval END,
        updated_at = now()
    FROM ticketing_user WHERE user_id = ticketing_user.id AND username LIKE 'flaps%%'
"""
# By how much more often each ticket was handed to somebody than taken back, beside its status.
HANDS = """
    SELECT code, status, (
        SELECT sum(CASE operation WHEN 'support.assign' THEN 1 WHEN 'support.take_back' THEN -1 ELSE 0 END)
        FROM ticketing_activity WHERE object_id = support_ticket.id
    ) FROM support_ticket WHERE subject LIKE 'hey there%%'
"""


@pytest.fixture
def short_grace(monkeypatch):
    monkeypatch.setenv("AGENT_GRACE_SECONDS", "1")


def test_kill_9_of_everything_while_leases_flap_loses_no_ticket_and_assigns_each_once(short_grace, own_site):
    site, raised = own_site, []
    site.sql(TEN_AGENTS)
    flap_until_killed(site, raised, goal=random.randrange(100, 300))
    site.start()
    site.sql(LEASES, 1, "1 hour")
    within(10, lambda: not site.sql("SELECT 1 FROM support_ticket WHERE status = 'created'"))
    hands = {code: (status, count) for code, status, count in site.sql(HANDS)}
    assert not set(raised) - set(hands)
    assert set(hands.values()) == {("in_progress", 1)}
    assert site.sql("SELECT 1 FROM support_agent WHERE taken > capacity") == []
    assert site.audit().returncode == 0
    assert site.sql("SELECT 1 FROM ticketing_activity WHERE operation = 'support.take_back'")


def flap_until_killed(site, raised, goal):
    """Questions come, their codes into `raised`, and agents come and go, until everything is killed."""
    killed = threading.Event()

    def until_killed(do):
        while not killed.is_set():
            with suppress(OSError, HTTPException, psycopg.Error):
                do()

    def flap():
        site.sql(LEASES, 0.6, "2 seconds")
        time.sleep(0.2)

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(until_killed, flap)]
        done += [pool.submit(until_killed, lambda: raised.append(site.raise_ticket())) for _ in range(3)]
        within(60, lambda: len(raised) >= goal)
        kill_everything(site)
        killed.set()
    for one in done:
        one.result()


def test_kill_9_of_the_supervisor_leaves_nothing_running(own_site):
    assert len(own_site.processes()) > 6
    os.kill(own_site.process.pid, signal.SIGKILL)
    own_site.process.wait()
    within(10, lambda: not own_site.processes())


def test_ctrl_c_stops_everything_within_five_seconds(own_site):
    began = time.monotonic()
    own_site.process.send_signal(signal.SIGINT)
    assert own_site.process.wait(10) == 0
    within(5 - (time.monotonic() - began), lambda: not own_site.processes())
