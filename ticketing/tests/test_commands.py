"""What operators call, as far as it needs no other process; see test_site.py for the rest."""

import io
import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django_q.models import OrmQ, Schedule

import booking.actions
import support.actions
from booking.models import Service
from support.tests.factories import TicketFactory, online_agent
from ticketing.actions import issue_token, revoke_token
from ticketing.models import ApiToken, Heartbeat, IdempotencyKey, User
from ticketing.runtime.heartbeat import PATIENCE, Pulse, is_stale
from ticketing.schedules import SCHEDULES
from ticketing.tasks import forget_outlived
from ticketing.tests.factories import UserFactory
from ticketing.tests.receivers import free_port

ROOT = Path(__file__).resolve().parents[2]
OURS = [
    "up",
    "demo",
    "audit",
    "import_source",
    "invite",
    "issue_token",
    "rights",
    "sync_schedules",
    "sweep",
    "outbox",
    "assign_waiting",
    "count_support_again",
    "purge_expired_bookings",
]
SAFE = {
    "SECRET_KEY": "x" * 60,
    "ALLOWED_HOSTS": "example.org",
    "DATABASE_URL": "postgres://a@b/c",
    "SITE_URL": "https://example.org",
    "EMAIL_URL": "smtp+tls://me:secret@mail.example.org:587",
}


def run(name, *args, **options):
    out = io.StringIO()
    call_command(name, *args, stdout=out, **options)
    return out.getvalue()


