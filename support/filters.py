"""What the lists of /api/v1/support/ can be narrowed by."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet

from support.models import Agent, Attachment, Department, Priority, Reply, Ticket
from support.policies import spelled, spellings
from support.words import sought
from ticketing import rights
from ticketing.toolkit.filters import FlagFilter, IdFilter, InstantFilter, TextFilter


class TicketFilters(django_filters.FilterSet):
    """Tickets by what they are about, how far they are and who has to do with them."""

    code = TextFilter(method="has_code", help_text="With this code, in any case.")
    status = django_filters.ChoiceFilter(method="has_status", choices=Ticket.Status.choices)
    closed = FlagFilter(method="is_closed", help_text="Whether it is completed or rejected.")
    waiting = FlagFilter(method="is_waiting", help_text="Whether it waits for an agent.")
    department = django_filters.ChoiceFilter(method="is_of_department", choices=Department.choices)
    priority = django_filters.ChoiceFilter(method="is_of_priority", choices=Priority.choices)
    customer = IdFilter(method="is_of_account", help_text="Of this account.")
    agent = IdFilter(help_text="In the hands of this agent, or ended by them.")
    tag = TextFilter(method="has_tag", help_text="With this tag. Tags are for staff: others find none.")
    search = TextFilter(
        method="is_found",
        help_text="In which these words are found, of the newest 500 hits: in the question, a reply, the code; for "
        "staff also in notes and the customer. The last word may be typed half; “beside each other”, -without, or.",
    )
    late = FlagFilter(method="is_late", help_text="Whether it is open and owes what was promised for an earlier time.")
    created_from = InstantFilter(field_name="created_at", lookup_expr="gte", help_text="At this instant or later.")
    created_to = InstantFilter(field_name="created_at", lookup_expr="lt", help_text="Before this instant.")

    class Meta:
        model = Ticket
        fields: list[str] = []

    def has_code(self, tickets: QuerySet, name: str, value: str) -> QuerySet:
        """The one of that code, however it is spelled."""
        return tickets.filter(code__in=spellings(value))

    def has_status(self, tickets: Any, name: str, value: str) -> QuerySet:
        """Those in this one status."""
        return tickets.in_status(value)

    def is_of_department(self, tickets: Any, name: str, value: str) -> QuerySet:
        """Those of one department."""
        return tickets.in_department(value)

    def is_of_priority(self, tickets: Any, name: str, value: str) -> QuerySet:
        """Those as pressing as this."""
        return tickets.of_priority(value)

    def is_of_account(self, tickets: Any, name: str, value: UUID) -> QuerySet:
        """Those that one account asked."""
        return tickets.of_account(value)

    def has_tag(self, tickets: QuerySet, name: str, value: str) -> QuerySet:
        """Those with the tag; whoever may not see tags learns nothing by asking."""
        sees = self.request and rights.scope(self.request.user, "support.triage")
        return tickets.tagged(spelled(value)) if sees else tickets.none()

    def is_found(self, tickets: QuerySet, name: str, value: str) -> QuerySet:
        """Those in which it is found, as far as the caller reads them; none where there is no word to look for."""
        wanted = sought(value)
        return tickets.found_by(wanted, self.request.user) if wanted else tickets.none()

    def is_closed(self, tickets: QuerySet, name: str, value: bool) -> QuerySet:
        """Those that came to an end, or the others."""
        return tickets.closed() if value else tickets.open()

    def is_late(self, tickets: Any, name: str, value: bool) -> QuerySet:
        """Those that owe something, or the others."""
        return tickets.late() if value else tickets.not_late()

    def is_waiting(self, tickets: QuerySet, name: str, value: bool) -> QuerySet:
        """Those without an agent as yet, or the others."""
        return tickets.waiting() if value else tickets.exclude(status=Ticket.Status.CREATED)


class ReplyFilters(django_filters.FilterSet):
    """Replies by what they answer."""

    ticket = TextFilter(method="to_ticket", help_text="To the ticket with this code, in any case.")
    created_from = InstantFilter(field_name="created_at", lookup_expr="gte", help_text="At this instant or later.")
    created_to = InstantFilter(field_name="created_at", lookup_expr="lt", help_text="Before this instant.")

    class Meta:
        model = Reply
        fields: list[str] = []

    def to_ticket(self, replies: QuerySet, name: str, value: str) -> QuerySet:
        """Those to the one ticket."""
        return replies.filter(ticket__code__in=spellings(value))


class AttachmentFilters(django_filters.FilterSet):
    """Files by what they came with."""

    ticket = TextFilter(method="of_ticket", help_text="Of the ticket with this code, in any case.")

    class Meta:
        model = Attachment
        fields: list[str] = []

    def of_ticket(self, files: QuerySet, name: str, value: str) -> QuerySet:
        """Those of the one ticket."""
        return files.filter(ticket__code__in=spellings(value))


class AgentFilters(django_filters.FilterSet):
    """Agents by whether they are there, and where they answer."""

    present = FlagFilter(method="is_present", help_text="Whether the agent is there now.")
    department = django_filters.ChoiceFilter(
        method="answers_in", choices=Department.choices, help_text="Who answers there: those of all departments, too."
    )

    class Meta:
        model = Agent
        fields: list[str] = []

    def is_present(self, agents: QuerySet, name: str, value: bool) -> QuerySet:
        """Those who are there, or the others."""
        return agents.present() if value else agents.absent()

    def answers_in(self, agents: QuerySet, name: str, value: str) -> QuerySet:
        """Those who answer in the department."""
        return agents.answering(value)
