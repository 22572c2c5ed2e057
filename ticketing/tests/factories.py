"""Accounts for tests."""

import factory
from django.db.models.functions import Now

from ticketing.actions import create_calendar, issue_token
from ticketing.models import ApiToken, Calendar, User

PASSWORD = "correct horse battery staple"


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence("person{}".format)
    email = factory.LazyAttribute("{0.username}@example.org".format)
    first_name = "Ada"
    last_name = factory.Sequence("Person {}".format)
    role = "customer"
    password = factory.django.Password(PASSWORD)


class CalendarFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Calendar

    slug = factory.Sequence("calendar-{}".format)
    name = factory.Sequence("Calendar {}".format)
    time_zone = "Europe/Berlin"
    by = None

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        return create_calendar(**kwargs)


def bearer(user):
    """The headers of a program that calls as this account, as it has done just now."""
    secret = issue_token(user, name="test", by=None)
    ApiToken.objects.for_secret(secret).update(last_used_at=Now())
    return {"Authorization": f"Bearer {secret}"}
