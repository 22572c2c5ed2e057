"""Queued work: how a task is declared, how one is asked for, and the core's own tasks."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.utils.module_loading import import_string
from django_q.tasks import async_task

from ticketing import actions
from ticketing.actions import retention
from ticketing.errors import Refused
from ticketing.models import Heartbeat

logger = logging.getLogger(__name__)


def task(function: Callable[..., Any]) -> Callable[..., Any]:
    """Declare queued work: a refusal is an answer, so it is logged and returned, never retried."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Refused as refusal:
            logger.info("%s refused: %s", function.__qualname__, refusal.code)
            return {"refused": refusal.code}

    return run


def enqueue(path: str, *args: Any) -> str:
    """Queue the task at the dotted `path` with ids as arguments, in the caller's transaction; returns the task's id."""
    import_string(path)  # a typo fails here and not in a worker
    return str(async_task(path, *args))


@task
def beat() -> None:
    """Tell the watchdog that a worker took and finished a task just now."""
    Heartbeat.objects.beat("cluster")


@task
def lapse_offers() -> int:
    """End the offers of waiting lists that are past their time; returns how many."""
    return actions.lapse_offers()


@task
def forget_outlived() -> int:
    """Delete what nobody can use any more; returns how many rows."""
    return actions.forget_outlived()


@task
def retain() -> dict[str, int]:
    """Forget what is older than RETENTION_DAYS says; returns how much of each kind."""
    return retention.retain()
