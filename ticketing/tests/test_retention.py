"""What is forgotten by age alone."""

import runpy
import sys
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import IntegrityError
from django.db.models import F
from django.utils import timezone

from allocation.models import BuyerCount, Purchase, Ticket
from support.models import Attachment, Reply
from support.models import Ticket as Question
from ticketing import tasks
from ticketing.actions import retention
from ticketing.models import Activity, User
from ticketing.tests.factories import UserFactory
from ticketing.tests.lives import Life, naming

pytestmark = pytest.mark.django_db

MARK, OTHER = "zephyrine", "quillon"
OLD = timedelta(days=400)
EVERYTHING = {"questions": 365, "tickets": 300, "accounts": 365, "trail": 365}


@pytest.fixture
def desk():
    return UserFactory(role="agent", username="desk")


@pytest.fixture
def life(desk):
    return Life(MARK, "5559876543", desk).happen()


@pytest.fixture
def other(desk):
    return Life(OTHER, "5551112223", desk).happen()


def ages(life):
    """All of it was long ago."""
    account = life.account
    Question.objects.filter(user=account).update(
        created_at=F("created_at") - OLD, closed_at=F("closed_at") - OLD, queue_at=F("queue_at") - OLD
    )
    Purchase.objects.filter(account__in=[account, life.friend]).update(created_at=F("created_at") - OLD)
    Activity.objects.filter(actor__in=[account.pk, life.friend.pk]).update(at=F("at") - OLD)
    User.objects.filter(pk=account.pk).update(date_joined=timezone.now() - OLD)


def questions_of(life):
    return sorted(row for row in naming(life.mark) if row[0].startswith("support_"))


def test_nothing_is_forgotten_unless_it_is_said(life):
    ages(life)
    before = naming(MARK)
    assert tasks.retain() == {}
    assert naming(MARK) == before


def test_old_questions_lose_their_words_and_younger_ones_keep_them(life, other, settings, capsys):
    ages(life)
    settings.RETENTION_DAYS = {"questions": 365}
    before, replies = questions_of(other), Reply.objects.count()
    assert retention.outlived() == {"questions": 2}
    assert tasks.retain() == {"questions": 2}
    assert questions_of(life) == []
    assert questions_of(other) == before
    assert Reply.objects.count() == replies
    assert Attachment.objects.count() == 2
    assert tasks.retain() == {"questions": 0}
    call_command("audit")
    assert "UNTRUE" not in capsys.readouterr().out


def test_an_open_question_keeps_its_words_however_old_it_is(life, settings):
    settings.RETENTION_DAYS = {"questions": 365}
    life.plan()
    Question.objects.filter(closed_at=None).update(created_at=timezone.now() - OLD)
    assert tasks.retain() == {"questions": 0}


def test_tickets_of_old_events_are_nobodys(life, other, settings, capsys):
    ages(life)
    settings.RETENTION_DAYS = {"tickets": 300}
    valid = Ticket.objects.filter(valid=True).count()
    bought = sum(BuyerCount.objects.values_list("taken", flat=True))
    assert tasks.retain() == {"tickets": 2}
    assert not Ticket.objects.filter(option=life.option, holder__isnull=False).exists()
    assert not Purchase.objects.filter(buyer__in=[life.account.pk, life.friend.pk]).exists()
    assert not any(row[0] == "allocation_scan" for row in naming(MARK))
    assert Ticket.objects.filter(option=other.option, holder__isnull=False).count() == 4
    assert Ticket.objects.filter(valid=True).count() == valid
    assert sum(BuyerCount.objects.values_list("taken", flat=True)) == bought
    assert tasks.retain() == {"tickets": 0}
    call_command("audit")
    assert "UNTRUE" not in capsys.readouterr().out


