"""`manage.py check --deploy`: clean when all is well, and naming each thing that is not."""

import os

import psycopg
import pytest

from ticketing.tests.production import (
    ENVIRONMENT,
    ROOT,
    SECRET,
    connection_parts,
    database_of_its_own,
    manage,
    manage_with,
)

CHECK = ["check", "--deploy", "--fail-level", "WARNING"]
# Without describing the whole API to see whether that can be done, which no setting changes and takes most of the time.
CHECK_SETTINGS = [*CHECK, "--tag", "security"]


def test_a_good_configuration_is_clean():
    ended = manage(*CHECK)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SECRET_KEY", "", "SECRET_KEY"),
        ("SECRET_KEY", "short", "SECRET_KEY is too short"),
        ("SECRET_KEY", "abc" * 20, "ticketing.E001"),
        ("DEBUG", "1", "DEBUG"),
        ("ALLOWED_HOSTS", "", "ALLOWED_HOSTS"),
        ("ALLOWED_HOSTS", "*", "ALLOWED_HOSTS"),
        ("ALLOWED_HOSTS", "tickets.example.org,https://tickets.example.org", "ticketing.E003"),
        ("ALLOWED_HOSTS", "tickets.example.org,tickets.example.org:443", "ticketing.E003"),
        ("SITE_URL", "", "SITE_URL"),
        ("SITE_URL", "http://tickets.example.org", "ticketing.E004"),
        ("SITE_URL", "https://other.example.org", "ticketing.E005"),
        ("CSRF_TRUSTED_ORIGINS", "http://tickets.example.org", "ticketing.E006"),
        ("BEHIND_PROXY", "0", "ticketing.W007"),
        ("SECURE_SSL_REDIRECT", "0", "SECURE_SSL_REDIRECT"),
        ("HSTS_SECONDS", "600", "ticketing.W008"),
        ("DATABASE_URL", "", "DATABASE_URL"),
        ("DATABASE_URL", "sqlite:////tmp/x", "PostgreSQL"),
        ("DATABASE_URL", "postgres://postgres@127.0.0.1/ticketing", "ticketing.E010"),
        ("DATABASE_URL", "postgres://ticketing@db.example.org/ticketing", "ticketing.E011"),
        ("DATABASE_URL", "postgres://ticketing@db.example.org/ticketing?sslmode=prefer", "ticketing.E011"),
        ("EMAIL_URL", "", "EMAIL_URL"),
        ("EMAIL_URL", "consolemail://", "ticketing.E013"),
        ("EMAIL_URL", "dummymail://", "ticketing.E013"),
        ("EMAIL_URL", "smtp://mail.example.org:25", "ticketing.W014"),
        ("CORS_ALLOWED_ORIGINS", "*", "CORS_ALLOWED_ORIGINS"),
        ("CORS_ALLOWED_ORIGINS", "http://shop.example.org", "ticketing.W016"),
        ("WEBHOOK_PRIVATE_HOSTS", "10.0.0.7", "ticketing.W017"),
        ("OPEN_CONTRACTS", "ticket-service,tickets-api", "opens tickets-api to everybody: allocation.see_ticket"),
        ("TIME_ZONE", None, "ticketing.W019"),
        ("TIME_ZONE", "Mars/Base", "TIME_ZONE"),
        ("LOG_LEVEL", "DEBUG", "ticketing.W020"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT"),
    ],
)
def test_each_thing_that_is_wrong_is_named(name, value, told):
    environment = {key: text for key, text in (ENVIRONMENT | {name: value}).items() if text is not None}
    ended = manage_with(environment, *CHECK_SETTINGS)
    assert (ended.returncode, told in ended.stderr, "Traceback" in ended.stderr) == (1, True, False), ended.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_HOSTS", ".example.org,[2001:db8::1]"),
        ("DATABASE_URL", "postgres://ticketing@db.example.org/ticketing?sslmode=verify-full"),
        ("DATABASE_URL", "postgres://ticketing@:5432//var/run/postgresql/ticketing"),
        ("EMAIL_URL", "smtp://localhost:25"),
        ("CORS_ALLOWED_ORIGINS", "https://shop.example.org"),
        ("TIME_ZONE", "UTC"),
    ],
)
def test_what_is_right_is_left_alone(name, value):
    ended = manage(*CHECK, **{name: value})
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_demos_own_key_is_refused(tmp_path):
    (tmp_path / "secret-key").write_text(SECRET)
    ended = manage(*CHECK, TICKETING_HOME=str(tmp_path))
    assert (ended.returncode, "ticketing.E002" in ended.stderr) == (1, True)


def test_a_warning_that_is_meant_can_be_silenced_by_name():
    ended = manage(*CHECK, WEBHOOK_PRIVATE_HOSTS="10.0.0.7", SILENCE_CHECKS="ticketing.W017")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_demo_has_nothing_to_check(tmp_path):
    ended = manage_with({"SITE_MODE": "demo", "TICKETING_HOME": str(tmp_path)}, "check", "--deploy")
    assert "ticketing." not in ended.stderr


def test_production_does_not_start_on_an_error():
    ended = manage("up", SITE_URL="http://tickets.example.org")
    assert (ended.returncode, "ticketing.E004" in ended.stderr, "Traceback" in ended.stderr) == (1, True, False)


@pytest.mark.django_db
def test_a_role_that_is_a_superuser_is_found_whatever_its_name(django_db_setup):
    name = f"checked_{os.getpid()}"
    with database_of_its_own(name) as url:
        check = [*CHECK, "--database", "default"]
        assert manage(*check, DATABASE_URL=url).returncode == 0
        make_superuser(name)
        ended = manage(*check, DATABASE_URL=url)
    assert (ended.returncode, "names a superuser" in ended.stderr) == (1, True)


def make_superuser(role):
    with psycopg.connect(**connection_parts("postgres"), autocommit=True) as owner:
        owner.execute(f'ALTER ROLE "{role}" SUPERUSER')


def test_each_check_has_an_id_of_its_own():
    source = (ROOT / "ticketing" / "checks.py").read_text()
    identities = [line.split('"')[1] for line in source.split("id=")[1:]]
    assert len(set(identities)) >= 18
    assert all(identity.startswith("ticketing.") for identity in identities)
