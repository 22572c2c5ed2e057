"""A production site's environment, and commands run in it in processes of their own."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import psycopg
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


def python(*arguments, **environment):
    """Python in a process of its own, in the checkout and with nothing of this one's settings."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "TICKETING_HOME") if name in os.environ}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=clean | environment, capture_output=True, text=True, timeout=120)


def manage(*arguments, **environment):
    """manage.py in a production site, but for what is named."""
    return python("manage.py", *arguments, **ENVIRONMENT | environment)


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
