import json
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet, URLField
from django.db.models.functions import Lower, Now
from django.forms import (
    CheckboxInput,
    CheckboxSelectMultiple,
    ChoiceField,
    IntegerField,
    ModelForm,
    MultipleChoiceField,
)
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_q.admin import FailAdmin, QueueAdmin, ScheduleAdmin, TaskAdmin
from django_q.models import Failure, OrmQ, Schedule, Success

from support.models import Department
from ticketing import hours_admin, waiting_admin  # noqa: F401 - they register their tables
from ticketing.actions import (
    ROLES,
    change_webhook,
    create_webhook,
    deactivate,
    end_session,
    invite,
    reactivate,
    remove_webhook,
    resend,
    revoke_token,
    rotate_webhook_secret,
    set_role,
    withdraw_invitation,
)
from ticketing.models import (
    Activity,
    Allowance,
    ApiToken,
    Delivery,
    EmailLink,
    Heartbeat,
    IdempotencyKey,
    Mail,
    Session,
    Site,
    User,
    Verdict,
    Webhook,
)
from ticketing.models.accounts import role_word
from ticketing.rights import RIGHTS, SYSTEM, Role, role_of
from ticketing.toolkit.admin import ReadOnlyAdmin, SiteModelAdmin, StateFilter, each, people, pills
from ticketing.toolkit.contracts import parse_uuid

STATE = pills("state", _("state"))
ROLE_CHOICES = [(role, role_word(role)) for role in ROLES]


def with_expired(rows: QuerySet) -> QuerySet:
    """Each with `expired`, by the database's clock."""
    return rows.annotate(expired=Q(expires_at__isnull=False, expires_at__lte=Now()))


