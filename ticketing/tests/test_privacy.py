"""What people are given of what the site has of them, and what is left when they are forgotten."""

import io
import json
import zipfile

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.core.management import call_command
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from allocation.models import Purchase, Ticket, TicketOption
from booking.models import Booking, Slot
from support.actions import open_ticket, raise_unverified_ticket
from support.models import Attachment, Rating, Reply
from support.models import Ticket as Question
from ticketing import actions
from ticketing.errors import NotAllowed
from ticketing.models import Activity, ApiToken, Mail, Session, User, Waiter
from ticketing.people import Person, holdings, modules
from ticketing.tests.factories import UserFactory
from ticketing.tests.lives import Life, naming

pytestmark = pytest.mark.django_db

MARK, PHONE = "zephyrine", "5559876543"
OTHER, OTHER_PHONE = "quillon", "5551112223"
TEXTS = (
    models.CharField,
    models.TextField,
    models.JSONField,
    models.BinaryField,
    models.GenericIPAddressField,
    ArrayField,
)


@pytest.fixture
def desk():
    return UserFactory(role="agent", username="desk")


@pytest.fixture
def boss():
    return UserFactory(role="supervisor", username="boss")


@pytest.fixture
def life(desk):
    return Life(MARK, PHONE, desk).happen()


@pytest.fixture
def other(desk):
    return Life(OTHER, OTHER_PHONE, desk).happen()


def export(person, **how):
    into = io.BytesIO()
    actions.export_person(person, into=into, **how)
    bundle = zipfile.ZipFile(into)
    files = {name: bundle.read(name) for name in bundle.namelist() if name != "data.json"}
    return json.loads(bundle.read("data.json")), files


def forget(life, boss, **how):
    return actions.anonymise_account(life.account, by=boss, reason="request", **how)


# What there is of people


def is_personal(field):
    """Whether something of somebody could stand there; a choice among words of the house is none."""
    if field.is_relation:
        return field.related_model is User
    return isinstance(field, TEXTS) and not field.choices


def test_each_app_says_of_every_field_whether_it_is_somebodys():
    known, forgotten = {one.model: one for one in holdings()}, []
    nobodys = {label: why for module in modules() for label, why in module.NOBODYS.items()}
    for model in apps.get_models():
        if model in known:
            said = known[model]
            fields = {*(said.becomes or {}), *said.keeps}
            personal = {field.name for field in model._meta.concrete_fields if is_personal(field)}
            forgotten += [f"{model._meta.label}.{name}" for name in personal - fields if said.becomes is not None]
            assert set(fields) <= {field.name for field in model._meta.fields}, model
        elif model._meta.label not in nobodys and not model._meta.proxy:
            forgotten += [model._meta.label for field in model._meta.concrete_fields if is_personal(field)][:1]
    assert forgotten == []


def test_a_table_is_not_both_somebodys_and_nobodys():
    labels = [one.model._meta.label for one in holdings()]
    assert len(set(labels)) == len(labels)
    assert len({one.name for one in holdings()}) == len(labels)
    assert not set(labels) & {label for module in modules() for label in module.NOBODYS}


# An export


def test_people_get_all_that_they_said_and_nothing_of_others(life, other):
    told, files = export(Person.owning(life.account), by=life.account)
    text = json.dumps(told)
    assert [word for word in life.words() if word not in text] == []
    assert OTHER not in text
    assert OTHER_PHONE not in text
    assert list(files.values()) == [f"{MARK}content".encode()]
    assert told["files"][0]["file"] in files
    assert told["format"] == 1


def test_they_do_not_get_what_staff_wrote_among_themselves(life):
    told, _files = export(Person.owning(life.account), by=life.account)
    text = json.dumps(told)
    assert all(f"{MARK}{word}" not in text for word in ("note", "secret", "tag", "handover"))


def test_staff_who_ask_for_it_get_that_too(life, boss):
    told, files = export(Person.owning(life.account), by=boss, internal=True)
    assert f"{MARK}note" in json.dumps(told)
    assert f"{MARK}hidden".encode() in files.values()


def test_no_secret_is_in_it(life):
    told, _files = export(Person.owning(life.account), by=life.account)
    text = json.dumps(told)
    secrets = [life.ticket.code, life.booking.manage_token, life.booking.manage_digest, life.account.password]
    secrets += ApiToken.objects.values_list("digest", flat=True)
    secrets += Session.objects.values_list("session_key", flat=True)
    assert [secret for secret in secrets if secret in text] == []


def test_a_stranger_gets_nothing_and_nobody_gets_their_own_notes(life, other, desk):
    for caller, how in ((other.account, {}), (desk, {}), (life.account, {"internal": True})):
        with pytest.raises(NotAllowed):
            export(Person.owning(life.account), by=caller, **how)
    assert not Activity.objects.filter(operation="account.export").exists()


def test_it_stands_in_the_trail(life, boss):
    export(Person.owning(life.account), by=boss)
    line = Activity.objects.get(operation="account.export")
    assert (line.object_id, line.actor_id, line.details) == (life.account.pk, boss.pk, {"internal": False})


def test_it_costs_no_more_queries_for_more_rows(life):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            export(Person.owning(life.account), by=life.account)
        return len(asked)

    few = queries()
    for _ in range(3):
        open_ticket(subject="a", message="b", department="", priority="low", by=life.account)
    assert queries() == few


# To be forgotten


def test_nothing_in_any_table_names_who_is_forgotten(life, other, boss):
    assert len(naming(MARK, PHONE)) > 30
    forget(life, boss)
    assert naming(MARK, PHONE) == []


