"""What became of events: held against a count by hand, on the event's own clocks."""

import csv
import io
import uuid
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from allocation.models import Event, Purchase, Scan, Ticket, TicketOption
from allocation.reports import (
    MOST_LABELS,
    MOST_SERIES,
    Flow,
    chart_of_flow,
    charts_of_sales,
    fates_of,
    flow_of,
    sales_of,
    sums_of_events,
    sums_of_options,
    total_of,
)
from allocation.tests.factories import EventFactory, TicketOptionFactory
from booking.tests.walking import visit
from ticketing.tests.factories import UserFactory

pytestmark = pytest.mark.django_db

BERLIN = "Europe/Berlin"
AUTUMN = datetime(2025, 10, 25, 22, 30, tzinfo=UTC)  # the night in which Berlin's clocks are put back, at 01:00 UTC
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def over(**fields):
    """An event that is over, with when it was."""
    ended = {"starts_at": AUTUMN + DAY, "ends_at": AUTUMN + DAY + 3 * HOUR, "created_at": AUTUMN - 400 * DAY}
    event = EventFactory(**{name: fields.pop(name) for name in ("name", "time_zone") if name in fields})
    Event.objects.filter(pk=event.pk).update(**ended | fields)
    return shown(event)


def shown(event):
    return Event.objects.with_over().with_audit().get(pk=event.pk)


def sell(option, *sold_at, **fate):
    """A purchase of a ticket at each of these instants, with what became of them, by whole tables."""
    bought = Purchase.objects.bulk_create(
        Purchase(option=option, buyer=uuid.uuid4(), quantity=1, created_at=at) for at in sold_at
    )
    rows = (Ticket(option=option, purchase=one, number=1, created_at=one.created_at, **fate) for one in bought)
    made = Ticket.objects.bulk_create(rows)
    count = 0 if fate.get("cancelled_at") else len(made)
    option.taken += count
    TicketOption.objects.filter(pk=option.pk).update(taken=option.taken, capacity=max(option.capacity, option.taken))
    return made


def admit(tickets, gate, at, *, undone=False):
    how = {"undone_at": at, "undone_reason": "x"} if undone else {}
    Scan.objects.bulk_create(
        Scan(ticket=one, gate=gate, nonce=uuid.uuid4(), code_digest="x", outcome="admitted", created_at=at, **how)
        for one in tickets
    )
    if not undone:
        Ticket.objects.filter(pk__in=[one.pk for one in tickets]).update(admitted_at=at)


@pytest.fixture
def boss(client):
    client.force_login(UserFactory(role="supervisor"))
    return client


def figures(event):
    fates = fates_of(event)
    sums = sums_of_options(event, fates)
    return sums, sales_of(fates, [one.thing for one in sums]), flow_of(event, minutes=1)


