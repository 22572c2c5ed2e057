"""A plain model of what is held, bought, handed on, given back and waited for, beside the API step by step."""

import json
import os
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.db.models.functions import Now
from django.test import Client
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from allocation import actions
from allocation.models import BuyerCount, Hold, Ticket, TicketOption, Transfer
from allocation.tests.factories import EventFactory, TicketOptionFactory
from allocation.tests.test_audit import broken
from ticketing.actions import lapse_offers
from ticketing.models import Waiter
from ticketing.tests.factories import UserFactory, bearer

API = "/api/v1/allocation/"
PEOPLE, KINDS = range(3), range(2)
TERMS = [{"most": 3, "limit": 4}, {"least": 2}]  # of the options
AT_FIRST = [4, 3]  # their allocations
# Steps altogether: examples times steps of one. A few at every change, many on demand: MODEL_EXAMPLES=50.
EXAMPLES, STEPS = int(os.environ.get("MODEL_EXAMPLES", "5")), 60


@dataclass
class Held:
    who: int
    items: dict[int, int]
    state: str = "held"
    is_overdue: bool = False


@dataclass
class Admission:
    """A ticket."""

    kind: int
    buyer: int
    holder: int
    purchase: str
    state: str = "valid"  # admitted, cancelled


@dataclass
class Link:
    """By which somebody else makes a ticket theirs."""

    ticket: str
    state: str = "offered"  # accepted, withdrawn, lapsed
    to: int | None = None


@dataclass
class Wish:
    who: int
    kind: int
    quantity: int
    least: int
    state: str = "waiting"
    offered: int = 0
    is_overdue: bool = False


IS_LIVE = {
    "holds": lambda hold: hold.state == "held",
    "tickets": lambda ticket: ticket.state == "valid",
    "links": lambda link: link.state == "offered",
    "list": lambda wish: wish.state in ("waiting", "offered"),
}


def some(rows):
    """A rule for when there is one with which something can still be done."""
    return precondition(lambda self: any(map(IS_LIVE[rows], getattr(self.shop, rows).values())))


class Said(Exception):
    """The model refuses, with this code."""


@dataclass
class Shop:
    """What ought to be."""

    capacity: list[int] = field(default_factory=lambda: list(AT_FIRST))
    holds: dict[str, Held] = field(default_factory=dict)
    tickets: dict[str, Admission] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)  # by their secrets
    list: dict[str, Wish] = field(default_factory=dict)  # in the order of coming

    def held(self, kind):
        holds = sum(hold.items.get(kind, 0) for hold in self.holds.values() if hold.state == "held")
        return holds + sum(wish.offered for wish in self.list.values() if (wish.kind, wish.state) == (kind, "offered"))

    def taken(self, kind):
        return self.held(kind) + sum(
            ticket.kind == kind and ticket.state != "cancelled" for ticket in self.tickets.values()
        )

    def left(self, kind):
        return self.capacity[kind] - self.taken(kind)

    def count(self, kind, who):
        bought = sum(
            (ticket.kind, ticket.buyer) == (kind, who) and ticket.state != "cancelled"
            for ticket in self.tickets.values()
        )
        holds = (hold for hold in self.holds.values() if (hold.who, hold.state) == (who, "held"))
        return bought + sum(hold.items.get(kind, 0) for hold in holds)

    def offer(self, kind):
        for wish in self.list.values():
            if (wish.kind, wish.state) == (kind, "waiting") and 0 < wish.least <= self.left(kind):
                wish.offered = min(wish.quantity, self.left(kind))
                wish.state = "offered"

    def terms(self, kind, quantity, who, *, from_left=True):
        if from_left and quantity > self.left(kind):
            raise Said("sold_out")
        if not TERMS[kind].get("least", 1) <= quantity <= TERMS[kind].get("most", 99):
            raise Said("wrong_quantity")
        if self.count(kind, who) + quantity > TERMS[kind].get("limit", 99):
            raise Said("limit_reached")

    def take(self, who, items, order):
        """Whether so many can be had, after what is overdue has been released for it."""
        released = set()
        while True:
            for kind in sorted(items, key=order):
                try:
                    self.terms(kind, items[kind], who)
                except Said as refusal:
                    if (kind, str(refusal)) in released or not self.release(kind, str(refusal), who):
                        raise
                    released.add((kind, str(refusal)))
                    break
            else:
                return

    def release(self, kind, code, who):
        """End what is overdue and in the way; whether there was something."""
        if code == "wrong_quantity":
            return False
        everybody = code == "sold_out"
        holds = [
            hold
            for hold in self.holds.values()
            if (hold.state, hold.is_overdue) == ("held", True) and kind in hold.items and (everybody or hold.who == who)
        ]
        offers = self.overdue(kind) if everybody else []
        self.end(holds)
        for wish in offers:
            wish.state = "lapsed"
        self.offer(kind)
        return bool(holds or offers)

    def overdue(self, kind):
        return [w for w in self.list.values() if (w.kind, w.state, w.is_overdue) == (kind, "offered", True)]

    def offered(self, ticket):
        return [link for link in self.links.values() if (link.ticket, link.state) == (ticket, "offered")]

    def end(self, holds, state="lapsed"):
        for hold in holds:
            hold.state = state
        for kind in {kind for hold in holds for kind in hold.items}:
            self.offer(kind)


