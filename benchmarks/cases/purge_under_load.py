"""Many expired bookings are purged while others book into the present; also by an application whose clock is off."""

import itertools
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from benchmarks.cases.book import PLACES, booking
from benchmarks.cases.month import YEAR, many
from benchmarks.cases.purge import LEFT, expire, nearly_expired
from benchmarks.data import fill
from benchmarks.load import Client, drive
from benchmarks.place import ROOT, Database, Place, Site, say
from benchmarks.report import Row, median

CLIENTS = 8
OFF = (0, 9, -9)  # hours
PRESENT = 340  # minutes that nothing else is in
YOUNG = 1000  # bookings that are nearly expired
LOCKS = {"log_lock_waits": "on", "deadlock_timeout": "50ms", "log_min_error_statement": "log"}
# The words of a booking begin on the first line of a statement, those of a purge on the second.
WAITED = re.compile(r"LOG:  process \d+ acquired .* after ([\d.]+) ms\n.*STATEMENT:  (.*)")
PURGE = """
import runpy, sys, time_machine
from datetime import UTC, datetime, timedelta
time_machine.travel(datetime.now(UTC) + timedelta(hours={hours})).start()
sys.argv = ["manage.py", "purge_expired_bookings"]
runpy.run_path("manage.py", run_name="__main__")
"""


def run(place: Place) -> list[Row]:
    """Book with and without a purge in turns, and look at who waited for a lock, and at what is left."""
    many(place)
    place.quiet()
    database = place.database("under_load", of="many")
    fill(database, YOUNG, slots=YOUNG // 10, begin="-7 hours", step="1 minute")
    for name, value in LOCKS.items():
        database.sql(f"ALTER DATABASE under_load SET {name} = '{value}'")
    site = place.site(database)
    load = Load(database)
    with place.logged() as lines:
        for hours in OFF:
            in_turns(site, load, hours)
    database.audit()
    waits = [float(wait) for wait, said in WAITED.findall("\n".join(lines)) if said.strip()]
    return [row(place, load, waits)]


def row(place: Place, load: "Load", waits: list[float]) -> Row:
    """What it came to."""
    told = f"{len(waits)} waited over 50 ms for a lock, {max(waits, default=0):.0f} ms at most; {load.told(True)}"
    title = f"book during a purge of {place.size(100_000, 1000):,}".replace(",", " ")
    return Row(title, told, f"without one: {load.told(False)}", load.ratios(), figures={"lock_waits_ms": waits})


class Load:
    """Clients who book into the present, each minute for themselves, and how long they waited for answers."""

    def __init__(self, database: Database) -> None:
        self.since = nearly_expired()
        [(_expired, self.kept)] = database.sql(LEFT, self.since)
        self.minutes = itertools.count()
        self.seconds: dict[bool, list[list[float]]] = {True: [], False: []}
        self.first = datetime.now(UTC) - timedelta(hours=5)

    def drive(self, site: Site, goes_on: Callable[[], bool], during: bool) -> float:
        """Book as long as it goes on."""
        self.seconds[during].append([])
        return drive(site.port, [self.client(goes_on, self.seconds[during][-1], site) for _ in range(CLIENTS)])

    def client(self, goes_on: Callable[[], bool], seconds: list[float], site: Site) -> Client:
        """One of them."""
        while goes_on():
            answer = yield booking(self.minute(next(self.minutes)))
            site.database.place.check(f"a free minute can be booked: {answer}", answer.status == 201)
            self.kept += 1
            seconds.append(answer.seconds)

    def minute(self, number: int) -> datetime:
        """Around the present, where nothing else is booked; in a year once every place there is gone."""
        minutes = number % PRESENT if number < PLACES * PRESENT else 2 * YEAR + number
        return self.first + timedelta(minutes=minutes)

    def ratios(self) -> list[float]:
        """How much longer half of the answers took during a purge."""
        pairs = zip(self.seconds[True], self.seconds[False], strict=True)
        return [median(during) / median(without) for during, without in pairs]

    def told(self, during: bool) -> str:
        """In words."""
        found = sorted(itertools.chain.from_iterable(self.seconds[during]))
        usual, rare = (1000 * found[int(part * (len(found) - 1))] for part in (0.5, 0.99))
        return f"answers in {usual:.0f} ms, p99 {rare:.0f} ms, longest {1000 * found[-1]:.0f} ms"


def in_turns(site: Site, load: Load, hours: int) -> None:
    """A purge by an application whose clock is off, while others book; and the same load without one."""
    database, place = site.database, site.database.place
    say(f"purge under load, clock {hours:+} hours")
    expire(database, place.size(100_000, 1000))
    purge = start(database, hours)
    lasted = load.drive(site, lambda: purge.poll() is None, True)
    place.check(f"the purge succeeds: {purge.communicate()}", purge.returncode == 0)
    end = time.monotonic() + lasted
    load.drive(site, lambda: time.monotonic() < end, False)
    left = database.sql(LEFT, load.since)
    place.check(
        f"what expired is gone and nothing younger, clock {hours:+}: {left} of {load.kept}", left == [(0, load.kept)]
    )


def start(database: Database, hours: int) -> subprocess.Popen[str]:
    """The site's command with its clock set to another time."""
    program = [sys.executable, "-c", PURGE.format(hours=hours)]
    return subprocess.Popen(
        program, cwd=ROOT, env=database.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
