"""Every list, board and search of the support desk at a million questions and at 20 000: as quick, no more statements.

Two processes of the site, one on each database, answer the same request in turns. What a page takes is the median of a
round; the time within the site counts, as its pages are made in the same process.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any, NamedTuple
from urllib.parse import urlencode

from benchmarks import questions
from benchmarks.place import ROOT, Database, Place, say
from benchmarks.report import Row, median

# Answers one request after the other, each as somebody, until nobody asks any more.
ANSWERING = """
import json, sys, time
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from ticketing.actions import issue_token
from ticketing.models import User
clients, headers = {}, {}
for line in sys.stdin:
    who, path, times = json.loads(line)
    if who not in clients:
        user = User.objects.get(username=who)
        clients[who] = Client(headers={"Host": "127.0.0.1"})
        clients[who].force_login(user)
        headers[who] = {"Authorization": "Bearer " + issue_token(user, name="desk", by=None)}
    asking = {"headers": headers[who]} if path.startswith("/api/") else {}
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        answer = clients[who].get(path, **asking)
        seconds.append(time.perf_counter() - began)
    if not times:
        with CaptureQueriesContext(connection) as asked:
            answer = clients[who].get(path, **asking)
    said = [answer.status_code, len(answer.content), seconds if times else len(asked)]
    print(json.dumps(said), flush=True)
"""
CODE = "SELECT code FROM support_ticket WHERE status = %s ORDER BY created_at DESC LIMIT 1"
DEEP = "SELECT created_at, id FROM support_{table} ORDER BY created_at DESC, id DESC OFFSET %s LIMIT 1"
DEEP_OWN = """
    SELECT created_at, support_ticket.id FROM support_ticket JOIN ticketing_user ON user_id = ticketing_user.id
    WHERE username = 'busy' ORDER BY created_at DESC, id DESC OFFSET 320 LIMIT 1
"""
PANEL, DESK, API, ADMIN = "/panel/questions/", "/panel/desk/", "/api/v1/support/", "/admin/"
STATUSES = ("open", "closed", "created", "in_progress", "completed", "rejected")
NARROWED = [
    *({"status": status} for status in STATUSES),
    *({"department": department} for department in ("any", "security")),
    *({"priority": priority} for priority in ("low", "high")),
    *({"tag": tag} for tag in ("common", "rare", "nowhere")),
    {"late": "on"},
    {"mine": "on"},
    {"mine": "on", "status": "in_progress"},
    {"late": "on", "department": "security", "priority": "high"},
    {"status": "created", "department": "technical"},
    {"status": "closed", "tag": "rare", "priority": "high"},
]
WORDS = {
    "a rare word": "xylophone",
    "a frequent word": "printer",
    "a word of years ago": "fax",
    "two words": "printer smoke",
    "a phrase": '"printer burns"',
    "a word begun": "print",
    "without a word": "printer -smoke",
    "one or the other": "xylophone or printer",
    "no such word": "nonexistent",
}
PEOPLE = {
    "a first name": "maria",
    "a last name": "lovelace",
    "first and last name": "maria lovelace",
    "an address": "busy@example.org",
    "a guest's address": "guest27@example.org",
}


class Page(NamedTuple):
    """What somebody asks for; `path` differs where it names a row of its database."""

    kind: str
    name: str
    who: str
    path: str


class Asked:
    """A process of the site on a database."""

    def __init__(self, database: Database) -> None:
        command = [sys.executable, "manage.py", "shell", "--no-imports", "-v", "0", "-c", ANSWERING]
        env = database.environment | {"TICKETING_ROLE": "web"}  # its connections are not those of commands
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, page: Page, times: int) -> tuple[int, int, Any]:
        """Its status, how long it is, and for how many seconds each answer took; without `times` its statements."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps([page.who, page.path, times]) + "\n")
        self.process.stdin.flush()
        answered: tuple[int, int, Any] = tuple(json.loads(self.process.stdout.readline()))
        return answered


@contextmanager
def answering(*databases: Database) -> Iterator[list[Asked]]:
    """A process on each, until the end of the block."""
    started = [Asked(database) for database in databases]
    try:
        yield started
    finally:
        for one in started:
            one.process.communicate(timeout=60)


def run(place: Place) -> list[Row]:
    """A row for each kind of page: its worst one."""
    sizes = {"desk_small": place.size(20_000, 4_000), "desk_large": place.size(1_000_000, 20_000)}
    small, large = (filled(place, name, tickets) for name, tickets in sizes.items())
    both = list(zip(pages(small), pages(large), strict=True))
    measured = Measured(place, both)
    with answering(small, large) as sites:
        measured.count(sites)
        for number in range(place.rounds):
            say(f"desk, round {number + 1} of {place.rounds}")
            measured.time(sites, place.size(7, 3))
    for database in (small, large):
        database.audit()
    return measured.rows(sizes)


