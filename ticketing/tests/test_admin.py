import io
import itertools
import re
from datetime import timedelta
from pathlib import Path

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.apps import apps
from django.contrib import admin
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import capfirst
from django_q.models import Failure, OrmQ, Schedule, Success

from allocation.actions import issue_ticket, offer_transfer, scan
from allocation.models import Ticket as EventTicket
from allocation.tests.factories import EventFactory, HoldFactory, PurchaseFactory, TicketOptionFactory, bought_ticket
from booking.actions import create_resource, make_feed
from booking.models import Booking, Tally
from booking.tests.factories import NOON, BookingFactory, ServiceFactory, past
from support.actions import (
    add_canned_reply,
    close_ticket,
    create_level,
    keep_view,
    look_at_ticket,
    rate_ticket,
    reject_ticket,
)
from support.models import Agent, AgentTally, Department, DurationTally, Milestone, Priority, SearchEntry, ServiceLevel
from support.models import Tally as DeskTally
from support.models import Ticket as Question
from support.tests.factories import A_FILE, ReplyFactory, TicketFactory, online_agent
from ticketing.actions import add_closure, add_special_opening, create_calendar, create_webhook, issue_token
from ticketing.models import (
    Activity,
    Allowance,
    ApiToken,
    Delivery,
    EmailLink,
    Heartbeat,
    IdempotencyKey,
    Mail,
    Opening,
    Session,
    Site,
    State,
    User,
    Verdict,
    Waiter,
    Webhook,
)
from ticketing.subjects import Subject
from ticketing.tasks import enqueue
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes
from ticketing.toolkit.admin import SiteModelAdmin, pill

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client):
    client.force_login(UserFactory(role="supervisor"))
    return client


@pytest.fixture
def owner(client):
    client.force_login(UserFactory(role="supervisor", is_superuser=True))
    return client


def list_of(model):
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def make(number):
    """One more row of every table, each about other rows than the one before."""
    user = UserFactory()
    make_ours(number, user)
    make_hours(number)
    make_of_apps(number, user)
    make_of_packages(number)


def make_ours(number, user):
    issue_token(user, name=f"program {number}", by=None)
    later = timezone.now() + timedelta(days=1)
    link = EmailLink.objects.create(purpose="reset", email=user.email, user=user, expires_at=later)
    Mail.objects.create(to=user.email, template="reset", link=link)
    create_webhook(url=f"https://{number}.example/", by=None)
    named = {"session_key": f"key{number}", "public_id": user.pk, "session_data": ""}
    Session.objects.create(**named, account=user, device="Firefox", created_at=later, expire_date=later)
    IdempotencyKey.objects.create(caller="", route="r", key=str(number), fingerprint="f", made=user.pk)
    Heartbeat.objects.beat(f"process {number}")
    Allowance.objects.create(key=str(number), spent_until=later)
    Verdict.objects.note(f"Z{number}", at=later, damaged=[str(number)] * (number % 2))
    enqueue("ticketing.tasks.beat")


def make_hours(number):
    day = NOON.date() + timedelta(days=number)
    calendar = create_calendar(slug=f"calendar-{number}", name=f"Calendar {number}", by=None)
    Opening.objects.create(calendar=calendar, weekday=0, opens=540, closes=1020)
    add_closure(calendar, first_day=day, by=None)
    add_special_opening(calendar, day=day, opens=540, closes=600, by=None)
    Waiter.objects.create(kind="booking.slot", stock=calendar.pk, quantity=1, least=1, email=f"{number}@b.example")


LEVELS = list(itertools.product(["", *Department], [Priority.MEDIUM, Priority.LOW, Priority.HIGH]))  # there are no more


