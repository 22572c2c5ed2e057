"""What a text that people read may hold: no control characters, no half surrogate pairs, no more than its limit."""

import unicodedata

from django.utils.translation import gettext_lazy as _

from ticketing.errors import Invalid

_LINE_BREAKS = "\n\r\t"


def clean_text(value: object, *, field: str, limit: int, empty: bool = False, lines: bool = False) -> str:
    """`value` trimmed, at most `limit` characters, or Invalid naming `field`; `lines` allows line breaks and tabs."""
    if not isinstance(value, str):
        raise Invalid(_("“%(field)s” must be a text.") % {"field": field}, field=field)
    text = value.strip()
    if not text and not empty:
        raise Invalid(_("“%(field)s” must not be empty.") % {"field": field}, field=field)
    if len(text) > limit:
        sentence = _("“%(field)s” must have at most %(limit)d characters.")
        raise Invalid(sentence % {"field": field, "limit": limit}, field=field)
    if any(_is_forbidden(character, lines) for character in text):
        raise Invalid(_("“%(field)s” must not contain control characters.") % {"field": field}, field=field)
    return text


def _is_forbidden(character: str, lines: bool) -> bool:
    if lines and character in _LINE_BREAKS:
        return False
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
