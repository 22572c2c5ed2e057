"""A production site's environment, and commands run in it in processes of their own."""

import os
import runpy
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.reduction import DupFd
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
SECRET = "N0t-4ny-demo's_key=BUT.long,enough;and(full)of[various]{signs}"
ENVIRONMENT = {
    "SITE_MODE": "production",
    "SECRET_KEY": SECRET,
    "ALLOWED_HOSTS": "tickets.example.org",
    "SITE_URL": "https://tickets.example.org",
    "DATABASE_URL": "postgres://ticketing@127.0.0.1:1/ticketing",
    "EMAIL_URL": "smtp+tls://tickets:secret@mail.example.org:587",
    "BEHIND_PROXY": "1",
    "TIME_ZONE": "Europe/Berlin",
}


# What manage.py reads first, whatever its settings. Most of a short command's time goes there.
READ_BEFORE = [
    "django.contrib.admin",
    "django.contrib.postgres.indexes",
    "django.core.checks.security.base",
    "django.core.management.commands.check",
    "django.db.backends.postgresql.base",
    "django.template.backends.django",
    "django.views.generic",
    "corsheaders.middleware",
    "croniter",
    "environ",
    "icalendar",
    "psutil",
    "psycopg_pool",
    "whitenoise.middleware",
]
prepared = get_context("forkserver")
prepared.set_forkserver_preload(READ_BEFORE)


def python(*arguments, **environment):
    """Python in a process of its own, in the checkout and with nothing of this one's settings."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=clean(environment), capture_output=True, text=True, timeout=120)


def clean(environment):
    return {name: os.environ[name] for name in ("PATH", "HOME", "TICKETING_HOME") if name in os.environ} | environment


def manage(*arguments, **environment):
    """manage.py in a production site, but for what is named."""
    return manage_with(ENVIRONMENT | environment, *arguments)


def manage_with(environment, *arguments):
    """manage.py in a process of its own as well, forked from one that has read Django and knows no settings."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as told:
        descriptors = [DupFd(stream.fileno()) for stream in (out, told)]
        process = prepared.Process(target=run_manage, args=(arguments, clean(environment), *descriptors))
        process.start()
        process.join(120)
        assert process.exitcode is not None, "manage.py did not end"
        return subprocess.CompletedProcess(arguments, process.exitcode, *map(text_of, (out, told)))


def text_of(stream):
    stream.seek(0)
    return stream.read()


def run_manage(arguments, environment, *descriptors):
    for number, descriptor in enumerate(descriptors, start=1):
        os.dup2(descriptor.detach(), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    assert not settings.configured
    sys.argv = ["manage.py", *arguments]
    runpy.run_path("manage.py", run_name="__main__")


@contextmanager
def database_of_its_own(name):
    """The address of an empty database beside the tests' own, for a role that is no superuser."""
    parts = connection.settings_dict
    host = parts["HOST"]
    place = f":{parts['PORT'] or 5432}/{host}" if host.startswith("/") else f"{host}:{parts['PORT'] or 5432}"
    with psycopg.connect(**connection_parts("postgres"), autocommit=True) as owner:
        owner.execute(f"CREATE ROLE \"{name}\" LOGIN PASSWORD 'secret'")
        owner.execute(f'CREATE DATABASE "{name}" OWNER "{name}"')
        try:
            yield f"postgres://{name}:secret@{place}/{name}"
        finally:
            owner.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            owner.execute(f'DROP ROLE "{name}"')


def connection_parts(name):
    """How psycopg reaches a database of the tests' server."""
    parts = connection.settings_dict
    named = {"host": parts["HOST"], "port": parts["PORT"], "user": parts["USER"], "password": parts["PASSWORD"]}
    return {key: value for key, value in named.items() if value} | {"dbname": name}


def rows_of(name):
    """A fingerprint of every table of that database."""
    with psycopg.connect(**connection_parts(name)) as reader:
        names = reader.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
        digest = "SELECT md5(string_agg(t::text, '|' ORDER BY t::text))"
        return {table: reader.execute(f'{digest} FROM "{table}" t').fetchone() for [table] in names}
