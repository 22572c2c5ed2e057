"""The verbs about what the site has of people: give it to them, and forget it."""

import json
import re
import zipfile
from collections.abc import Iterator
from typing import IO, Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from ticketing import rights
from ticketing.audit import one_moment
from ticketing.errors import Conflict, Invalid, NotAllowed
from ticketing.models import Activity, User
from ticketing.people import Holding, Person, ahead_of, holdings, modules
from ticketing.rights import Actor, Role, Scope
from ticketing.texts import clean_choice, clean_email, clean_text

FORMAT = 1  # of an export; it grows when something is not called any more what it was
AT_ONCE = 500  # rows in memory
PHONE_LENGTH = 45
REASONS = {
    "request": _("the person asked for it"),
    "age": _("it is not needed any more"),
    "mistake": _("it should never have been there"),
}


class StillAhead(Conflict):
    """What is still to come would be for nobody."""

    code = "still_ahead"
    message = _("Something is still ahead.")


class StaffAccount(Conflict):
    """Whoever works here has colleagues who need to know what they did."""

    code = "staff_account"
    message = _("This is an account of staff. Make it a customer’s first, or deactivate it.")


class OfAnAccount(Conflict):
    """What belongs to an account is found by the account."""

    code = "of_an_account"
    message = _("Somebody with this address has an account. Choose the account instead.")


class NobodyNamed(Conflict):
    """A typing error is nobody of whom there is nothing."""

    code = "nobody_named"
    message = _("Nothing here names that. Type a username, an e-mail address or a phone number just as it was left.")


class OneOfBoth(Invalid):
    """An address and a number can be two people's."""

    code = "one_of_both"
    message = _("Name an e-mail address or a phone number, and not both.")


def known_as(*, email: str = "", phone: str = "", field: str = "") -> Person:
    """Whoever is known by this address or number, typed into the field, and has no account; OneOfBoth, OfAnAccount."""
    if bool(email) == bool(phone):
        raise OneOfBoth(field=field or "email")
    if phone:
        return Person(phone=clean_text(phone, field=field or "phone", limit=PHONE_LENGTH))
    address = clean_email(email, field=field or "email")
    if User.objects.reading_at(address).exists():
        raise OfAnAccount(field=field or "email")
    return Person(email=address)


def person_called(typed: str) -> Person:
    """Whoever has an account of this name or address, or else is known by this address or number; NobodyNamed."""
    typed = typed.strip()
    if account := User.objects.named(typed):
        return Person.owning(account)
    person = known_as(email=typed, field="who") if "@" in typed else known_as(phone=typed, field="who")
    if not any(holding.rows(person).exists() for holding in holdings()):
        raise NobodyNamed(field="who")
    return person


# To give


def export_person(person: Person, *, by: Actor, into: IO[bytes], internal: bool = False) -> None:
    """Write a ZIP of all that the site has of somebody: data.json, and the files that came with questions.

    It is of one moment. What staff wrote among themselves is in it for staff who ask for it, and never for the person.
    """
    reached = rights.require(by, "account.export")
    if reached == Scope.OWN and (internal or person.account is None or person.account != by):
        raise NotAllowed
    Activity.objects.record("account.export", person.account, by=by, internal=internal)
    with one_moment() as at, zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as bundle:
        with bundle.open("data.json", "w", force_zip64=True) as out:
            for piece in _document(person, at.isoformat(), internal):
                out.write(piece.encode())
        for holding in holdings():
            if holding.content:
                _add_files(bundle, holding, person, internal)


def _document(person: Person, at: str, internal: bool) -> Iterator[str]:
    asked = {"account": person.account and str(person.account.pk), "email": person.email, "phone": person.phone}
    yield f'{{"format": {FORMAT}, "made_at": "{at}", "person": {json.dumps(asked, ensure_ascii=False)}'
    for holding in sorted(holdings(), key=lambda one: one.name):
        if holding.shows:
            yield f', "{holding.name}": ['
            for number, row in enumerate(_rows(holding, person, internal)):
                yield ", " * bool(number) + json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False)
            yield "]"
    yield "}\n"


def _rows(holding: Holding, person: Person, internal: bool) -> Iterator[dict[str, Any]]:
    rows = holding.told(person, internal=internal).values_list(*holding.shows.values())
    for row in rows.iterator(chunk_size=AT_ONCE):
        told = dict(zip(holding.shows, row, strict=True))
        if holding.content:
            told["file"] = _path(told["id"], told["name"])
        yield told


def _add_files(bundle: zipfile.ZipFile, holding: Holding, person: Person, internal: bool) -> None:
    """One at a time, however many there are."""
    rows = holding.told(person, internal=internal)
    for pk, name in rows.values_list("pk", "name").iterator(chunk_size=AT_ONCE):
        content = rows.filter(pk=pk).values_list(holding.content, flat=True).get()
        bundle.writestr(_path(pk, name), bytes(content))


def _path(pk: UUID, name: str) -> str:
    """Within the ZIP: a plain name, whatever the file was called."""
    plain = re.sub(r"[^\w.-]", "_", name)
    return f"files/{pk}-{plain}"


# To forget


@transaction.atomic
def anonymise_account(account: User, *, by: Actor, reason: str, end: bool = False) -> User:
    """Let nobody be able to tell whose account it was, for good; its records stay as numbers. Twice is harmless.

    StillAhead when something is still to come, unless it is to `end` with it; StaffAccount. Whoever makes something for
    the account at the same time comes before this, and is forgotten too, or after it, and is refused as Busy.
    """
    rights.require(by, "account.anonymise")
    reason = clean_choice(reason, REASONS, field="reason")
    _call("lock", Person.owning(account))  # rows before accounts, as everywhere
    account = User.objects.select_for_update().get(pk=account.pk)
    if account.anonymised_at:
        return account
    if rights.role_of(account) != Role.CUSTOMER:
        raise StaffAccount
    person = Person.owning(account)
    _end_or_refuse(person, end=end, by=by)
    _forget(person)
    Activity.objects.record("account.anonymise", account, by=by, reason=reason)
    account.refresh_from_db()
    return account


@transaction.atomic
def anonymise_contact(person: Person, *, by: Actor, reason: str, end: bool = False) -> int:
    """The same for what belongs to no account but names an address or a number; returns in how many rows it did."""
    rights.require(by, "account.anonymise")
    reason = clean_choice(reason, REASONS, field="reason")
    if person.account:
        raise OfAnAccount
    _call("lock", person)
    _end_or_refuse(person, end=end, by=by)
    if rows := _forget(person):
        Activity.objects.record("account.anonymise", by=by, reason=reason, rows=rows)
    return rows


def _end_or_refuse(person: Person, *, end: bool, by: Actor) -> None:
    if end:
        _call("end", person, by=by)
    if lines := ahead_of(person):
        sentence = _("Still ahead: %(what)s. End that first, or let it be ended as well.")
        raise StillAhead(sentence % {"what": ", ".join(lines)}, field="end")


def _forget(person: Person) -> int:
    rows = 0
    for module in modules():
        if hasattr(module, "forget"):
            module.forget(person)
        rows += sum(holding.forget(person) for holding in module.HOLDINGS)
    return rows


def _call(verb: str, person: Person, **more: Any) -> None:
    for module in modules():
        if hasattr(module, verb):
            getattr(module, verb)(person, **more)
