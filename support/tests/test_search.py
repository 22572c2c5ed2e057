"""Search: words in questions, replies, notes, codes and customers, ranked and marked, within what each may read."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from support import actions, words
from support.models import Ticket
from support.tests.factories import ReplyFactory, TicketFactory
from ticketing.tests.factories import UserFactory, bearer

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent():
    return UserFactory(role="agent", first_name="Mei", last_name="Tanaka")


def of(person):
    client = Client()
    client.force_login(person)
    return client


def found(person, typed, **more):
    """The codes that the API finds."""
    answer = Client().get("/api/v1/support/tickets/", {"search": typed, **more}, headers=bearer(person))
    assert answer.status_code == 200, answer.json()
    return [row["code"] for row in answer.json()["results"]]


def page(person, typed, **more):
    answer = of(person).get("/panel/questions/", {"search": typed, **more})
    assert answer.status_code == 200
    return answer.content.decode()


def rows(shown):
    return shown[shown.index('<div id="rows"') : shown.index("</main>")]


@pytest.fixture
def printer():
    return TicketFactory(
        subject="The printer burns", message="Since Monday there is smoke.", by__first_name="Zoë", by__last_name="Øst"
    )


@pytest.mark.parametrize(
    "typed",
    ["printer", "PRINTER smoke", "smoke -paper", '"printer burns"', "prin", "paper or smoke", "smo", "toner", "'smoke"],
)
def test_words_are_found_in_the_question_and_in_replies(agent, printer, typed):
    TicketFactory()
    ReplyFactory(ticket=printer, message="It is the toner.")
    assert found(agent, typed) == found(printer.user, typed) == [printer.code]
    assert printer.code in page(agent, typed)
    assert printer.code in page(printer.user, typed)


@pytest.mark.parametrize("typed", ["printers", "printer paper", "smoke -monday", '"burns printer"', "rinter", "pr"])
def test_what_is_not_said_is_not_found(agent, printer, typed):
    assert found(agent, typed) == found(printer.user, typed) == []
    assert "No question fits" in page(agent, typed)


def test_codes_and_for_staff_customers_are_found(agent, printer):
    assert found(agent, printer.code.lower()) == found(agent, printer.code[:5]) == [printer.code]
    assert found(agent, "zoe øst") == found(agent, printer.user.username) == [printer.code]
    assert f"<mark>{printer.code}</mark>" in page(agent, printer.code)
    unverified = actions.raise_unverified_ticket(user_id="kim-7", phone="+49 30 1234567", query="Hello", by=None)
    assert found(agent, "kim") == found(agent, "1234567") == found(agent, "30 1234567") == [unverified.code]
    Ticket.objects.filter(pk=unverified.pk).update(email="kim@mail.example.org")
    assert found(agent, "kim@mail.example.org") == found(agent, "kim@mail.exam") == [unverified.code]
    assert found(agent, "kim@mail.exa") == []
    joined = Ticket.objects.get(pk=unverified.pk)
    Ticket.objects.filter(pk=joined.pk).update(user=printer.user)
    assert found(printer.user, "hello") == [unverified.code]
    assert found(printer.user, "kim") == found(printer.user, "1234567") == []  # as these fields are not shown to them


@pytest.mark.parametrize(
    "typed", ["Größe", "grosse", "GRÖSSE", "groesse", "grö", "groe", "gross", "Mueller", "Müller", "muller", "mull"]
)
def test_umlauts_and_accents_are_found_however_they_are_typed(agent, typed):
    ticket = TicketFactory(message="Die Größe stimmt nicht, Frau Müller. Ça va ?")
    other = TicketFactory(message="The poet of Duell")
    assert found(agent, typed) == [ticket.code]
    assert found(agent, "ca va") == [ticket.code]
    assert found(agent, "poet") == [other.code]
    assert "<mark>" in page(agent, typed)


def test_who_has_no_umlauts_is_found_by_those_who_have(agent):
    ticket = TicketFactory(message="Frau Mueller fragt")
    assert found(agent, "Müller") == [ticket.code]
    assert "<mark>Mueller</mark>" in page(agent, "Müller")


def test_no_customer_finds_anything_by_the_words_of_a_note(agent, printer):
    actions.note_on_ticket(printer, message="Probably arson, see the toner.", by=agent)
    assert found(agent, "arson") == [printer.code]
    assert "<mark>arson</mark>" in page(agent, "arson")
    assert found(printer.user, "arson") == found(printer.user, "nonsense") == []
    for order in ("", "newest"):
        seen, missing = (rows(page(printer.user, typed, order=order)) for typed in ("arson", "nonsense"))
        assert seen == missing
        both = page(printer.user, "arson or smoke", order=order)
        assert "<mark>smoke</mark>" in both
        assert "arson, see" not in both
        assert "Probably" not in both


def test_a_stranger_finds_what_is_missing(agent, printer):
    ReplyFactory(ticket=printer, message="It is the toner.")
    stranger = TicketFactory(subject="Mine", message="Something else").user
    for typed in ("printer", "toner", printer.code, printer.user.username, "smo"):
        assert found(stranger, typed) == found(stranger, "nonsense") == []
        assert rows(page(stranger, typed)) == rows(page(stranger, "nonsense"))
    assert len(found(stranger, "mine or printer")) == 1


def test_the_best_come_first_or_the_newest_if_that_is_wanted(agent):
    by_subject = TicketFactory(subject="Elevator stuck", message="Help")
    often = TicketFactory(subject="Lift", message="The elevator, always the elevator: elevator.")
    once = TicketFactory(subject="Stairs", message="They are beside the elevator.")

    def order(**more):
        shown = page(agent, "elevator", **more)
        return sorted([by_subject, often, once], key=lambda ticket: shown.index(ticket.code))

    assert order() == [by_subject, often, once]
    assert order(order="newest") == [once, often, by_subject]
    assert order(order="oldest") == [by_subject, often, once]
    assert found(agent, "elevator") == [once.code, often.code, by_subject.code]
    assert found(agent, "elevator", ordering="created_at", limit=1) == [by_subject.code]


def test_a_search_is_narrowed_like_the_list(agent, printer):
    other = TicketFactory(subject="Printer, too", priority="high")
    ReplyFactory(ticket=printer, message="the toner")
    ReplyFactory(ticket=other, message="the toner")
    for typed in ("printer", "toner"):
        assert found(agent, typed, priority="high") == [other.code]
        shown = page(agent, typed, priority="high")
        assert other.code in shown
        assert printer.code not in shown


def test_what_is_found_is_marked_and_stays_text(agent):
    TicketFactory(subject="<b>Fire</b> & fire", message="x " * 300 + "<script>alert('fire')</script> " + "y " * 300)
    shown = rows(page(agent, "fire"))
    assert "&lt;b&gt;<mark>Fire</mark>&lt;/b&gt; &amp; <mark>fire</mark>" in shown
    assert "&lt;script&gt;alert(&#x27;<mark>fire</mark>&#x27;)&lt;/script&gt;" in shown
    assert "<script" not in shown
    assert shown.count("…") == 2
    assert "<script" not in rows(page(agent, "<script>"))


BAD = ["!!!", "-fire", "or", '""', "& | ! ( ) : * <->", "_", "-", "\u3000"]
ODD = [
    *("fire & !", "fire)", "'fire", "fire:*", "fire\\", '"fire', "fire or", "or fire", "fire <-> x or fire", "%fire%"),
    "fire " * 2000,
    "fire or " + "x" * 10_000,
]


@pytest.mark.parametrize("typed", BAD)
def test_nothing_to_look_for_is_said(agent, typed):
    ticket = TicketFactory(message="fire")
    assert not words.sought(typed)
    shown = page(agent, typed)
    assert typed.isspace() or "There is no word in this to look for." in shown
    assert ticket.code in shown
    part = of(agent).get("/panel/questions/", {"search": typed}, headers={"HX-Request": "true"}).content.decode()
    assert typed.isspace() or "There is no word in this to look for." in part
    if not typed.isspace():
        assert found(agent, typed) == []


@pytest.mark.parametrize("typed", ODD)
def test_odd_things_are_looked_for_as_words(agent, typed):
    ticket = TicketFactory(message="fire")
    assert found(agent, typed) == [ticket.code]
    assert ticket.code in page(agent, typed)


@pytest.mark.parametrize(
    "typed",
    ["fire\0", "\0", "😀", "1e5", "½", "a" * 3000, "ﬁre ²", "İstanbul", "\ud800".encode("utf8", "replace").decode()],
)
def test_nothing_that_is_typed_is_an_error(agent, typed):
    TicketFactory(message="fire")
    page(agent, typed)
    page(agent, typed, order="newest")


def test_changes_of_what_is_said_are_found_at_once(agent, printer):
    Ticket.objects.filter(pk=printer.pk).update(subject="The scanner")
    assert found(agent, "scanner") == [printer.code]
    assert found(agent, "printer") == []


def test_a_search_costs_the_same_for_one_hit_and_for_twenty(agent, printer):
    ReplyFactory(ticket=printer, message="smoke")
    client = of(agent)
    client.get("/panel/questions/?search=smoke")

    def cost(query):
        with CaptureQueriesContext(connection) as asked:
            assert client.get(f"/panel/questions/?{query}").status_code == 200
        return len(asked)

    ways = ("search=smoke", "search=smoke&order=newest", "search=smoke&status=open&priority=medium")
    one = [cost(way) for way in ways]
    for ticket in TicketFactory.create_batch(19, message="smoke"):
        ReplyFactory(ticket=ticket, message="smoke")
    assert [cost(way) for way in ways] == one
    assert max(one) <= 14


def test_the_database_finds_words_by_their_indexes(agent, printer):
    """Beside what is said all the time; of that itself it may read entries as well."""
    many = """INSERT INTO support_searchentry (ticket_id, for_staff, said_at, words, marks)
              SELECT %s, false, now(), to_tsvector('simple', 'usual word' || number %% 500), '{}'
              FROM generate_series(1, 20000) number"""
    with connection.cursor() as cursor:
        cursor.execute(many, [printer.pk])
        cursor.execute("ANALYZE support_searchentry")

    def plan(typed):
        return Ticket.objects.visible_to(agent).found_by(words.sought(typed), agent).explain()

    assert "support_searchentry_0_words_marks_idx" in plan("smoke")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "support_customer_words" in plan("smoke")


def test_what_differs_in_capitals_alone_is_asked_once():
    spellings = [words.sought(typed).groups[0][0].spellings for typed in ("B94CF0299999", "Müller")]
    assert spellings == [["B94CF0299999"], ["Müller", "mueller"]]