def make_of_apps(number, user):
    person = online_agent(capacity=1)
    add_canned_reply(title=f"Answer {number}", message="x", by=None)
    keep_view(name=f"View {number}", query="late=on", is_shared=True, by=UserFactory(role="supervisor"))
    ReplyFactory(ticket__by=user, files=[A_FILE])
    if number < len(LEVELS):
        department, priority = LEVELS[number]
        create_level(department=department, priority=priority, resolution=60, by=None)
    Question.objects.filter(user=user).update(status="in_progress", agent=person)
    look_at_ticket(Question.objects.filter(user=user).get(), by=person.user)
    booking = BookingFactory(service=ServiceFactory(), starts_at=NOON + timedelta(hours=number), by=user)
    rate_ticket(close_ticket(TicketFactory(by=user), by=None), verdict="good", by=user)
    TicketFactory(by=user, about=[Subject("booking.booking", booking.pk)])
    make_feed(resource=create_resource(name=f"Room {number}", by=None), by=None)
    Tally.objects.count_cancelled(booking)
    PurchaseFactory(option=TicketOptionFactory(event=EventFactory()), buyer=user.pk, by=user)
    offer_transfer(EventTicket.objects.get(holder=user), by=user)
    HoldFactory(option=TicketOptionFactory(), buyer=user.pk)
    asked = {"department": "sales", "priority": "low"}
    Milestone.objects.create(ticket=Question.objects.first(), what="asked", at=NOON, asked_at=NOON, **asked)
    hour = {"department": "sales", "hour": number % 24}
    DeskTally.objects.create(zone="UTC", day=NOON.date() + timedelta(days=number), priority="low", **hour)
    DurationTally.objects.create(starts=NOON.date(), is_month=False, what="handed", bin=number, **hour)
    AgentTally.objects.create(day=NOON.date(), agent=person, department="sales")
    scan(str(issue_ticket(by=None).pk), gate="North", nonce=user.pk, by=UserFactory(role="gate"))


def make_of_packages(number):
    seen = {"username": str(number), "ip_address": "127.0.0.1", "user_agent": "x", "http_accept": "x", "path_info": "/"}
    AccessAttempt.objects.create(**seen, failures_since_start=1, get_data="", post_data="")
    AccessFailureLog.objects.create(**seen, locked_out=True)
    AccessLog.objects.create(**seen)
    done = {"func": "a.b", "started": timezone.now(), "stopped": timezone.now(), "args": (), "kwargs": {}}
    Success.objects.create(id=f"good {number}", name=str(number), success=True, **done)
    Failure.objects.create(id=f"bad {number}", name=str(number), success=False, result="1", **done)
    Schedule.objects.create(func="a.b", name=str(number), schedule_type="D", task=f"good {number}")


TABLES = list(admin.site._registry)


def test_each_list_and_search_costs_the_same_for_one_row_and_for_twenty(owner):
    def cost(model, query):
        with CaptureQueriesContext(connection) as queries:
            page = owner.get(list_of(model) + query)
        assert page.status_code == 200, model
        return len(queries), page.context["cl"].result_count

    def costs(query=""):
        return {model: cost(model, query) for model in TABLES}

    make(0)
    costs()
    for_one = costs()
    for number in range(1, 20):
        make(number)
    for_twenty, for_a_search = costs(), costs("?q=a")
    for model in TABLES:
        (one, few), (twenty, many) = for_one[model], for_twenty[model]
        assert twenty == one <= 10, model
        assert many >= few + 19 or model in (Site, ServiceLevel), model  # of which there are one, and twelve
        assert for_a_search[model][0] <= 14, model


@pytest.mark.parametrize("model", [Activity, ApiToken, IdempotencyKey, Heartbeat, OrmQ, Schedule])
def test_what_only_verbs_write_is_read_only_even_for_the_owner(owner, model):
    call_command("sync_schedules", stdout=io.StringIO())
    make(0)
    path = list_of(model)
    row = model.objects.first()
    with nothing_changes():
        assert owner.get(f"{path}{row.pk}/change/").status_code == 200
        assert owner.post(f"{path}{row.pk}/change/", {"name": "x"}).status_code == 403
        assert owner.post(f"{path}{row.pk}/delete/", {"post": "yes"}).status_code == 403
        assert owner.get(f"{path}add/").status_code == 403


