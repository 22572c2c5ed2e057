"""The contract of ticket-service: raise a question without an account, log an agent in, ask for health."""

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse

from support import actions
from ticketing.actions import check_password, issue_log_in_token, revoke_token
from ticketing.errors import LogInFirst
from ticketing.toolkit.authentication import bearer_token
from ticketing.toolkit.contracts import ContractView, Fields, route

LOGIN_TOKEN = "agent log-in"  # noqa: S105 - the name of a token


class GenerateTicket(ContractView):
    """POST: the question joins the queue and any agent may answer it."""

    contract = "ticket-service"
    operations = {"POST": "support.raise_unverified"}

    def post(self, request: HttpRequest) -> JsonResponse:
        """Answer with the code of the new ticket."""
        fields = Fields(request)
        ticket = actions.raise_unverified_ticket(
            user_id=fields.text("user_id", 45),
            phone=fields.text("phone", 45),
            query=fields.text("query", 1000, lines=True),
            by=self.actor,
        )
        return success("task assigned and will be resolved in a while", ticket=ticket.code)


class LogIn(ContractView):
    """POST: the agent is there for a working day, as these clients send no sign of life."""

    contract = "ticket-service"
    operations = {"POST": "account.log_in"}

    def post(self, request: HttpRequest) -> JsonResponse:
        """Answer with a token for the agent's calls."""
        fields = Fields(request)
        username, password = fields.text("username", 150), fields.password("password")
        user = check_password(request, username=username, password=password)
        actions.go_online(user, lasts=settings.AGENT_LOGIN_LEASE, by=user)
        token = issue_log_in_token(user, name=LOGIN_TOKEN, lasts=settings.AGENT_LOGIN_LEASE, by=user)
        return success("logged in successfully", token=token)


class LogOut(ContractView):
    """POST with the token of the log-in: the agent is gone and the tickets in work are handed out again."""

    contract = "ticket-service"
    operations = {"POST": "support.presence"}

    def post(self, request: HttpRequest) -> JsonResponse:
        """End the presence and the token; the same token answers 401 afterwards."""
        token = bearer_token(request)
        if token is None:
            raise LogInFirst
        actions.go_offline(token.user, by=token.user)
        if token.name == LOGIN_TOKEN:
            revoke_token(token, by=token.user)
        return success("logged out successfully")


class Health(ContractView):
    """GET: whether the site can do its work."""

    contract = "ticket-service"
    operations = {"GET": "site.health"}

    def get(self, request: HttpRequest) -> JsonResponse:
        """OK when the database answers, else 503."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return success("OK")


def success(message: str, **more: str) -> JsonResponse:
    """This contract's success."""
    return JsonResponse({"status": True, "message": message, **more})


urlpatterns = [
    route("api/customer/ticket/generate", GenerateTicket.as_view(), "ticket-service-generate"),
    route("api/agent/login", LogIn.as_view(), "ticket-service-login"),
    route("api/agent/logout", LogOut.as_view(), "ticket-service-logout"),
    route("health", Health.as_view(), "health"),
]