def test_a_purchase_of_something_that_is_not_over_stays(life, settings):
    ages(life)
    settings.RETENTION_DAYS = {"tickets": 399}
    Purchase.objects.update(created_at=timezone.now() - 2 * OLD)
    life.option.event.__class__.objects.update(ends_at=timezone.now() - timedelta(days=3))
    assert tasks.retain() == {"tickets": 0}


def test_customers_who_did_nothing_for_long_are_anonymised(life, other, settings):
    ages(life)
    settings.RETENTION_DAYS = {"accounts": 365}
    assert tasks.retain() == {"accounts": 1}
    assert naming(MARK) == []
    assert Activity.objects.get(operation="account.anonymise").details == {"reason": "age"}


@pytest.mark.parametrize("sign", ["log-in", "token", "deed", "staff", "ahead"])
def test_who_gives_a_sign_of_life_stays(life, settings, sign):
    ages(life)
    settings.RETENTION_DAYS = {"accounts": 365}
    now, account = timezone.now(), User.objects.filter(pk=life.account.pk)
    if sign == "log-in":
        account.update(last_login=now)
    elif sign == "token":
        life.account.tokens.update(last_used_at=now)
    elif sign == "deed":
        Activity.objects.record("booking.book", by=life.account)
    elif sign == "staff":
        account.update(role="agent")
    else:
        life.plan()
        Activity.objects.filter(actor=life.account).update(at=now - OLD)
    assert tasks.retain() == {"accounts": 0}


def test_old_lines_of_the_trail_name_nobody(life, settings, capsys):
    ages(life)
    settings.RETENTION_DAYS = {"trail": 365}
    old = Activity.objects.filter(actor__in=[life.account.pk, life.friend.pk]).count()
    lines, others = Activity.objects.count(), Activity.objects.filter(actor=life.desk.pk).count()
    assert tasks.retain() == {"trail": old}
    assert not Activity.objects.filter(actor=life.account.pk).exists()
    assert Activity.objects.filter(actor=life.desk.pk).count() == others
    assert Activity.objects.count() == lines + 1
    call_command("audit")
    assert "UNTRUE" not in capsys.readouterr().out


def test_it_goes_chunk_by_chunk_and_says_what_it_did_in_numbers_and_ids(life, settings):
    ages(life)
    settings.RETENTION_DAYS = EVERYTHING
    done = retention.retain(limit=1)
    assert (done["questions"], done["tickets"], done["accounts"]) == (2, 2, 1)
    lines = Activity.objects.filter(operation="account.retain")
    assert lines.count() > 4
    assert all(set(line.details) <= {"count", "ids", "first", "last"} for line in lines)


def test_a_kind_that_fails_leaves_the_others_alone(life, settings, monkeypatch):
    ages(life)
    settings.RETENTION_DAYS = EVERYTHING

    def fails(age, *, limit):
        raise IntegrityError("zephyrine")

    monkeypatch.setattr("support.actions.forgetting.forget", fails)
    done = tasks.retain()
    assert done["questions"] == 0
    assert done["accounts"] == 1


def test_the_command_says_what_it_would_do_and_does_it(life, settings, capsys):
    ages(life)
    settings.RETENTION_DAYS = {"questions": 365}
    before = naming(MARK)
    call_command("retain", "--dry-run")
    assert capsys.readouterr().out == "questions: 2 to forget.\n"
    assert naming(MARK) == before
    call_command("retain")
    assert capsys.readouterr().out == "questions: 2 forgotten.\n"
    settings.RETENTION_DAYS = {}
    call_command("retain")
    assert "everything is kept" in capsys.readouterr().out


def test_a_setting_that_makes_no_sense_is_refused(monkeypatch):
    monkeypatch.delitem(sys.modules, "ticketing.settings", raising=False)
    for said in ("questions", "questions=0", "mails=3", "trail=many"):
        monkeypatch.setenv("RETENTION_DAYS", said)
        with pytest.raises(ImproperlyConfigured, match="RETENTION_DAYS"):
            runpy.run_module("ticketing.settings")
