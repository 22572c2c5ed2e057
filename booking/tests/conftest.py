"""Who calls."""

import pytest

from ticketing.tests.factories import UserFactory, bearer


@pytest.fixture
def customer():
    return UserFactory()


@pytest.fixture
def agent():
    return UserFactory(role="agent")


@pytest.fixture
def boss():
    return UserFactory(role="supervisor")


class Caller:
    """A program that calls as one account, or as nobody, who may hold a manage token."""

    def __init__(self, client, user=None, token=None):
        self.client, self.headers = client, bearer(user) if user else {}
        if token is not None:
            self.headers["Manage-Token"] = token

    def get(self, path):
        return self.client.get(path, headers=self.headers)

    def post(self, path, body, **headers):
        return self.send("post", path, body, headers)

    def patch(self, path, body, **headers):
        return self.send("patch", path, body, headers)

    def delete(self, path, **headers):
        return self.send("delete", path, {}, headers)

    def send(self, method, path, body, headers):
        named = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return getattr(self.client, method)(path, body, content_type="application/json", headers=named)


@pytest.fixture
def calls(client):
    return lambda user=None, token=None: Caller(client, user, token)