class RoleForm(ModelForm):
    """The one thing that is changed of an account here: what it may do."""

    role = ChoiceField(label=_("Role"), choices=ROLE_CHOICES)

    class Meta:
        model = User
        fields = ["role"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["role"] = role_of(self.instance)

    def _post_clean(self) -> None:
        """Leave the row to the verb: `superuser` is no word that the column knows."""


@admin.action(description=_("Export or anonymise the personal data of the selected account"))
def show_personal_data(modeladmin: admin.ModelAdmin, request: HttpRequest, accounts: QuerySet) -> HttpResponse | None:
    """The page of the one person, which says what is ahead and asks once more."""
    if len(accounts) == 1:
        return redirect("account:person", accounts[0].pk)
    modeladmin.message_user(request, _("Select one account, and no more."), messages.WARNING)
    return None


show_personal_data.operation = "account.anonymise"  # type: ignore[attr-defined]


@admin.register(User)
class AccountAdmin(SiteModelAdmin):
    sees = "account.list"
    operation = "account.manage"
    form = RoleForm
    list_display = [
        "username",
        "called_by",
        pills("rank", _("role")),
        STATE,
        "email",
        "last_login",
        "date_joined",
    ]
    list_display_links = ["username", "called_by"]
    list_filter = ["role", "is_active", "is_superuser", "is_demo"]
    search_fields = ["username", "first_name", "last_name", "email"]
    search_help_text = _("A username or an e-mail address. Parts of them and of names are looked for, too.")
    sortable_by = ["username"]
    reach = 1_000_000  # those who are looked for come first in no order; so many are read in about a second
    ordering = ["username"]
    readonly_fields = [
        STATE,
        "first_name",
        "last_name",
        "email",
        "email_confirmed_at",
        "language",
        "is_demo",
        "last_login",
        "date_joined",
        "anonymised_at",
    ]
    fieldsets = [
        (None, {"fields": ["role", STATE, "is_demo"]}),
        (_("Person"), {"fields": ["first_name", "last_name", "email", "email_confirmed_at", "language"]}),
        (_("Dates"), {"fields": ["last_login", "date_joined", "anonymised_at"]}),
    ]
    actions = [
        show_personal_data,
        each(deactivate, _("Deactivate the selected accounts"), "account.manage"),
        each(reactivate, _("Reactivate the selected accounts"), "account.manage"),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: people open their accounts themselves, by a link that was mailed to them."""
        return False

    @admin.display(description=_("name"))
    def called_by(self, user: User) -> str | None:
        """What the person is called, where it is known."""
        return user.get_full_name() or None

    def called(self, rows: QuerySet, term: str) -> QuerySet:
        """By id, username or address."""
        account = User.objects.named(term)
        return rows.filter(pk=account.pk) if account else super().called(rows, term)

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        """By the verb, whose refusals the middleware shows."""
        set_role(obj, role=form.cleaned_data["role"], by=request.user)


class LiveFilter(StateFilter):
    states = {"live": _("Live")}


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    sees = "account.revoke_token"
    list_display = ["name", people("user", _("account")), STATE, "last_used_at", "expires_at", "created_at"]
    list_filter = [LiveFilter, "created_at", "expires_at", "revoked_at"]
    search_fields = ["name"]
    search_help_text = _("The username or e-mail address of an account, or words of a name.")
    list_select_related = ["user"]
    ordering = ["-created_at", "id"]
    readonly_fields = [STATE]
    fields = ["name", "user", STATE, "created_at", "last_used_at", "expires_at", "revoked_at"]
    actions = [each(revoke_token, _("Revoke the selected tokens"), "account.revoke_token")]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With what their state is told by."""
        return with_expired(super().get_queryset(request))

    def called(self, rows: QuerySet, term: str) -> QuerySet:
        """By id, or by account."""
        account = User.objects.named(term)
        return rows.filter(user=account) if account else super().called(rows, term)


class AreaFilter(admin.SimpleListFilter):
    """Lines about one part of the site. The words are fixed: to ask the trail for its own would read all of it."""

    title = _("part of the site")
    parameter_name = "area"
    words = {
        "account": _("Accounts"),
        "allocation": _("Allocation"),
        "booking": _("Booking"),
        "hours": _("Business hours"),
        "site": _("Site"),
        "support": _("Support"),
        "waiting": _("Waiting lists"),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """What operations begin with."""
        areas = sorted({operation.partition(".")[0] for operation in RIGHTS})
        return [(area, self.words.get(area, area)) for area in areas]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Those of the chosen part."""
        return queryset.filter(operation__startswith=f"{self.value()}.") if self.value() else queryset


class RoleFilter(admin.SimpleListFilter):
    """Lines that somebody of one role wrote."""

    title = _("role")
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The columns of the table of rights, and the site itself."""
        return [(role, role_word(role)) for role in (*Role, SYSTEM)]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Those of the chosen role."""
        return queryset.filter(role=self.value()) if self.value() else queryset


@admin.register(Activity)
class ActivityAdmin(ReadOnlyAdmin):
    sees = "site.trail"
    list_display = ["at", "operation", people("actor", _("actor")), "rank", "thing"]
    list_filter = [AreaFilter, RoleFilter, "at"]
    search_fields = ["actor__username", "operation"]
    search_help_text = _(
        "The id of an object. Operations and usernames are looked for in the 10,000 newest lines of the trail."
    )
    list_select_related = ["actor"]
    sortable_by = ()
    ordering = ["-id"]
    fields = ["at", "operation", "actor", "rank", "thing", "details"]

    @admin.display(description=_("role"))
    def rank(self, line: Activity) -> str | Promise:
        """As what it was done."""
        return line.role_word

    @admin.display(description=_("object"))
    def thing(self, line: Activity) -> str | None:
        """What it was done to, and the way there."""
        model = next((model for model in self.admin_site._registry if model._meta.label_lower == line.kind), None)
        if model is None or line.object_id is None:
            return None
        page = reverse(f"admin:{line.kind.replace('.', '_')}_change", args=[line.object_id])
        short = str(line.object_id)[:8]
        return format_html('<a href="{}">{} <code>{}</code></a>', page, model._meta.verbose_name, short)

    def called(self, rows: QuerySet, term: str) -> QuerySet:
        """By object."""
        about = parse_uuid(term)
        return rows.filter(object_id=about) if about else rows.none()


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    list_display = ["route", "status", "caller", "made", "created_at"]
    list_filter = ["created_at"]
    search_fields = ["caller", "made__exact", "route"]
    search_help_text = _("Routes and ids are looked for in the 10,000 newest keys.")
    exclude = ["key"]
    sortable_by = ["created_at"]
    ordering = ["-created_at"]


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ["name", "at"]
    list_filter = ["at"]
    search_fields = ["name"]
    ordering = ["name"]


@admin.register(Verdict)
class VerdictAdmin(ReadOnlyAdmin):
    list_display = ["promise", STATE, "at"]
    list_filter = ["at"]
    search_fields = ["promise", "damaged"]
    ordering = ["promise"]
    readonly_fields = [STATE]
    fields = ["promise", STATE, "at", "damaged"]


class InvitationForm(ModelForm):
    """Whom to invite, and as what."""

    role = ChoiceField(label=_("Role"), choices=ROLE_CHOICES)
    departments = MultipleChoiceField(
        label=_("Departments"),
        choices=Department,
        required=False,
        widget=CheckboxSelectMultiple,
        help_text=_("Of an agent. None means all."),
    )
    capacity = IntegerField(
        label=_("Capacity"), min_value=0, required=False, help_text=_("How many tickets an agent has in work at once.")
    )

    class Meta:
        model = EmailLink
        fields = ["email"]

    def _post_clean(self) -> None:
        """Leave the row to the verb."""


class OpenFilter(StateFilter):
    states = {"live": _("Open")}


@admin.register(EmailLink)
class EmailLinkAdmin(SiteModelAdmin):
    sees = "account.manage"
    operation = "account.manage"
    list_display = ["email", "purpose", STATE, people("user", _("account")), "created_at", "expires_at", "used_at"]
    list_filter = [OpenFilter, "purpose", "created_at", "used_at"]
    search_fields = ["email", "user__username"]
    search_help_text = _("An e-mail address, or parts of one or of a username.")
    list_select_related = ["user"]
    ordering = ["-created_at"]
    actions = [each(withdraw_invitation, _("Withdraw the selected invitations"), "account.manage")]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With what their state is told by."""
        return with_expired(super().get_queryset(request))

    def called(self, rows: QuerySet, term: str) -> QuerySet:
        """By id, or by address."""
        to_address = rows.alias(address=Lower("email")).filter(address=term.lower())
        return to_address if "@" in term else super().called(rows, term)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """To add a link is to invite somebody."""
        return super().get_form(request, obj, change, **kwargs) if change else InvitationForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What an invitation says, or what a link is."""
        if obj is None:
            return ["email", "role", "departments", "capacity"]
        return ["email", "purpose", "user", "terms", "created_at", "expires_at", "used_at"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: it is in somebody's mailbox."""
        return False

    def save_model(self, request: HttpRequest, obj: EmailLink, form: ModelForm, change: bool) -> None:
        """By the verb, whose refusals the middleware shows."""
        obj.pk = invite(**form.cleaned_data, by=request.user).pk
        obj.refresh_from_db()


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    sees = "account.manage"
    list_display = [people("account", _("account")), "device", "created_at", "expire_date", "public_id"]
    list_filter = ["created_at"]
    search_fields = ["account__username", "device"]
    search_help_text = _("The username or e-mail address of an account, or words of a browser.")
    list_select_related = ["account"]
    ordering = ["-created_at"]
    fields = ["public_id", "account", "device", "created_at", "expire_date"]
    list_display_links = None  # they would carry the session's key, which is as good as the password
    actions = [each(end_session, _("Log the selected browsers out"), "account.manage")]

    def called(self, rows: QuerySet, term: str) -> QuerySet:
        """By account."""
        account = User.objects.named(term)
        return rows.filter(account=account) if account else rows.none()

    def get_queryset(self, request: HttpRequest) -> Any:
        """Those in which somebody is logged in."""
        return Session.objects.visible_to(request.user, "account.admin")

    @admin.display(description="")
    def action_checkbox(self, obj: Session) -> SafeString:
        """A check box that carries the public id and not the key."""
        label = {"class": "action-select", "aria-label": _("Select this browser: %s") % obj}
        return CheckboxInput(label, lambda value: False).render(ACTION_CHECKBOX_NAME, str(obj.public_id))

    def response_action(self, request: HttpRequest, queryset: QuerySet[Session], *args: Any, **kwargs: Any) -> Any:
        """Django looks the selected rows up by key."""
        chosen = [parsed for text in request.POST.getlist(ACTION_CHECKBOX_NAME) if (parsed := parse_uuid(text))]
        sent: Any = request.POST.copy()
        sent.setlist(ACTION_CHECKBOX_NAME, queryset.filter(public_id__in=chosen).values_list("pk", flat=True))
        request.POST = sent
        return super().response_action(request, queryset, *args, **kwargs)


class OutgoingFilter(StateFilter):
    states = {"unsent": _("Waiting"), "sent": _("Sent"), "dead": _("Given up")}


SENDING = ["created_at", "attempts", "next_at", "sent_at", "dead_at", "last_error"]


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    sees = "site.outbox"
    list_display = ["to", "template", STATE, "attempts", "created_at", "sent_at", "last_error"]
    list_filter = [OutgoingFilter, "created_at", "sent_at"]
    search_fields = ["to", "template"]
    search_help_text = _("Addresses and templates are looked for in the 10,000 newest mails.")
    sortable_by = ()
    ordering = ["-id"]
    readonly_fields = [STATE]
    fields = ["to", "template", "language", "link", "told", STATE, *SENDING]
    actions = [each(resend, _("Send again what was given up"), "site.outbox")]

    @admin.display(description=_("context"))
    def told(self, mail: Mail) -> SafeString:
        """What the template was given, as programs write it."""
        return format_html("<code>{}</code>", json.dumps(mail.context, ensure_ascii=False))


@admin.register(Webhook)
class WebhookAdmin(SiteModelAdmin):
    sees = "site.webhooks"
    operation = "site.webhooks"
    list_display = ["url", "description", STATE, "hears", "created_at"]
    list_filter = ["is_active", "created_at"]
    search_fields = ["url", "description"]
    ordering = ["-created_at"]
    fields = ["url", "description", "operations", "is_active"]
    formfield_overrides = {URLField: {"assume_scheme": "https"}}
    actions = ["make_new_secrets", each(remove_webhook, _("Remove the selected webhooks"), "site.webhooks")]

    def save_model(self, request: HttpRequest, obj: Webhook, form: ModelForm, change: bool) -> None:
        """By the verbs, whose refusals the middleware shows."""
        if change:
            change_webhook(obj, **form.cleaned_data, by=request.user)
        else:
            webhook, secret = create_webhook(**form.cleaned_data, by=request.user)
            obj.pk = webhook.pk
            self.show_once(request, webhook, secret)

    @admin.display(description=_("operations"))
    def hears(self, webhook: Webhook) -> Any:
        """What it is told of."""
        return webhook.operations or _("all")

    @admin.action(description=_("Make new secrets for the selected webhooks"))
    def make_new_secrets(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        """Shown once, so they are no use to a script."""
        for webhook in queryset:
            self.show_once(request, webhook, rotate_webhook_secret(webhook, by=request.user))

    make_new_secrets.operation = "site.webhooks"  # type: ignore[attr-defined]

    def show_once(self, request: HttpRequest, webhook: Webhook, secret: str) -> None:
        """The secret, which no table holds and no page shows again."""
        text = _("The secret of %(webhook)s is %(secret)s. Copy it now: it is shown this once.")
        self.message_user(request, text % {"webhook": webhook, "secret": secret}, messages.WARNING)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    sees = "site.outbox"
    list_display = ["activity", "webhook", STATE, "attempts", "created_at", "sent_at", "last_error"]
    list_filter = [OutgoingFilter, "webhook", "created_at", "sent_at"]
    search_fields = ["about__exact", "activity__operation"]
    search_help_text = _("The ids of objects and operations are looked for in the 10,000 newest deliveries.")
    list_select_related = ["activity", "webhook"]
    sortable_by = ()
    ordering = ["-id"]
    readonly_fields = [STATE]
    fields = ["activity", "webhook", "about", STATE, *SENDING]
    actions = [each(resend, _("Send again what was given up"), "site.outbox")]


@admin.register(Site)
class SiteModeAdmin(ReadOnlyAdmin):
    list_display = ["mode"]
    list_filter = ["mode"]
    search_fields = ["mode"]


@admin.register(Allowance)
class AllowanceAdmin(ReadOnlyAdmin):
    list_display = ["key", "spent_until"]
    list_filter = ["spent_until"]
    search_fields = ["key"]
    ordering = ["key"]


def _read_only(model: Any, shown_by: type[admin.ModelAdmin]) -> None:
    """Show a table of the queue as its package does, and let nobody write in it: `sync_schedules` and the code do."""
    filters = ["attempt_time"] if hasattr(model, "attempt_time") else []  # theirs read whole columns
    kept = {"actions": None, "date_hierarchy": None, "list_filter": filters}
    admin.site.unregister(model)
    admin.site.register(model, type(f"ReadOnly{shown_by.__name__}", (ReadOnlyAdmin, shown_by), kept))


# Packages that name themselves for programmers.
apps.get_app_config("axes").verbose_name = _("Failed log-ins")
apps.get_app_config("django_q").verbose_name = _("Queue of tasks")
admin.site.unregister(Group)  # roles decide, and groups nothing
for _model in (AccessAttempt, AccessFailureLog, AccessLog):
    _read_only(_model, type(admin.site._registry[_model]))
for _model, _shown_by in ((Schedule, ScheduleAdmin), (Success, TaskAdmin), (Failure, FailAdmin), (OrmQ, QueueAdmin)):
    _read_only(_model, _shown_by)
