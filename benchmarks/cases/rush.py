"""Many more people than tickets, all at once: exactly what there is is sold, and everybody is answered."""

import random
import uuid
from collections import Counter

from benchmarks.load import Answer, Client, ask, drive, post
from benchmarks.place import Database, Place, Site, say
from benchmarks.report import Row

LEFT, MOST = 300, 4
SENTENCE = "there is not any available tickets"
BOOKS = """
    SELECT taken, (SELECT count(*) FROM allocation_ticket WHERE option_id = option.id),
        (SELECT coalesce(sum(quantity), 0) FROM allocation_purchase WHERE option_id = option.id)
    FROM allocation_ticketoption AS option WHERE id = %s
"""


def run(place: Place) -> list[Row]:
    """A crowd at one option, and then a few people again and again for the last ticket of another one."""
    database = place.database("rush")
    site = place.site(database)
    told = [crowd(place, site), last_ticket(place, site)]
    database.audit()
    return told


def crowd(place: Place, site: Site) -> Row:
    """Everybody asks once, for one to four."""
    people, left = place.size(500, 60), place.size(LEFT, 36)
    option, dice = on_sale(site, left), random.Random(1)
    asked: list[tuple[int, list[Answer]]] = [(dice.randint(1, MOST), []) for _ in range(people)]
    say(f"rush, {people} clients for {left} tickets")
    seconds = drive(site.port, [buyer(option, quantity, answers) for quantity, answers in asked])
    answers = [(quantity, answer) for quantity, [answer] in asked]
    sold = sum(quantity for quantity, answer in answers if answer.status == 200)
    judge(place, site.database, option, [answer for _quantity, answer in answers], sold)
    place.check(f"all tickets are sold: {sold} of {left}", sold == left)
    waits = sorted(answer.seconds for _quantity, answer in answers)
    slowest, p99 = waits[-1], waits[int(len(waits) * 0.99) - 1]
    said = f"exactly {sold} sold; 99 of 100 answered within {p99:.2f} s, the last after {slowest:.2f} s"
    return Row(f"rush of {people} clients on {left} tickets", said, figures={"p99": p99, "seconds": seconds})


def last_ticket(place: Place, site: Site) -> Row:
    """So many rounds, each with one winner."""
    rounds, people = place.size(100, 5), place.size(50, 20)
    say(f"rush, {rounds} rounds of {people} clients for the last ticket")
    winners: Counter[int] = Counter()
    for _round in range(rounds):
        option = on_sale(site, 1)
        asked: list[list[Answer]] = [[] for _ in range(people)]
        drive(site.port, [buyer(option, 1, answers) for answers in asked])
        answers = [answer for [answer] in asked]
        won = sum(answer.status == 200 for answer in answers)
        winners[won] += 1
        judge(place, site.database, option, answers, won)
    place.check(f"the last ticket has one buyer in every round: {dict(winners)}", winners == {1: rounds})
    return Row(f"{rounds} rounds of {people} clients for the last ticket", f"one winner in {winners[1]}")


def on_sale(site: Site, allocation: int) -> str:
    """A new option; its id."""
    made = ask(site.port, post("/ticket_options", {"Name": "Rush", "Desc": "", "Allocation": allocation}))
    option: str = made.json["ID"]
    return option


def buyer(option: str, quantity: int, answers: list[Answer]) -> Client:
    """Somebody who tries once."""
    wanted = {"Quantity": quantity, "UserID": str(uuid.uuid4())}
    answers.append((yield post(f"/ticket_options/{option}/purchases", wanted)))


def judge(place: Place, database: Database, option: str, answers: list[Answer], sold: int) -> None:
    """Hold the answers and the books together."""
    statuses = Counter(answer.status for answer in answers)
    place.check(f"nothing but success and refusal was answered: {dict(statuses)}", set(statuses) <= {200, 409})
    sentences = {answer.json["message"] for answer in answers if answer.status == 409}
    place.check(f"who comes too late is told so in the contract's words: {sentences}", sentences <= {SENTENCE})
    [books] = database.sql(BOOKS, option)
    place.check(f"what was answered is in the books: {sold} and {books}", books == (sold,) * 3)
