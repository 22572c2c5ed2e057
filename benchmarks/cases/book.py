"""Clients who try every slot once until all places are gone: a counter against counting the rows under a lock.

On the level of the database pgbench repeats what the site was seen to say for one booking and for one refusal. The
references say the same the usual ways, and insert where there is room: one locks the slot and counts its bookings; the
other locks the service, as whoever counts has to where slots are no rows. What the site does over HTTP is told beside.
"""

import hashlib
import random
import re
from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple

from benchmarks.load import Answer, Client, ask, drive, post
from benchmarks.pgbench import pgbench
from benchmarks.place import Database, Place, Site, say
from benchmarks.report import Row, median

PLACES = 20
API = "/api/v1/booking/bookings/"
FIRST = datetime.fromisoformat("2031-05-06T00:00:00+00:00")
INSTANT = re.compile(r"'(\d{4}-\d\d-\d\d[ T][\d:.+]+)'::timestamptz")
SAVEPOINT = re.compile(r'"s\d+_x\d+"')
STATEMENT = re.compile(r"\S+ \S+ \S+ \[(\d+)\] LOG:  statement: (.+)")
TURN = """\\set turn :turn + 1
\\set at {first} + 60 * {number}
\\set unique 100000000000 + permute(:client_id * 1000000 + :turn, 800000000000, 7)
"""
# Which slot a client tries on a turn: all of them in an order of its own, or whatever is the earliest free one.
OWN_ORDER = "permute(:turn, {slots}, :client_id)"
ORDERS = {"the site's statements, each in an order of its own": OWN_ORDER, "the same, all after the earliest": ":turn"}
SLOTS = """
    INSERT INTO booking_slot (id, service_id, starts_at, capacity, taken)
    SELECT gen_random_uuid(), %s, to_timestamp(%s + 60 * number), 20, 0 FROM generate_series(0, %s - 1) number
"""
# The rule alone, in as few statements as it takes: the counter needs one, and whoever counts has to lock before.
VALUES = """'Ada', 'Lovelace', '5550100009', 'en', 1, encode(sha256(gen_random_uuid()::text::bytea), 'hex')"""
INSERT = f"""
    INSERT INTO booking_booking
        (id, slot_id, starts_at, ends_at, firstname, lastname, phone, language, manage_version, manage_digest)
    SELECT gen_random_uuid(), id, starts_at, starts_at + interval '1 minute', {VALUES}
"""
THE_SLOT = "starts_at = to_timestamp(:at)"
RULE_COUNTER = f"""
    WITH took AS (
        UPDATE booking_slot SET taken = taken + 1 WHERE {THE_SLOT} AND taken < capacity RETURNING id, starts_at
    ) {INSERT} FROM took
"""
RULE_COUNTING = [
    "BEGIN",
    f"SELECT id AS s_id FROM booking_slot WHERE {THE_SLOT} FOR UPDATE \\gset",
    "SELECT count(*) AS booked FROM booking_booking WHERE slot_id = ':s_id'::uuid \\gset",
]
SOLD = (
    "SELECT coalesce(sum(n), 0), coalesce(max(n), 0) FROM (SELECT count(*) n FROM booking_booking GROUP BY slot_id) one"
)


def run(place: Place) -> list[Row]:
    """Count and counter in turns, then once over HTTP, each time until every place is sold."""
    clients, slots = place.size(32, 24), place.size(500, 20)
    site, database = place.site(place.database("book_web")), place.database("book")
    words = watch(site)
    prepare(database, words.service, slots)
    seconds: dict[str, list[float]] = {"web": []}
    for number in range(place.rounds):
        say(f"book, round {number + 1} of {place.rounds}")
        for name, alone in rule_alone(OWN_ORDER.format(slots=slots)).items():
            seconds.setdefault(name, []).append(in_database(database, alone, clients, slots))
        for order in ORDERS:
            for way in (words.counting, words.counting_alone, words.counter):
                script = way(ORDERS[order].format(slots=slots))
                seconds.setdefault(f"{way.__name__}, {order}", []).append(in_database(database, script, clients, slots))
        check_counter(database)
    say("book, over HTTP")
    seconds["web"].append(over_http(site, FIRST + timedelta(days=1), clients, slots))
    for each in (database, site.database):
        each.audit()
    return rows(seconds, clients, slots)


