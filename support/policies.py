"""The rules of the support desk, each in this one place."""

from django.utils.translation import gettext_lazy as _

from support.models import MOST_TICKETS_AT_ONCE, Department
from ticketing.errors import Invalid


def spellings(code: str) -> list[str]:
    """How a code may be stored: ours in capitals, one that was moved in as it is; none of what no code can be."""
    return [code.strip(), code.strip().upper()] if code.isascii() and code.isprintable() else []


def clean_capacity(capacity: int) -> int:
    """How many tickets an agent may have in work at once, or Invalid: a pass reckons with each of the places."""
    if 0 <= capacity <= MOST_TICKETS_AT_ONCE:
        return capacity
    sentence = _("“capacity” must be a whole number from 0 to %(limit)d.")
    raise Invalid(sentence % {"limit": MOST_TICKETS_AT_ONCE}, field="capacity")


def clean_departments(departments: list[str]) -> list[str]:
    """The departments, each once and in their usual order, as agents are served in groups of the same ones."""
    if unknown := sorted(set(departments) - set(Department.values)):
        sentence = _("“%(name)s” is no department. There are: %(names)s.")
        raise Invalid(sentence % {"name": unknown[0], "names": ", ".join(Department.values)}, field="departments")
    return [department for department in Department.values if department in departments]
