"""Who gets which ticket: reckoned in memory, ticket after ticket, from what a pass has read and locked."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush
from itertools import count
from typing import NamedTuple
from uuid import UUID

_NEVER, _JUST_NOW = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Free(NamedTuple):
    """An agent with room. No departments are all of them."""

    id: UUID
    departments: list[str]
    taken: int
    capacity: int
    last_assigned_at: datetime | None

    @property
    def left(self) -> int:
        """How many more tickets fit."""
        return self.capacity - self.taken


class Waiting(NamedTuple):
    """A ticket without an agent. No department is any agent's."""

    id: UUID
    department: str
    released_by: UUID | None = None  # who is not given it again


class _Turn(NamedTuple):
    """Whose turn it is, the least first: by load relative to capacity, then by who was assigned longest ago."""

    load: float  # equal fractions are equal floats, and others lie far enough apart
    since: datetime
    number: int
    agent: Free


class _Team:
    """Agents of the same departments, and where in the outcome stands what they got, by its department."""

    def __init__(self) -> None:
        self.turns: list[_Turn] = []
        self.got: defaultdict[str, list[int]] = defaultdict(list)


class Matching:
    """Each ticket, in the order given, goes to the least loaded agent who answers there and has room.

    Where all of those are full, one of them passes on a ticket of this pass that somebody else has room for: nobody
    waits because an agent of many departments got what an agent of fewer could have had.
    """

    def __init__(self, agents: Iterable[Free]) -> None:
        self.pairs: list[tuple[UUID, UUID]] = []  # of ticket and agent
        self._numbers = count()
        self._teams: defaultdict[tuple[str, ...], _Team] = defaultdict(_Team)
        self._answering: dict[str, list[_Team]] = {}
        self._hopeless: set[str] = set()
        for agent in agents:
            self._join(self._teams[tuple(agent.departments)], agent, agent.last_assigned_at or _NEVER)

    def hand_out(self, tickets: Iterable[Waiting]) -> list[tuple[UUID, UUID]]:
        """The pairs of ticket and agent."""
        for ticket in tickets:
            if ticket.released_by:
                self._hand_to_another(ticket)
                continue
            if ticket.department in self._hopeless:
                continue
            if team := self._next_team(ticket.department):
                self._give(team, ticket.department, ticket.id)
            elif not self._exchange(ticket):
                self._hopeless.add(ticket.department)  # room only shrinks during a pass
        return self.pairs

    def _hand_to_another(self, ticket: Waiting) -> None:
        """Whoever released it stands aside meanwhile. What is handed out so is not passed on: it might come back."""
        teams = self._teams_for(ticket.department)
        aside = [(team, turn) for team in teams for turn in team.turns if turn.agent.id == ticket.released_by]
        for team, turn in aside:
            team.turns.remove(turn)
            heapify(team.turns)
        if best := self._next_team(ticket.department):
            self.pairs.append((ticket.id, self._take_turn(best)))
        for team, turn in aside:
            heappush(team.turns, turn)

    def _join(self, team: _Team, agent: Free, since: datetime) -> None:
        if agent.left > 0:
            heappush(team.turns, _Turn(agent.taken / agent.capacity, since, next(self._numbers), agent))

    def _teams_for(self, department: str) -> list[_Team]:
        if department not in self._answering:
            fit = [team for names, team in self._teams.items() if not (names and department) or department in names]
            self._answering[department] = fit
        return self._answering[department]

    def _next_team(self, department: str) -> _Team | None:
        return min(
            (team for team in self._teams_for(department) if team.turns), key=lambda team: team.turns[0], default=None
        )

    def _give(self, team: _Team, department: str, ticket: UUID) -> None:
        team.got[department].append(len(self.pairs))
        self.pairs.append((ticket, self._take_turn(team)))

    def _take_turn(self, team: _Team) -> UUID:
        agent = heappop(team.turns).agent
        self._join(team, agent._replace(taken=agent.taken + 1), _JUST_NOW)
        return agent.id

    def _exchange(self, ticket: Waiting) -> bool:
        for full in self._teams_for(ticket.department):
            for department, got in full.got.items():
                if got and (helper := self._next_team(department)):
                    place = got.pop()
                    passed_on, agent = self.pairs[place]
                    self.pairs[place] = ticket.id, agent
                    full.got[ticket.department].append(place)
                    self._give(helper, department, passed_on)
                    return True
        return False
