"""Tickets as PDF, one to a page. It is imported where one is made: what draws takes a while to load."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from unicodedata import normalize

import segno
from django.utils import timezone
from django.utils.translation import gettext as _
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from allocation.models import Event, Ticket
from ticketing.toolkit.codes import grouped
from ticketing.toolkit.times import in_full

# Latin, Greek, Cyrillic and more. What it has no letter for is drawn as a box; the code and all numbers are plain
# letters and digits, so a ticket admits all the same. Each file holds only the letters that it shows.
FONT = "DejaVu Sans"
pdfmetrics.registerFont(TTFont(FONT, Path(__file__).parent / "fonts" / "DejaVuSans.ttf"))

LEFT, TOP, WIDTH = 25 * mm, A4[1] - 30 * mm, A4[0] - 50 * mm
CODE_SIDE = 70 * mm
MOST_LINES = 5  # of one name


def draw(tickets: Sequence[Ticket], title: str) -> bytes:
    """A page for each ticket, in the language of whoever reads it and on the event's own clocks."""
    written = BytesIO()
    canvas = Canvas(written, pagesize=A4, pageCompression=1)
    canvas.setTitle(title)
    canvas.setSubject(_("Tickets"))
    for ticket in tickets:
        _page(canvas, ticket)
        canvas.showPage()
    canvas.save()
    return written.getvalue()


def _page(canvas: Canvas, ticket: Ticket) -> None:
    option, purchase = ticket.option, ticket.purchase
    event = option.event if option else None
    at = TOP
    if option:
        at = _write(canvas, at, str(event or option), 22)
        at = _write(canvas, at - 2 * mm, "\n".join(_about(event)), 11) if event else at
        at = _write(canvas, at - 5 * mm, option.name, 15) if event else at
    if purchase:
        place = _("Ticket %(number)d of %(count)d") % {"number": ticket.number or 1, "count": purchase.quantity}
        at = _write(canvas, at - 2 * mm, place, 11)
    at -= 8 * mm + CODE_SIDE
    _code(canvas, at, ticket.code)
    at = _write(canvas, at - 8 * mm, "\n".join(grouped(ticket.code)), 12)
    shown = _("Show this code at the gate, on paper or on the screen. It admits one person.")
    at = _write(canvas, at - 4 * mm, shown, 11)
    ids = [_("Ticket id") + f": {ticket.pk}", *([_("Purchase id") + f": {purchase.pk}"] if purchase else [])]
    _write(canvas, at - 4 * mm, "\n".join(ids), 9)


def _about(event: Event) -> Iterator[str]:
    if event.venue:
        yield event.venue
    with timezone.override(event.zone):
        said = {"begin": in_full(event.starts_at), "end": in_full(event.ends_at), "zone": event.time_zone}
    yield _("%(begin)s to %(end)s") % said
    yield _("Time zone %(zone)s") % {"zone": event.time_zone.replace("_", " ")}


def _write(canvas: Canvas, at: float, text: str, size: float) -> float:
    """The lines of a text from this height downwards; returns where the next one can stand."""
    canvas.setFont(FONT, size)
    for line in _lines(normalize("NFC", text), size):
        at -= size * 1.35
        canvas.drawString(LEFT, at, line)
    return at


def _lines(text: str, size: float) -> Iterable[str]:
    """As wide as the page at most; what has no spaces is broken anywhere."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in _pieces(paragraph, size):
            if line and _width(f"{line} {word}", size) > WIDTH:
                lines.append(line)
                line = ""
            line = f"{line} {word}" if line else word
        lines.append(line)
    return lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES - 1], lines[MOST_LINES - 1][:-1] + "…"]


def _pieces(paragraph: str, size: float) -> Iterator[str]:
    for word in paragraph.split():
        piece, wide = "", 0.0
        for letter in word:
            if wide + _width(letter, size) > WIDTH:
                yield piece
                piece, wide = "", 0.0
            piece, wide = piece + letter, wide + _width(letter, size)
        yield piece


@lru_cache(maxsize=2_000)
def _width(text: str, size: float) -> float:
    wide: float = pdfmetrics.stringWidth(text, FONT, size)
    return wide


def _code(canvas: Canvas, at: float, text: str) -> None:
    """The QR code, its lower edge at this height: each row of dark modules as bars, which stay sharp at any size."""
    # Of eight masks the best of a few percent is not looked for: every reader takes any, and that takes longest.
    rows = [bytes(row) for row in segno.make(text, error="m", micro=False, mask=2).matrix]
    canvas.saveState()
    canvas.translate(LEFT, at + CODE_SIDE)
    canvas.scale(CODE_SIDE / len(rows), -CODE_SIDE / len(rows))
    path = canvas.beginPath()
    for number, row in enumerate(rows):
        for begin, end in _bars(row):
            path.rect(begin, number, end - begin, 1)
    canvas.drawPath(path, stroke=0, fill=1)
    canvas.restoreState()


def _bars(row: bytes) -> Iterator[tuple[int, int]]:
    begin = None
    for place, is_dark in enumerate([*row, 0]):
        if is_dark and begin is None:
            begin = place
        elif not is_dark and begin is not None:
            yield begin, place
            begin = None