def rows(seconds: dict[str, list[float]], clients: int, slots: int) -> list[Row]:
    """What it came to, in bookings a second."""
    rate = {name: f"{slots * PLACES / median(each):.0f} bookings/s" for name, each in seconds.items()}
    title = f"book, {clients} clients over {slots} slots"
    figures = {"seconds": seconds, "places": slots * PLACES}
    compared = [
        Row(
            f"{title}, {what}",
            rate[f"counter, {what}"],
            f"count under a lock: {rate[f'counting, {what}']}",
            [a / b for a, b in zip(seconds[f"counting, {what}"], seconds[f"counter, {what}"], strict=True)],
            2,
            figures=figures,
        )
        for what in ("the rule alone", *ORDERS)
    ]
    alone = [
        Row(
            f"{title}, {what}, beside a lock of the service",
            rate[f"counter, {what}"],
            f"count under it: {rate[f'counting_alone, {what}']}",
            [a / b for a, b in zip(seconds[f"counting_alone, {what}"], seconds[f"counter, {what}"], strict=True)],
            2,
        )
        for what in ORDERS
    ]
    return [*compared, *alone, Row(f"{title}, over HTTP", rate["web"])]


class Words(NamedTuple):
    """What the site says to the database for a booking and for a refusal, with variables of pgbench in it."""

    service: str
    booked: list[str]
    refused: list[str]  # after the slot's place could not be taken

    def counter(self, number: str) -> str:
        """The site's own way; that no row was updated is asked in the same statement, as pgbench cannot see it.

        Where the slot looks full when it is read, the place is tried first, and nothing is written in vain.
        """
        before, take, after = self.parts()
        at = self.looked_at
        took = f"WITH took AS ({take} RETURNING 1) SELECT count(*) AS took FROM took \\gset"
        whole = [*before[at:], took, "\\if :took = 1", *after, "\\else", *self.refused, "\\endif"]
        return script(number, before[:at], ":s_taken < :s_capacity", whole, [take, *self.refused])

    def counting(self, number: str) -> str:
        """The usual way: the slot is locked where it is read, and its bookings are counted."""
        before, _take, after = self.parts()
        at = self.looked_at
        look = before[at - 1].replace("LIMIT 1", "LIMIT 1 FOR UPDATE")
        count = "SELECT count(*) AS booked FROM booking_booking WHERE slot_id = ':s_id'::uuid \\gset"
        return script(
            number, [*before[: at - 1], look, count], f":booked < {PLACES}", [*before[at:], *after], ["ROLLBACK"]
        )

    @property
    def looked_at(self) -> int:
        """After how many statements the slot has been read."""
        return next(number for number, said in enumerate(self.booked) if "gset" in said) + 1

    def counting_alone(self, number: str) -> str:
        """The usual way where slots are no rows: nobody else books the service while its bookings are counted."""
        lock = f"SELECT 1 FROM booking_service WHERE id = '{self.service}' FOR UPDATE"
        begin, rest = self.counting(number).split("BEGIN;\n", 1)
        return f"{begin}BEGIN;\n{lock};\n{rest.replace(' FOR UPDATE', '')}"

    def parts(self) -> tuple[list[str], str, list[str]]:
        """What comes before the place is taken, how it is, and what comes after."""
        [at] = [number for number, said in enumerate(self.booked) if said.startswith('UPDATE "booking_slot"')]
        return self.booked[:at], self.booked[at], self.booked[at + 1 :]


def script(number: str, before: list[str], condition: str, then: list[str], otherwise: list[str]) -> str:
    """One try to book the slot of some number, for pgbench."""
    turn = TURN.format(first=int(FIRST.timestamp()), number=number)
    lines = [*before, f"\\if {condition}", *then, "\\else", *otherwise, "\\endif"]
    ended = (line if "\\" in line else f"{line};" for line in lines)
    return turn + "\n".join(ended) + "\n"


def rule_alone(number: str) -> dict[str, str]:
    """One try each way, of nothing but the rule and the booking's row."""
    counter = script(number, [], "true", [" ".join(RULE_COUNTER.split())], [])
    insert = " ".join(f"{INSERT} FROM booking_slot WHERE id = ':s_id'::uuid".split())
    counting = script(number, RULE_COUNTING, f":booked < {PLACES}", [insert, "COMMIT"], ["ROLLBACK"])
    return {"counting, the rule alone": counting, "counter, the rule alone": counter}


def watch(site: Site) -> Words:
    """Look at the statements of a booking over the API, and of the first that is refused."""
    answers = [ask(site.port, booking(FIRST)) for _ in range(PLACES - 1)]
    site.database.place.check("places of a free slot can be booked", {answer.status for answer in answers} == {201})
    (last, said), (refused, told) = looked_at(site), looked_at(site)
    site.database.place.check(
        "the last one is booked, one more is refused", (last.status, refused.status) == (201, 409)
    )
    made = last.json
    [taking] = [number for number, line in enumerate(told) if line.startswith('UPDATE "booking_slot"')]
    booked = [with_variables(line, made) for line in said]
    return Words(made["service"]["id"], booked, [with_variables(line, made) for line in told[taking + 1 :]])


