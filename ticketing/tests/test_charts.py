"""Charts: where their bars, lines, cells and words stand, and what they say to whoever does not see them."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from django.template import Context, Template
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketing.templatetags.charts import written
from ticketing.toolkit import charts
from ticketing.toolkit.charts import GAP, HEIGHT, WIDTH, Chart, Number, breadth, clipped, round_ticks, unit_of

ROOT = Path(__file__).resolve().parents[2]
HUGE = 10**15
LABELS = st.text(min_size=1, max_size=80)
AMOUNTS = st.none() | st.integers(0, 30) | st.integers(0, HUGE)


@st.composite
def labelled(draw, series=1, most=30, **how):
    """A chart of any numbers with any labels."""
    labels = draw(st.lists(LABELS, max_size=most))
    numbers = st.lists(AMOUNTS, min_size=len(labels), max_size=len(labels))
    return Chart("any", "Any", "Label", labels, {f"series {n}": draw(numbers) for n in range(series)}, **how)


def bars_of(numbers, **how):
    labels = [f"{n:02}:00" for n in range(len(numbers))]
    return Chart("hours", "By hour", "Hour", labels, {"Bookings": numbers}, **how)


def drawn(kind, chart, language="en"):
    with translation.override(language):
        return Template("{% load charts %}{% " + kind + " chart %}").render(Context({"chart": chart}))


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


# Numbers


@settings(deadline=None)
@given(st.integers(0, HUGE))
def test_ticks_rise_from_0_in_equal_round_steps_to_the_highest_number_or_beyond(highest):
    ticks = round_ticks(highest)
    step = ticks[1]
    assert ticks == [step * n for n in range(len(ticks))]
    assert str(step).rstrip("0") in ("1", "2", "5")
    assert ticks[-1] >= highest > ticks[-2] or (highest, ticks) == (0, [0, 1])
    assert len(ticks) <= 5


@settings(deadline=None)
@given(st.integers(1, HUGE))
def test_ticks_are_whole_in_the_unit_they_are_written_in(highest):
    ticks = round_ticks(highest)
    unit = unit_of(ticks[-1])
    assert all(tick % unit == 0 for tick in ticks)
    assert ticks[-1] < 10_000 * unit or unit == 10**9


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1234, 1, "1,234"),
        (12_000_000, 10**6, "12"),
        (700, 10**6, "<1"),
        (0, 10**6, "0"),
        (None, 1, "–"),
        (1_234_567_890_123_456, 10**9, "1,234,568"),
    ],
)
def test_a_number_is_written_in_its_unit_and_never_as_none_when_there_is_something(value, unit, text):
    assert written(Number(0, 0, value, unit)) == text


# Words


@settings(deadline=None)
@given(LABELS, st.floats(20, 400))
def test_a_text_is_cut_where_its_room_ends_and_nowhere_else(label, room):
    short = clipped(label, room)
    assert breadth(short) <= room
    assert short == label if breadth(label) <= room else short.endswith("…")


def test_an_accent_takes_no_room_and_is_not_torn_from_its_letter():
    assert breadth("e\u0301") == breadth("e")
    assert breadth("東京") == 2 * breadth("ab")
    assert clipped("e\u0301" * 40, 100).count("e") == clipped("e\u0301" * 40, 100).count("\u0301")


# Bars


@settings(deadline=None)
@given(labelled())
def test_upright_bars_stand_side_by_side_on_the_axis_inside_the_sheet(chart):
    sheet = charts.bars(chart)
    for box in sheet.boxes:
        assert box.x >= 0
        assert box.x + box.width <= WIDTH + 0.01
        assert box.y >= 0
        assert box.y + box.height == pytest.approx(HEIGHT - charts.FOOT)
    for left, right in pairwise(sheet.boxes):
        assert left.x + left.width <= right.x


@settings(deadline=None)
@given(labelled(lying=True))
def test_lying_bars_leave_room_for_their_numbers(chart):
    sheet = charts.bars(chart)
    for box, number in zip(sheet.boxes, sheet.numbers, strict=True):
        assert number.x >= box.width + GAP
        assert number.x + breadth("" if box.value is None else f"{box.value:,}") <= WIDTH + 0.01
        assert box.y + box.height <= sheet.height


@pytest.mark.parametrize("lying", [True, False])
@settings(deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=2, max_size=24))
def test_a_bar_is_as_long_as_its_number(lying, numbers):
    sheet = charts.bars(bars_of(numbers, lying=lying))
    long = {box.value: (box.width if lying else box.height) for box in sheet.boxes}
    highest = max(numbers)
    for number, length in long.items():
        if number:
            assert length == pytest.approx(max(long[highest] * number / highest, charts.FLATTEST_BAR))
        else:
            assert length == 0


def test_the_smallest_number_beside_a_huge_one_is_seen():
    assert charts.bars(bars_of([1, HUGE])).boxes[0].height == charts.FLATTEST_BAR
    assert charts.bars(bars_of([1, HUGE], lying=True)).boxes[0].width == charts.FLATTEST_BAR


@settings(deadline=None)
@given(labelled(most=40))
def test_the_labels_below_never_touch_and_never_leave_the_sheet(chart):
    words = charts.bars(chart).words
    ends = [(word.x - breadth(word.text) / 2, word.x + breadth(word.text) / 2) for word in words]
    assert all(left >= -0.01 and right <= WIDTH + 0.01 for left, right in ends)
    assert all(before[1] <= after[0] for before, after in pairwise(ends))
    assert bool(words) == bool(chart.labels)


def test_hours_are_labelled_every_few_hours_as_far_as_a_phone_has_room():
    assert [word.text for word in charts.bars(bars_of([3] * 24)).words] == [f"{hour:02}:00" for hour in range(0, 24, 4)]


def test_numbers_stand_above_the_bars_where_each_has_room():
    few, many = charts.bars(bars_of([1, 0, 30])), charts.bars(bars_of([10] * 24))
    assert [number.value for number in few.numbers if number.anchor == "middle"] == [1, 0, 30]
    assert [number.value for number in many.numbers if number.anchor == "middle"] == []


# Lines


@settings(deadline=None)
@given(labelled(series=3))
def test_lines_stay_between_the_axes_and_below_their_legend(chart):
    sheet = charts.lines(chart)
    runs = sheet.lines[: len(sheet.lines) - 3]
    points = [point for run in runs for point in run.points]
    assert len(points) == len(chart.known)
    for x, y in points:
        assert 0 <= x <= WIDTH
        assert charts.LEGEND * 3 <= y <= HEIGHT - charts.FOOT + 0.01


def test_a_line_has_a_gap_where_a_number_is_not_known():
    sheet = charts.lines(bars_of([1, 2, None, 4, None]))
    assert [len(run.points) for run in sheet.lines] == [2, 1]
    assert [len(run.points) for run in sheet.dots] == [2, 1]


def test_a_single_number_is_a_dot():
    [run] = charts.lines(bars_of([3])).dots
    [(x, y)] = run.points
    assert WIDTH / 3 < x < WIDTH * 2 / 3
    assert y < HEIGHT / 2


# Heat maps


@settings(deadline=None)
@given(labelled(series=4, most=12))
def test_every_cell_of_a_heat_map_carries_its_number_and_no_two_overlap(chart):
    sheet = charts.heat_map(chart)
    assert len(sheet.boxes) == len(sheet.numbers) == 4 * len(chart.labels)
    assert len({(box.x, box.y) for box in sheet.boxes}) == len(sheet.boxes)
    for box, number in zip(sheet.boxes, sheet.numbers, strict=True):
        assert (number.value, number.kind) == (box.value, box.kind)
        assert box.x < number.x < box.x + box.width <= sheet.width + 0.01
        assert box.y < number.y < box.y + box.height <= sheet.height
        assert breadth(written(number)) <= box.width or box.value >= 10**13


@pytest.mark.parametrize(("number", "step"), [(None, 0), (0, 0), (1, 1), (25, 1), (26, 2), (75, 3), (76, 4), (100, 4)])
def test_a_cell_is_darker_the_higher_its_number(number, step):
    sheet = charts.heat_map(Chart("h", "H", "Day", ["Mo", "Tu"], {"A": [100, number]}))
    assert sheet.boxes[1].kind == f"step-{step}"


def test_a_week_of_hours_is_turned_so_that_a_phone_has_room_for_it():
    week = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"]
    series = {f"{hour:02}": [hour * 10 + day for day in range(7)] for hour in range(24)}
    sheet = charts.heat_map(Chart("week", "Week", "Day", week, series))
    assert sheet.width <= WIDTH + 0.01
    assert [word.text for word in sheet.words if word.anchor == "middle"] == week
    assert [box.value for box in sheet.boxes[7:14]] == [10, 11, 12, 13, 14, 15, 16]
    assert sheet.boxes[7].label == "01, Mo"


# What is read


@pytest.mark.parametrize("kind", ["bars", "lines", "heat_map"])
def test_a_chart_is_an_image_with_a_name_and_what_it_says_and_a_table_of_its_numbers(kind):
    html = drawn(kind, bars_of([3, 12_000, None]))
    [named] = re.findall(r'role="img" aria-labelledby="([^"]+)"', html)
    name, said = (re.search(rf'id="{part}">([^<]+)<', html)[1] for part in named.split())
    assert (name, said) == ("By hour", "The highest number is 12,000, at 01:00.")
    assert re.findall(r'<th scope="row">([^<]+)</th><td class="number" data-label="Bookings">([^<]+)<', html) == [
        ("00:00", "3"),
        ("01:00", "12,000"),
        ("02:00", "–"),
    ]
    assert re.findall(r'<th[^>]*scope="col">([^<]+)<', html) == ["Hour", "Bookings"]
    assert "<caption>By hour</caption>" in html
    assert "Show the numbers" in text(html)
    assert "style=" not in html


@pytest.mark.parametrize("kind", ["bars", "lines", "heat_map"])
@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ([], "There are no numbers yet."),
        ([None, None], "There are no numbers yet."),
        ([0, 0], "Every number is 0."),
        ([7], "There is one number: 7 at 00:00."),
    ],
)
def test_a_chart_without_much_to_show_says_so(kind, numbers, sentence):
    html = drawn(kind, bars_of(numbers))
    assert sentence in html
    assert ("<svg" in html) == ("<table" in html) == any(number is not None for number in numbers)


def test_with_several_series_it_is_said_which_one_is_the_highest():
    chart = Chart("flow", "Flow", "Hour", ["08:00", "09:00"], {"Asked": [1, 2], "Answered": [9, 3]})
    assert "The highest number is 9, at 08:00: Answered." in drawn("lines", chart)


@pytest.mark.parametrize("kind", ["bars", "lines", "heat_map"])
def test_the_drawing_is_the_same_in_every_language_and_the_numbers_are_not(kind):
    chart = bars_of([3, 12_345, 8])
    english, german = drawn(kind, chart), drawn(kind, chart, "de")
    places = r'\s(?:points|viewBox|[xy]|c[xy]|width|height)="([^"]+)"'
    assert re.findall(places, english) == re.findall(places, german)
    assert all(re.fullmatch(r"[-\d., ]+", place) for place in re.findall(places, german))
    assert '<td class="number" data-label="Bookings">12.345</td>' in german


def test_labels_are_escaped():
    chart = Chart("x", "<b>", "<i>", ["<script>"], {"<u>": [1]}, lying=True)
    for kind in ("bars", "lines", "heat_map"):
        assert not re.search("<(b|i|u|script)>", drawn(kind, chart))


def test_huge_numbers_say_in_what_they_are_written_and_stand_in_full_in_the_table():
    html = drawn("bars", bars_of([48_000_000, 1_200_000]))
    assert "in millions" in html
    assert "48,000,000</td>" in html


@pytest.mark.parametrize("kind", ["bars", "lines", "heat_map"])
def test_each_chart_is_shown_among_the_pieces(client, db, kind):
    html = client.get("/panel/style/").content.decode()
    assert len(re.findall("<figure", html)) >= 14
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


# Colours


def colours(scheme):
    """The colours that tokens.css decides on, in light or dark."""
    sheet = (ROOT / "static" / "css" / "tokens.css").read_text()
    light, dark = sheet.split("@media (prefers-color-scheme: dark)")
    found = re.findall(r"(--[a-z0-9-]+): (#[0-9a-f]{6});", light if scheme == "light" else light + dark)
    return dict(found)


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_numbers_in_the_cells_are_readable(scheme):
    found = colours(scheme)
    for step in range(5):
        ink = found["--on-low-heat" if step < 3 else "--on-high-heat"]
        assert contrast(found[f"--heat-{step}"], ink) >= 4.5, step


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_are_seen_on_their_ground(scheme):
    found = colours(scheme)
    assert all(contrast(found[f"--line-{line}"], found["--surface"]) >= 3 for line in range(1, 5))
    assert contrast(found["--accent"], found["--surface"]) >= 3
