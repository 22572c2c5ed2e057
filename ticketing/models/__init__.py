"""The nouns that all apps share."""

from ticketing.models.accounts import ApiToken, EmailLink, Session, User
from ticketing.models.base import Record, Stock
from ticketing.models.outbox import Delivery, Mail, Webhook
from ticketing.models.trail import Activity, Allowance, Heartbeat, IdempotencyKey, Site

__all__ = [
    "Activity",
    "Allowance",
    "ApiToken",
    "Delivery",
    "EmailLink",
    "Heartbeat",
    "IdempotencyKey",
    "Mail",
    "Record",
    "Session",
    "Site",
    "Stock",
    "User",
    "Webhook",
]