def test_what_is_of_others_stays_as_it_was(life, other, boss):
    before = naming(OTHER, OTHER_PHONE, str(other.account.pk), str(other.friend.pk))
    forget(life, boss)
    assert naming(OTHER, OTHER_PHONE, str(other.account.pk), str(other.friend.pk)) == before


def test_the_records_stay(life, other, boss):
    tables = (Question, Reply, Rating, Booking, Purchase, Ticket, User)
    before = [table.objects.count() for table in tables]
    forget(life, boss)
    assert [table.objects.count() for table in tables] == before
    assert Rating.objects.filter(ticket=life.question, verdict="bad").exists()
    assert not Attachment.objects.filter(ticket=life.question).exists()


def test_the_audit_is_clean_afterwards(life, other, boss, capsys):
    forget(life, boss)
    call_command("audit")
    assert "UNTRUE" not in capsys.readouterr().out


def test_the_account_ends(life, boss):
    gone = forget(life, boss)
    assert (gone.is_active, gone.has_usable_password(), gone.email, gone.name) == (
        False,
        False,
        "",
        "Anonymised account",
    )
    assert not gone.tokens.exists()
    assert not gone.sessions.exists()
    assert not User.objects.named(life.email)


def test_the_trail_has_a_line_with_the_reason(life, boss):
    forget(life, boss)
    line = Activity.objects.get(operation="account.anonymise")
    assert (line.object_id, line.actor_id, line.details) == (life.account.pk, boss.pk, {"reason": "request"})


def test_twice_is_harmless(life, boss):
    since = forget(life, boss).anonymised_at
    assert forget(life, boss).anonymised_at == since
    assert Activity.objects.filter(operation="account.anonymise").count() == 1


def test_it_is_for_good(life, boss):
    gone = forget(life, boss)
    owner = UserFactory(role="supervisor", is_superuser=True)
    for verb in (actions.reactivate, lambda user, by: actions.set_role(user, role="agent", by=by)):
        with pytest.raises(actions.IsAnonymised):
            verb(gone, by=owner)


def test_what_is_ahead_is_said(life, boss):
    life.plan()
    with pytest.raises(actions.StillAhead) as refused:
        forget(life, boss)
    said = str(refused.value.message)
    ahead = ["1 open question", "1 booking", "2 tickets to events", "1 hold of tickets", "1 place on a waiting list"]
    assert [line for line in ahead if line not in said] == []
    life.account.refresh_from_db()
    assert life.account.is_active


def test_what_is_ahead_is_ended_along_with_the_rest(life, boss, capsys):
    life.plan()
    forget(life, boss, end=True)
    assert naming(MARK, PHONE) == []
    assert Slot.objects.get(pk=life.next_visit.slot_id).taken == 0
    assert TicketOption.objects.get(pk=life.next_option.pk).taken == 0
    call_command("audit")
    assert "UNTRUE" not in capsys.readouterr().out


def test_no_mail_goes_to_them_any_more(life, boss):
    life.plan()
    forget(life, boss, end=True)
    assert not Mail.objects.filter(to=life.email).exists()


def test_what_was_mailed_to_an_address_that_is_not_proven_goes_too(life, boss):
    User.objects.filter(pk=life.account.pk).update(email_confirmed_at=None)
    life.account.refresh_from_db()
    Mail.objects.exclude(template="ticket_bought").exclude(template="ticket_accepted").delete()
    forget(life, boss)
    assert not Mail.objects.filter(to=life.email).exists()


def test_staff_are_not_forgotten(desk, boss):
    with pytest.raises(actions.StaffAccount):
        actions.anonymise_account(desk, by=boss, reason="request")


def test_only_supervisors_forget(life, desk):
    for caller in (desk, life.account, UserFactory(role="gate")):
        with pytest.raises(NotAllowed):
            forget(life, caller)


# Without an account


def test_a_guest_is_found_by_address_or_number(desk, boss):
    life = Life(MARK, PHONE, desk)
    User.objects.filter(pk=life.account.pk).update(email="", email_confirmed_at=None, username="a", first_name="b")
    User.objects.filter(pk=life.account.pk).update(last_name="c")
    guest = {"user_id": life.said("guest"), "phone": PHONE, "query": life.said("asked"), "email": life.email}
    question = raise_unverified_ticket(**guest, by=AnonymousUser())
    left = {"kind": "booking.slot", "stock": question.pk, "quantity": 1, "least": 1, "state": "left"}
    Waiter.objects.create(**left, email=life.email)
    for known in ({"email": life.email.upper()}, {"phone": PHONE}):
        told, _files = export(actions.known_as(**known), by=boss)
        assert told["questions"][0]["message"] == life.said("asked")
    with pytest.raises(actions.StillAhead):
        actions.anonymise_contact(actions.known_as(phone=PHONE), by=boss, reason="request")
    assert actions.anonymise_contact(actions.known_as(email=life.email), by=boss, reason="request", end=True)
    assert naming(MARK, PHONE) == []
    assert actions.anonymise_contact(actions.known_as(email=life.email), by=boss, reason="request") == 0


def test_an_address_with_an_account_is_that_accounts(life, boss):
    with pytest.raises(actions.OfAnAccount):
        actions.known_as(email=life.email)
    with pytest.raises(actions.OneOfBoth):
        actions.known_as(email=life.email, phone=PHONE)


def test_a_number_finds_nothing_that_is_an_accounts(life, boss):
    told, _files = export(actions.known_as(phone=PHONE), by=boss)
    assert all(not rows for rows in told.values() if isinstance(rows, list))
