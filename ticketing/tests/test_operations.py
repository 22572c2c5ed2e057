"""Every door names its operation: addresses, commands, verbs of the admin."""

import pytest
from django.contrib import admin
from django.core.management import get_commands, load_command_class
from django.urls import URLPattern, URLResolver, get_resolver, path

from ticketing.rights import RIGHTS
from ticketing.toolkit.admin import SiteModelAdmin
from ticketing.toolkit.commands import DomainCommand

OURS = {"ticketing", "support", "booking", "allocation"}


def addresses(resolver, before="/"):
    """Every pattern with its view, but for those of the admin, which asks for `account.admin` at its one door."""
    for entry in resolver.url_patterns:
        where = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            if entry.app_name != "admin":
                yield from addresses(entry, where)
        elif isinstance(entry, URLPattern):
            yield where, entry.callback


def operations_of(view):
    """What a view says it is for, whichever kind of view it is."""
    if hasattr(view, "operation"):
        return {view.operation}
    named = getattr(getattr(view, "view_class", None) or getattr(view, "cls", None), "operations", {})
    actions = getattr(view, "actions", None)
    return {named.get(action, "") for action in actions.values()} if actions else set(named.values())


def unnamed(resolver):
    """Addresses whose view names no operation, or one that is not in the table."""
    return [
        where for where, view in addresses(resolver) if not (operations_of(view) and operations_of(view) <= set(RIGHTS))
    ]


def test_every_address_names_its_operation():
    assert len(list(addresses(get_resolver()))) > 60
    assert unnamed(get_resolver()) == []


def test_a_planted_address_without_an_operation_is_found():
    class Plan:
        url_patterns = [path("new/", lambda request: None)]

    assert unnamed(Plan()) == ["/new/"]


def test_every_command_of_ours_names_its_operation():
    ours = {name: app for name, app in get_commands().items() if app in OURS}
    assert len(ours) > 8
    for name, app in ours.items():
        command = load_command_class(app, name)
        assert isinstance(command, DomainCommand), name
        assert command.operation in RIGHTS, name


def site_admins():
    return [row for model, row in admin.site._registry.items() if model._meta.app_label in OURS]


@pytest.mark.parametrize("row", site_admins(), ids=lambda row: row.opts.label)
def test_every_verb_of_the_admin_names_its_operation(row):
    assert isinstance(row, SiteModelAdmin)
    assert row.operation == "" or row.operation in RIGHTS
    verbs = [getattr(row, verb) if isinstance(verb, str) else verb for verb in row.actions or ()]
    assert {verb.operation for verb in verbs} <= set(RIGHTS)
