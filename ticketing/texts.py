"""What a text that people read may hold: no control characters, no half surrogate pairs, no more than its limit."""

import re
import unicodedata
from collections.abc import Collection

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from ticketing.errors import Invalid

SLUG = "[A-Za-z0-9_-]{1,50}"  # a short name for programs
_LINE_BREAKS = "\n\r\t"


def clean_text(value: object, *, field: str, limit: int, empty: bool = False, lines: bool = False) -> str:
    """`value` trimmed, at most `limit` characters, or Invalid naming `field`; `lines` allows line breaks and tabs."""
    if not isinstance(value, str):
        raise Invalid(_("“%(field)s” must be a text.") % {"field": field}, field=field)
    text = value.strip()
    if not text and not empty:
        raise Invalid(_("“%(field)s” must not be empty.") % {"field": field}, field=field)
    return fitting(text, field=field, limit=limit, lines=lines)


def fitting(text: str, *, field: str, limit: int, lines: bool = False) -> str:
    """The text as it is, if it is no longer than its limit and holds no control characters; else Invalid."""
    if len(text) > limit:
        sentence = _("“%(field)s” must have at most %(limit)d characters.")
        raise Invalid(sentence % {"field": field, "limit": limit}, field=field)
    if any(_is_forbidden(character, lines) for character in text):
        raise Invalid(_("“%(field)s” must not contain control characters.") % {"field": field}, field=field)
    return text


SLUG_RULE = _("A short name has up to 50 letters, digits, hyphens and underscores, such as passport-office.")


def clean_slug(value: object, *, field: str = "slug") -> str:
    """A short name for programs, or Invalid naming `field`."""
    if isinstance(value, str) and re.fullmatch(SLUG, value):
        return value
    raise Invalid(SLUG_RULE, field=field)


def clean_email(value: object, *, field: str = "email", limit: int = 254, empty: bool = False) -> str:
    """An e-mail address in lower case, or Invalid naming `field`."""
    address = clean_text(value, field=field, limit=limit, empty=empty).lower()
    try:
        if address:
            validate_email(address)
    except ValidationError as error:
        raise Invalid(_("This is not an e-mail address. Write it like name@example.org."), field=field) from error
    return address


def clean_choice(value: object, choices: Collection[str], *, field: str) -> str:
    """One of the listed words, or Invalid naming `field` and the words."""
    if not isinstance(value, str) or value not in choices:
        sentence = _("“%(field)s” must be one of %(choices)s.")
        raise Invalid(sentence % {"field": field, "choices": ", ".join(choices)}, field=field)
    return value


def current_language() -> str:
    """The language of this page or request, one of those that the site speaks."""
    spoken = (get_language() or settings.LANGUAGE_CODE).partition("-")[0]
    return spoken if spoken in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def clean_language(value: object, *, field: str = "language") -> str:
    """A language the site speaks, or Invalid naming `field`."""
    return clean_choice(value, dict(settings.LANGUAGES), field=field)


def _is_forbidden(character: str, lines: bool) -> bool:
    if lines and character in _LINE_BREAKS:
        return False
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
