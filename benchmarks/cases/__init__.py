"""One module a case: its name is the module's, `run(place)` measures it and returns the rows of the table."""

import importlib
import pkgutil
from collections.abc import Callable

from benchmarks.place import Place
from benchmarks.report import Row

Run = Callable[[Place], list[Row]]


def names() -> list[str]:
    """Every case there is."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def case(name: str) -> Run:
    """What measures it."""
    run: Run = importlib.import_module(f"{__name__}.{name}").run
    return run
