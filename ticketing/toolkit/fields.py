"""Serializer fields that take what the schema says and nothing that merely looks like it: 1 is not true."""

from datetime import UTC, date, datetime
from typing import Any, ClassVar
from uuid import UUID

from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from drf_spectacular.drainage import set_override
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ticketing.errors import Refused
from ticketing.hours.rules import DAY, parse_day
from ticketing.texts import clean_text, fitting
from ticketing.toolkit.contracts import MAX_INTEGER, parse_uuid

# What ticketing.texts lets through, as ECMA 262 says it: some character that is no space, and no control characters.
_LINE = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
_LINES = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029"
SPACE = r"\s\u001c-\u001f\u0085\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\ufeff"


def text_pattern(*, empty: bool, lines: bool) -> str:
    """The pattern of a text in the schema."""
    forbidden = _LINES if lines else _LINE
    some = "" if empty else f"[^{SPACE}{forbidden}][^{forbidden}]*"
    return f"^[^{forbidden}]*{some}$"


class Steady(serializers.Serializer):
    """A serializer whose fields are the same for every caller and request: they are made once, as to make them anew
    for each answer takes longer than to write the answer. Its fields must not read `context`.
    """

    _made: ClassVar[dict[type, Any]] = {}

    @cached_property
    def fields(self) -> Any:
        """Bound to the serializer that was the first to need them."""
        return self._made.get(type(self)) or self._made.setdefault(type(self), super().fields)


class Text(serializers.Field):
    """A trimmed text of at most `limit` characters; `lines` allows line breaks, `empty` nothing at all."""

    def __init__(self, limit: int, *, empty: bool = False, lines: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.limit, self.empty, self.lines = limit, empty, lines
        content = {
            "type": "string",
            "minLength": 0 if empty else 1,
            "maxLength": limit,
            "pattern": text_pattern(empty=empty, lines=lines),
        }
        set_override(self, "field", content)

    def to_internal_value(self, data: Any) -> str:
        """The text, or its sentence. What is trimmed is held to the rules too: the description knows no trimming."""
        rules = {"field": self.field_name, "limit": self.limit, "lines": self.lines}
        if isinstance(data, str):
            _said(fitting, data, **rules)
        return _said(clean_text, data, empty=self.empty, **rules)

    def to_representation(self, value: Any) -> Any:
        """As it is stored."""
        return value


def _said(rule: Any, *args: Any, **kwargs: Any) -> Any:
    """What a rule returns; its refusal as this framework wants it, so that all fields are heard."""
    try:
        return rule(*args, **kwargs)
    except Refused as refusal:
        raise serializers.ValidationError(str(refusal.message), code=refusal.code) from refusal


class Ruled(Text):
    """A text with a rule of the domain on top: `rule(value, field=...)` returns it clean or refuses."""

    def __init__(self, rule: Any, *, pattern: str = "", limit: int = 250, **kwargs: Any) -> None:
        super().__init__(limit, **kwargs)
        self.rule = rule
        if pattern:
            set_override(self, "field", {"type": "string", "maxLength": limit, "pattern": pattern})

    def to_internal_value(self, data: Any) -> str:
        """What the rule makes of the text."""
        return _said(self.rule, super().to_internal_value(data), field=self.field_name)


class Word(serializers.ChoiceField):
    """One of the listed words."""

    def to_internal_value(self, data: Any) -> Any:
        """The word itself; a number that prints alike is none."""
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """true or false."""

    def to_internal_value(self, data: Any) -> bool:
        """The flag."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Count(serializers.IntegerField):
    """A whole number, from 1 to 2 147 483 647 unless said otherwise."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": MAX_INTEGER, **kwargs})

    def to_internal_value(self, data: Any) -> int:
        """The number, which JSON may write as 5.0; no fraction, text or truth value."""
        if type(data) is float and data.is_integer():
            return int(data)
        if type(data) is not int:
            self.fail("invalid")
        return data


_HEX = "[0-9a-fA-F]"
UUID_PATTERN = rf"^{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}$"


# The pattern, because not every reader of the description knows the format.
@extend_schema_field({"type": "string", "format": "uuid", "pattern": UUID_PATTERN})
class Id(serializers.UUIDField):
    """A UUID with its hyphens."""

    def to_internal_value(self, data: Any) -> UUID:
        """The id."""
        parsed = parse_uuid(data) if isinstance(data, str) else None
        if parsed is None:
            self.fail("invalid", value=data)
        return parsed


def parse_instant(text: str) -> datetime | None:
    """An instant as RFC 3339 writes it, with its offset, in UTC; None for anything else."""
    try:
        instant = parse_datetime(text.upper()) if text.isascii() and "T" in text.upper() else None
        return instant.astimezone(UTC) if instant and instant.tzinfo else None
    except (ValueError, OverflowError):  # the first and the last hours of the calendar are in no year elsewhere
        return None


DAY_SENTENCE = _("Give a day such as 2031-12-24.")


class Day(serializers.Field):
    """A day of the calendar: 2031-12-24."""

    default_error_messages = {"invalid": DAY_SENTENCE}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        set_override(self, "field", {"type": "string", "format": "date", "pattern": f"^{DAY}$"})

    def to_internal_value(self, data: Any) -> date:
        """The day."""
        day = parse_day(data) if isinstance(data, str) else None
        if day is None:
            self.fail("invalid")
        return day

    def to_representation(self, value: date) -> str:
        """The day."""
        return value.isoformat()


INSTANT_SENTENCE = _("Give a date and time with its offset, such as 2030-09-12T21:00:00Z.")


@extend_schema_field(
    {
        "type": "string",
        "format": "date-time",
        "pattern": r"^(19[7-9]\d|[2-9]\d{3})-\d\d-\d\d[Tt]\d\d:\d\d:[0-5]\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$",
    }
)
class Instant(serializers.Field):
    """A date and time with its offset (RFC 3339), from 1970 on."""

    default_error_messages = {"invalid": INSTANT_SENTENCE}

    def to_internal_value(self, data: Any) -> datetime:
        """The instant."""
        instant = parse_instant(data) if isinstance(data, str) else None
        if instant is None or instant.year < 1970:
            self.fail("invalid")
        return instant

    def to_representation(self, value: datetime) -> str:
        """In UTC, with microseconds."""
        return instant(value)


def instant(value: datetime) -> str:
    """An instant in UTC as the API writes it, with microseconds."""
    return f"{value.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


class Secret(serializers.Field):
    """A password or the like as it was typed, from `least` to 1000 characters: nothing is trimmed."""

    default_error_messages = {"invalid": _("This must be a text of %(least)d to 1000 characters.")}

    def __init__(self, least: int = 1, **kwargs: Any) -> None:
        super().__init__(write_only=True, **kwargs)
        self.least = least
        set_override(self, "field", {"type": "string", "format": "password", "minLength": least, "maxLength": 1000})

    def to_internal_value(self, data: Any) -> str:
        """The text."""
        if not isinstance(data, str) or not self.least <= len(data) <= 1000:
            raise serializers.ValidationError(self.error_messages["invalid"] % {"least": self.least}, code="invalid")
        return data


# All that is taken but what nobody has: quoted names and hosts written as numbers.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{}|~-]+"  # RFC 5322, section 3.2.3
EMAIL_PATTERN = rf"^{_ATOM}(\.{_ATOM})*@([A-Za-z0-9]([A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?\.)+[A-Za-z]{{2,63}}$"
