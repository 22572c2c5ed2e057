"""A PostgreSQL and sites of one's own, in a directory that is gone afterwards."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 60
FRESH = "fresh"
# Any command of the site starts the embedded server and keeps it; this one says where, and ends when we do.
KEEPER = """
import json, sys
from django.db import connection
print(json.dumps({name: connection.settings_dict[name] for name in ("HOST", "PORT", "USER")}), flush=True)
sys.stdin.read()
"""


def say(sentence: str) -> None:
    """Tell whoever waits how far it is."""
    print(f"{time.strftime('%H:%M:%S')}  {sentence}", file=sys.stderr, flush=True)


def within(seconds: float, condition: Callable[[], Any], what: str) -> Any:
    """What the condition returns once it is true."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} seconds.")
        time.sleep(0.05)
    return answer


class Place:
    """What the cases share: a server with databases, and the list of what was found wrong in the books."""

    def __init__(self, *, quick: bool) -> None:
        self.quick = quick
        self.wrong: list[str] = []
        self.databases: dict[str, Database] = {}
        self.sites: list[Site] = []
        self.home = Path(tempfile.mkdtemp(prefix="benchmarks.", dir="/tmp"))
        self.home.chmod(0o711)  # PostgreSQL's own user has to pass when this runs as root
        self.environment = {
            name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ
        }
        self.environment |= {"SITE_MODE": "demo", "TICKETING_HOME": str(self.home / "site"), "TIME_ZONE": "UTC"}
        self.environment |= {"WEB_PROCESSES": "2", "LOG_LEVEL": "ERROR", "PYTHONUNBUFFERED": "1"}

    def size(self, whole: int, quick: int) -> int:
        """How large something is: in full, or only to see that it works."""
        return quick if self.quick else whole

    @property
    def rounds(self) -> int:
        """How often each case and its reference take turns."""
        return self.size(3, 1)

    def check(self, promise: str, holds: bool) -> None:
        """Note it where a promise does not hold."""
        if not holds:
            self.wrong.append(promise)
            say(f"UNTRUE: {promise}")

    def start(self) -> None:
        """Start PostgreSQL, and make the database of which the others are copies."""
        say("starting PostgreSQL")
        keep = [sys.executable, "manage.py", "shell", "--no-imports", "-v", "0", "-c", KEEPER]
        self.keeper = subprocess.Popen(
            keep, cwd=ROOT, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        assert self.keeper.stdout
        self.address = json.loads(self.keeper.stdout.readline())
        self.data = Path(Database(self, "ticketing").sql("SHOW data_directory")[0][0])
        self.log = self.data.parent / "postgres.log"
        Database(self, "ticketing").sql(f"CREATE DATABASE {FRESH}")
        Database(self, FRESH).manage("migrate", "-v", "0")

    def stop(self) -> None:
        """Stop everything and remove the directory."""
        for site in self.sites:
            site.stop()
        if hasattr(self, "keeper"):
            self.keeper.communicate(timeout=PATIENCE)
        if hasattr(self, "data"):
            within(PATIENCE, lambda: not (self.data / "postmaster.pid").exists(), "the end of PostgreSQL")
            shutil.rmtree(self.data.parent, ignore_errors=True)
        shutil.rmtree(self.home)

    def database(self, name: str, of: str = FRESH) -> "Database":
        """The database of that name, made as a copy of another one when it is missing."""
        if name not in self.databases:
            Database(self, "ticketing").sql(f"CREATE DATABASE {name} TEMPLATE {of} STRATEGY file_copy")
            self.databases[name] = Database(self, name)
        return self.databases[name]

    def textbook(self, database: "Database") -> "Textbook":
        """The textbook build on this database."""
        built = Textbook(database)
        self.sites.append(built)
        built.start()
        return built

    def site(self, database: "Database") -> "Site":
        """A running site on this database, the same one every time."""
        for site in self.sites:
            if site.database is database and not isinstance(site, Textbook):
                return site
        self.sites.append(Site(database))
        self.sites[-1].start()
        return self.sites[-1]

    def quiet(self) -> None:
        """Stop all sites, so that nothing works beside what is measured next."""
        while self.sites:
            self.sites.pop().stop()

    def set(self, **settings: str) -> None:
        """Change settings of the server; an empty one is its default again."""
        plain = Database(self, "ticketing")
        for name, value in settings.items():
            plain.sql(f"ALTER SYSTEM SET {name} = '{value}'" if value else f"ALTER SYSTEM RESET {name}")
        plain.sql("SELECT pg_reload_conf()")
        time.sleep(0.3)  # every process reads them when it is idle next

    @contextlib.contextmanager
    def logged(self, **settings: str) -> Iterator[list[str]]:
        """The lines that the server logs meanwhile under these settings; they are there at the end."""
        lines: list[str] = []
        self.set(**settings)
        begin = self.log.stat().st_size
        yield lines
        time.sleep(0.3)
        with self.log.open() as log:
            log.seek(begin)
            lines += log.read().split("\n")
        self.set(**dict.fromkeys(settings, ""))


class Database:
    """One database of the server, and the site's commands on it."""

    def __init__(self, place: Place, name: str) -> None:
        self.place, self.name = place, name
        address = place.address
        self.parts = {"host": address["HOST"], "port": address["PORT"], "user": address["USER"], "dbname": name}
        url = f"postgres://{address['USER']}@:{address['PORT']}/{quote(address['HOST'] + '/' + name)}"
        self.environment = place.environment | {"DATABASE_URL": url}

    def connect(self) -> psycopg.Connection:
        """A connection without transactions."""
        return psycopg.connect(**self.parts, autocommit=True)

    def sql(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of one statement."""
        with self.connect() as connection:
            cursor = connection.execute(query, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def run(self, program: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a program of the site on this database; what it said, and how it ended."""
        return subprocess.run(
            [sys.executable, *program], cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=3600
        )

    def manage(self, *words: str) -> str:
        """What a command of the site says; it has to succeed."""
        done = self.run(["manage.py", *words])
        if done.returncode:
            raise RuntimeError(f"manage.py {words[0]} failed with {done.returncode}.\n{done.stdout}{done.stderr}")
        return done.stdout

    def shell(self, code: str) -> Any:
        """What Python code in the site's own shell prints, read as JSON."""
        return json.loads(self.manage("shell", "--no-imports", "-v", "0", "-c", code))

    def audit(self) -> None:
        """Ask the site's own audit whether every promise holds."""
        done = self.run(["manage.py", "audit"])
        untrue = [line for line in done.stdout.splitlines() if "UNTRUE" in line]
        self.place.check(f"manage.py audit on {self.name}: {'; '.join(untrue) or done.stderr}", done.returncode == 0)


class Site:
    """The whole site as it runs in earnest, on one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        say(f"starting a site on the database {self.database.name}")
        if "http" not in self.launch("manage.py", "up"):
            raise RuntimeError(f"The site did not start.\n{self.log.read_text()[-2000:]}")

    def launch(self, *program: str) -> str:
        """Start a program that serves on the port; the first line that it says."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *program],
                cwd=ROOT,
                env=self.database.environment | {"PORT": str(self.port)},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self.process.stdout
        return self.process.stdout.readline()

    @property
    def log(self) -> Path:
        """What it complains of."""
        return self.database.place.home / f"{self.database.name}.log"

    def stop(self) -> None:
        """Stop it with all its processes."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()  # what it started ends with it
            self.process.wait()
        self.process = None


class Textbook(Site):
    """What benchmarks/textbook builds, on the same server; `token` opens it."""

    def start(self) -> None:
        """Start it and wait until it answers."""
        say(f"starting the textbook build on the database {self.database.name}")
        self.token = self.launch("-m", "benchmarks.textbook", str(self.port)).strip()
        within(PATIENCE, self.is_there, "an answer of the textbook build")

    def is_there(self) -> bool:
        """Whether somebody listens."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
