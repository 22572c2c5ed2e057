"""Every address of /api/v1/."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.routers import SimpleRouter

from allocation import api as allocation
from booking import api as booking
from support import api as support
from ticketing.api import accounts, description, hours, site, waiting
from ticketing.errors import NotFound
from ticketing.toolkit.panel import operation
from ticketing.toolkit.problems import problem_response

app_name = "v1"


class Router(SimpleRouter):
    """Addresses answer with and without the trailing slash."""

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"

    def get_method_map(self, viewset: Any, method_map: dict[str, str]) -> dict[str, str]:
        """The actions that the noun names an operation for, and no others."""
        bound = super().get_method_map(viewset, method_map)
        return {method: action for method, action in bound.items() if action in viewset.operations}


router = Router()
# Addresses are tried in turn: what crowds ask for stands first.
router.register("allocation/purchases", allocation.PurchaseViewSet, "purchase")
router.register("allocation/scans", allocation.ScanViewSet, "scan")
router.register("allocation/holds", allocation.HoldViewSet, "hold")
router.register("booking/bookings", booking.BookingViewSet, "booking")
router.register("allocation/events", allocation.EventViewSet, "event")
router.register("allocation/options", allocation.OptionViewSet, "option")
router.register("allocation/tickets", allocation.TicketViewSet, "ticket")
router.register("allocation/transfers", allocation.TransferViewSet, "transfer")
router.register("booking/services", booking.ServiceViewSet, "booking-service")
router.register("booking/resources", booking.ResourceViewSet, "booking-resource")
router.register("booking/tallies", booking.TallyViewSet, "booking-tally")
router.register("booking/feeds", booking.FeedViewSet, "booking-feed")
router.register("booking/slots", booking.SlotViewSet, "booking-slot")
router.register("support/tickets", support.TicketViewSet, "support-ticket")
router.register("support/questions", support.QuestionViewSet, "support-question")
router.register("support/replies", support.ReplyViewSet, "support-reply")
router.register("support/notes", support.NoteViewSet, "support-note")
router.register("support/attachments", support.AttachmentViewSet, "support-attachment")
router.register("support/canned-replies", support.CannedReplyViewSet, "support-canned-reply")
router.register("support/views", support.SavedViewViewSet, "support-view")
router.register("support/levels", support.LevelViewSet, "support-level")
router.register("support/agents", support.AgentViewSet, "support-agent")
router.register("support/reports", support.ReportViewSet, "support-report")
router.register("waiting", waiting.WaiterViewSet, "waiter")
router.register("sign-ups", accounts.SignUpViewSet, "sign-up")
router.register("password-resets", accounts.PasswordResetViewSet, "password-reset")
router.register("links", accounts.LinkViewSet, "link")
router.register("tokens", accounts.TokenViewSet, "token")
router.register("sessions", accounts.SessionViewSet, "session")
router.register("accounts", accounts.AccountViewSet, "account")
router.register("invitations", accounts.InvitationViewSet, "invitation")
router.register("hours/calendars", hours.CalendarViewSet, "hours-calendar")
router.register("hours/closures", hours.ClosureViewSet, "hours-closure")
router.register("hours/special-openings", hours.SpecialOpeningViewSet, "hours-special-opening")
router.register("activities", site.ActivityViewSet, "activity")
router.register("webhooks", site.WebhookViewSet, "webhook")
router.register("mails", site.MailViewSet, "mail")
router.register("deliveries", site.DeliveryViewSet, "delivery")


def profile(**bound: str) -> Any:
    """The caller's own account, which needs no name in its address."""
    return accounts.ProfileViewSet.as_view(bound, detail=True, basename="profile")


@csrf_exempt  # there is nothing to forge
@operation("site.visit")
def no_such_address(request: HttpRequest) -> HttpResponse:
    """404 as a problem document."""
    return problem_response(NotFound())


no_such_address.is_for_programs = True


urlpatterns = [
    *router.urls,
    path("schema/", operation("site.visit")(description.Description.as_view()), name="schema"),
    path("docs/", description.docs, name="docs"),
    path("docs/<slug:part>/", description.docs_of, name="docs-of"),
    re_path("^account/?$", profile(get="retrieve", patch="partial_update"), name="profile"),
    re_path("^account/password/?$", profile(post="password"), name="profile-password"),
    re_path("^account/export/?$", profile(get="export"), name="profile-export"),
    re_path("^account/address/?$", profile(post="address"), name="profile-address"),
    re_path("", no_such_address),
]
