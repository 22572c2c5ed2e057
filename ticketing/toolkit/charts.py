"""Charts as shapes: labelled numbers become places on a sheet, which templates draw and put into words.

A sheet is 320 units wide, about the pixels that a phone has for it, and grows with its card. Nothing here knows a
colour, a language or what is counted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from unicodedata import combining, east_asian_width

WIDTH, HEIGHT = 320.0, 180.0
TEXT, LETTER, DIGIT = 12.0, 7.0, 7.8  # how high a text is, and about how wide a letter and a digit in it
GAP = 6.0  # between a text and what it belongs to
FOOT, LEGEND, ROW = 22.0, 18.0, 40.0  # how high are: the labels below, a line of the legend, a lying bar with its label
WIDEST_BAR, FLATTEST_BAR = 40.0, 1.0
MOST_DOTS = 48  # beyond so many labels a line is drawn without the dots on it
MOST_COLUMNS, NARROWEST_CELL, CELL = 8, 34.0, 26.0
STEPS = 4  # of a heat map, beside the one for nothing
UNITS = (1, 1_000, 1_000_000, 1_000_000_000)

Amount = int | None  # from 0 up; None is not known, as of an hour that has not come yet


@dataclass(frozen=True)
class Chart:
    """Labelled numbers, and the words around them. Each series has a number for each label."""

    name: str  # what its parts are called in the page
    title: Any
    heading: Any  # what the labels are
    labels: Sequence[Any]
    series: Mapping[Any, Sequence[Amount]]
    lying: bool = False  # bars beside their labels instead of above them, for labels that are words

    @property
    def rows(self) -> list[tuple[str, list[Amount]]]:
        """Each label with its numbers, in the order of the series."""
        return [(str(label), list(numbers)) for label, *numbers in zip(self.labels, *self.series.values(), strict=True)]

    @property
    def cells(self) -> list[tuple[str, list[tuple[str, Amount]]]]:
        """Each label with its numbers and the names of their series."""
        names = [str(name) for name in self.series]
        return [(label, list(zip(names, numbers, strict=True))) for label, numbers in self.rows]

    @property
    def known(self) -> list[tuple[int, str, str]]:
        """Every number that is known, with its label and its series."""
        return [(number, label, name) for label, cells in self.cells for name, number in cells if number is not None]

    @property
    def highest(self) -> int:
        """The highest number, or 0 where there is none."""
        return max((number for number, _, _ in self.known), default=0)


@dataclass(frozen=True)
class Word:
    """A text and where it stands; `anchor` says which part of it stands there."""

    x: float
    y: float
    text: str
    anchor: str = "start"


@dataclass(frozen=True)
class Number:
    """A number to be written in its unit, as the reader's language writes numbers."""

    x: float
    y: float
    value: Amount
    unit: int = 1
    anchor: str = "start"
    kind: str = ""


@dataclass(frozen=True)
class Box:
    """A bar, or a cell of a heat map, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: Amount
    kind: str = "bar"


@dataclass(frozen=True)
class Line:
    """A line through points, one of several kinds that differ in more than their colour."""

    points: list[tuple[float, float]]
    kind: str

    @property
    def path(self) -> str:
        """The points as a drawing takes them."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.points)


@dataclass(frozen=True)
class Sheet:
    """What is drawn, from the back to the front. The numbers at the axis are in `unit`."""

    width: float = WIDTH
    height: float = HEIGHT
    unit: int = 1
    rules: list[Line] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    dots: list[Line] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    numbers: list[Number] = field(default_factory=list)


@dataclass(frozen=True)
class Axes:
    """Where the numbers and the labels are, between the edges of the drawing."""

    ticks: list[int]
    left: float
    top: float
    slots: int

    bottom = HEIGHT - FOOT
    right = WIDTH

    @property
    def slot(self) -> float:
        """The width that each label has."""
        return (self.right - self.left) / self.slots

    def x(self, slot: int) -> float:
        """The middle of a label's place."""
        return self.left + self.slot * (slot + 0.5)

    def y(self, number: int) -> float:
        """How high a number is drawn."""
        return self.bottom - (self.bottom - self.top) * (number / self.ticks[-1])


def bars(chart: Chart) -> Sheet:
    """One bar for each label, of the first series."""
    return _lying(chart) if chart.lying else _upright(chart)


