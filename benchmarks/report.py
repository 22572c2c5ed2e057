"""What is told at the end: a table, JSON and a chart."""

import json
import math
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from xml.sax.saxutils import escape

HEADINGS = ("case", "measured", "reference in the same run", "ratio", "target", "reached")


@dataclass
class Row:
    """One line of the table; without a target it only tells."""

    case: str
    measured: str
    reference: str = "–"
    ratios: Sequence[float] = ()  # one of each round
    at_least: float | None = None
    at_most: float | None = None
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """The median of the rounds."""
        return median(self.ratios) if self.ratios else None

    @property
    def target(self) -> str:
        """In words."""
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return f"at most {self.at_most:g}" if self.at_most is not None else "–"

    @property
    def bound(self) -> float:
        """The target, zero without one."""
        return self.at_least or self.at_most or 0

    @property
    def reached(self) -> bool | None:
        """Whether the ratio is where it is to be."""
        if self.ratio is None or self.target == "–":
            return None
        return self.ratio >= self.at_least if self.at_least is not None else self.ratio <= (self.at_most or 0)

    def cells(self) -> tuple[str, ...]:
        """As it stands in the table."""
        ratio = "–" if self.ratio is None else f"{self.ratio:.3g}"
        reached = {True: "yes", False: "no", None: "–"}[self.reached]
        return self.case, self.measured, self.reference, ratio, self.target, reached


def table(rows: Sequence[Row]) -> str:
    """In Markdown."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *(row.cells() for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def write(directory: Path, rows: Sequence[Row], wrong: Sequence[str], *, quick: bool) -> None:
    """Keep JSON and a chart, and say in them where and when it was."""
    directory.mkdir(exist_ok=True)
    said = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "quick": quick,
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "wrong": list(wrong),
        "rows": [asdict(row) | {"ratio": row.ratio, "target": row.target, "reached": row.reached} for row in rows],
    }
    (directory / "results.json").write_text(json.dumps(said, indent=2) + "\n")
    (directory / "results.svg").write_text(chart(rows))


def chart(rows: Sequence[Row]) -> str:
    """Each ratio as a bar, its target as a line across it; on a logarithmic scale."""
    shown = [row for row in rows if row.ratio]
    widest = max((math.log10(1 + max(row.ratio or 0, row.bound)) for row in shown), default=1)
    bars = "".join(_bar(row, 30 + 40 * number, 600 / widest) for number, row in enumerate(shown))
    size = f'width="640" height="{40 * len(shown) + 30}"'
    style = "<style>text{font:12px sans-serif}rect{fill:#4477aa}line{stroke:#cc3311;stroke-width:2}</style>"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>Ratios and targets</title>'
    return f"{head}{style}{bars}</svg>\n"


def _bar(row: Row, y: int, scale: float) -> str:
    long, bound = (scale * math.log10(1 + number) for number in (row.ratio or 0, row.bound))
    told = escape(f"{row.case}: {row.ratio:.3g} ({row.target})")
    line = f'<line x1="{bound:.0f}" x2="{bound:.0f}" y1="{y}" y2="{y + 14}"/>' if row.bound else ""
    return f'<text x="0" y="{y - 4}">{told}</text><rect x="0" y="{y}" width="{long:.0f}" height="14"/>{line}'
