"""The supervisors' board, and the day's numbers on the front page of the administration."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from allocation.models import Purchase
from allocation.tests.factories import PurchaseFactory, TicketOptionFactory
from booking.models import Booking
from booking.tests.factories import BookingFactory, ServiceFactory, database_now
from support import actions
from support.models import Agent, Ticket
from support.tests.factories import TicketFactory, online_agent
from ticketing.models import Heartbeat
from ticketing.runtime.heartbeat import BEATING, PATIENCE
from ticketing.tests.factories import UserFactory
from ticketing.tests.test_figures import Rows

pytestmark = pytest.mark.django_db

BOARD, ADMIN = "/panel/board/", "/admin/"


def page(client, path=BOARD, **headers):
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    html = answer.content.decode()
    assert "style=" not in html
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    return html


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.replace("\xa0", " ")))


def rows_of(html, caption):
    """The cells of the table with this caption, as text."""
    [table] = [table for table in re.findall(r"<table.*?</table>", html, re.S) if f">{caption}</caption>" in table]
    rows = re.findall(r"<tr>(.*?)</tr>", table.split("<tbody>")[1], re.S)
    return [[text(cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)] for row in rows]


@pytest.fixture
def boss(client):
    client.force_login(UserFactory(role="supervisor"))
    return client


@pytest.fixture
def beating():
    for name in BEATING:
        Heartbeat.objects.beat(name)


# Who


@pytest.mark.parametrize("role", ["customer", "agent", "gate"])
def test_the_board_is_closed_to_everybody_but_supervisors(role):
    client = Client()
    client.force_login(UserFactory(role=role))
    assert client.get(BOARD).status_code == 403
    assert BOARD not in client.get("/").content.decode()


def test_a_stranger_logs_in_first(client):
    assert client.get(BOARD)["Location"] == f"/account/log-in/?next={BOARD}"


def test_a_supervisor_finds_it_in_the_navigation(boss):
    assert f'<a href="{BOARD}" aria-current="page">Board</a>' in page(boss)


# What


def test_an_empty_board_says_what_to_do_next(boss, beating):
    said = text(page(boss))
    for sentence in (
        "Nobody waits",
        "Somebody has to go online at the desk.",
        "There are no agents yet",
        "Nothing is on sale yet",
        "Put tickets on sale",
    ):
        assert sentence in said
    assert re.search("No bookings (today|from)", said)


@pytest.mark.parametrize("path", ["/admin/ticketing/emaillink/add/", "/admin/allocation/ticketoption/add/"])
def test_what_an_empty_board_leads_to_is_there(client, path):
    client.force_login(UserFactory(role="supervisor", is_superuser=True))
    assert path in page(client)
    assert client.get(path).status_code == 200


def test_it_says_who_waits_for_how_long_and_why(boss):
    late, soon = TicketFactory(subject="Too late", department="security"), TicketFactory(subject="In time")
    Ticket.objects.filter(pk=late.pk).update(queue_at=F("queue_at") - timedelta(minutes=72))
    online_agent(departments=["technical"], capacity=0)
    html = page(boss)
    assert rows_of(html, "Those that have waited longest") == [
        [
            "Too late",
            "Medium",
            "Security",
            "1 hour, 12 minutes",
            "Place 1 in the queue. "
            "Nobody who answers for the department “security” is online. It is handed out as soon as somebody is.",
        ],
        [
            "In time",
            "Medium",
            "Technical",
            "less than a minute",
            "Place 1 in the queue. "
            "One agent online could take it and is full. It is handed out once that agent closes a question.",
        ],
    ]
    assert "The longest wait is 1 hour, 12 minutes." in text(html)
    assert rows_of(html, "By department") == [
        ["Sales", "0"],
        ["Technical", "1"],
        ["Security", "1"],
        ["Any agent’s", "0"],
    ]
    assert rows_of(html, "By priority") == [["High", "0"], ["Medium", "2"], ["Low", "0"]]
    assert f'href="/panel/questions/{soon.code}/"' in html
    assert boss.get("/panel/questions/?status=created&order=oldest").status_code == 200


def test_a_supervisor_and_an_agent_read_on_the_page_of_a_ticket_why_it_waits_and_its_customer_does_not(boss):
    ticket = TicketFactory(department="sales")
    address = f"/panel/questions/{ticket.code}/"
    why = "Nobody who answers for the department “sales” is online."
    assert why in page(boss, address)
    assert why in page(boss, address, HX_Request="true")
    of = Client()
    of.force_login(UserFactory(role="agent"))
    assert why in page(of, address)
    of.force_login(ticket.user)
    assert "online" not in page(of, address)
    actions.close_ticket(ticket, by=None)
    assert why not in page(boss, address)


def test_it_shows_agents_with_their_presence_and_load(boss):
    there = online_agent(first_name="Zoë", last_name="Ødegård", capacity=4, departments=["sales", "technical"])
    Agent.objects.create(user=UserFactory(role="agent", first_name="Ada", last_name="Gone"), capacity=7)
    TicketFactory()
    actions.assign_waiting_tickets()
    html = page(boss)
    (name, presence, until, answers, load), gone = rows_of(html, "Agents, those who are there first")
    there.refresh_from_db()
    clock = f"{timezone.localtime(there.online_until):%H:%M}"
    assert (name, presence, until[-5:], answers, load) == ("Zoë Ødegård", "Online", clock, "Sales, technical", "1 of 4")
    assert gone == ["Ada Gone", "Offline", "–", "All departments", "0 of 7"]
    assert html.count('width="25"') == 2  # the bar of all agents, and that of the only one who is there
    assert "1 of 4 places taken" in text(html)


def test_it_shows_todays_bookings_by_hour_and_by_service(boss, settings):
    now = database_now()
    settings.TIME_ZONE = f"Etc/GMT{now.hour - 12:+d}"  # it is noon
    repair = ServiceFactory(name="Réparation")
    for hours in (-9, -7, 1):
        BookingFactory(starts_at=now + timedelta(hours=hours))
    BookingFactory(starts_at=now + timedelta(hours=1), service=repair)
    html = page(boss)
    hours = dict(rows_of(html, "Bookings by hour"))
    assert {hour: number for hour, number in hours.items() if number not in ("–", "0")} == {"05:00": "1", "13:00": "2"}
    assert [hour for hour, number in hours.items() if number == "–"] == [f"{hour:02}:00" for hour in range(5)]
    assert rows_of(html, "Bookings by service") == [["Default", "2"], ["Réparation", "1"]]
    said = text(html)
    assert "Coming up 2 of 3 bookings today" in said
    assert re.search(r"Those from before 04:\d\d are deleted already, eight hours after their time\.", said)


def test_in_the_early_hours_nothing_is_said_of_bookings_that_were_deleted(boss, settings):
    now = database_now()
    settings.TIME_ZONE = f"Etc/GMT{(now.hour - 2 + 11) % 24 - 11:+d}"  # it is two o'clock
    BookingFactory(starts_at=now)
    html = page(boss)
    assert "deleted" not in html
    assert ["00:00", "0"] in rows_of(html, "Bookings by hour")


def test_it_shows_sales_by_hour_and_what_is_left_of_the_newest_options(boss):
    PurchaseFactory(option=TicketOptionFactory(name="Fado", allocation=2), quantity=2)
    PurchaseFactory(option=TicketOptionFactory(name="Żółta noc", allocation=3000), quantity=4)
    html = page(boss)
    assert rows_of(html, "On sale") == [["Żółta noc", "4", "2,996"], ["Fado", "2", "Sold out"]]
    assert "Tickets sold 6" in text(html)
    assert sum(int(sold) for _, sold in rows_of(html, "Tickets sold by hour") if sold != "–") == 6
    TicketOptionFactory.create_batch(12)
    assert len(rows_of(page(boss), "On sale: the newest 10 of 14")) == 10


def test_hours_that_have_not_come_have_no_number(boss, settings):
    settings.TIME_ZONE = f"Etc/GMT{database_now().hour - 12:+d}"
    PurchaseFactory()
    unknown = [hour for hour, number in rows_of(page(boss), "Tickets sold by hour") if number == "–"]
    assert unknown == [f"{hour:02}:00" for hour in range(13, 24)]


def test_it_shows_how_each_part_of_the_site_does(boss, beating):
    html = page(boss)
    states = dict(rows_of(html, "The parts of the site, and how they do"))
    assert len(states) == 7
    assert set(states.values()) == {"Works", "On time"}
    assert "started again" not in html
    Heartbeat.objects.filter(name="sweep").update(at=Now() - PATIENCE - timedelta(minutes=3))
    html = page(boss)
    assert ["Handing out and clearing up", "Silent for 3 minutes"] in rows_of(
        html, "The parts of the site, and how they do"
    )
    assert "What is silent is started again by itself" in html


def test_what_people_typed_is_escaped(boss):
    TicketFactory(subject="<script>alert(1)</script>")
    BookingFactory(starts_at=database_now())
    BookingFactory(starts_at=database_now(), service=ServiceFactory(name="<i>Repair</i>"))
    TicketOptionFactory(name="<b>Fado</b>")
    html = page(boss)
    assert not re.search(r"<script>|<i>|<b>", html)


# How


def test_it_refreshes_itself_in_place_and_says_when_it_did(boss):
    html = page(boss)
    assert re.search(rf'<div id="board"[^>]* hx-get="{BOARD}" hx-trigger="every 15s[^"]*" hx-swap="outerHTML"', html)
    assert re.search(r"Last refreshed at \d\d:\d\d:\d\d\.", text(html))
    part = page(boss, HX_Request="true")
    assert part.lstrip().startswith('<div id="board"')
    assert "<html" not in part


def test_it_can_be_held_still_and_refreshed_by_hand(boss):
    html = page(boss, f"{BOARD}?still")
    assert "hx-trigger" not in html
    assert f'href="{BOARD}?still">Refresh</a>' in html
    assert f'href="{BOARD}">Refresh by itself</a>' in html
    assert f'href="{BOARD}?still">Hold it still</a>' in page(boss)


def test_no_copy_of_it_stays_behind(boss):
    assert "no-store" in boss.get(BOARD)["Cache-Control"]


def test_it_speaks_the_language_of_the_supervisor_and_draws_the_same(boss):
    PurchaseFactory(option=TicketOptionFactory(allocation=9000))
    drawn = re.findall(r'points="([^"]+)"', page(boss))
    german = page(boss, Accept_Language="de")
    assert re.findall(r'points="([^"]+)"', german) == drawn


def cost(client, path):
    with CaptureQueriesContext(connection) as queries:
        page(client, path)
    return len(queries)


@pytest.mark.parametrize(("path", "queries"), [(BOARD, 20), (ADMIN, 15)])
def test_a_page_of_figures_costs_the_same_for_one_row_and_for_three_hundred(client, path, queries):
    client.force_login(UserFactory(role="supervisor", is_superuser=True, is_staff=True))
    rows = Rows()
    rows.add(1)
    page(client, path)  # what is made once and kept
    few = cost(client, path)
    rows.add(299)
    # The session and the account; the figures.
    assert cost(client, path) == few == queries
    many = page(client, path)
    assert len(many) < 250_000


# The front page of the administration


def test_the_administration_begins_with_the_numbers_of_today(boss, beating):
    TicketFactory()
    online_agent(capacity=4)
    PurchaseFactory(option=TicketOptionFactory(allocation=10), quantity=3)
    now = database_now()
    BookingFactory(starts_at=now + timedelta(seconds=1))
    said = text(page(boss, ADMIN))
    assert "Questions that wait 1 The longest wait is less than a minute." in said
    assert "Agents online 1 0 of 4 places taken" in said
    assert "Tickets sold today 3 7 tickets are left." in said
    assert "Bookings that come up today" in said
    assert "The site itself" not in said
    Heartbeat.objects.all().delete()
    assert "The site itself 3 parts that do not work as they should" in text(page(boss, ADMIN))


def test_each_of_its_links_leads_to_rows_of_today(boss):
    ticket, closed = TicketFactory(), actions.close_ticket(TicketFactory(), by=None)
    today, before = PurchaseFactory(), PurchaseFactory()
    Purchase.objects.filter(pk=before.id).update(created_at=Now() - timedelta(days=2))
    booked, later = BookingFactory(starts_at=database_now()), BookingFactory()
    html = page(boss, ADMIN)
    links = re.findall(r'<a href="([^"]+)"', html.split('<section class="today"')[1].split("</section>")[0])
    assert {"/panel/desk/", BOARD, "/panel/events/", "/panel/bookings/"} <= set(links)
    shown = {}
    for link in links:
        answer = boss.get(link.replace("&amp;", "&"))
        assert answer.status_code == 200, link
        shown[link.split("?")[0]] = answer.content.decode()
    lists = {
        "/admin/support/ticket/": (ticket.pk, closed.pk),
        "/admin/allocation/purchase/": (today.id, before.id),
        "/admin/booking/booking/": (booked.pk, later.pk),
    }
    for path, (there, not_there) in lists.items():
        assert f"{path}{there}/change/" in shown[path]
        assert f"{path}{not_there}/change/" not in shown[path]
    assert Booking.objects.count() == 2