def random_world(seed):
    """An event with tickets of every fate, sold on days around a change of the clocks, and one beside it."""
    dice = Random(seed)
    event = over(time_zone=dice.choice([BERLIN, "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]))
    options = [TicketOptionFactory(event=event, name=f"Option {n}") for n in range(dice.randint(1, 4))]
    others = [TicketOptionFactory(event=over()), TicketOptionFactory()]
    for _ in range(dice.randint(0, 40)):
        at = AUTUMN - DAY * dice.randint(0, 3) + MINUTE * dice.randint(0, 2000)
        fate = dice.choice(
            [{}, {}, {"valid": False}, {"valid": False, "cancelled_at": at + HOUR * dice.randint(0, 50)}]
        )
        made = sell(dice.choice([*options, *others]), at, **fate)
        if not fate and dice.random() < 0.7:
            entered = AUTUMN + MINUTE * dice.randint(0, 400)
            admit(made, dice.choice(["North", "South"]), entered, undone=dice.random() < 0.2)
    return event, options


@pytest.mark.parametrize("seed", range(12))
def test_every_figure_is_what_counting_by_hand_gives(seed):
    event, options = random_world(seed)
    zone = ZoneInfo(event.time_zone)
    sums, sales, flow = figures(event)
    for option, one in zip(options, sums, strict=True):
        tickets = list(Ticket.objects.filter(option=option))
        expected = [ticket for ticket in tickets if ticket.valid and not ticket.cancelled_at]
        absent = [ticket for ticket in expected if not ticket.admitted_at]
        assert (one.thing, one.allocation) == (option, TicketOption.objects.get(pk=option.pk).capacity)
        assert one.sold == len([ticket for ticket in tickets if not ticket.cancelled_at])
        assert one.returned == len([ticket for ticket in tickets if ticket.cancelled_at])
        assert one.admitted == len([ticket for ticket in tickets if ticket.admitted_at])
        assert (one.expected, one.missed) == (len(expected), len(absent))
        assert one.missed_share == (round(100 * len(absent) / len(expected)) if expected else None)
        assert one.left == one.allocation - one.sold
    mine = Ticket.objects.filter(option__event=event)
    sold = Counter((one.created_at.astimezone(zone).date(), one.option_id) for one in mine)
    back = Counter((one.cancelled_at.astimezone(zone).date(), one.option_id) for one in mine if one.cancelled_at)
    assert {(sale.day, sale.option.pk): sale.sold for sale in sales if sale.sold} == dict(sold)
    assert {(sale.day, sale.option.pk): sale.returned for sale in sales if sale.returned} == dict(back)
    assert [sale.day for sale in sales] == sorted(sale.day for sale in sales)
    scans = Scan.objects.filter(ticket__option__event=event, undone_at=None)
    assert {(one.at, one.gate): one.admitted for one in flow.counted} == dict(
        Counter((scan.created_at.replace(second=0, microsecond=0), scan.gate) for scan in scans)
    )
    assert sum(one.admitted for one in flow_of(event).counted) == len(scans)
    total = total_of(sums, event)
    assert [total] == sums_of_events([event])
    assert total.sold == sum(sold.values()) - sum(back.values())


def test_charts_add_up_to_the_figures():
    event, options = random_world(3)
    sums, sales, _flow = figures(event)
    so_far, per_day, *returned = charts_of_sales(sales, options)
    for one in sums:
        name = one.thing.name
        assert so_far.series[name][-1] == one.sold
        assert sum(per_day.series[name]) == one.sold + one.returned
        assert (
            sum(chart.series[name][place] for chart in returned for place in range(len(chart.labels))) == one.returned
        )
    chart = chart_of_flow(flow_of(event), event)
    assert sum(map(sum, chart.series.values())) == sum(one.admitted for one in sums)


def test_a_sale_belongs_to_the_day_of_the_events_clocks():
    event = over(time_zone="America/New_York")
    option = TicketOptionFactory(event=event)
    sell(option, datetime(2025, 7, 2, 3, 30, tzinfo=UTC), datetime(2025, 7, 2, 4, 30, tzinfo=UTC))
    assert [(sale.day, sale.sold) for sale in sales_of(fates_of(event), [option])] == [
        (date(2025, 7, 1), 1),
        (date(2025, 7, 2), 1),
    ]


def test_the_hour_that_comes_twice_is_shown_twice():
    event = over()
    option = TicketOptionFactory(event=event)
    first = datetime(2025, 10, 26, 0, 15, tzinfo=UTC)  # 02:15, and an hour later again
    for at in (first, first + HOUR, first + 4 * HOUR):
        admit(sell(option, AUTUMN), "North", at)
    flow = flow_of(event)
    chart = chart_of_flow(flow, event)
    shown = {label: number for label, number in zip(chart.labels, chart.series["North"], strict=True) if number}
    assert shown == {"02:15 CEST": 1, "02:15 CET": 1, "05:15": 1}
    assert flow.minutes == 5
    [row, again, _late] = csv.DictReader(io.StringIO(table(event, "admissions")))
    assert (row["minute"], again["minute"]) == ("2025-10-26T02:15:00+02:00", "2025-10-26T02:15:00+01:00")


@pytest.mark.parametrize(
    ("span", "minutes"),
    [(0 * HOUR, 1), (58 * MINUTE, 1), (HOUR, 5), (4 * HOUR, 5), (6 * HOUR, 15), (2 * DAY, 60), (9 * DAY, 24 * 60)],
)
def test_admissions_are_counted_by_as_many_minutes_as_a_chart_has_room_for(span, minutes):
    event = over()
    tickets = sell(TicketOptionFactory(event=event), *[AUTUMN - DAY] * 2)
    for ticket, at in zip(tickets, (AUTUMN + 7 * MINUTE, AUTUMN + 7 * MINUTE + span), strict=True):
        admit([ticket], "North", at)
    flow = flow_of(event)
    chart = chart_of_flow(flow, event)
    assert flow.minutes == minutes
    assert len(set(chart.labels)) == len(chart.labels) <= MOST_LABELS + 1
    assert (chart.series["North"][0] + chart.series["North"][-1] * (span > 0 * HOUR)) == 2


@pytest.mark.parametrize("days", [0, 59, 60, 700, 8000])
def test_however_long_a_sale_lasts_the_charts_stay_small(days):
    event = over()
    option = TicketOptionFactory(event=event)
    tickets = sell(option, AUTUMN - days * DAY, AUTUMN)
    admit(tickets[:1], "North", AUTUMN - days * DAY)
    admit(tickets[1:], "North", AUTUMN)
    for chart in [
        *charts_of_sales(sales_of(fates_of(event), [option]), [option]),
        chart_of_flow(flow_of(event), event),
    ]:
        assert len(chart.labels) <= MOST_LABELS + 1
        assert sum(chart.series["North" if chart.name == "admissions" else option.name]) >= 2


def test_many_options_and_gates_are_shown_as_few_lines():
    event = over()
    options = [TicketOptionFactory(event=event, name="Seat") for _ in range(7)]
    for number, option in enumerate(options, start=1):
        admit(sell(option, *[AUTUMN] * number), f"Gate {number}", AUTUMN)
    sums, sales, _flow = figures(event)
    for chart in [*charts_of_sales(sales, options), chart_of_flow(flow_of(event), event)]:
        assert len(chart.series) == MOST_SERIES
        assert sum(map(sum, chart.series.values())) == 28
        assert chart.series["Others"] == [1 + 2 + 3 + 4]
    assert [one.sold for one in sums] == [1, 2, 3, 4, 5, 6, 7]


def test_nobody_has_missed_what_is_not_over():
    option = TicketOptionFactory(event=EventFactory())
    sell(option, timezone.now())
    event = shown(option.event)
    [one] = sums_of_options(event, fates_of(event))
    assert (one.expected, one.missed, one.missed_share) == (1, None, None)


def test_there_is_nothing_to_draw_where_there_is_nothing():
    event = over()
    assert charts_of_sales([], []) == []
    assert flow_of(event) == Flow(1, [])
    assert chart_of_flow(Flow(1, []), event) is None
    assert total_of([], event).sold == 0


# The pages, the tables, and the same over the API


@pytest.fixture
def evening():
    """An event that is over, to which one of three came, and a fourth gave the ticket back."""
    event = over(name="Late quartets")
    option = TicketOptionFactory(event=event, name="=1+1")
    came, *_absent = sell(option, *[AUTUMN - DAY] * 3)
    sell(option, AUTUMN - 2 * DAY, valid=False, cancelled_at=AUTUMN)
    admit([came], "@north", AUTUMN)
    return event


def address(event, more=""):
    return f"/panel/events/{event.pk}/report/{more}"


def table(event, name):
    browser = Client()
    browser.force_login(UserFactory(role="supervisor"))
    answer = browser.get(address(event, f"{name}.csv"))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return answer.getvalue().decode()


def test_the_page_shows_what_became_of_an_event(boss, evening):
    page = visit(boss, address(evening))
    for words in (
        "Report: Late quartets",
        "2 (67\xa0%)",
        "Tickets sold so far, without those given back",
        "Sold by day",
        "Given back by day",
        "Admissions by minute",
        "Tickets with which nobody came",
        "have not been counted again yet",
    ):
        assert words in page.words
    assert "Report of this event" in visit(boss, f"/panel/events/{evening.pk}/").words


def test_a_page_without_numbers_says_so(boss):
    event = EventFactory()
    assert "There are no tickets for this event yet" in visit(boss, address(event)).words
    TicketOptionFactory(event=event)
    page = visit(boss, address(event)).words
    assert "Nothing has been sold yet" in page
    assert "Nobody has been admitted yet" in page


def test_no_text_of_the_tables_is_a_formula(evening):
    option = evening.options.get()
    [row] = csv.DictReader(io.StringIO(table(evening, "options")))
    told = {"name": "'=1+1", "sold": "3", "returned": "1", "admitted": "1", "missed": "2", "missed_share": "67"}
    assert told.items() <= row.items()
    rows = [tuple(row.values()) for row in csv.DictReader(io.StringIO(table(evening, "sales")))]
    day = AUTUMN.astimezone(ZoneInfo(BERLIN)).date()
    assert rows == [
        (str(day - 2 * DAY), str(option.pk), "'=1+1", "1", "0"),
        (str(day - DAY), str(option.pk), "'=1+1", "3", "0"),
        (str(day), str(option.pk), "'=1+1", "0", "1"),
    ]
    [row] = csv.DictReader(io.StringIO(table(evening, "admissions")))
    assert row == {"minute": "2025-10-26T00:30:00+02:00", "gate": "'@north", "admitted": "1"}


def test_the_api_tells_the_same(boss, evening):
    told = boss.get(f"/api/v1/allocation/events/{evening.pk}/report/").json()
    [option] = told["options"]
    assert (option["sold"], option["returned"], option["missed"], option["missed_share"]) == (3, 1, 2, 67)
    assert [(row["sold"], row["returned"]) for row in told["sales"]] == [(1, 0), (3, 0), (0, 1)]
    assert {row["option"] for row in told["sales"]} == {option["id"]}
    assert told["admission_minutes"] == 1
    [row] = told["admissions"]
    assert (row["gate"], row["admitted"], datetime.fromisoformat(row["at"])) == ("@north", 1, AUTUMN)
    assert (told["is_over"], told["audited_at"]) == (True, None)


def test_all_events_stand_side_by_side(boss, evening):
    for number in range(12):
        EventFactory(name=f"Evening {number}", starts_at=datetime(2031, 5, 1 + number, 17, tzinfo=UTC),
                     ends_at=datetime(2031, 5, 1 + number, 21, tzinfo=UTC))  # fmt: skip
    page = visit(boss, "/panel/events/report/")
    assert "Evening 11" in page.words
    assert "Late quartets" not in page.words
    answer = boss.get("/panel/events/report/")
    last = visit(boss, f"/panel/events/report/?after={answer.context['page'].after}")
    assert "Late quartets" in last.words
    assert "2 (67\xa0%)" in last.words
    assert boss.get("/panel/events/report/?after=x").status_code == 400


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("more", ["", "options.csv", "sales.csv", "admissions.csv"])
def test_only_supervisors_read_it(client, evening, more):
    for path in (address(evening, more), "/panel/events/report/"):
        assert client.get(path).status_code == 302
    for role in ("customer", "agent", "gate"):
        browser = Client()
        browser.force_login(UserFactory(role=role))
        for path in (address(evening, more), "/panel/events/report/"):
            assert browser.get(path).status_code == 403
        assert browser.get(f"/api/v1/allocation/events/{evening.pk}/report/").status_code == 403
        assert "Report of this event" not in browser.get(f"/panel/events/{evening.pk}/").content.decode()


def test_a_report_of_no_event_is_missing(boss):
    for more in ("", "options.csv", "sales.csv", "admissions.csv"):
        assert boss.get(f"/panel/events/{uuid.uuid4()}/report/{more}").status_code == 404


def test_it_is_german_for_those_who_read_german(client, evening):
    client.force_login(UserFactory(role="supervisor", language="de"))
    answer = client.get(address(evening)).content.decode()
    for words in ("Bericht: Late quartets", "Zurückgegeben", "Nicht gekommen", "26. Oktober"):
        assert words in answer


@pytest.mark.parametrize("path", ["/panel/events/report/", "{report}", "/api/v1/allocation/events/{id}/report/"])
def test_a_report_costs_the_same_for_one_ticket_and_for_many(boss, evening, path):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert boss.get(path.format(report=address(evening), id=evening.pk)).status_code == 200
        return len(queries)

    one = cost()
    for number in range(6):
        option = TicketOptionFactory(event=evening)
        admit(sell(option, AUTUMN - number * DAY), f"Gate {number}", AUTUMN + number * HOUR)
    assert cost() == one <= 10
