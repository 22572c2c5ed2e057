"""The table in which the search looks: the newest hits, whatever else is there.

A word that is in everything is met at once in what was said last; a word that is in nothing is asked of the index.
Which of both is quicker PostgreSQL decides for each shelf by what it knows of the words in it, and the shelves of years
ago are not touched while newer ones have enough.
"""

from __future__ import annotations

from typing import Self

from django.db.models import F, Max, Q, QuerySet

from support.words import Sought
from ticketing import rights
from ticketing.rights import Actor, Scope

SHELF, SHELVES = 2**20, 8  # as the migration 0022_search_entries makes them; the last one has no end

# What rows are narrowed by, each any of some marks. They are only there to be quick: whoever narrows by them also
# narrows the tickets, so that a mark may let too much through, and never too little.
Marks = tuple[tuple[str, ...], ...]


class SearchEntryQuerySet(QuerySet):
    """Words of questions and of what was said about them."""

    def readable_by(self, actor: Actor) -> Self:
        """Of as much as the actor reads of the tickets that are listed for them."""
        entries = self
        if not rights.scope(actor, "support.note"):
            entries = entries.filter(Q(reply=None) | Q(for_staff=False))
        if not rights.scope(actor, "support.triage"):
            entries = entries.filter(Q(reply__isnull=False) | Q(for_staff=False))
        reached = rights.require(actor, "support.reply")
        if reached in (Scope.ALL, rights.scope(actor, "support.list")):
            return entries
        tickets = self.model._meta.get_field("ticket").related_model._default_manager
        return entries.filter(Q(reply=None) | Q(ticket__in=tickets.visible_to(actor, "support.reply").values("pk")))

    def marked(self, marks: Marks) -> Self:
        """Those with one of each."""
        entries = self
        for any_of in marks:
            entries = entries.filter(marks__overlap=list(any_of))
        return entries

    def newest(self, sought: Sought, marks: Marks, most: int) -> Self:
        """The newest that fit, each with how well it `fits`: shelf after shelf, until there are enough."""
        # What is of one account is little and read as it is: a word may be everywhere else.
        by_index = not any(len(any_of) == 1 and any_of[0].startswith("u") for any_of in marks)
        fit = self.marked(marks).filter(sought.matches(F("words"), by_index=by_index))
        fit = fit.annotate(fits=sought.rank(F("words"))).order_by("-id")
        # Of each as if ten times as many were wanted: PostgreSQL believes that what begins somehow is in every 200th
        # entry, and would read a shelf to its end for a few that the index has at once.
        shelves = range(self._last_shelf(), -1, -1)
        first, *others = (fit._on_shelf(number)[: 10 * most] for number in shelves)
        return first.union(*others, all=True)[:most]

    def _on_shelf(self, number: int) -> Self:
        later = self.filter(id__gte=number * SHELF)
        return later.filter(id__lt=(number + 1) * SHELF) if number + 1 < SHELVES else later

    def _last_shelf(self) -> int:
        """On which the newest entry is: PostgreSQL plans for each, also for those that are empty."""
        newest = self.model._default_manager.aggregate(newest=Max("id"))["newest"] or 0
        return min(newest // SHELF, SHELVES - 1)