def test_no_secret_is_shown(owner):
    user = UserFactory()
    bearer(user)
    token = ApiToken.objects.get()
    page = owner.get(f"/admin/ticketing/apitoken/{token.pk}/change/").content.decode()
    assert token.digest not in page


def test_a_token_is_revoked_by_its_verb(owner):
    headers = bearer(user := UserFactory())
    token = ApiToken.objects.get(user=user)
    data = {"action": "revoke_token", "_selected_action": [str(token.pk)]}
    assert b"1 done" in owner.post("/admin/ticketing/apitoken/", data, follow=True).content
    assert owner.get("/tickets", headers=headers).status_code == 401


def test_accounts_and_roles_are_the_superusers(boss):
    user = UserFactory()
    path = f"/admin/ticketing/user/{user.pk}/change/"
    with nothing_changes():
        assert boss.post(path, {"role": "supervisor"}).status_code == 403
    assert boss.get("/admin/ticketing/user/").status_code == 200


def test_the_owner_changes_a_role(owner):
    user = UserFactory()
    path = f"/admin/ticketing/user/{user.pk}/change/"
    form = {"username": user.username, "role": "agent", "is_active": "on", "email": user.email}
    assert owner.post(path, form).status_code == 302
    assert User.objects.get(pk=user.pk).role == "agent"


def test_every_model_of_the_site_stands_in_the_admin():
    for app in ("ticketing", "support", "booking", "allocation"):
        models = apps.get_app_config(app).get_models()
        # What has no key of one column Django's administration cannot show; it stands on the pages of others.
        keyed = {model for model in models if len(model._meta.pk_fields) == 1}
        # Nor does it show the words of the search beside those whose words they are.
        assert keyed <= {*admin.site._registry, SearchEntry}


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model._meta.label)
def test_a_page_to_add_opens_where_one_may_add_and_an_impossible_id_is_not_found(owner, model):
    path = list_of(model)
    assert owner.get(f"{path}add/").status_code in (200, 403)
    assert owner.get(f"{path}%00/change/").status_code in (302, 404)


def test_the_admin_says_that_it_is_the_demo(owner, client):
    assert b"This is a demo" in owner.get("/admin/").content
    client.logout()
    assert b"This is a demo" in client.get("/admin/login/").content


@pytest.mark.django_db
def test_what_has_no_trail_says_so_and_the_site_has_one_way_to_a_new_password(client):
    client.force_login(UserFactory(role="supervisor", is_superuser=True))
    Heartbeat.objects.beat("cluster")
    assert client.get("/admin/ticketing/heartbeat/cluster/history/").status_code == 200
    assert client.get("/admin/password_change/")["Location"] == "/account/profile/"


@pytest.mark.django_db
def test_nobody_deletes_a_lock_or_makes_a_group_without_a_trace(client):
    client.force_login(UserFactory(role="supervisor", is_superuser=True))
    assert client.get("/admin/axes/accessattempt/").status_code == 200
    assert "delete_selected" not in client.get("/admin/axes/accessattempt/").content.decode()
    assert client.get("/admin/auth/group/add/").status_code == 404


# Lists: what they may be asked, and how far they look


GUESSES = [
    ("ticketing/user/", "password__startswith=a"),
    ("ticketing/apitoken/", "digest__startswith=a"),
    ("ticketing/apitoken/", "user__password__startswith=a"),
    ("ticketing/session/", "session_key__startswith=a"),
    ("ticketing/idempotencykey/", "key__startswith=a"),
    ("ticketing/webhook/", "secret_version__gte=1"),
    ("booking/booking/", "manage_digest__startswith=a"),
    ("booking/booking/", "slot__service__name__regex=a"),
]


def test_what_a_list_does_not_show_cannot_be_guessed_bit_by_bit_by_its_address(owner):
    make(0)
    answers = {(path, guess): owner.get(f"/admin/{path}?{guess}").status_code for path, guess in GUESSES}
    assert answers == dict.fromkeys(GUESSES, 400)


def filters_of(browser, model):
    """What each choice beside a list adds to its address."""
    cl = browser.get(list_of(model)).context["cl"]
    return [choice["query_string"] for spec in cl.filter_specs for choice in spec.choices(cl)]


