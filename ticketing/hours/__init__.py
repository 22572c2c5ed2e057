"""Business hours: what they may be (rules), and the arithmetic over them. Tables and verbs stand elsewhere."""

from ticketing.hours.arithmetic import Hours, NoHours, WeeklyOpening

__all__ = ["Hours", "NoHours", "WeeklyOpening"]
