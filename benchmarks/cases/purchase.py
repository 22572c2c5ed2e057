"""The purchase over HTTP against pgbench calling the same function: what the site costs on top of its own rule."""

import uuid
from collections import Counter

from benchmarks.load import Answer, Client, ask, drive, get, post
from benchmarks.pgbench import pgbench
from benchmarks.place import Database, Place, Site, Textbook, say
from benchmarks.report import Row, median

API = "/api/v1/allocation/purchases/"
ALLOCATION = 1_000_000
NEVER = {"Name": "Hot", "Desc": "", "Allocation": ALLOCATION}
# What the site says for a purchase with a key on behalf of somebody.
CALL = """\\set one random(1, {options})
SELECT * FROM allocation_purchase(
    wanted_options => ARRAY[(SELECT id FROM hot WHERE number = :one)], wanted => ARRAY[1], source => 'left',
    from_hold => NULL, at_most => 10000, named_buyer => gen_random_uuid(), on_behalf => true,
    sees_unpublished => true, caller_id => '{caller}', caller_role => 'supervisor', key_caller => '{caller}',
    key_route => 'allocation.purchase', key_text => gen_random_uuid()::text, asked => repeat('0', 64));
"""
HOT = """
    CREATE TABLE hot AS SELECT row_number() OVER () AS number, id FROM allocation_ticketoption WHERE name = 'Hot';
    ALTER TABLE hot ADD PRIMARY KEY (number)
"""


def run(place: Place) -> list[Row]:
    """HTTP, the textbook build and pgbench in turns, on one option; pgbench on a hundred as well."""
    clients, times = place.size(32, 8), place.size(60, 10)
    site = place.site(place.database("purchase"))
    shop = Shop(site)
    plain = Plain(place.textbook(site.database))
    best = {options: shop.best_clients(options, place) for options in (1, 100)}
    rates: dict[str, list[float]] = {}
    for number in range(place.rounds):
        say(f"purchase, round {number + 1} of {place.rounds}")
        for what, rate in (
            ("http", shop.over_http(clients, times)),
            ("textbook", plain.over_http(clients, place.size(30, 5))),
            ("constant", plain.constant(clients, place.size(300, 20))),
            ("one", shop.in_database(1, best[1], place.size(4000, 200))),
            ("hundred", shop.in_database(100, best[100], place.size(4000, 200))),
        ):
            rates.setdefault(what, []).append(rate)
    shop.check()
    plain.check()
    site.database.audit()
    return rows(rates, best, clients)


def rows(rates: dict[str, list[float]], best: dict[int, int], clients: int) -> list[Row]:
    """In purchases a second, all rates of one round beside each other."""

    def row(what: str, measured: str, name: str, against: str, target: float | None = None) -> Row:
        ratios = [a / b for a, b in zip(rates[measured], rates[against], strict=True)]
        beside = f"{name}: {median(rates[against]):.0f}/s"
        return Row(what, f"{median(rates[measured]):.0f}/s", beside, ratios, target, figures=rates)

    over_http = f"purchase over HTTP, {clients} connections, token, key, one hot option"
    return [
        row(over_http, "http", f"pgbench, the same function, {best[1]} clients", "one", 0.30),
        row("purchase over HTTP", "http", "a textbook build", "textbook", 4.0),
        row("purchase over HTTP", "http", "a constant view", "constant"),
        row(f"purchase, 100 options, in the database, {best[100]} clients", "hundred", "one hot option", "one", 1.3),
    ]


class Shop:
    """A hundred options, and somebody whose token buys for others."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.bought = 0
        [staff] = [one for one in ask(site.port, get("/users")).json if one["name"] == "Sofia Marino"]
        self.token = f"Bearer {staff['token']}"
        [[self.caller]] = site.database.sql("SELECT id FROM ticketing_user WHERE username = 'sofia'")
        self.options = [ask(site.port, post("/ticket_options", NEVER)).json["ID"] for _ in range(100)]
        site.database.sql(HOT)
        [[before]] = site.database.sql("SELECT count(*) FROM allocation_purchase")
        self.before: int = before

    def over_http(self, clients: int, times: int) -> float:
        """Each client buys so many times; purchases a second."""
        answers: Counter[int] = Counter()
        seconds = drive(self.site.port, [self.client(times, answers) for _ in range(clients)])
        self.site.database.place.check(
            f"every purchase is answered: {dict(answers)}", answers == {201: clients * times}
        )
        self.bought += clients * times
        return clients * times / seconds

    def client(self, times: int, answers: Counter[int]) -> Client:
        """Somebody who buys one ticket after the other, each for somebody else and with a key."""
        for _turn in range(times):
            items = [{"option": self.options[0], "quantity": 1}]
            wanted: dict[str, object] = {"items": items, "buyer": str(uuid.uuid4())}
            answer: Answer = yield post(API, wanted, Authorization=self.token, Idempotency_Key=uuid.uuid4().hex)
            answers[answer.status] += 1

    def in_database(self, options: int, clients: int, times: int) -> float:
        """The same function so many times altogether; purchases a second."""
        script = CALL.format(options=options, caller=self.caller)
        seconds = pgbench(self.site.database, script, clients=clients, times=times // clients)
        self.bought += times // clients * clients
        return times // clients * clients / seconds

    def best_clients(self, options: int, place: Place) -> int:
        """With how many clients the function is fastest here."""
        tried = {many: self.in_database(options, many, place.size(1000, 200)) for many in (2, 4, 8, 16)}
        return max(tried, key=lambda many: tried[many])

    def check(self) -> None:
        """See whether the books hold what was bought, and nothing else."""
        database: Database = self.site.database
        [[taken]] = database.sql("SELECT sum(taken) FROM allocation_ticketoption WHERE name = 'Hot'")
        [[made]] = database.sql("SELECT count(*) FROM allocation_purchase")
        sold = (taken, made - self.before)
        database.place.check(f"what was bought is in the books: {self.bought} and {sold}", sold == (self.bought,) * 2)


class Plain:
    """The textbook build, and somebody with a token of it."""

    def __init__(self, site: Textbook) -> None:
        self.site = site
        self.bought = 0

    def over_http(self, clients: int, times: int) -> float:
        """As `Shop.over_http`."""
        answers: Counter[int] = Counter()
        seconds = drive(self.site.port, [self.client(times, answers) for _ in range(clients)])
        self.site.database.place.check(
            f"the textbook build answers: {dict(answers)}", answers == {201: clients * times}
        )
        self.bought += clients * times
        return clients * times / seconds

    def client(self, times: int, answers: Counter[int]) -> Client:
        """As `Shop.client`."""
        for _turn in range(times):
            wanted: dict[str, object] = {"option": 1, "quantity": 1, "buyer": str(uuid.uuid4())}
            key = {"Authorization": f"Token {self.site.token}", "Idempotency_Key": uuid.uuid4().hex}
            answer: Answer = yield post("/purchases/", wanted, **key)
            answers[answer.status] += 1

    def constant(self, clients: int, times: int) -> float:
        """The same clients ask for what never changes; answers a second."""
        return clients * times / drive(self.site.port, [asking(times) for _ in range(clients)])

    def check(self) -> None:
        """See whether its books hold what was bought."""
        [[sold]] = self.site.database.sql("SELECT sold FROM textbook_option")
        self.site.database.place.check(f"the textbook build sold {self.bought}: {sold}", sold == self.bought)


def asking(times: int) -> Client:
    """Somebody who asks again and again."""
    for _turn in range(times):
        yield get("/constant/")
