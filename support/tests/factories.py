"""Rows for tests, made the way the site makes them: by its verbs."""

from datetime import timedelta

import factory

from support import actions
from support.models import Reply, Ticket
from support.policies import File
from ticketing.tests.factories import UserFactory


class TicketFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Ticket

    subject = factory.Sequence("Question {}".format)
    message = "It does not work."
    department = "technical"
    priority = "medium"
    by = factory.SubFactory(UserFactory)

    @classmethod
    def _create(cls, model_class, **fields):
        return actions.open_ticket(**fields)


class ReplyFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Reply

    ticket = factory.SubFactory(TicketFactory)
    message = "Have you tried it again?"
    by = factory.LazyAttribute(lambda reply: reply.ticket.user)

    @classmethod
    def _create(cls, model_class, ticket, **fields):
        return actions.reply_to_ticket(ticket, **fields)


A_FILE = File("Foto.png", b"\x89PNG")


def file_of(reply):
    """The file that came with it."""
    return reply.files.get()


def online_agent(capacity=5, departments=(), lasts=timedelta(hours=1), **fields):
    """An agent who is there; what waits is handed out when the transaction commits, or by the next pass."""
    user = UserFactory(role="agent", **fields)
    agent = actions.go_online(user, lasts=lasts, by=user)
    agent.capacity, agent.departments = capacity, list(departments)
    agent.save()
    return agent
