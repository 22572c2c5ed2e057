"""Codes, as cameras read them and as people type them."""

import segno
from django.utils.safestring import SafeString, mark_safe

GROUP, GROUPS = 4, 7  # letters of a code that stand together, and so many groups in a line


def qr(text: str) -> SafeString:
    """The QR code of a text as a piece of SVG without styles, sized by the page around it."""
    code = segno.make(text, error="m", micro=False)
    return mark_safe(code.svg_inline(omitsize=True, border=2, svgclass=None, lineclass=None))  # noqa: S308 – our own


def grouped(code: str) -> list[str]:
    """A code as people type it: a few letters at a time."""
    groups = [code[place : place + GROUP] for place in range(0, len(code), GROUP)]
    return [" ".join(groups[place : place + GROUPS]) for place in range(0, len(groups), GROUPS)]