def manage(*args, **environment):
    """manage.py in a process of its own, with nothing of this one's settings."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "TICKETING_HOME") if name in os.environ}
    command = [sys.executable, "manage.py", *args]
    return subprocess.run(command, cwd=ROOT, env=clean | environment, capture_output=True, text=True)


@pytest.mark.parametrize("name", OURS)
def test_every_command_explains_itself(name):
    command = load_command_class(get_commands()[name], name)
    assert len(command.help) > 40
    assert "usage" in command.create_parser("manage.py", name).format_help()


@pytest.mark.django_db
def test_the_demo_is_true_to_every_promise_and_made_once():
    run("demo")
    users, tickets = User.objects.count(), support.models.Ticket.objects.count()
    support.actions.assign_waiting_tickets()
    assert "promises hold" in run("audit")
    run("demo")
    assert (User.objects.count(), support.models.Ticket.objects.count()) == (users, tickets)


@pytest.mark.django_db
def test_the_demo_calls_its_service_what_people_come_for_and_programs_call_it_as_ever():
    run("demo")
    assert Service.objects.default().name == "Personal advice"
    assert Service.objects.get().slug == "default"


@pytest.mark.django_db
def test_a_deleted_demo_account_is_made_again():
    run("demo")
    gate = User.objects.get(username="gate")
    gate.delete()
    run("demo")
    assert User.objects.filter(username="gate", is_demo=True).exists()


@pytest.mark.django_db
def test_production_has_no_demo(production):
    with pytest.raises(CommandError, match="SITE_MODE=demo"):
        run("demo")
    assert not User.objects.exists()


@pytest.mark.django_db
def test_the_audit_exits_1_and_names_the_untrue_promise():
    online_agent()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE support_agent SET taken = 1")
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("audit", stdout=out)
    assert ended.value.code == 1
    [line] = [line for line in out.getvalue().splitlines() if "UNTRUE" in line]
    assert "S2" in line


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("identity", "damage"),
    [
        ("X2", "UPDATE ticketing_activity SET role = 'nobody'"),
        ("X2", """UPDATE ticketing_activity SET details = jsonb_build_object('name', repeat('x', 41))"""),
        ("X4", "UPDATE django_q_ormq SET lock = now() - interval '11 minutes'"),
        ("X6", "UPDATE ticketing_apitoken SET digest = 'the secret itself'"),
        ("X6", "UPDATE ticketing_user SET password = 'plain'"),
    ],
)
def test_planted_damage_to_what_all_share_is_found(identity, damage):
    TicketFactory()
    issue_token(UserFactory(), name="x", by=None)
    with connection.cursor() as cursor:
        cursor.execute(damage)
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("audit", stdout=out)
    assert [line.split()[1] for line in out.getvalue().splitlines() if "UNTRUE" in line] == [identity]


@pytest.mark.django_db
def test_schedules_are_made_equal_to_the_list_whatever_was_there():
    Schedule.objects.create(name="stray", func="os.system", schedule_type="I")
    run("sync_schedules")
    Schedule.objects.filter(name=SCHEDULES[0].task).update(minutes=999, repeats=0, schedule_type="C", cron="nonsense")
    run("sync_schedules")
    found = {(row.func, row.minutes, row.schedule_type, row.repeats) for row in Schedule.objects.all()}
    assert found == {(every.task, every.minutes, "I", -1) for every in SCHEDULES}


@pytest.mark.django_db
def test_waiting_tickets_are_handed_out_by_command():
    TicketFactory()
    online_agent()
    assert run("assign_waiting") == "1 handed out.\n"


@pytest.mark.django_db
def test_what_the_desk_did_is_counted_again_by_command():
    TicketFactory.create_batch(2)
    run("sweep", once=True)
    assert run("count_support_again") == "2 milestones counted again.\n"


@pytest.mark.django_db
def test_one_sweep_assigns_purges_asks_the_cluster_and_beats():
    ticket = TicketFactory()
    online_agent()
    past = booking.models.Service.objects.default()
    booked = booking.actions.book(
        firstname="A", lastname="B", phone="5550100001", starts_at=past.created_at - timedelta(hours=9), by=None
    )
    OrmQ.objects.all().delete()
    run("sweep", once=True)
    ticket.refresh_from_db()
    assert ticket.status == "in_progress"
    assert not booking.models.Booking.objects.filter(pk=booked.pk).exists()
    assert [row.func() for row in OrmQ.objects.all()] == ["ticketing.tasks.beat"]
    assert Heartbeat.objects.alive("sweep", within=timedelta(seconds=5))


@pytest.mark.django_db
def test_a_step_that_fails_does_not_stop_the_others(monkeypatch, caplog):
    def broken():
        raise ZeroDivisionError

    monkeypatch.setattr(booking.actions, "purge_expired", broken)
    with pytest.raises(CommandError, match="Not everything"):
        run("sweep", once=True)
    assert "broken failed" in caplog.text
    assert Heartbeat.objects.alive("sweep", within=timedelta(seconds=5))


@pytest.mark.django_db
def test_a_cluster_that_does_not_answer_is_not_asked_again_and_again():
    pulse = Pulse()
    for _ in range(5):
        pulse.ask()
    assert OrmQ.objects.count() == 1
    Heartbeat.objects.beat("cluster")
    pulse.ask()
    assert OrmQ.objects.count() == 2


@pytest.mark.django_db
def test_a_process_is_stale_once_it_is_silent_for_longer_than_patience():
    assert is_stale("cluster")
    Heartbeat.objects.beat("cluster")
    assert not is_stale("cluster")
    Heartbeat.objects.update(at=Now() - PATIENCE)
    assert is_stale("cluster")


@pytest.mark.django_db
def test_what_nobody_can_use_any_more_is_forgotten_a_day_later():
    user = UserFactory()
    for name in ("live", "old", "just revoked"):
        issue_token(user, name=name, by=None)
    ApiToken.objects.filter(name="old").update(expires_at=Now() - timedelta(days=2))
    revoke_token(ApiToken.objects.get(name="just revoked"), by=None)
    for age in (23, 25):
        key = IdempotencyKey.objects.create(caller="", route="r", key=str(age), fingerprint="f", made=user.pk)
        IdempotencyKey.objects.filter(pk=key.pk).update(created_at=Now() - timedelta(hours=age))
    assert forget_outlived() == 2
    assert set(ApiToken.objects.values_list("name", flat=True)) == {"live", "just revoked"}
    assert IdempotencyKey.objects.get().key == "23"


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "SECRET_KEY"),
        ({"SECRET_KEY": "x" * 60}, "ALLOWED_HOSTS"),
        ({"SECRET_KEY": "x" * 60, "ALLOWED_HOSTS": "example.org"}, "DATABASE_URL"),
        (SAFE | {"SITE_URL": ""}, "SITE_URL"),
        (SAFE | {"EMAIL_URL": ""}, "EMAIL_URL"),
        ({"SITE_MODE": "staging"}, "SITE_MODE"),
    ],
)
def test_production_that_lacks_a_setting_says_which_and_names_the_demo(environment, named):
    ended = manage("check", **environment)
    assert ended.returncode == 1
    assert named in ended.stderr
    assert "SITE_MODE=demo" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("unsafe", "named"), [({"SECRET_KEY": "short"}, "SECRET_KEY"), ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS")]
)
def test_production_refuses_what_is_not_safe(unsafe, named):
    assert manage("check", **SAFE).returncode == 0
    ended = manage("check", **SAFE | unsafe)
    assert (ended.returncode, named in ended.stderr, "Traceback" in ended.stderr) == (1, True, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "x"), ("PORT", "70000"), ("WEB_PROCESSES", "0"), ("TIME_ZONE", "Mars/X"), ("DATABASE_URL", "nonsense")],
)
def test_a_setting_that_makes_no_sense_is_named_in_a_sentence(tmp_path, name, value):
    ended = manage("rights", SITE_MODE="demo", TICKETING_HOME=str(tmp_path), **{name: value})
    assert (ended.returncode, name in ended.stderr, "Traceback" in ended.stderr) == (1, True, False)


def test_a_database_that_is_not_postgresql_is_refused_in_a_sentence(tmp_path):
    ended = manage("check", SITE_MODE="demo", DATABASE_URL="sqlite:////tmp/x", TICKETING_HOME=str(tmp_path))
    assert (ended.returncode, "PostgreSQL" in ended.stderr, "Traceback" in ended.stderr) == (1, True, False)


@pytest.mark.parametrize("command", ["audit", "migrate", "up"])
def test_a_database_that_cannot_be_reached_ends_a_command_in_a_sentence(tmp_path, command):
    url = "postgres://nobody@127.0.0.1:1/nothing"
    port = str(free_port())  # which `up` looks at first
    ended = manage(command, SITE_MODE="demo", DATABASE_URL=url, TICKETING_HOME=str(tmp_path), PORT=port)
    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False)
    assert "DATABASE_URL" in ended.stderr


def test_the_demos_secret_is_made_once_and_for_its_owner_only(tmp_path):
    for _ in range(2):
        assert manage("rights", SITE_MODE="demo", TICKETING_HOME=str(tmp_path)).returncode == 0
    [path] = tmp_path.iterdir()
    assert len(path.read_text()) >= 50
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_home_that_cannot_be_written_is_said_in_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    ended = manage("rights", SITE_MODE="demo", TICKETING_HOME=str(tmp_path / "file" / "home"))
    assert (ended.returncode, "Traceback" in ended.stderr, "TICKETING_HOME" in ended.stderr) == (1, False, True)


@pytest.mark.django_db
def test_every_answer_says_the_mode():
    assert Client().get("/health").headers["X-Site-Mode"] == "demo"
    assert b"This is a demo" in Client().get("/").content
    assert json.loads(Client().get("/health").content)["status"] is True


def pinned(name):
    return set(re.findall(r"^[a-z0-9_.-]+==[^ ;]+", (ROOT / name).read_text(), re.MULTILINE))


def test_the_smaller_sets_of_pins_are_parts_of_the_whole():
    production, demo, everything = map(
        pinned, ("requirements-production.txt", "requirements-demo.txt", "requirements.txt")
    )
    assert {"django", "granian"} <= {pin.split("==")[0] for pin in production}
    assert production < demo < everything
