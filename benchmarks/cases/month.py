"""The free times of a month at a million bookings and at a thousand: as many statements, and hardly more time."""

import re
from datetime import UTC, datetime, timedelta

from benchmarks.data import fill
from benchmarks.load import Answer, Client, ask, drive, get
from benchmarks.place import Database, Place, Site, say
from benchmarks.report import Row, median

YEAR = 365 * 24 * 60
SLOTS = YEAR // 5
MARKED = re.compile(r'\S+ \S+ \S+ \[(\d+)\] LOG:  statement: SELECT .* FROM "booking_service"')
STATEMENT = re.compile(r"\S+ \S+ \S+ \[(\d+)\] LOG:  statement: \S")


def run(place: Place) -> list[Row]:
    """Ask both sites in turns."""
    large, small = place.site(many(place)), place.site(few(place))
    times: dict[int, list[float]] = {large.port: [], small.port: []}
    for number in range(2 * place.rounds - 1):
        say(f"month, round {number + 1} of {2 * place.rounds - 1}")
        for site in (small, large):
            times[site.port].append(asked(site, place.size(20, 3)))
    statements = [count(site) for site in (large, small)]
    place.check(f"a month takes as many statements whatever is booked: {statements}", len(set(statements)) == 1)
    return [row(place, times[large.port], times[small.port], statements)]


def row(place: Place, large: list[float], small: list[float], statements: list[int]) -> Row:
    """What it came to."""
    told = [
        f"{1000 * median(each):.1f} ms, {said} statements"
        for each, said in zip((large, small), statements, strict=True)
    ]
    ratios = [one / other for one, other in zip(large, small, strict=True)]
    number = f"{bookings(place):,}".replace(",", " ")
    title = f"free times of a month, {number} bookings"
    return Row(
        title, told[0], f"1 000 bookings: {told[1]}", ratios, at_most=2, figures={"large": large, "small": small}
    )


def bookings(place: Place) -> int:
    """How many there are where there are many."""
    return place.size(1_000_000, 10_000)


def many(place: Place) -> Database:
    """A year that is half booked; other cases work on copies of it."""
    if "many" not in place.databases:
        say(f"writing {bookings(place)} bookings")
        slots = place.size(SLOTS, 1050)
        fill(place.database("many"), bookings(place), slots=slots, begin="1 hour", step=f"{YEAR // slots} minutes")
    return place.databases["many"]


def few(place: Place) -> Database:
    """The same year with few bookings in it."""
    fill(place.database("few"), 1000, slots=105, begin="1 hour", step=f"{YEAR // 105} minutes")
    return place.database("few")


def month(site: Site) -> bytes:
    """A request for 31 days, most of which lie among the booked ones."""
    [(service,)] = site.database.sql("SELECT id FROM booking_service WHERE slug = 'default'")
    first = datetime.now(UTC).date() + timedelta(days=30)
    return get(f"/api/v1/booking/services/{service}/days/?first={first}&last={first + timedelta(days=30)}")


def asked(site: Site, times: int) -> float:
    """For how many seconds such a request is under way, half of the time more and half of it less."""

    def client() -> Client:
        for _ in range(times):
            answers.append((yield month_asked))

    answers: list[Answer] = []
    month_asked = month(site)
    drive(site.port, [client()])
    whole = all(answer.status == 200 and len(answer.json["days"]) == 31 for answer in answers)
    site.database.place.check("a month is answered with its days", whole)
    return median(answer.seconds for answer in answers)


def count(site: Site) -> int:
    """How many statements the server sees for one such request."""
    with site.database.place.logged(log_statement="all") as lines:
        ask(site.port, month(site))
    [process] = {match[1] for line in lines if (match := MARKED.match(line))}
    return sum(1 for line in lines if (match := STATEMENT.match(line)) and match[1] == process)