def test_every_filter_leads_to_a_list(owner):
    make(0)  # once for all: it takes longer than to look at a list
    offered = [list_of(model) + query for model in TABLES for query in filters_of(owner, model)]
    assert [address for address in offered if owner.get(address).status_code != 200] == []
    assert len(offered) > 3 * len(TABLES)


def test_ids_and_names_are_found_in_all_rows_and_words_among_those_that_come_first(owner, monkeypatch):
    monkeypatch.setattr(SiteModelAdmin, "reach", 2)
    person = UserFactory(username="ada")
    first, *_ = [TicketFactory(subject=f"Lost ticket {number}", by=person) for number in range(3)]

    def found(typed):
        return set(owner.get("/admin/support/ticket/", {"q": typed}).context["cl"].queryset)

    assert len(found("lost")) == 2
    assert first not in found("lost")
    assert found(first.code.lower()) == found(str(first.pk)) == {first}
    assert len(found("ada")) == len(found("ADA@example.org")) == 3
    assert found("x\0") == set(Question.objects.all())  # which no text is; Django says so
    assert "10,000 newest" in owner.get("/admin/support/ticket/").content.decode()


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model._meta.label)
def test_no_list_reads_its_whole_table_for_a_filter_or_a_count_that_nobody_asked_for(model):
    shown = admin.site._registry[model]
    assert isinstance(shown, SiteModelAdmin)
    assert shown.date_hierarchy is None
    assert not shown.show_full_result_count
    assert shown.list_per_page <= 50
    assert (shown.raw_id_fields, shown.autocomplete_fields) == ((), ())  # scripts that the policy of the pages stops


# States: a colour and always a word, the same on the pages


def state_of(browser, row):
    """The pills of a row in its list, as (tone, word)."""
    page = browser.get(list_of(type(row))).content.decode()
    [line] = [line for line in page.split("<tr>") if f"/{row.pk}/change/" in line]
    return re.findall(r'<span class="pill (\w*)">([^<]+)</span>', line)


def test_a_question_shows_its_status_and_priority(owner):
    asked = {priority: TicketFactory(priority=priority) for priority in ("low", "medium", "high")}
    reject_ticket(asked["low"], reason="Spam", by=None)
    assert state_of(owner, asked["low"]) == [("bad", "Rejected"), ("", "Low")]
    assert state_of(owner, asked["medium"]) == [("warn", "Waiting"), ("calm", "Medium")]
    assert state_of(owner, asked["high"])[1] == ("bad", "High")
    Question.objects.filter(pk=asked["high"].pk).update(status="in_progress", agent=online_agent())
    assert state_of(owner, asked["high"])[0] == ("calm", "In progress")
    Question.objects.filter(pk=asked["high"].pk).update(status="completed", closed_at=Now())
    assert state_of(owner, asked["high"])[0] == ("good", "Completed")


def test_an_agent_is_there_until_the_lease_lapses(owner):
    agent = online_agent()
    assert state_of(owner, agent) == [("good", "Online")]
    Agent.objects.update(online_until=Now() - timedelta(seconds=1))
    assert state_of(owner, agent) == [("", "Offline")]


def test_a_booking_comes_up_is_over_and_expires(owner):
    rows = BookingFactory(), past(timedelta(hours=1)), past(timedelta(hours=9))
    assert [state_of(owner, row) for row in rows] == [[("good", "Booked")], [("", "Over")], [("warn", "Expired")]]


def test_an_option_shows_what_is_left(owner):
    rows = [TicketOptionFactory(allocation=allocation) for allocation in (100, 6, 2)]
    PurchaseFactory(option=rows[1], quantity=1)
    PurchaseFactory(option=rows[2], quantity=2)
    states = [("good", "Available: 100"), ("warn", "Few left: 5"), ("bad", "Sold out")]
    assert [state_of(owner, row) for row in rows] == [[state] for state in states]