def lines(chart: Chart) -> Sheet:
    """A line for each series, with a gap where a number is not known."""
    legend = list(map(str, chart.series)) if len(chart.series) > 1 else []
    axes = _axes(chart, top=TEXT + LEGEND * len(legend))
    runs = [
        Line([(axes.x(slot), axes.y(number)) for slot, number in run], f"line-{place}")
        for place, numbers in enumerate(chart.series.values(), start=1)
        for run in _runs(numbers)
    ]
    return Sheet(
        unit=unit_of(axes.ticks[-1]),
        rules=_rules(axes),
        lines=[*runs, *(_sample(place) for place, _ in enumerate(legend, start=1))],
        dots=[run for run in runs if len(run.points) == 1 or axes.slots <= MOST_DOTS],
        words=[*_labels(axes, chart), *(_explained(place, name) for place, name in enumerate(legend))],
        numbers=_ticks(axes),
    )


def heat_map(chart: Chart) -> Sheet:
    """A cell for each label and series, the darker the higher, with its number in it; turned where that is narrower."""
    names, rows = _narrower(chart)
    highest = chart.highest
    left = min(WIDTH / 3, max((breadth(label) for label, _ in rows), default=0) + GAP)
    width = max(NARROWEST_CELL, (WIDTH - left) / max(len(names), 1))
    cells = [
        Box(left + width * column, CELL * row, width, CELL, f"{label}, {name}", number, _step(number, highest))
        for row, (label, numbers) in enumerate(rows, start=1)
        for column, (name, number) in enumerate(zip(names, numbers, strict=True))
    ]
    return Sheet(
        width=left + width * len(names),
        height=CELL * (len(rows) + 1),
        unit=unit_of(highest),
        boxes=cells,
        words=[*_beside([label for label, _ in rows], left), *_above(names, left, width)],
        numbers=[_inside(cell, unit_of(highest)) for cell in cells],
    )


def round_ticks(highest: int) -> list[int]:
    """From 0 in equal round steps to the first that reaches `highest`, four steps at most."""
    step = next(step for step in _round_steps() if step * 4 >= highest)
    ticks = [0, step]
    while ticks[-1] < highest:
        ticks.append(ticks[-1] + step)
    return ticks


def unit_of(highest: int) -> int:
    """In what numbers are written so that the highest has four digits at most, as long as there is a word for it."""
    return next((unit for unit in UNITS if highest < 10_000 * unit), UNITS[-1])


def breadth(text: str) -> float:
    """About how wide a text is: some letters take two places, and an accent on another letter none."""
    return sum(map(_width, text))


def clipped(text: str, room: float) -> str:
    """The text, or as much of its beginning as there is room for."""
    if breadth(text) <= room:
        return text
    kept, used = "", LETTER  # of the dots
    for letter in text:
        used += _width(letter)
        if used > room:
            break
        kept += letter
    return f"{kept.rstrip()}…"


def _upright(chart: Chart) -> Sheet:
    axes = _axes(chart, top=TEXT + GAP)
    return Sheet(
        unit=unit_of(axes.ticks[-1]),
        rules=_rules(axes),
        boxes=[_standing(axes, slot, *row) for slot, row in enumerate(chart.rows)],
        words=_labels(axes, chart),
        numbers=[*_ticks(axes), *_written_above(chart, axes)],
    )


def _standing(axes: Axes, slot: int, label: str, numbers: list[Amount]) -> Box:
    width = min(axes.slot * 0.7, WIDEST_BAR)
    height = max(axes.bottom - axes.y(numbers[0]), FLATTEST_BAR) if numbers[0] else 0
    return Box(axes.x(slot) - width / 2, axes.bottom - height, width, height, label, numbers[0])


def _written_above(chart: Chart, axes: Axes) -> list[Number]:
    """The number of each bar, if all of them have room side by side."""
    if any(_digits(number) + GAP > axes.slot for number, _, _ in chart.known):
        return []
    return [
        Number(axes.x(slot), axes.y(number) - GAP / 2, number, anchor="middle")
        for slot, (_, [number, *_rest]) in enumerate(chart.rows)
        if number is not None
    ]


def _lying(chart: Chart) -> Sheet:
    """Each label above its bar, as wide as the sheet, and the number behind the bar."""
    room = WIDTH - max((_digits(number) for number, _, _ in chart.known), default=0) - GAP
    boxes = [
        Box(0, ROW * row + TEXT + GAP, _length(number, chart.highest, room), TEXT, label, number)
        for row, (label, [number, *_]) in enumerate(chart.rows)
    ]
    return Sheet(
        height=ROW * len(chart.labels),
        boxes=boxes,
        words=[Word(0, ROW * row + TEXT, clipped(str(label), WIDTH)) for row, label in enumerate(chart.labels)],
        numbers=[Number(box.width + GAP, box.y + _middle(TEXT), box.value) for box in boxes],
    )


