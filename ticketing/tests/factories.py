"""Accounts for tests."""

import factory

from ticketing.actions import issue_token
from ticketing.models import User

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


def bearer(user):
    """The headers of a program that calls as this account."""
    return {"Authorization": f"Bearer {issue_token(user, name='test', by=None)}"}