def test_an_event_ticket_is_valid_used_or_not_valid(owner):
    rows = [bought_ticket() for _ in range(3)]
    EventTicket.objects.filter(pk=rows[1].pk).update(admitted_at=Now())
    EventTicket.objects.filter(pk=rows[2].pk).update(admitted_at=Now(), valid=False)
    states = [("good", "Valid"), ("calm", "Used"), ("bad", "Not valid")]
    assert [state_of(owner, row) for row in rows] == [[state] for state in states]


def test_an_account_shows_what_it_may_do_and_whether_it_can(owner):
    roles = {"customer": "", "agent": "calm", "gate": "calm", "supervisor": "warn"}
    for role, tone in roles.items():
        assert state_of(owner, UserFactory(role=role)) == [(tone, role.capitalize()), ("good", "Active")]
    gone = UserFactory(role="supervisor", is_superuser=True, is_active=False)
    assert state_of(owner, gone) == [("warn", "Superuser"), ("bad", "Deactivated")]


def test_a_token_is_live_expired_or_revoked_by_the_clock_of_the_database(owner):
    for _ in range(3):
        issue_token(UserFactory(), name="x", by=None)
    live, expired, revoked = ApiToken.objects.order_by("created_at")
    ApiToken.objects.filter(pk=expired.pk).update(expires_at=Now())
    ApiToken.objects.filter(pk=revoked.pk).update(expires_at=Now(), revoked_at=Now())
    states = [("good", "Live"), ("warn", "Expired"), ("bad", "Revoked")]
    assert [state_of(owner, row) for row in (live, expired, revoked)] == [[state] for state in states]


def test_a_link_is_open_used_or_expired(owner):
    ends = [{"expires_at": timezone.now() + timedelta(hours=1)}] * 2 + [{"expires_at": timezone.now()}]
    rows = [EmailLink.objects.create(purpose="sign_up", email="a@b.example", **end) for end in ends]
    EmailLink.objects.filter(pk=rows[1].pk).update(used_at=Now())
    states = [("calm", "Open"), ("good", "Used"), ("warn", "Expired")]
    assert [state_of(owner, row) for row in rows] == [[state] for state in states]


def test_what_leaves_the_site_waits_is_sent_or_given_up(owner):
    webhook, _secret = create_webhook(url="https://a.example/", by=None)
    Activity.objects.record("site.resend", by=None)
    mail = Mail.objects.create(to="a@b.example", template="reset")
    for row in (mail, Delivery.objects.get(webhook=webhook, activity=Activity.objects.last())):
        told = [({}, ("calm", "Waiting")), ({"attempts": 1}, ("warn", "Waiting"))]
        told += [({"sent_at": Now()}, ("good", "Sent")), ({"sent_at": None, "dead_at": Now()}, ("bad", "Given up"))]
        for change, state in told:
            type(row).objects.filter(pk=row.pk).update(**change or {"attempts": 0})
            assert state_of(owner, row) == [state]
    assert state_of(owner, webhook) == [("good", "Active")]
    Webhook.objects.update(is_active=False)
    assert state_of(owner, webhook) == [("", "Switched off")]


@pytest.mark.parametrize(
    ("part", "name", "state", "row"),
    [
        ("support/_status", "ticket", "state", lambda: TicketFactory()),
        ("support/_priority", "ticket", "urgency", lambda: TicketFactory(priority="high")),
        ("booking/_state", "booking", "state", lambda: Booking.objects.with_state().get(pk=BookingFactory().pk)),
        ("allocation/_state", "ticket", "state", lambda: bought_ticket()),
    ],
)
def test_the_pages_show_the_same_tone_and_word_as_the_admin(part, name, state, row):
    found = row()
    tone, word = getattr(found, state)
    assert render_to_string(f"{part}.html", {name: found}).strip() == pill(State(tone, word))


# The frame, in the colours of the site


PAGES = [
    "/admin/",
    "/admin/support/",
    "/admin/support/ticket/",
    "/admin/support/agent/add/",
    "/admin/ticketing/user/",
]


