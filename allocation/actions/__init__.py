"""The verbs of allocation."""

from allocation.actions.sales import (
    MAX_AT_ONCE,
    MAX_STOCK,
    Receipt,
    change_option,
    create_option,
    describe_option,
    invalidate,
    issue_ticket,
    purchase,
    set_allocation,
    set_validity,
    validate,
)

__all__ = [
    "MAX_AT_ONCE",
    "MAX_STOCK",
    "Receipt",
    "change_option",
    "create_option",
    "describe_option",
    "invalidate",
    "issue_ticket",
    "purchase",
    "set_allocation",
    "set_validity",
    "validate",
]
