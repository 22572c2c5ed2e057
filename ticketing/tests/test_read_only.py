"""What a caller may not set stays as it is, whatever is sent along: at every address of the API that writes."""

import json

import pytest
from django.db import transaction
from django.test import Client
from django.urls import resolve

from ticketing.api.urls import router
from ticketing.rights import Role
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.test_matrix import CASES, MAKE
from ticketing.tests.waiting import LISTS

# Made anew by every request, or told by the clock.
FRESH = {"id", "undone_at", "code", "token", "secret", "manage_token", "address", "tickets", "created_at", "updated_at"}
FRESH |= {
    "until",
    "link",
    "offered_until",
    "purchase",
    "arrived_at",
    "missed_at",
    "queue_at",
    "expires_at",
    "online_until",
    "closed_at",
    "assigned_at",
    "first_assigned_at",
    "slot",
    "service",
}
# What somebody might try, beside every field that the answer shows.
TEMPTING = {
    "is_staff": True,
    "is_superuser": True,
    "is_active": False,
    "user_type": "staff",
    "role": "supervisor",
    "capacity": 1_000_000,
    "taken": 0,
    "held": 0,
    "valid": False,
    "expired": True,
    "admitted_at": "2030-01-01T00:00:00Z",
    "status": "completed",
    "code": "AAAAAAAAAAAA",
    "digest": "0" * 64,
    "password": "x",
    "user": "1",
    "account": "1",
    "manage_version": 7,
    "secret_version": 7,
    "online_until": "2099-01-01T00:00:00Z",
}
WRITES = [case for case in CASES if case.door == "api" and case.method in ("POST", "PATCH") and case.body is not None]


def view_of(case):
    """The view and the action that answer a request."""
    match = resolve(case.path.replace("{id}", case.missing))
    return match.func.cls, match.func.actions[case.method.lower()]


def settable(view, action):
    """What this action takes."""
    return set(view.inputs[action]().fields) if action in view.inputs else set()


def shown(view):
    """What an answer shows."""
    return set(view.serializer_class.Meta.fields)


def lasting(answer):
    """The answer without what is new each time."""
    return of_all(answer.json()) if answer.content else {}


def of_all(said):
    """The fields that are no fresh ones, and so on within them."""
    lasting = {name: value for name, value in said.items() if name not in FRESH}
    return {name: of_all(value) if isinstance(value, dict) else value for name, value in lasting.items()}


def send(case, headers, named, me, extra):
    def fill(text):
        return text.replace("{id}", str(named)).replace("{me}", str(me))

    body = {**extra, **json.loads(fill(json.dumps(case.body)))}
    return Client().generic(case.method, fill(case.path), json.dumps(body), "application/json", headers=headers)


def in_vain(answer):
    """The answer to a request whose effect is undone."""
    transaction.set_rollback(True)
    return answer


@pytest.mark.django_db
@pytest.mark.parametrize("case", WRITES, ids=lambda case: f"{case.method} {case.path}")
def test_what_may_not_be_set_is_not(case, settings):
    settings.WAITING_LISTS = LISTS
    view, action = view_of(case)
    boss = UserFactory(role=Role.SUPERVISOR, is_superuser=True)
    headers = bearer(boss)
    named = MAKE[case.thing](boss) if case.thing else ""
    forbidden = dict.fromkeys(shown(view), "x") | TEMPTING
    extra = {name: value for name, value in forbidden.items() if name not in settable(view, action)}
    with transaction.atomic():
        plain = in_vain(send(case, headers, named, boss.pk, {}))
    tempted = send(case, headers, named, boss.pk, extra)
    assert plain.status_code < 300, plain.content
    assert (tempted.status_code, lasting(tempted)) == (plain.status_code, lasting(plain))


def test_every_address_that_takes_something_is_asked():
    asked = {view_of(case) for case in WRITES}
    takes = {(view, action) for _, view, _ in router.registry for action in view.inputs}
    left_out = {f"{view.__name__} {action}" for view, action in takes - asked}
    # Without an account, by links: what they take is used up at once and shown nowhere.
    assert left_out == {
        "SignUpViewSet create",
        "PasswordResetViewSet create",
        "LinkViewSet open_account",
        "LinkViewSet reset_password",
        "LinkViewSet confirm",
        "TransferViewSet accept",
    }
