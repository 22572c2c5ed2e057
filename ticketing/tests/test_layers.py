"""Who may import whom, checked: see docs/architecture.md."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("support", "booking", "allocation")
# From low to high; everything else is a surface.
LAYERS = (
    "errors",
    "words",
    "tallies",
    "entries",
    "querysets",
    "models",
    "timetable",
    "policies",
    "availability",
    "audit",
    "actions",
    "tasks",
)  # low to high; everything else is a surface
ASSEMBLY = (
    "settings",
    "urls",
    "api",
    "views",
    "admin",
    "waiting_admin",
    "hours_admin",
    "checks",
    "schedules",
    "health",
    "apps",
    "wsgi",
    "asgi",
    "management",
    "runtime",
    "templatetags",
)


def imports(source):
    """Every module that the source names, also inside functions; TYPE_CHECKING blocks do not count."""
    for node in walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def walk(node):
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from walk(child)


def level(parts):
    """How high a module stands within its app."""
    return LAYERS.index(parts[0]) if parts[:1] and parts[0] in LAYERS else len(LAYERS)


def violations(path, source):
    """What is wrong with the imports of the module at `path`, relative to the checkout."""
    package, *inside = Path(path).with_suffix("").parts
    for name in imports(source):
        target, *rest = name.split(".")
        if package in APPS:
            if target in APPS and target != package:
                yield f"{path} imports another app: {name}"
            if target == package and rest and level(rest) > level(inside):
                yield f"{path} imports upward: {name}"
            if target == package and {rest[0] if rest else "", inside[0]} == {"api", "compat"}:
                yield f"{path} mixes the two API faces: {name}"
            if target == "ticketing" and rest and rest[0] in ASSEMBLY:
                yield f"{path} imports the assembly: {name}"
        elif package == "benchmarks":
            # The textbook build is no load program: it has to stand on the site's own server.
            if target in (*APPS, "ticketing", "django") and inside[0] != "textbook":
                yield f"{path} shares code with the site: {name}"
        elif package == "ticketing":
            if target in APPS and inside[0] not in ASSEMBLY:
                yield f"{path} sees an app: {name}"
            if target == "ticketing" and rest and inside[0] not in ASSEMBLY and rest[0] in ASSEMBLY:
                yield f"{path} imports the assembly: {name}"
            if target == "ticketing" and rest and rest[0] == "toolkit" and inside[0] not in (*ASSEMBLY, "toolkit"):
                yield f"{path} is core and imports the toolkit: {name}"


def modules():
    for package in (*APPS, "ticketing", "benchmarks"):
        for path in (ROOT / package).rglob("*.py"):
            if not {"tests", "migrations"} & set(path.parts):
                yield path.relative_to(ROOT)


def test_nothing_imports_what_it_must_not():
    assert [wrong for path in modules() for wrong in violations(path, (ROOT / path).read_text())] == []


@pytest.mark.parametrize(
    ("path", "source", "wrong"),
    [
        ("booking/actions.py", "from support.models import Ticket", "another app"),
        ("booking/actions.py", "def f():\n    import support.models", "another app"),
        ("booking/models.py", "from booking.actions import book", "upward"),
        ("booking/querysets.py", "from booking import models", "upward"),
        ("booking/actions/slots.py", "from booking.views import page", "upward"),
        ("booking/tasks.py", "import booking.api", "upward"),
        ("booking/compat/contract.py", "from booking.api import Serializer", "two API faces"),
        ("booking/api.py", "from booking.compat import contract", "two API faces"),
        ("booking/actions.py", "from ticketing.settings import DEBUG", "assembly"),
        ("ticketing/models.py", "from support.models import Ticket", "sees an app"),
        ("ticketing/toolkit/panel.py", "import booking", "sees an app"),
        ("ticketing/toolkit/panel.py", "from ticketing import urls", "assembly"),
        ("ticketing/models.py", "from ticketing.toolkit import panel", "core"),
        ("benchmarks/cases/book.py", "from booking.models import Slot", "shares code"),
        ("benchmarks/place.py", "def f():\n    from ticketing.runtime import postgres", "shares code"),
    ],
)
def test_a_planted_violation_is_found(path, source, wrong):
    [found] = {violation.rpartition(":")[0] for violation in violations(path, source)}
    assert wrong in found


def test_the_parts_that_this_test_names_exist():
    assert {path.parts[0] for path in modules()} == {*APPS, "ticketing", "benchmarks"}
    assert {"actions", "models"} <= {name for path in modules() for name in path.with_suffix("").parts}
