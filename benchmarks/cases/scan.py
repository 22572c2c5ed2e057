"""Scans at the gate over HTTP against pgbench sending the same statements: what the site costs on top of them."""

import uuid
from collections import Counter

from benchmarks.load import Answer, Client, ask, drive, get, post
from benchmarks.pgbench import pgbench
from benchmarks.place import Place, Site, say
from benchmarks.report import Row, median

API = "/api/v1/allocation/scans/"
AT_ONCE = 10_000  # tickets in one purchase
# What a scan says to the database, from its BEGIN to its COMMIT; a ticket's id serves as the nonce.
SCAN = """\\set turn :turn + 1
\\set one {first} + :client_id * {times} + :turn
BEGIN;
SELECT ticket.id, ticket.valid, ticket.option_id, ticket.purchase_id, option.event_id, purchase.account_id
FROM allocation_ticket AS ticket
LEFT JOIN allocation_ticketoption AS option ON option.id = ticket.option_id
LEFT JOIN allocation_purchase AS purchase ON purchase.id = ticket.purchase_id
WHERE ticket.id = (SELECT id FROM queue WHERE number = :one) AND ticket.code_version = 1
LIMIT 1 FOR NO KEY UPDATE OF ticket \\gset
SELECT * FROM allocation_scan WHERE account_id = '{caller}' AND nonce = ':id' LIMIT 1;
SELECT * FROM allocation_scan WHERE outcome = 'admitted' AND undone_at IS NULL AND ticket_id = ':id' LIMIT 1;
INSERT INTO allocation_scan (id, ticket_id, gate, account_id, nonce, code_digest, outcome)
VALUES (gen_random_uuid(), ':id', 'North', '{caller}', ':id', repeat('0', 64), 'admitted')
RETURNING id AS scan \\gset
UPDATE allocation_ticket SET updated_at = statement_timestamp(), admitted_at = statement_timestamp() WHERE id = ':id';
INSERT INTO ticketing_activity (actor_id, role, operation, kind, object_id, details)
VALUES ('{caller}', 'superuser', 'allocation.scan', 'allocation.scan', ':scan', '{{"outcome": "admitted"}}');
SELECT * FROM allocation_scan AS scan
LEFT JOIN allocation_ticket AS ticket ON ticket.id = scan.ticket_id
LEFT JOIN allocation_ticketoption AS option ON option.id = ticket.option_id
LEFT JOIN ticketing_user AS account ON account.id = scan.account_id
LEFT JOIN allocation_scan AS earlier ON earlier.id = scan.earlier_id
WHERE scan.id = ':scan';
COMMIT;
"""


def run(place: Place) -> list[Row]:
    """HTTP and pgbench in turns, each ticket once."""
    clients, times = place.size(16, 4), place.size(60, 10)
    site = place.site(place.database("scan"))
    gate = Gate(site, tickets=place.rounds * (clients * times + 4 * place.size(4000, 100)))
    web: list[float] = []
    bare: dict[int, list[float]] = {}
    for number in range(place.rounds):
        say(f"scan, round {number + 1} of {place.rounds}")
        web.append(gate.over_http(clients, times))
        for many in (4,) if place.quick else (2, 4, 8, 16):
            bare.setdefault(many, []).append(gate.in_database(many, place.size(4000, 100) // many))
    gate.check()
    site.database.audit()
    fastest = max(bare, key=lambda many: median(bare[many]))
    return [
        Row(
            f"scan at the gate over HTTP, {clients} connections, distinct tickets",
            f"{median(web):.0f}/s",
            f"pgbench, the same statements, {fastest} clients: {median(bare[fastest]):.0f}/s",
            [a / b for a, b in zip(web, bare[fastest], strict=True)],
            0.20,
            figures={"http": web, "pgbench": {str(many): said for many, said in bare.items()}},
        )
    ]


class Gate:
    """Tickets in a row, and somebody who may admit."""

    def __init__(self, site: Site, tickets: int) -> None:
        self.site, self.next = site, 0
        [staff] = [one for one in ask(site.port, get("/users")).json if one["name"] == "Sofia Marino"]
        self.token = f"Bearer {staff['token']}"
        [[self.caller]] = site.database.sql("SELECT id FROM ticketing_user WHERE username = 'sofia'")
        on_sale: dict[str, object] = {"Name": "Gate", "Desc": "", "Allocation": tickets + AT_ONCE}
        option = ask(site.port, post("/ticket_options", on_sale)).json["ID"]
        while tickets > 0:
            wanted: dict[str, object] = {"Quantity": min(tickets, AT_ONCE), "UserID": str(uuid.uuid4())}
            ask(site.port, post(f"/ticket_options/{option}/purchases", wanted))
            tickets -= AT_ONCE
        site.database.sql(
            "CREATE TABLE queue AS SELECT row_number() OVER (ORDER BY ticket.id) - 1 AS number, ticket.id "
            "FROM allocation_ticket AS ticket WHERE option_id = %s",
            option,
        )
        site.database.sql("ALTER TABLE queue ADD PRIMARY KEY (number)")
        site.database.sql("ANALYZE")
        self.tickets = [str(pk) for [pk] in site.database.sql("SELECT id FROM queue ORDER BY number")]

    def over_http(self, clients: int, times: int) -> float:
        """Each client scans so many tickets; scans a second."""
        answers: Counter[str] = Counter()
        shares = [self.some(times) for _ in range(clients)]
        seconds = drive(self.site.port, [self.client(share, answers) for share in shares])
        everyone = answers == {"admitted": clients * times}
        self.site.database.place.check(f"every ticket admits: {dict(answers)}", everyone)
        return clients * times / seconds

    def client(self, share: list[str], answers: Counter[str]) -> Client:
        """One gate."""
        for ticket in share:
            shown: dict[str, object] = {"code": ticket, "gate": "North", "nonce": str(uuid.uuid4())}
            answer: Answer = yield post(API, shown, Authorization=self.token)
            answers[answer.json.get("outcome", str(answer.status))] += 1

    def in_database(self, clients: int, times: int) -> float:
        """The same statements so often by each client; scans a second."""
        script = SCAN.format(first=self.next, times=times, caller=self.caller)
        self.some(clients * times)
        return clients * times / pgbench(self.site.database, script, clients=clients, times=times)

    def some(self, many: int) -> list[str]:
        """So many tickets that nobody has shown."""
        self.next += many
        return self.tickets[self.next - many : self.next]

    def check(self) -> None:
        """See whether each ticket that was shown admitted once."""
        [[admitted]] = self.site.database.sql("SELECT count(DISTINCT ticket_id) FROM allocation_scan")
        self.site.database.place.check(f"{self.next} tickets were shown, {admitted} admitted", admitted == self.next)
