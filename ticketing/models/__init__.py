"""The nouns that all apps share."""

from ticketing.models.accounts import ApiToken, EmailLink, Session, User
from ticketing.models.base import Record, State, Stock, Tone
from ticketing.models.hours import Calendar, Closure, Opening, SpecialOpening, Weekday
from ticketing.models.outbox import Delivery, Mail, Webhook
from ticketing.models.trail import Activity, Allowance, Heartbeat, IdempotencyKey, Site, Verdict
from ticketing.models.waiting import Waiter

__all__ = [
    "Activity",
    "Allowance",
    "ApiToken",
    "Calendar",
    "Closure",
    "Delivery",
    "EmailLink",
    "Heartbeat",
    "IdempotencyKey",
    "Mail",
    "Opening",
    "Record",
    "Session",
    "Site",
    "SpecialOpening",
    "State",
    "Stock",
    "Tone",
    "User",
    "Verdict",
    "Waiter",
    "Webhook",
    "Weekday",
]