def looked_at(site: Site) -> tuple[Answer, list[str]]:
    """A try to book, and the statements of the connection that it was made on."""
    with site.database.place.logged(log_statement="all") as lines:
        answer = ask(site.port, booking(FIRST))
    said = [(match[1], match[2]) for line in lines if (match := STATEMENT.match(line))]
    [process] = {process for process, statement in said if statement.startswith('UPDATE "booking_slot"')}
    names: dict[str, str] = {}  # of savepoints, which are others in every transaction
    alike = (SAVEPOINT.sub(lambda found: names.setdefault(found[0], f"s{len(names)}"), words) for _, words in said)
    return answer, [words for (number, _), words in zip(said, alike, strict=True) if number == process]


def with_variables(statement: str, made: dict[str, str]) -> str:
    """The same statement about any booking."""
    digest = hashlib.sha256(made["manage_token"].encode()).hexdigest()
    known = {made["id"].replace("-", ""): "00000000000040008000:unique", made["slot"].replace("-", ""): ":s_id"}
    for value, variable in (known | {digest: "0" * 52 + ":unique"}).items():
        statement = statement.replace(value, variable)
    statement = INSTANT.sub(lambda found: f"to_timestamp(:at + {seconds_after(found[1])})", statement)
    return f"{statement} \\gset s_" if statement.startswith('SELECT "booking_slot"."id"') else statement


def seconds_after(instant: str) -> int:
    """By how many seconds it is after the beginning of the first slot."""
    return int((datetime.fromisoformat(instant) - FIRST).total_seconds())


def booking(starts_at: datetime) -> bytes:
    """A request for one place."""
    whom = {"firstname": "Ada", "lastname": "Lovelace", "phone": "5550100009"}
    return post(API, {**whom, "starts_at": starts_at.isoformat()})


def prepare(database: Database, service: str, slots: int) -> None:
    """Make the same service, and empty slots."""
    with database.connect() as connection:
        new = "INSERT INTO booking_service (id, slug, name, slot_capacity) VALUES (%s, 'default', 'Default', 20)"
        connection.execute(new, [service])
        connection.execute(SLOTS, [service, FIRST.timestamp(), slots])


def in_database(database: Database, script: str, clients: int, slots: int) -> float:
    """Sell all places on the database's own level; for how many seconds that was."""
    with database.connect() as connection:
        connection.execute("TRUNCATE booking_booking, ticketing_activity CASCADE")
        connection.execute("UPDATE booking_slot SET taken = 0")
        connection.execute("VACUUM (ANALYZE) booking_slot, booking_booking, ticketing_activity")
    seconds = pgbench(database, script, clients=clients, times=slots)
    [sold] = database.sql(SOLD)
    database.place.check(f"exactly all places are sold in the database: {sold}", sold == (slots * PLACES, PLACES))
    return seconds


def check_counter(database: Database) -> None:
    """See whether the slots counted what they sold."""
    [wrong] = database.sql("""
        SELECT count(*) FROM booking_slot slot
        WHERE taken <> (SELECT count(*) FROM booking_booking WHERE slot_id = slot.id)
    """)
    database.place.check("every slot counts its bookings", wrong == (0,))


def over_http(site: Site, first: datetime, clients: int, slots: int) -> float:
    """Sell as many places over the API, of slots that nobody has booked yet; for how many seconds that was."""
    answers: Counter[int] = Counter()
    seconds = drive(site.port, [client(number, first, slots, answers) for number in range(clients)])
    wanted = {201: slots * PLACES, 409: slots * (clients - PLACES)}
    site.database.place.check(f"exactly all places are sold over HTTP: {dict(answers)}", answers == wanted)
    taken = "SELECT sum(taken), max(taken) FROM booking_slot WHERE starts_at >= %s AND starts_at < %s"
    [sold] = site.database.sql(taken, first, first + timedelta(minutes=slots))
    site.database.place.check(f"the slots count them: {sold}", sold == (slots * PLACES, PLACES))
    return seconds


def client(number: int, first: datetime, slots: int, answers: Counter[int]) -> Client:
    """Somebody who tries every slot once."""
    for minute in random.Random(number).sample(range(slots), slots):
        answer = yield booking(first + timedelta(minutes=minute))
        answers[answer.status] += 1
