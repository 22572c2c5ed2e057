"""What is forgotten by age alone, as RETENTION_DAYS says: nothing, unless it says so."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any, NamedTuple

from django.conf import settings
from django.db import Error

logger = logging.getLogger(__name__)

CHUNK = 500
PATIENCE = 8.0  # seconds for all kinds together; the cluster ends a task after 15, and the next run goes on


class Kind(NamedTuple):
    """What is kept for so long: `keeper` says how much is older, and forgets it."""

    name: str
    age: timedelta
    keeper: Any


def kinds() -> list[Kind]:
    """Those that are to be forgotten at some age."""
    kept = settings.RETENTION_DAYS.items()
    return [Kind(name, timedelta(days=days), import_module(settings.RETENTION[name])) for name, days in kept]


def outlived() -> dict[str, int]:
    """How much of each kind would be forgotten now."""
    return {kind.name: kind.keeper.outlived(kind.age) for kind in kinds()}


def retain(*, patience: float = PATIENCE, limit: int = CHUNK) -> dict[str, int]:
    """Forget what is older than it may be, chunk by chunk; returns how much of each kind. The next run goes on.

    Each kind has its share of the time, and one that fails leaves the others alone.
    """
    chosen = kinds()
    shares = {kind: time.monotonic() + patience * number / len(chosen) for number, kind in enumerate(chosen, 1)}
    return {kind.name: _until(deadline, kind, limit) for kind, deadline in shares.items()}


def _until(deadline: float, kind: Kind, limit: int) -> int:
    forgotten = 0
    forget: Callable[..., int] = kind.keeper.forget
    try:
        while time.monotonic() < deadline and (some := forget(kind.age, limit=limit)):
            forgotten += some
    except Error as error:
        # Not its message: it can quote a row.
        logger.error("retention: %s could not be forgotten: %s", kind.name, type(error).__name__)
    return forgotten
