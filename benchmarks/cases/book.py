"""Clients who try every slot once until all places are gone: a counter against counting the rows under a lock.

In the database the site's own statement, as its log shows it, stands beside the usual ones: lock the slot, count its
bookings, insert where there is room, with the same line of the trail. What the rules cost without all else is told
beside, and what each way comes to over HTTP: there the textbook build on the same server counts under a lock.
"""

import random
import re
from collections import Counter
from datetime import datetime, timedelta

from benchmarks.data import DEFAULT
from benchmarks.load import Answer, Client, ask, drive, post
from benchmarks.pgbench import pgbench
from benchmarks.place import Database, Place, Site, say
from benchmarks.report import Row, median

PLACES = 20
API = "/api/v1/booking/bookings/"
FIRST = datetime.fromisoformat("2031-05-06T00:00:00+00:00")
ENTERED = re.compile(r"execute \S+: \s*(WITH seen .*?)\n\S+ \S+ \S+ \[\d+\] ", re.DOTALL)
TURN = """\\set turn :turn + 1
\\set at {first} + 60 * permute(:turn, {slots}, :client_id)
"""
SERVICE = (
    "INSERT INTO booking_service (id, slug, name, slot_capacity) VALUES (gen_random_uuid(), 'default', 'Default', 20)"
)
SLOTS = """
    INSERT INTO booking_slot (id, service_id, starts_at, capacity, taken)
    SELECT gen_random_uuid(), id, to_timestamp(%s + 60 * number), 20, 0
    FROM booking_service, generate_series(0, %s - 1) number
"""
DIGEST = "encode(sha256(gen_random_uuid()::text::bytea), 'hex')"
VALUES = f"""'Ada', 'Lovelace', '5550100009', 'en', 1, {DIGEST}"""
# The values of the site's statement, in its order: slot, places, visit, who made it, and when it expires.
VISIT = (
    "(SELECT id FROM booking_service)",
    "to_timestamp(:at)",
    "1",
    "gen_random_uuid()",
    "to_timestamp(:at)",
    "to_timestamp(:at + 60)",
    "1",
    *("NULL", "NULL", "'Ada'", "'Lovelace'", "'5550100009'", "''", "NULL", "'en'", "NULL", "false", "NULL", "1"),
    DIGEST,
    *("NULL", "'anonymous'", "'{}'", "interval '8 hours'"),
)
INSERT = f"""
    INSERT INTO booking_booking
        (id, slot_id, starts_at, ends_at, firstname, lastname, phone, language, manage_version, manage_digest)
    SELECT gen_random_uuid(), id, starts_at, starts_at + interval '1 minute', {VALUES}
"""
THE_SLOT = "starts_at = to_timestamp(:at)"
COUNTER = f"""
    WITH took AS (
        UPDATE booking_slot SET taken = taken + 1 WHERE {THE_SLOT} AND taken < capacity RETURNING id, starts_at
    ) {INSERT} FROM took
"""
TRAIL = """
    INSERT INTO ticketing_activity (role, operation, kind, object_id, details)
    VALUES ('anonymous', 'booking.book', 'booking.booking', ':b_id'::uuid, '{}')
"""


def counting(*then: str) -> list[str]:
    """Under a lock; what is said where there is room, after the insertion."""
    return [
        "BEGIN",
        f"SELECT id AS s_id FROM booking_slot WHERE {THE_SLOT} FOR UPDATE \\gset",
        "SELECT count(*) AS booked FROM booking_booking WHERE slot_id = ':s_id'::uuid \\gset",
        f"\\if :booked < {PLACES}",
        f"{INSERT} FROM booking_slot WHERE id = ':s_id'::uuid RETURNING id AS b_id \\gset",
        *then,
        "COMMIT",
        "\\else",
        "ROLLBACK",
        "\\endif",
    ]


SOLD = (
    "SELECT coalesce(sum(n), 0), coalesce(max(n), 0) FROM (SELECT count(*) n FROM booking_booking GROUP BY slot_id) one"
)


def run(place: Place) -> list[Row]:
    """Count and counter in turns, over HTTP and in the database, each time until every place is sold."""
    clients, slots = place.size(32, 24), place.size(500, 20)
    site, database = place.site(place.database("book_web")), place.database("book")
    textbook = place.textbook(site.database)
    database.sql(DEFAULT)
    database.sql(SLOTS, FIRST.timestamp(), slots)
    ways = {
        "own": ([own(site)], "prepared"),
        "usual": (counting(TRAIL), "simple"),
        "counter": ([COUNTER], "simple"),
        "counting": (counting(), "simple"),
    }
    seconds: dict[str, list[float]] = {}
    for number in range(place.rounds):
        say(f"book, round {number + 1} of {place.rounds}")
        day = FIRST + timedelta(days=number + 1)
        took = {"web": over_http(site, API, "booking_slot", day, clients, slots)}
        took["textbook"] = over_http(textbook, "/bookings/", "textbook_slot", day, clients, slots)
        took |= {name: in_database(database, *way, clients, slots) for name, way in ways.items()}
        for name, second in took.items():
            seconds.setdefault(name, []).append(second)
    site.database.audit()
    return rows(seconds, clients, slots)


