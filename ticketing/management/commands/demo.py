"""manage.py demo"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

import allocation.actions
import booking.actions
import support.actions
from allocation.models import TicketOption
from booking.models import Service
from support.models import Agent
from ticketing.actions import demo_secret, issue_token
from ticketing.errors import NotAllowed
from ticketing.models import ApiToken, Mail, User
from ticketing.querysets import digest
from ticketing.rights import Role, is_demo
from ticketing.toolkit.commands import DomainCommand

PASSWORD = "12345"  # noqa: S105 - as the ticket-service's text has it; demo accounts exist in the demo only
PEOPLE = [
    # username, first and last name, role
    ("amara", "Amara", "Okafor", Role.CUSTOMER),
    ("jonas", "Jonas", "Lindqvist", Role.CUSTOMER),
    ("abhinav", "Abhinav", "Maury", Role.AGENT),
    ("mei", "Mei", "Tanaka", Role.AGENT),
    ("sofia", "Sofia", "Marino", Role.SUPERVISOR),
    ("gate", "North", "Gate", Role.GATE),
]


class Command(DomainCommand):
    help = "Make the demo's accounts, and the first time some tickets, bookings and events to look at."

    def handle(self, *args: Any, **options: Any) -> None:
        if not is_demo():
            raise NotAllowed("Demo accounts have a password that everybody knows. Set SITE_MODE=demo to have them.")
        first_time = not User.objects.filter(is_demo=True).exists()
        hashed = make_password(PASSWORD)
        people = {username: _account(username, *names, role=role, hashed=hashed) for username, *names, role in PEOPLE}
        if first_time:
            _things_to_look_at(people)
        if options["verbosity"]:
            self.stdout.write(f"Accounts, each with the password {PASSWORD}: " + ", ".join(people))


@transaction.atomic
def _account(username: str, first_name: str, last_name: str, *, role: Role, hashed: str) -> User:
    user = User.objects.filter(username=username).first() or User.objects.create(
        username=username,
        first_name=first_name,
        last_name=last_name,
        email=f"{username}@demo.example",
        role=role,
        email_confirmed_at=timezone.now(),
        is_demo=True,
        is_superuser=role == Role.SUPERVISOR,
        is_staff=role == Role.SUPERVISOR,
        password=hashed,
    )
    if role == Role.AGENT:
        Agent.objects.get_or_create(user=user)
    secret = demo_secret(username)
    if user.is_demo and not ApiToken.objects.filter(digest=digest(secret)).exists():
        issue_token(user, name="demo", secret=secret, by=None)
    return user


@transaction.atomic
def _things_to_look_at(people: dict[str, User]) -> None:
    _questions(people)
    _appointments(people)
    _events(people)
    # Nobody needs to be told what was there from the start.
    Mail.objects.filter(Q(template="ticket_bought") | Q(template__startswith="support_")).delete()


def _questions(people: dict[str, User]) -> None:
    asked = support.actions.open_ticket(
        subject="I cannot log in since this morning",
        message="The page says that my password is wrong, but I have not changed it.",
        department="technical",
        priority="high",
        by=people["amara"],
    )
    support.actions.reply_to_ticket(asked, message="Which browser do you use?", by=people["mei"])
    support.actions.open_ticket(
        subject="Group rates for a school class",
        message="We are 24 pupils and two teachers. Is there a reduced price?",
        department="sales",
        priority="low",
        by=people["jonas"],
    )


def _appointments(people: dict[str, User]) -> None:
    booking.actions.change_service(Service.objects.default(), name="Personal advice", by=None)
    tomorrow = timezone.localtime().replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=1)
    for minutes, username, phone in (
        (0, "amara", "5550100001"),
        (0, "jonas", "0550100002"),
        (30, "jonas", "5550100003"),
    ):
        person = people[username]
        booking.actions.book(
            firstname=person.first_name,
            lastname=person.last_name,
            phone=phone,
            starts_at=tomorrow + timedelta(minutes=minutes),
            by=person,
        )


def _events(people: dict[str, User]) -> None:
    evening = allocation.actions.create_option(
        name="Evening of chamber music", description="The small hall, doors open at 19:00.", allocation=120, by=None
    )
    allocation.actions.create_option(
        name="Guided tour of the archive", description="Twelve people at a time.", allocation=12, by=None
    )
    amara, admission = people["amara"], _night_of_the_archive(people["gate"])
    allocation.actions.purchase(admission.pk, quantity=1, buyer=amara.pk, by=amara)
    allocation.actions.purchase(evening.pk, quantity=2, buyer=amara.pk, by=amara)


def _night_of_the_archive(gate: User) -> TicketOption:
    """Its admission; the demo's gate scans the tickets for it."""
    begins = timezone.localtime().replace(hour=18, minute=0, second=0, microsecond=0) + timedelta(days=30)
    night = allocation.actions.create_event(
        name="Night of the open archive",
        venue="The archive, Harbour Street 3",
        description="Old maps, letters and a choir in the reading room.",
        starts_at=begins,
        ends_at=begins + timedelta(hours=5),
        time_zone=settings.TIME_ZONE,
        published=True,
        gates=[gate],
        by=None,
    )
    admission, _cellars = (
        allocation.actions.create_option(
            name=name, description=description, allocation=count, event=night, limit=4, by=None
        )
        for name, description, count in (
            ("Admission", "All rooms, all evening.", 200),
            ("Tour of the cellars", "At eight, with a lamp. Bring warm clothes.", 15),
        )
    )
    return admission