def pages_of(owner):
    """One page of each kind, by its address."""
    ticket = f"/admin/support/ticket/{TicketFactory().pk}/"
    pages = {address: owner.get(address) for address in (*PAGES, f"{ticket}change/", f"{ticket}history/")}
    pages["/admin/login/"] = Client().get("/admin/login/")
    assert {page.status_code for page in pages.values()} == {200}
    return {address: page.content.decode() for address, page in pages.items()}


def test_the_admin_has_our_colours_after_its_own_and_no_switch_for_them(owner):
    for address, page in pages_of(owner).items():
        sheets = re.findall(r'<link rel="stylesheet" href="/static/([^"]+)"', page)
        assert sheets[:2] == ["admin/css/base.css", "css/tokens.css"], address
        assert sheets[-2:] == ["css/shared.css", "css/admin.css"], address
        assert not re.search(r"theme\.js|theme-toggle|dark_mode", page), address


def test_the_admin_brings_no_styles_or_scripts_that_the_policy_of_the_pages_refuses(owner):
    for address, page in pages_of(owner).items():
        assert not re.search(r"<style|\sstyle=|<script(?![^>]*src)|\son[a-z]+=", page), address


def test_the_admin_brings_no_scripts_that_its_pages_do_not_use(owner):
    for address, page in pages_of(owner).items():
        assert not re.search(r"jquery|xregexp|urlify|prepopulate|select2", page), address


def test_its_style_sheets_decide_no_colour():
    for name in ("admin", "shared"):
        rules = (Path(__file__).resolve().parents[2] / "static" / "css" / f"{name}.css").read_text()
        assert not re.search(r"#[0-9a-f]{3,8}\b(?!-)[^{]*[;}]|rgb|hsl", rules.replace("#add", ""))


def test_every_page_leads_to_the_front_page_to_the_panel_and_out(owner):
    for address, page in pages_of(owner).items():
        assert 'class="brand" href="/admin/"' in page, address
        if "login" not in address:
            assert '<a href="/">Go to the panel</a>' in page, address
            assert 'action="/account/log-out/"' in page, address
            assert "Ada Person" in page, address


def test_the_log_in_names_itself_and_leads_back_to_the_panel(client):
    page = client.get("/admin/login/").content.decode()
    assert "<h1>Log in</h1>" in page
    assert '<a href="/">Go to the panel</a>' in page


# Words


def is_translated(word):
    return not word or isinstance(word, Promise)


def test_every_word_of_a_table_can_be_translated():
    for app in ("ticketing", "support", "booking", "allocation"):
        assert is_translated(apps.get_app_config(app).verbose_name)
        for model in apps.get_app_config(app).get_models():
            assert is_translated(model._meta.verbose_name), model
            assert is_translated(model._meta.verbose_name_plural), model
            for field in model._meta.concrete_fields:
                if not field.auto_created:
                    assert is_translated(field.verbose_name), field
                    assert is_translated(field.help_text), field


@pytest.mark.parametrize("app", ["axes", "django_q"])
def test_packages_are_called_by_what_they_hold(owner, app):
    name = apps.get_app_config(app).verbose_name
    assert isinstance(name, Promise)
    assert capfirst(str(name)) in owner.get("/admin/").content.decode()


OURS = [model for model in TABLES if model._meta.app_label not in ("axes", "django_q")]


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_every_column_and_verb_of_ours_has_a_name_that_can_be_translated(model):
    shown = admin.site._registry[model]
    fields = {field.name for field in model._meta.get_fields()}
    for column in {*shown.list_display, *shown.readonly_fields} - fields:
        told = column if callable(column) else getattr(shown, column)
        assert isinstance(told.short_description, Promise), column
    for verb in shown.actions or ():
        told = getattr(shown, verb) if isinstance(verb, str) else verb
        assert isinstance(told.short_description, Promise), verb


def test_every_page_of_the_admin_names_the_zone_of_its_times(client, settings):
    settings.TIME_ZONE = "America/New_York"
    client.force_login(UserFactory(role="supervisor"))
    for path in ("/admin/", "/admin/booking/booking/", "/admin/support/ticket/"):
        assert "America/New York" in client.get(path).content.decode(), path