def rows(seconds: dict[str, list[float]], clients: int, slots: int) -> list[Row]:
    """What it came to, in bookings a second."""
    rate = {name: f"{slots * PLACES / median(each):.0f} bookings/s" for name, each in seconds.items()}

    def row(where: str, own: str, name: str, other: str, target: float | None = None) -> Row:
        ratios = [a / b for a, b in zip(seconds[other], seconds[own], strict=True)]
        title = f"book, {clients} clients over {slots} slots, {where}"
        return Row(title, rate[own], f"{name}: {rate[other]}", ratios, target, figures={"seconds": seconds})

    return [
        row("in the database, with the trail", "own", "count under a lock, in the usual statements", "usual", 2),
        row("in the database, nothing but the rule", "counter", "count under a lock", "counting"),
        row("over HTTP", "web", "a textbook build that counts under a lock", "textbook"),
    ]


def own(site: Site) -> str:
    """What the site says to book, with a visit of a try in it; the log shows no values."""
    with site.database.place.logged(log_statement="all") as lines:
        answer = ask(site.port, booking(FIRST))
    site.database.place.check("a place of a free slot can be booked", answer.status == 201)
    statement = ENTERED.findall("\n".join(lines))[-1]  # it made the slot first, and then said it again
    return re.sub(r"\$(\d+)", lambda found: VISIT[int(found[1]) - 1], statement)


def in_database(database: Database, lines: list[str], planned: str, clients: int, slots: int) -> float:
    """Sell all places on the database's own level; for how many seconds that was."""
    with database.connect() as connection:
        connection.execute("TRUNCATE booking_booking, ticketing_activity CASCADE")
        connection.execute("UPDATE booking_slot SET taken = 0")
        connection.execute("VACUUM (ANALYZE) booking_slot, booking_booking, ticketing_activity")
    seconds = pgbench(database, script(lines, slots), clients=clients, times=slots, planned=planned)
    [sold] = database.sql(SOLD)
    database.place.check(f"exactly all places are sold in the database: {sold}", sold == (slots * PLACES, PLACES))
    [(counted,)] = database.sql("SELECT sum(taken) FROM booking_slot")
    database.place.check(f"a counter has counted them: {counted}", counted in (0, slots * PLACES))
    return seconds


def script(lines: list[str], slots: int) -> str:
    """One try to book the next slot, each client in an order of its own, for pgbench."""
    ended = (line if "\\" in line else f"{' '.join(line.split())};" for line in lines)
    return TURN.format(first=int(FIRST.timestamp()), slots=slots) + "\n".join(ended) + "\n"


def over_http(site: Site, path: str, table: str, first: datetime, clients: int, slots: int) -> float:
    """Sell as many places over HTTP, of slots that nobody has booked yet; for how many seconds that was."""
    answers: Counter[int] = Counter()
    seconds = drive(site.port, [client(path, number, first, slots, answers) for number in range(clients)])
    wanted = {201: slots * PLACES, 409: slots * (clients - PLACES)}
    site.database.place.check(f"exactly all places are sold over HTTP: {dict(answers)}", answers == wanted)
    booked = f"""
        SELECT sum(n), max(n) FROM (
            SELECT count(*) n FROM {table.replace("slot", "booking")} booking JOIN {table} slot ON slot.id = slot_id
            WHERE slot.starts_at >= %s AND slot.starts_at < %s GROUP BY slot.id
        ) one
    """
    [sold] = site.database.sql(booked, first, first + timedelta(minutes=slots))
    site.database.place.check(f"the books show them: {sold}", sold == (slots * PLACES, PLACES))
    return seconds


def client(path: str, number: int, first: datetime, slots: int, answers: Counter[int]) -> Client:
    """Somebody who tries every slot once."""
    for minute in random.Random(number).sample(range(slots), slots):
        answer: Answer = yield booking(first + timedelta(minutes=minute), path)
        answers[answer.status] += 1


def booking(starts_at: datetime, path: str = API) -> bytes:
    """A request for one place."""
    whom = {"firstname": "Ada", "lastname": "Lovelace", "phone": "5550100009"}
    return post(path, {**whom, "starts_at": starts_at.isoformat()})
