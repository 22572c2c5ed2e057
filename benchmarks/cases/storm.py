"""Clients who book, move into and delete from one slot, all at once: it never holds more than its places."""

import random
import threading
import time
from collections import Counter
from collections.abc import Generator

from benchmarks.load import Answer, Client, drive, post
from benchmarks.place import Database, Place
from benchmarks.report import Row

DAY, PLACES = "12-9-2031", 20
SENTENCE = "20 entries already exist for this time"
SAMPLE = """
    SELECT taken, capacity, (SELECT coalesce(sum(party), 0) FROM booking_booking WHERE slot_id = slot.id)
    FROM booking_slot slot WHERE starts_at = '2031-09-12 12:00Z'
"""


def run(place: Place) -> list[Row]:
    """Look at the slot from outside all the while, then at what was answered and what is in the books."""
    database = place.database("storm")
    site, storm = place.site(database), Storm(place.size(10, 2))
    with Samples(database) as seen:
        drive(site.port, [storm.client(number) for number in range(place.size(200, 40))])
    storm.judge(place, database, seen.rows)
    database.audit()
    refused = storm.answers["into", 409] + storm.answers["book", 409]
    most = max((row[2] for row in seen.rows), default=0)
    said = f"{sum(storm.answers.values())} answers, {refused} refused; {len(seen.rows)} samples, at most {most} places"
    figures = {f"{what} {status}": count for (what, status), count in sorted(storm.answers.items())}
    return [Row("storm on one slot", said, figures=figures)]


class Storm:
    """What the clients were answered, and how many places they have by that."""

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds
        self.answers: Counter[tuple[str, int]] = Counter()
        self.sentences: Counter[str] = Counter()
        self.places = 0

    def client(self, number: int) -> Client:
        """Somebody who books, moves out and in again, and deletes, until the time is over."""
        chance = random.Random(number)
        while time.monotonic() < self.until:
            if not (mine := (yield from self.book(number))):
                continue
            yield from self.move(mine, "out", f"{13 + number // 60}:{number % 60}")
            inside = (yield from self.move(mine, "into", "12:00")) == 200
            if chance.random() < 0.7:
                yield from self.tell("delete", post("/update/delete/", mine), -1 if inside else 0)

    def book(self, number: int) -> Generator[bytes, Answer, dict[str, object]]:
        """A place in the slot; its id and its token, or nothing."""
        whom = {"firstname": f"Client {number}", "lastname": "Storm", "phone_number": "5550100009"}
        answer = yield from self.tell("book", post("/book/", {**whom, "date": DAY, "time": "12:00"}), 1)
        return {name: answer.json[name] for name in ("id", "manage_token")} if answer.status == 200 else {}

    def move(self, mine: dict[str, object], way: str, to: str) -> Generator[bytes, Answer, int]:
        """The same booking at another time."""
        answer = yield from self.tell(way, post("/update/edit/", {**mine, "time": to}), 1 if way == "into" else -1)
        return answer.status

    def tell(self, what: str, request: bytes, places: int) -> Generator[bytes, Answer, Answer]:
        """Send it, and note what came of it."""
        answer = yield request
        self.answers[what, answer.status] += 1
        if answer.status == 200:
            self.places += places
        elif answer.status == 409:
            self.sentences[answer.json["message"]] += 1
        return answer

    def judge(self, place: Place, database: Database, seen: list[tuple[int, int, int]]) -> None:
        """Hold it all together."""
        above, apart = ([row for row in seen if wrong(*row)] for wrong in (is_above, is_apart))
        place.check(f"the slot never has more bookings than places: {above[:3]}", not above)
        place.check(f"the slot always counts its bookings: {apart[:3]}", not apart)
        [last] = database.sql(SAMPLE)
        place.check(
            f"what was answered is in the books: {self.places} and {last}", last == (self.places, PLACES, self.places)
        )
        statuses = {status for _what, status in self.answers}
        place.check(f"nothing but success and refusal was answered: {dict(self.answers)}", statuses <= {200, 409})
        place.check(
            f"who is too many is told so in the contract's words: {self.sentences}", set(self.sentences) == {SENTENCE}
        )


def is_above(taken: int, capacity: int, booked: int) -> bool:
    """Whether more places are booked than there are."""
    return max(taken, booked) > capacity


def is_apart(taken: int, capacity: int, booked: int) -> bool:
    """Whether the slot says something else than its bookings."""
    return taken != booked


class Samples:
    """The slot as it is every tenth of a second, each time in one snapshot."""

    def __init__(self, database: Database) -> None:
        self.database, self.over = database, threading.Event()
        self.rows: list[tuple[int, int, int]] = []
        self.thread = threading.Thread(target=self.look)

    def __enter__(self) -> "Samples":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def look(self) -> None:
        """Go on until it is over."""
        with self.database.connect() as connection:
            while not self.over.wait(0.1):
                self.rows += connection.execute(SAMPLE).fetchall()