class Selling(RuleBasedStateMachine):
    numbers = st.integers(0, 999)
    people, kinds = st.sampled_from(PEOPLE), st.sampled_from(KINDS)
    wanted = st.dictionaries(kinds, st.sampled_from([1, 2, 2, 3, 4]), min_size=1)

    def __init__(self):
        super().__init__()
        self.example = transaction.atomic()
        self.example.__enter__()

    def teardown(self):
        assert broken() == set()
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    @initialize()
    def open(self):
        self.shop = Shop()
        self.users = [UserFactory(email=f"{number}@example.org", email_confirmed_at=Now()) for number in PEOPLE]
        self.headers = [bearer(user) for user in self.users]
        self.boss = bearer(UserFactory(role="supervisor"))
        event = EventFactory()
        # In the order of their ids, in which the site takes several: the same steps lead to the same every time.
        options = sorted((TicketOptionFactory(event=event) for _ in KINDS), key=lambda option: option.pk)
        for kind, option in enumerate(options):
            actions.change_option(option, allocation=AT_FIRST[kind], **TERMS[kind], by=None)
        self.options = [str(option.pk) for option in options]

    def send(self, path, body=None, *, by, method="POST"):
        answer = Client().generic(
            method, (API + path).replace("allocation/../", ""), json.dumps(body or {}), "application/json", headers=by
        )
        assert answer.status_code < 500, answer.content
        return answer

    def agree(self, answer, ought):
        """The API answers as the model does: with a refusal of that code, or with success; the answer's body."""
        before, refusal = deepcopy(self.shop), ""
        try:
            ought()
        except Said as said:
            refusal = str(said)
            if not getattr(ought, "releases", False):  # which stays, whatever becomes of the rest
                self.shop.__dict__.update(before.__dict__)
        answered = answer.json()["code"] if answer.status_code >= 400 else ""
        assert answered == refusal, answer.json()
        return None if refusal else answer.json()

    def pick(self, rows, number):
        """One of them, mostly one with which something can still be done."""
        known = getattr(self.shop, rows)
        live = [pk for pk, row in known.items() if IS_LIVE[rows](row)]
        those = live if live and number % 6 else list(known)
        return those[number // 6 % len(those)]

    def order(self, kind):
        return self.options[kind]

    def items(self, items):
        return {"items": [{"option": self.options[kind], "quantity": quantity} for kind, quantity in items.items()]}

    def sold(self, purchase, who):
        """Keep the tickets of a purchase that the API has made."""
        made = purchase["tickets"]
        kinds = [self.options.index(one["option"]) for one in purchase["items"] for _ in range(one["quantity"])]
        assert len(made) == len(kinds) == purchase["quantity"]
        for ticket, kind in zip(made, kinds, strict=True):
            self.shop.tickets[ticket] = Admission(kind, who, who, purchase["id"])

    # Buying and holding

    @rule(who=people, items=wanted)
    def buy(self, who, items):
        answer = self.send("purchases/", self.items(items), by=self.headers[who])

        def ought():
            self.shop.take(who, items, self.order)

        ought.releases = True
        bought = self.agree(answer, ought)
        if bought:
            self.sold(bought, who)

    @rule(who=people, items=wanted)
    def hold(self, who, items):
        answer = self.send("holds/", self.items(items), by=self.headers[who])

        def ought():
            self.shop.take(who, items, self.order)

        ought.releases = True
        if not (made := self.agree(answer, ought)):
            return
        self.shop.holds[made["id"]] = Held(who, items)

    @some("holds")
    @rule(number=numbers)
    def confirm(self, number):
        hold = self.pick("holds", number)
        known = self.shop.holds[hold]
        answer = self.send(f"holds/{hold}/confirm/", by=self.headers[known.who])

        def ought():
            if known.state != "held" or known.is_overdue:
                raise Said("hold_bought" if known.state == "confirmed" else "hold_ended")

        if not (made := self.agree(answer, ought)):
            return
        self.shop.holds[hold].state = "confirmed"
        bought = self.send(f"purchases/{made['purchase']}/", by=self.headers[known.who], method="GET").json()
        self.sold(bought, known.who)

    @some("holds")
    @rule(number=numbers)
    def release(self, number):
        hold = self.pick("holds", number)
        known = self.shop.holds[hold]
        answer = self.send(f"holds/{hold}/release/", by=self.headers[known.who])

        def ought():
            if known.state in ("confirmed", "lapsed"):
                raise Said("hold_bought" if known.state == "confirmed" else "hold_ended")
            if known.state == "held":
                self.shop.end([known], "released")

        self.agree(answer, ought)

    @some("holds")
    @rule(number=numbers)
    def let_a_hold_grow_old(self, number):
        hold = self.pick("holds", number)
        if self.shop.holds[hold].state == "held":
            self.shop.holds[hold].is_overdue = True
            Hold.objects.filter(pk=hold).update(until=Now() - timedelta(seconds=1))

    # Tickets

    @some("tickets")
    @rule(number=numbers)
    def give_back(self, number):
        ticket = self.pick("tickets", number)
        known = self.shop.tickets[ticket]
        answer = self.send(f"tickets/{ticket}/cancel/", by=self.headers[known.holder])
        self.agree(answer, lambda: self.returned({ticket: known}))

    @some("tickets")
    @rule(number=numbers)
    def give_all_back(self, number):
        ticket = self.pick("tickets", number)
        purchase, buyer = self.shop.tickets[ticket].purchase, self.shop.tickets[ticket].buyer
        answer = self.send(f"purchases/{purchase}/cancel/", by=self.headers[buyer])
        those = {pk: one for pk, one in self.shop.tickets.items() if (one.purchase, one.holder) == (purchase, buyer)}
        self.agree(answer, lambda: self.returned(those))

    def returned(self, tickets):
        if not tickets:
            raise Said("handed_on")
        if any(ticket.state == "admitted" for ticket in tickets.values()):
            raise Said("ticket_used")
        for pk, ticket in tickets.items():
            ticket.state = "cancelled"
            for link in self.shop.offered(pk):
                link.state = "lapsed"
        for kind in KINDS:
            self.shop.offer(kind)

    @some("tickets")
    @rule(number=numbers)
    def hand_on(self, number):
        ticket = self.pick("tickets", number)
        known = self.shop.tickets[ticket]
        answer = self.send(f"tickets/{ticket}/transfer/", by=self.headers[known.holder])

        def ought():
            if known.state != "valid":
                raise Said("not_to_hand_on")
            if self.shop.offered(ticket):
                raise Said("already_offered")

        if not (made := self.agree(answer, ought)):
            return
        secret = made["link"].rstrip("/").rpartition("/")[2]
        self.shop.links[secret] = Link(ticket)

    @some("tickets")
    @rule(number=numbers)
    def keep(self, number):
        ticket = self.pick("tickets", number)
        answer = self.send(f"tickets/{ticket}/withdraw-transfer/", by=self.headers[self.shop.tickets[ticket].holder])

        def ought():
            if not (links := self.shop.offered(ticket)):
                raise Said("not_offered")
            links[0].state = "withdrawn"

        self.agree(answer, ought)

    @some("links")
    @rule(number=numbers, who=people)
    def accept(self, number, who):
        secret = self.pick("links", number)
        link = self.shop.links[secret]
        ticket = self.shop.tickets[link.ticket]
        before = self.shown(link.ticket)["code"]
        answer = self.send("transfers/accept/", {"secret": secret}, by=self.headers[who])
        was = ticket.holder

        def ought():
            if (link.state, link.to) == ("accepted", who):
                return
            if ticket.holder == who:
                raise Said("your_own_ticket")
            if ticket.state != "valid":
                raise Said("not_to_hand_on")
            if link.state != "offered":
                raise Said("transfer_ended")
            link.state, link.to, ticket.holder = "accepted", who, who

        self.agree(answer, ought)
        if self.shop.tickets[link.ticket].holder != was:
            assert self.scan(before) == "unknown"

    def shown(self, ticket):
        holder = self.headers[self.shop.tickets[ticket].holder]
        return self.send(f"tickets/{ticket}/", by=holder, method="GET").json()

    def scan(self, code):
        said = {"code": code, "gate": "North", "nonce": str(uuid4())}
        return self.send("scans/", said, by=self.boss).json()["outcome"]

    @some("tickets")
    @rule(number=numbers)
    def admit(self, number):
        ticket = self.pick("tickets", number)
        known = self.shop.tickets[ticket]
        code = self.shown(ticket)["code"]
        if known.state == "cancelled":
            assert code is None
            return
        assert self.scan(code) == {"valid": "admitted", "admitted": "already_admitted"}[known.state]
        known.state = "admitted"
        for link in self.shop.offered(ticket):
            link.state = "lapsed"

    # The waiting list

    @precondition(lambda self: min(self.shop.left(kind) for kind in KINDS) < 2)
    @rule(who=people, quantity=st.integers(2, 3), is_modest=st.booleans(), number=numbers)
    def wait(self, who, quantity, is_modest, number):
        kind = min(KINDS, key=self.shop.left) if number % 6 else max(KINDS, key=self.shop.left)
        least = 2 if is_modest else quantity
        wish = {"kind": "allocation.ticketoption", "stock": self.options[kind], "quantity": quantity, "least": least}
        said = {**wish, "email": self.users[who].email}
        answer = self.send("../waiting/", said, by=self.headers[who])

        def ought():
            for overdue in self.shop.overdue(kind):
                overdue.state = "lapsed"
            self.shop.offer(kind)
            if least <= self.shop.left(kind):
                raise Said("there_is_room")
            if quantity > self.shop.capacity[kind]:
                raise Said("invalid")
            mine = [w for w in self.shop.list.values() if (w.who, w.kind) == (who, kind)]
            if any(wish.state in ("waiting", "offered") for wish in mine):
                raise Said("already_waiting")

        if not (made := self.agree(answer, ought)):
            return
        self.shop.list[made["id"]] = Wish(who, kind, quantity, least)

    @some("list")
    @rule(number=numbers, fewer=st.booleans())
    def take_up(self, number, fewer):
        wish = self.pick("list", number)
        known = self.shop.list[wish]
        quantity = max(1, known.offered - 1) if fewer else known.offered
        said = {"waiter": wish, **({"quantity": quantity} if fewer else {})}
        answer = self.send("purchases/take-up/", said, by=self.headers[known.who])

        def ought():
            if known.state != "offered":
                raise Said("no_offer")
            self.shop.terms(known.kind, quantity, known.who, from_left=False)
            if known.is_overdue:
                raise Said("no_offer")

        if not (bought := self.agree(answer, ought)):
            return
        self.shop.list[wish].state = "accepted"
        self.sold(bought, known.who)
        self.shop.offer(known.kind)

    @some("list")
    @rule(number=numbers, verb=st.sampled_from(["leave", "decline"]))
    def go(self, number, verb):
        wish = self.pick("list", number)
        known = self.shop.list[wish]
        answer = self.send(f"../waiting/{wish}/{verb}/", by=self.headers[known.who])

        def ought():
            if known.state != "offered" and (verb == "decline" or known.state != "waiting"):
                raise Said("no_offer" if verb == "decline" else "not_on_the_list")
            known.state = "declined" if verb == "decline" else "left"
            self.shop.offer(known.kind)

        self.agree(answer, ought)

    @some("list")
    @rule(number=numbers)
    def let_an_offer_grow_old(self, number):
        wish = self.pick("list", number)
        if self.shop.list[wish].state == "offered":
            self.shop.list[wish].is_overdue = True
            Waiter.objects.filter(pk=wish).update(offered_until=Now() - timedelta(seconds=1))

    # The organiser, and time

    @rule(kind=kinds, allocation=st.integers(2, 8))
    def change_allocation(self, kind, allocation):
        said = {"allocation": allocation}
        answer = self.send(f"options/{self.options[kind]}/", said, by=self.boss, method="PATCH")

        def ought():
            if allocation < self.shop.taken(kind):
                assert str(self.shop.taken(kind)) in answer.json()["detail"]
                raise Said("below_taken")
            self.shop.capacity[kind] = allocation
            self.shop.offer(kind)

        self.agree(answer, ought)

    @rule()
    def sweep(self):
        actions.lapse_holds()
        lapse_offers()
        self.shop.end([hold for hold in self.shop.holds.values() if hold.state == "held" and hold.is_overdue])
        for kind in KINDS:
            for wish in self.shop.overdue(kind):
                wish.state = "lapsed"
            self.shop.offer(kind)

    # What is always true

    @invariant()
    def the_site_is_as_the_model(self):
        if not hasattr(self, "options"):
            return
        shop = self.shop
        for kind, option in enumerate(TicketOption.objects.in_bulk(self.options)[pk] for pk in map(UUID, self.options)):
            assert (option.capacity, option.taken, option.held) == (
                shop.capacity[kind],
                shop.taken(kind),
                shop.held(kind),
            )
        assert {str(h.pk): h.state for h in Hold.objects.all()} == {pk: hold.state for pk, hold in shop.holds.items()}
        assert {str(w.pk): (w.state, w.offered if w.state == "offered" else 0) for w in Waiter.objects.all()} == {
            pk: (wish.state, wish.offered if wish.state == "offered" else 0) for pk, wish in shop.list.items()
        }
        there = {
            str(t.pk): ("cancelled" if t.cancelled_at else "admitted" if t.admitted_at else "valid", t.holder_id)
            for t in Ticket.objects.all()
        }
        assert there == {pk: (ticket.state, self.users[ticket.holder].pk) for pk, ticket in shop.tickets.items()}
        standing = Transfer.objects.offered().values_list("ticket", flat=True)
        assert sorted(map(str, standing)) == sorted(
            link.ticket for link in shop.links.values() if link.state == "offered"
        )
        counts = Counter({(str(row.option_id), row.buyer): row.taken for row in BuyerCount.objects.all()})
        assert +counts == +Counter(
            {(self.options[kind], self.users[who].pk): shop.count(kind, who) for kind in KINDS for who in PEOPLE}
        )


@pytest.mark.django_db
def test_the_api_sells_as_the_model_does(production):
    run_state_machine_as_test(
        Selling,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize="MODEL_EXAMPLES" not in os.environ,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],  # to make a failure shorter takes minutes
        ),
    )
