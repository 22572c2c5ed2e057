"""What a read-only call asks in its address, apart from filters: said once, described, and refused when it is wrong."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from ticketing.errors import Invalid
from ticketing.hours.rules import DAY, parse_day
from ticketing.toolkit.fields import DAY_SENTENCE, INSTANT_SENTENCE, parse_instant


class Question(NamedTuple):
    """One parameter: what it is called and about, how it looks, and what makes a value of it (None refuses)."""

    name: str
    told: str
    shape: dict[str, Any]
    read: Callable[[str], Any]
    sentence: str | Promise
    required: bool = False

    @property
    def parameter(self) -> OpenApiParameter:
        """As the description has it."""
        return OpenApiParameter(
            self.name, self.shape, OpenApiParameter.QUERY, description=self.told, required=self.required
        )


def ask_instant(name: str, told: str, *, required: bool = False) -> Question:
    """For a date and time with its offset."""
    shape = {"type": "string", "format": "date-time"}
    return Question(name, told, shape, parse_instant, INSTANT_SENTENCE, required)


def ask_day(name: str, told: str, *, required: bool = False) -> Question:
    """For a day of the calendar."""
    shape = {"type": "string", "format": "date", "pattern": f"^{DAY}$"}
    return Question(name, told, shape, parse_day, DAY_SENTENCE, required)


def ask_number(name: str, told: str, least: int, most: int) -> Question:
    """For a whole number between two others, both included."""

    def read(text: str) -> int | None:
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(most)) else least - 1
        return number if least <= number <= most else None

    sentence = _("Give a whole number from %(least)d to %(most)d.") % {"least": least, "most": most}
    return Question(name, told, {"type": "integer", "minimum": least, "maximum": most}, read, sentence)


def ask_flag(name: str, told: str) -> Question:
    """For yes or no."""
    words = {"true": True, "false": False}
    return Question(name, told, {"type": "boolean"}, words.get, _("Say true or false."))


def ask_word(name: str, told: str, words: list[str]) -> Question:
    """For one of some words."""
    sentence = _("Say one of %(words)s.") % {"words": ", ".join(words)}
    return Question(name, told, {"type": "string", "enum": words}, dict(zip(words, words, strict=True)).get, sentence)


def parameters(questions: Iterable[Question]) -> list[OpenApiParameter]:
    """As the description has them."""
    return [question.parameter for question in questions]


def asked(request: Request, questions: Iterable[Question]) -> dict[str, date | datetime | int | Any]:
    """The answers by their names; Invalid for one that is missing, said twice, unknown, or none."""
    known = {question.name: question for question in questions}
    for name in {*request.query_params} - {*known}:
        sentence = _("There is no such parameter here. There are: %(names)s.")
        raise Invalid(sentence % {"names": ", ".join(known)}, field=name)
    found = {}
    for name, question in known.items():
        said = request.query_params.getlist(name)
        if not said and not question.required:
            continue
        if len(said) != 1 or (value := question.read(said[0])) is None:
            raise Invalid(question.sentence, field=name)
        found[name] = value
    return found