def _length(number: Amount, highest: int, room: float) -> float:
    return max(room * (number / highest), FLATTEST_BAR) if number else 0


def _axes(chart: Chart, *, top: float) -> Axes:
    ticks = round_ticks(chart.highest)
    unit = unit_of(ticks[-1])
    return Axes(ticks, max(_digits(tick // unit) for tick in ticks) + GAP, top, max(len(chart.labels), 1))


def _rules(axes: Axes) -> list[Line]:
    return [Line([(axes.left, axes.y(tick)), (axes.right, axes.y(tick))], "axis") for tick in axes.ticks]


def _ticks(axes: Axes) -> list[Number]:
    unit = unit_of(axes.ticks[-1])
    return [Number(axes.left - GAP, axes.y(tick) + TEXT / 3, tick, unit, "end") for tick in axes.ticks]


def _labels(axes: Axes, chart: Chart) -> list[Word]:
    """As many labels as have room side by side: the first, and then every second one, or third, or whichever."""
    labels = [str(label) for label in chart.labels]
    widest = min(max(map(breadth, labels), default=0), (axes.right - axes.left) / 2) + GAP
    every = max(-int(-widest // axes.slot), 1)
    return [_label(axes.x(slot), labels[slot], widest - GAP) for slot in range(0, len(labels), every)]


def _label(x: float, text: str, room: float) -> Word:
    return Word(x, HEIGHT - GAP, clipped(text, min(room, x * 2, (WIDTH - x) * 2)), "middle")


def _sample(place: int) -> Line:
    y = LEGEND * (place - 0.5)
    return Line([(0, y), (LEGEND * 2, y)], f"line-{place}")


def _explained(place: int, name: str) -> Word:
    left = LEGEND * 2 + GAP
    return Word(left, LEGEND * place + _middle(LEGEND), clipped(name, WIDTH - left))


def _runs(numbers: Sequence[Amount]) -> Iterator[list[tuple[int, int]]]:
    """The numbers that are known and stand side by side, with their places."""
    run: list[tuple[int, int]] = []
    for slot, number in enumerate([*numbers, None]):
        if number is not None:
            run.append((slot, number))
        elif run:
            yield run
            run = []


def _narrower(chart: Chart) -> tuple[list[str], list[tuple[str, list[Amount]]]]:
    """The names of the columns, and the rows; many series become rows where there are fewer labels."""
    names = [str(name) for name in chart.series]
    if len(names) <= MOST_COLUMNS or len(names) <= len(chart.rows):
        return names, chart.rows
    turned = [(name, list(numbers)) for name, numbers in zip(names, chart.series.values(), strict=True)]
    return [label for label, _ in chart.rows], turned


def _beside(labels: list[str], left: float) -> list[Word]:
    return [
        Word(0, CELL * row + _middle(CELL), clipped(label, left - GAP)) for row, label in enumerate(labels, start=1)
    ]


def _above(names: list[str], left: float, width: float) -> list[Word]:
    middles = [left + width * (column + 0.5) for column, _ in enumerate(names)]
    return [Word(x, _middle(CELL), clipped(name, width), "middle") for x, name in zip(middles, names, strict=True)]


def _inside(cell: Box, unit: int) -> Number:
    return Number(cell.x + cell.width / 2, cell.y + _middle(CELL), cell.value, unit, "middle", cell.kind)


def _step(number: Amount, highest: int) -> str:
    """How dark a cell is: not at all for nothing, and in equal steps up to the highest number."""
    return f"step-{-(-STEPS * number // highest) if number else 0}"


def _round_steps() -> Iterator[int]:
    for power in count():
        for first in (1, 2, 5):
            yield first * 10**power


def _digits(number: Amount) -> float:
    """How wide a number is when its thousands are set apart."""
    return 0 if number is None else breadth(f"{number:,}")


def _middle(height: float) -> float:
    """Where the line of a text is that stands in the middle of something so high."""
    return height / 2 + TEXT / 3


def _width(letter: str) -> float:
    if letter.isdigit():
        return DIGIT
    return 0 if combining(letter) else LETTER * 2 if east_asian_width(letter) in "WF" else LETTER
