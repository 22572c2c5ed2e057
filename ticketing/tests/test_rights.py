import io
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command

from ticketing import rights
from ticketing.errors import LogInFirst, NotAllowed
from ticketing.models import User
from ticketing.rights import DEMO, RIGHTS, WORDS, Role, Scope, cell

ROOT = Path(__file__).resolve().parents[2]


def test_the_two_matrices_differ_by_exactly_the_demo_table():
    for operation in RIGHTS:
        for role in Role:
            here = [RIGHTS[operation][role], DEMO.get(operation)]
            widest = max((wide for wide in here if wide), key=list(Scope).index, default=None)
            assert cell(role, operation, demo=True) == widest
            assert cell(role, operation, demo=False) == RIGHTS[operation][role]
    assert set(DEMO) <= set(RIGHTS)


def test_every_operation_has_every_role():
    assert all(list(row) == list(Role) for row in RIGHTS.values())


def test_every_operation_is_said_in_words():
    assert list(WORDS) == list(RIGHTS)


def test_the_page_about_rights_is_what_the_table_says():
    out = io.StringIO()
    call_command("rights", markdown=True, stdout=out)
    assert (ROOT / "docs" / "rights.md").read_text() == out.getvalue()


def test_a_superuser_may_whatever_a_supervisor_may():
    for operation, row in RIGHTS.items():
        widths = [list(Scope).index(row[role]) if row[role] else -1 for role in (Role.SUPERVISOR, Role.SUPERUSER)]
        assert widths == sorted(widths), operation


def test_every_operation_that_the_code_names_is_in_the_table():
    named = set()
    for path in ROOT.glob("*/**/*.py"):
        if {"tests", "migrations", ".venv"} & set(path.parts):
            continue
        named |= set(re.findall(r'(?:require|scope|visible_to)\([^()]*?"([a-z]+\.[a-z_]+)"', path.read_text()))
        named |= set(re.findall(r'"(?:GET|POST|PATCH|UPDATE)": "([a-z]+\.[a-z_]+)"', path.read_text()))
    assert len(named) > 15
    assert named <= set(RIGHTS)


def test_whoever_is_a_superuser_is_nothing_less_and_nobody_at_all_is_the_system():
    assert rights.role_of(User(role="customer", is_superuser=True)) == "superuser"
    assert rights.role_of(None) == "system"
    assert rights.role_of(AnonymousUser()) == "anonymous"


def test_the_system_may_do_everything():
    assert all(rights.scope(None, operation) == Scope.ALL for operation in RIGHTS)


def test_what_is_denied_asks_an_anonymous_caller_to_log_in_and_tells_everybody_else_no(production):
    with pytest.raises(LogInFirst):
        rights.require(AnonymousUser(), "support.list")
    with pytest.raises(NotAllowed):
        rights.require(User(role="gate"), "support.list")


def test_the_mode_decides_what_an_anonymous_caller_may(settings):
    settings.SITE_MODE = "demo"
    assert rights.scope(AnonymousUser(), "allocation.issue") == Scope.ALL
    settings.SITE_MODE = "production"
    assert rights.scope(AnonymousUser(), "allocation.issue") is None


@pytest.mark.parametrize("mode", ["demo", "production"])
def test_the_command_prints_the_matrix_of_a_mode(mode):
    out = io.StringIO()
    call_command("rights", mode=mode, stdout=out)
    head, *lines = out.getvalue().splitlines()
    assert head.split() == ["operation", *Role]
    assert [line.split()[0] for line in lines] == list(RIGHTS)
    issue = next(line for line in lines if line.startswith("allocation.issue")).split()
    assert issue[1] == ("all" if mode == "demo" else "-")