def filled(place: Place, name: str, tickets: int) -> Database:
    """A desk with so many questions."""
    say(f"writing {tickets} questions with what was said")
    database = place.database(name)
    questions.fill(database, tickets)
    return database


class Measured:
    """What each page took on either side."""

    def __init__(self, place: Place, both: list[tuple[Page, Page]]) -> None:
        self.place, self.both = place, both
        self.times: list[list[tuple[float, float]]] = [[] for _ in both]
        self.statements: list[int] = []

    def count(self, sites: list[Asked]) -> None:
        """Ask for each page as often as PostgreSQL needs to plan it once for all, then see that it is the same page."""
        for pair in self.both:
            for page, site in zip(pair, sites, strict=True):
                site.ask(page, 2)
            answers = [site.ask(page, 0) for page, site in zip(pair, sites, strict=True)]
            name = f"{pair[0].name}, as {pair[0].who}"
            self.place.check(
                f"{name}: answered with {[one[0] for one in answers]}", {one[0] for one in answers} == {200}
            )
            told = [one[2] for one in answers]
            self.place.check(f"{name}: no more statements, {told}", told[1] <= told[0])
            self.statements.append(told[0])

    def time(self, sites: list[Asked], times: int) -> None:
        """One after the other in turns, so that what else the machine does slows both."""
        for pair, times_ in zip(self.both, self.times, strict=True):
            taken: tuple[list[float], list[float]] = ([], [])
            for _ in range(times):
                for page, site, seconds in zip(pair, sites, taken, strict=True):
                    seconds += site.ask(page, 1)[2]
            times_.append((median(taken[0]), median(taken[1])))

    def ratios(self, number: int) -> list[float]:
        """Of one page, for each round."""
        return [large / small for small, large in self.times[number]]

    def rows(self, sizes: dict[str, int]) -> list[Row]:
        """The worst page of each kind."""
        few, many = (f"{tickets:,}".replace(",", " ") for tickets in sizes.values())
        kinds = list(dict.fromkeys(small.kind for small, _large in self.both))
        return [self.row(kind, few, many) for kind in kinds]

    def row(self, kind: str, few: str, many: str) -> Row:
        """Which it is, and every other in the figures."""
        numbers = [number for number, (small, _large) in enumerate(self.both) if small.kind == kind]
        worst = max(numbers, key=lambda number: median(self.ratios(number)))
        page, (small, large) = self.both[worst][0], (median(side) for side in zip(*self.times[worst], strict=True))
        title = f"desk, {len(numbers)} {kind}, {many} questions; slowest beside fewer: {page.name}, as {page.who}"
        figures = {self.name(number): self.figures(number) for number in numbers}
        told = f"{1000 * large:.1f} ms, {self.statements[worst]} statements"
        reference = f"{few} questions: {1000 * small:.1f} ms"
        return Row(title, told, reference, self.ratios(worst), at_most=1.5, figures=figures)

    def name(self, number: int) -> str:
        """Of a page, with who asked for it."""
        return f"{self.both[number][0].name}, as {self.both[number][0].who}"

    def figures(self, number: int) -> dict[str, Any]:
        """Of one page."""
        ratio = median(self.ratios(number))
        return {"ratio": ratio, "seconds": self.times[number], "statements": self.statements[number]}


def pages(database: Database) -> list[Page]:
    """All that people look at, with the rows of this database in the addresses."""
    return [*lists(database), *boards(database), *searches(database), *changelists(database)]


def lists(database: Database) -> Iterator[Page]:
    """By panel and API, at the beginning and deep down, narrowed and in each order."""
    kind = "lists"
    for who in ("busy", "agent7", "boss"):
        deep = place_in(database, who)
        yield Page(kind, "the list", who, PANEL)
        yield Page(kind, "deep in the list", who, f"{PANEL}?{urlencode({'after': deep[0]})}")
        yield Page(kind, "from the other end", who, f"{PANEL}?order=oldest")
        yield Page(kind, "the list by API", who, f"{API}tickets/")
        yield Page(kind, "deep in the list by API", who, f"{API}tickets/?{urlencode({'cursor': deep[1]})}")
        for order in ("created_at", "queue_at", "-queue_at", "updated_at", "-updated_at"):
            yield Page(kind, f"the list by API, {order}", who, f"{API}tickets/?ordering={order}")
    for status in STATUSES:
        yield Page(kind, f"the list of {status}", "busy", f"{PANEL}?status={status}")
    for choice in NARROWED:
        for order in ("newest", "oldest"):
            query = urlencode(choice | {"order": order})
            yield Page(kind, f"the list of {query}", "agent7" if "mine" in choice else "boss", f"{PANEL}?{query}")
    yield Page(kind, "the list of mine, new at the desk", "agent49", f"{PANEL}?mine=on")
    for query in ("waiting=true", "waiting=false", "closed=false", "late=true", "late=false", "tag=common", "tag=rare"):
        yield Page(kind, f"the list by API, {query}", "boss", f"{API}tickets/?{query}")
    yield Page(kind, "what waits by API, in its order", "boss", f"{API}tickets/?waiting=true&ordering=queue_at")
    [(code,)] = database.sql(CODE, "in_progress")
    [(before,)] = database.sql("SELECT created_at::date FROM support_ticket ORDER BY created_at OFFSET 1000 LIMIT 1")
    yield Page(kind, "the list by API, a code", "boss", f"{API}tickets/?code={code}")
    yield Page(kind, "the list by API, years ago", "boss", f"{API}tickets/?created_to={before}T00:00:00Z")
    for rows in ("replies/", f"replies/?ticket={code}", "agents/", f"attachments/?ticket={code}"):
        yield Page(kind, f"{rows.partition('?')[0]} by API", "boss", f"{API}{rows}")


