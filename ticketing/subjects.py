"""What a question can be about: things of the apps, known here by their kind and id alone (QUESTIONS_ABOUT)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from ticketing.models import User


class Subject(NamedTuple):
    """Something that somebody has."""

    kind: str
    pk: UUID


class Shown(NamedTuple):
    """What people call it, and the address of its page."""

    title: str
    address: str


def shown(subjects: Iterable[Subject], *, owner: "User | None") -> dict[Subject, Shown]:
    """Those that are there and this account's: somebody else's are as missing ones. One question for each kind."""
    named: dict[str, list[UUID]] = {}
    for subject in subjects:
        named.setdefault(subject.kind, []).append(subject.pk)
    kinds = {kind: pks for kind, pks in named.items() if owner and kind in settings.QUESTIONS_ABOUT}
    found = {kind: import_string(settings.QUESTIONS_ABOUT[kind])(pks, owner) for kind, pks in kinds.items()}
    return {Subject(kind, pk): Shown(*told) for kind, rows in found.items() for pk, told in rows.items()}