def place_in(database: Database, who: str) -> tuple[str, str]:
    """Four fifths down a list, as the panel and the API say it."""
    [(tickets,)] = database.sql("SELECT count(*) FROM support_ticket")
    [(at, pk)] = (
        database.sql(DEEP_OWN) if who == "busy" else database.sql(DEEP.format(table="ticket"), tickets * 4 // 5)
    )
    at = at.astimezone(UTC)
    return f"{at:%Y%m%dT%H%M%S%f}~{pk}", cursor(at.isoformat(), str(pk))


def cursor(*values: str) -> str:
    """As the API writes it."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


def boards(database: Database) -> Iterator[Page]:
    """The desk, and a question's own page and answer."""
    kind = "boards and pages"
    for who in ("agent7", "boss"):
        yield Page(kind, "the desk", who, DESK)
        for status in ("created", "in_progress", "completed"):
            [(code,)] = database.sql(CODE, status)
            yield Page(kind, f"a question, {status}", who, f"{PANEL}{code}/")
            yield Page(kind, f"a question by API, {status}", who, f"{API}tickets/{code}/")


def searches(database: Database) -> Iterator[Page]:
    """Words, codes and people, best first and newest first, and beside a choice."""
    kind = "searches"
    [(code,)] = database.sql(CODE, "completed")
    for who in ("busy", "agent7", "boss"):
        for name, typed in (WORDS | {"a code": code} | (PEOPLE if who != "busy" else {})).items():
            yield Page(kind, f"search for {name}", who, f"{PANEL}?{urlencode({'search': typed})}")
    for name, typed in (WORDS | PEOPLE | {"a code": code}).items():
        yield Page(
            kind,
            f"search for {name}, newest first",
            "boss",
            f"{PANEL}?{urlencode({'search': typed, 'order': 'newest'})}",
        )
        yield Page(kind, f"search by API for {name}", "boss", f"{API}tickets/?{urlencode({'search': typed})}")
    for name in ("a rare word", "a frequent word"):
        for choice in ({"status": "open"}, {"mine": "on"}, {"department": "security"}, {"tag": "common"}):
            query = urlencode({"search": WORDS[name]} | choice)
            yield Page(kind, f"search for {name}, {urlencode(choice)}", "agent7", f"{PANEL}?{query}")


def changelists(database: Database) -> Iterator[Page]:
    """Of the administration, at the beginning, deep down, narrowed and searched."""
    kind = "lists of the administration"
    [(code,)] = database.sql(CODE, "completed")
    for table in ("ticket", "reply", "promise", "rating", "attachment", "agent"):
        yield Page(kind, table, "boss", f"{ADMIN}support/{table}/")
    yield Page(kind, "activities", "boss", f"{ADMIN}ticketing/activity/")
    yield Page(kind, "accounts", "boss", f"{ADMIN}ticketing/user/")
    for table in ("ticket", "reply"):
        yield Page(kind, f"{table}, page 5", "boss", f"{ADMIN}support/{table}/?p=5")
        yield Page(
            kind, f"{table}, oldest first", "boss", f"{ADMIN}support/{table}/?o={'9' if table == 'ticket' else '6'}"
        )
        for typed in (code, "busy", "printer", "nonexistent"):
            yield Page(
                kind,
                f"{table}, searched for {typed if typed != code else 'a code'}",
                "boss",
                f"{ADMIN}support/{table}/?q={typed}",
            )
    for choice in (
        "status__exact=created",
        "status__exact=rejected",
        "priority__exact=high",
        "department__exact=security",
    ):
        yield Page(kind, f"ticket, {choice}", "boss", f"{ADMIN}support/ticket/?{choice}")
    yield Page(kind, "notes", "boss", f"{ADMIN}support/reply/?is_internal__exact=1")
