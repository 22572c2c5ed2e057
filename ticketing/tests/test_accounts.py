import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from ticketing import actions
from ticketing.errors import Invalid, LogInFirst, NotAllowed, Refused
from ticketing.models import Activity, ApiToken, EmailLink, Mail, Session, User
from ticketing.querysets import digest
from ticketing.tests.factories import PASSWORD, UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

NOBODY = AnonymousUser()
NEW = "an entirely different password"
NAMES = {"first_name": "Ada", "last_name": "Byron"}


def signed_up(email="ada@example.org"):
    actions.sign_up(email=email, language="en", by=NOBODY)
    return EmailLink.objects.get(email=email)


def opened(link, password=PASSWORD, **changes):
    return actions.open_account(link, secret=link.secret, password=password, by=NOBODY, **{**NAMES, **changes})


def mails():
    return list(Mail.objects.order_by("id").values_list("template", "to"))


def owner(**fields):
    return UserFactory(role="supervisor", is_superuser=True, **fields)


def queries(function, *args, **kwargs):
    with CaptureQueriesContext(connection) as seen:
        function(*args, **kwargs)
    return len(seen)


# Opening an account


def test_an_account_is_opened_by_whoever_reads_the_mail_and_not_before():
    link = signed_up("Ada@Example.ORG".lower())
    assert not User.objects.exists()
    assert mails() == [("sign_up", "ada@example.org")]
    user = opened(link)
    assert (user.username, user.email, user.role, user.name) == ("ada@example.org",) * 2 + ("customer", "Ada Byron")
    assert user.email_confirmed_at is not None
    assert user.check_password(PASSWORD)
    assert not user.is_superuser


def test_the_address_is_one_in_whatever_case():
    actions.sign_up(email="  Ada@Example.ORG ", language="de", by=NOBODY)
    user = opened(EmailLink.objects.get(email="ada@example.org"))
    assert user.language == "de"
    actions.sign_up(email="ADA@example.org", language="en", by=NOBODY)
    assert mails()[-1] == ("already_registered", "ada@example.org")
    assert Mail.objects.latest("id").language == "de"


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "a b@example.org", "a\nb@example.org", "a" * 150 + "@x.org", None]
)
def test_what_is_no_address_is_refused(email):
    with nothing_changes(), pytest.raises(Invalid) as refusal:
        actions.sign_up(email=email, language="en", by=NOBODY)
    assert refusal.value.field == "email"


def test_an_address_with_an_account_is_told_so_by_mail_only_and_costs_about_the_same():
    UserFactory(email="here@example.org")
    known = queries(actions.sign_up, email="here@example.org", language="en", by=NOBODY)
    unknown = queries(actions.sign_up, email="new@example.org", language="en", by=NOBODY)
    assert abs(known - unknown) <= 1  # to take a link back is one statement more than to keep it
    assert mails() == [("already_registered", "here@example.org"), ("sign_up", "new@example.org")]
    assert not EmailLink.objects.filter(email="here@example.org").exists()


def test_a_username_that_is_this_address_counts_as_an_account_too():
    UserFactory(username="ada@example.org", email="")
    actions.sign_up(email="ada@example.org", language="en", by=NOBODY)
    assert mails() == [("already_registered", "ada@example.org")]


def test_a_link_is_used_once():
    link, other = signed_up(), signed_up("b@example.org")
    actions.sign_up(email="ada@example.org", language="en", by=NOBODY)
    unused = EmailLink.objects.exclude(pk__in=[link.pk, other.pk]).get()
    user = opened(link)
    with nothing_changes(), pytest.raises(actions.DeadLink):
        opened(link)
    change = address_link(user)
    actions.confirm_new_address(change, secret=change.secret, by=user)
    for dead in (link, unused):  # also when the address is free again
        with nothing_changes(), pytest.raises(actions.DeadLink):
            opened(dead)
    opened(other)


def test_the_other_links_to_an_address_end_with_the_first_that_is_used():
    first = signed_up()
    actions.sign_up(email="ada@example.org", language="en", by=NOBODY)
    second = EmailLink.objects.exclude(pk=first.pk).get()
    opened(second)
    with nothing_changes(), pytest.raises(actions.DeadLink):
        opened(first)


def test_a_link_ends_after_two_days_an_invitation_after_seven_by_the_databases_clock():
    link = signed_up()
    invitation = actions.invite(email="b@example.org", role="agent", by=owner())
    for one, days in ((link, 2), (invitation, 7)):
        rows = EmailLink.objects.filter(pk=one.pk)
        at = rows.values_list("expires_at", flat=True).get() - one.created_at
        assert at == timedelta(days=days)
        rows.update(expires_at=Now())
        with nothing_changes(), pytest.raises(actions.DeadLink):
            opened(one)


def test_somebody_elses_secret_and_a_link_for_another_purpose_are_as_dead_as_none():
    link, other = signed_up("a@example.org"), signed_up("b@example.org")
    user = UserFactory()
    actions.ask_for_reset(email=user.email, by=NOBODY)
    reset = EmailLink.objects.get(user=user)
    sentences = set()
    for wrong, secret in ((link, other.secret), (link, ""), (link, "ü"), (reset, reset.secret), (EmailLink(), "x")):
        with nothing_changes(), pytest.raises(actions.DeadLink) as refusal:
            actions.open_account(wrong, secret=secret, password=PASSWORD, by=NOBODY, **NAMES)
        sentences.add((refusal.value.code, refusal.value.status, str(refusal.value.message)))
    assert len(sentences) == 1


@pytest.mark.parametrize("password", ["", "short", "12345678", "password", "\ud800" * 12, "x" * 1001, None])
def test_a_poor_password_is_refused_at_its_field_and_the_link_lives_on(password):
    link = signed_up()
    with nothing_changes(), pytest.raises(Invalid) as refusal:
        opened(link, password)
    assert refusal.value.field == "password"
    opened(link)


def test_a_password_like_the_address_is_refused():
    with pytest.raises(Invalid):
        opened(signed_up("adabyron@example.org"), "adabyron@example.org")


@pytest.mark.parametrize(("field", "value"), [("first_name", ""), ("first_name", "a\x00"), ("last_name", "x" * 151)])
def test_a_name_that_is_none_is_refused_at_its_field(field, value):
    link = signed_up()
    with nothing_changes(), pytest.raises(Invalid) as refusal:
        opened(link, **{field: value})
    assert refusal.value.field == field


def test_nobody_can_wait_in_an_account_for_the_owner_of_its_address():
    """Whoever asks for another's address gets nothing of it: no account, no password that works later."""
    stranger = UserFactory()
    link = signed_up("victim@example.org")
    actions.ask_for_new_address(stranger, email="victim@example.org", password=PASSWORD, by=stranger)
    change = EmailLink.objects.get(purpose="change")
    with nothing_changes(), pytest.raises(LogInFirst):  # the victim opens the stranger's link, being nobody here
        actions.confirm_new_address(change, secret=change.secret, by=NOBODY)
    victim = opened(link)
    with nothing_changes(), pytest.raises(actions.DeadLink):
        actions.confirm_new_address(change, secret=change.secret, by=victim)
    with nothing_changes(), pytest.raises(actions.DeadLink):  # nor does the stranger get an address that is taken
        actions.confirm_new_address(change, secret=change.secret, by=stranger)
    assert victim.email == "victim@example.org"


# Invitations


def test_an_invited_agent_has_the_role_the_departments_and_the_capacity():
    link = actions.invite(email="Mei@example.org", role="agent", departments=["sales"], capacity=3, by=owner())
    assert mails() == [("invitation", "mei@example.org")]
    user = opened(link)
    assert (user.role, user.agent.departments, user.agent.capacity) == ("agent", ["sales"], 3)
    assert Activity.objects.about(user).values_list("operation", flat=True)[0] == "account.open"


@pytest.mark.parametrize("role", actions.ROLES)
def test_every_role_can_be_invited(role):
    user = opened(actions.invite(email="a@example.org", role=role, by=None))
    assert (user.role, user.is_superuser) == (("supervisor", True) if role == "superuser" else (role, False))


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"role": "king"}, "role"),
        ({"role": "anonymous"}, "role"),
        ({"role": "customer", "departments": ["sales"]}, "departments"),
        ({"role": "gate", "capacity": 3}, "capacity"),
        ({"role": "agent", "departments": ["kitchen"]}, "departments"),
        ({"role": "agent", "capacity": -1}, "capacity"),
        ({"role": "agent", "capacity": 1_000_000}, "capacity"),
        ({"role": "agent", "email": "nobody"}, "email"),
    ],
)
def test_an_invitation_that_makes_no_sense_is_refused_at_its_field(terms, field):
    with nothing_changes(), pytest.raises(Invalid) as refusal:
        actions.invite(**{"email": "a@example.org", **terms}, by=None)
    assert refusal.value.field == field


def test_whoever_is_here_already_is_not_invited():
    UserFactory(email="Here@example.org")
    with nothing_changes(), pytest.raises(actions.HasAccount):
        actions.invite(email="here@example.org", role="agent", by=None)


@pytest.mark.parametrize("role", ["customer", "agent", "gate", "supervisor"])
def test_only_superusers_manage_accounts(role):
    by, user, link = UserFactory(role=role), UserFactory(), signed_up()
    for verb in (
        lambda: actions.invite(email="a@example.org", role="agent", by=by),
        lambda: actions.withdraw_invitation(link, by=by),
        lambda: actions.deactivate(user, by=by),
        lambda: actions.reactivate(user, by=by),
        lambda: actions.set_role(user, role="agent", by=by),
        lambda: actions.set_role(by, role="superuser", by=by),
    ):
        with nothing_changes(), pytest.raises(NotAllowed):
            verb()


def test_a_second_invitation_ends_the_first_and_a_withdrawn_one_is_dead():
    boss = owner()
    first = actions.invite(email="a@example.org", role="supervisor", by=boss)
    second = actions.invite(email="a@example.org", role="agent", by=boss)
    with nothing_changes(), pytest.raises(actions.DeadLink):
        opened(first)
    actions.withdraw_invitation(second, by=boss)
    with nothing_changes(), pytest.raises(actions.DeadLink):
        opened(second)
    with nothing_changes(), pytest.raises(actions.LinkEnded):
        actions.withdraw_invitation(second, by=boss)


def test_a_sign_up_is_no_invitation_that_could_be_withdrawn():
    link, boss = signed_up(), owner()
    with nothing_changes(), pytest.raises(actions.LinkEnded):
        actions.withdraw_invitation(link, by=boss)


# Passwords


def reset_link(user):
    actions.ask_for_reset(email=user.email.upper(), by=NOBODY)
    return EmailLink.objects.filter(user=user, purpose="reset").latest("created_at")


def test_a_forgotten_password_is_chosen_anew_by_whoever_reads_the_mail():
    user = UserFactory()
    link = reset_link(user)
    other = reset_link(user)
    actions.reset_password(link, secret=link.secret, password=NEW, by=NOBODY)
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert [template for template, _ in mails()] == ["reset", "reset", "password_changed"]
    for dead in (link, other):
        with nothing_changes(), pytest.raises(actions.DeadLink):
            actions.reset_password(dead, secret=dead.secret, password=NEW, by=NOBODY)


def test_to_ask_for_a_reset_costs_the_same_and_says_nothing_for_an_address_without_an_account():
    user = UserFactory()
    known = queries(actions.ask_for_reset, email=user.email, by=NOBODY)
    assert abs(queries(actions.ask_for_reset, email="nobody@example.org", by=NOBODY) - known) <= 1
    assert mails() == [("reset", user.email)]
    assert EmailLink.objects.count() == 1


@pytest.mark.parametrize("state", [{"is_active": False}, {"is_demo": True}])
def test_an_account_that_may_not_log_in_gets_no_new_password(state, production):
    user = UserFactory()
    link = reset_link(user)
    User.objects.filter(pk=user.pk).update(**state)
    actions.ask_for_reset(email=user.email, by=NOBODY)
    assert Mail.objects.count() == 1
    with nothing_changes(), pytest.raises(actions.DeadLink):
        actions.reset_password(link, secret=link.secret, password=NEW, by=NOBODY)


def test_a_reset_proves_an_address_that_was_not_proven_yet():
    user = UserFactory()
    link = reset_link(user)
    assert actions.reset_password(link, secret=link.secret, password=NEW, by=NOBODY).email_confirmed_at is not None


def test_a_password_is_changed_with_the_old_one_only():
    user = UserFactory()
    for old in ("wrong", "", "\ud800"):
        with nothing_changes(), pytest.raises(Invalid) as refusal:
            actions.change_password(user, old=old, new=NEW, by=user)
        assert refusal.value.field == "old"
    with nothing_changes(), pytest.raises(Invalid) as refusal:
        actions.change_password(user, old=PASSWORD, new="short", by=user)
    assert refusal.value.field == "new"
    actions.change_password(User.objects.get(pk=user.pk), old=PASSWORD, new=NEW, by=user)
    assert User.objects.get(pk=user.pk).check_password(NEW)
    assert mails() == [("password_changed", user.email)]


def test_nobody_changes_anothers_account_not_even_a_superuser():
    user, stranger = UserFactory(), owner()
    for verb in (
        lambda: actions.change_password(user, old=PASSWORD, new=NEW, by=stranger),
        lambda: actions.change_profile(user, first_name="X", by=stranger),
        lambda: actions.ask_for_new_address(user, email="x@example.org", password=PASSWORD, by=stranger),
    ):
        with nothing_changes(), pytest.raises(NotAllowed):
            verb()


# Addresses


def address_link(user, email="new@example.org"):
    actions.ask_for_new_address(user, email=email, password=PASSWORD, by=user)
    return EmailLink.objects.filter(user=user, purpose="change").latest("created_at")


def test_a_new_address_counts_once_it_is_proven_and_the_old_one_is_told():
    user = UserFactory(username="old@example.org", email="old@example.org")
    link, reset = address_link(user, "New@Example.org"), reset_link(user)
    user.refresh_from_db()
    assert user.email == "old@example.org"
    actions.confirm_new_address(link, secret=link.secret, by=user)
    user.refresh_from_db()
    assert (user.email, user.username) == ("new@example.org", "new@example.org")
    assert user.email_confirmed_at is not None
    assert mails()[-1] == ("address_changed", "old@example.org")
    with nothing_changes(), pytest.raises(actions.DeadLink):
        actions.confirm_new_address(link, secret=link.secret, by=user)
    with nothing_changes(), pytest.raises(actions.DeadLink):  # whoever reads at the old address gets no password
        actions.reset_password(reset, secret=reset.secret, password=NEW, by=NOBODY)


def test_a_username_of_ones_own_stays_when_the_address_changes():
    user = UserFactory(username="ada")
    link = address_link(user)
    assert actions.confirm_new_address(link, secret=link.secret, by=user).username == "ada"


def test_a_taken_address_answers_like_a_free_one_and_costs_the_same():
    UserFactory(email="taken@example.org")
    user = UserFactory()
    ask = {"password": PASSWORD, "by": user}
    actions.ask_for_new_address(user, email="first@example.org", **ask)
    free = queries(actions.ask_for_new_address, user, email="free@example.org", **ask)
    assert abs(queries(actions.ask_for_new_address, user, email="taken@example.org", **ask) - free) <= 1
    assert mails()[-1] == ("already_registered", "taken@example.org")


def test_an_address_that_was_taken_in_between_stays_taken():
    user = UserFactory()
    link = address_link(user)
    UserFactory(email="new@example.org")
    with nothing_changes(), pytest.raises(actions.DeadLink):
        actions.confirm_new_address(link, secret=link.secret, by=user)


def test_a_new_address_needs_the_password():
    user = UserFactory()
    with nothing_changes(), pytest.raises(actions.WrongPassword):
        actions.ask_for_new_address(user, email="new@example.org", password="wrong", by=user)


# Profile and roles


def test_a_profile_changes_what_is_given():
    user = UserFactory(last_name="Byron")
    actions.change_profile(user, first_name=" Augusta ", language="de", by=user)
    assert (user.first_name, user.last_name, user.language) == ("Augusta", "Byron", "de")
    with nothing_changes(), pytest.raises(Invalid):
        actions.change_profile(user, language="xx", by=user)


def test_a_deactivated_account_loses_its_tokens_and_pending_links_for_good():
    boss, user = owner(), UserFactory()
    secret = actions.issue_token(user, name="x", by=user)
    link = reset_link(user)
    actions.deactivate(user, by=boss)
    assert not user.is_active
    actions.reactivate(user, by=boss)
    assert user.is_active
    assert not ApiToken.objects.live().for_secret(secret).exists()
    with nothing_changes(), pytest.raises(actions.DeadLink):
        actions.reset_password(link, secret=link.secret, password=NEW, by=NOBODY)


def test_nobody_deactivates_themself_and_the_last_superuser_stays():
    boss = owner()
    with nothing_changes():
        with pytest.raises(actions.NotYourself):
            actions.deactivate(boss, by=boss)
        for verb in (
            lambda: actions.deactivate(boss, by=None),
            lambda: actions.set_role(boss, role="supervisor", by=boss),
        ):
            with pytest.raises(actions.LastSuperuser):
                verb()
    owner(is_active=False)
    with pytest.raises(actions.LastSuperuser):
        actions.deactivate(boss, by=None)
    second = owner()
    actions.deactivate(boss, by=second)
    assert not boss.is_active


def test_a_role_is_given_and_taken():
    boss, user = owner(), UserFactory()
    actions.set_role(user, role="superuser", by=boss)
    assert (user.role, user.is_superuser) == ("supervisor", True)
    actions.set_role(user, role="gate", by=boss)
    assert (user.role, user.is_superuser) == ("gate", False)
    assert Activity.objects.about(user).filter(operation="account.set_role").count() == 2
    with nothing_changes(), pytest.raises(Invalid):
        actions.set_role(user, role="king", by=boss)


# Tokens and sessions


def test_a_new_secret_kills_the_old_one_and_keeps_name_and_expiry():
    user = UserFactory()
    old = actions.issue_token(user, name="till", lasts=timedelta(days=1), by=user)
    token = ApiToken.objects.get()
    new = actions.rotate_token(token, by=user)
    assert ApiToken.objects.live().for_secret(new).get().expires_at == token.expires_at
    assert not ApiToken.objects.for_secret(old).exists()
    assert ApiToken.objects.get().name == "till"


def test_a_token_that_ended_stays_as_it_is():
    user = UserFactory()
    actions.issue_token(user, name="till", by=user)
    token = ApiToken.objects.get()
    actions.revoke_token(token, by=user)
    with nothing_changes():
        with pytest.raises(actions.TokenEnded):
            actions.rotate_token(token, by=user)
        with pytest.raises(actions.TokenEnded):
            actions.rename_token(token, name="x", by=user)


def test_fifty_live_tokens_are_the_most():
    user = UserFactory()
    ApiToken.objects.bulk_create(ApiToken(user=user, name="x", digest=digest(str(n))) for n in range(50))
    with nothing_changes(), pytest.raises(actions.TooManyTokens):
        actions.issue_token(user, name="x", by=user)
    actions.issue_log_in_token(user, name="log-in", lasts=timedelta(hours=8), by=user)
    actions.issue_token(UserFactory(), name="x", by=None)
    ApiToken.objects.filter(digest__in=[digest("0"), digest("1")]).update(revoked_at=Now())
    actions.issue_token(user, name="x", by=user)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "x", "lasts": timedelta(0)}, "lasts"),
        ({"name": "x", "lasts": timedelta(days=36500)}, "lasts"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused_at_its_field(given, field):
    with nothing_changes(), pytest.raises(Invalid) as refusal:
        actions.issue_token(UserFactory.build(), **given, by=None)
    assert refusal.value.field == field


def test_a_stranger_touches_neither_token_nor_session():
    user, stranger = UserFactory(), UserFactory()
    actions.issue_token(user, name="x", by=user)
    token = ApiToken.objects.get()
    for verb in (
        lambda: actions.issue_token(user, name="x", by=stranger),
        lambda: actions.rotate_token(token, by=stranger),
        lambda: actions.rename_token(token, name="y", by=stranger),
        lambda: actions.revoke_token(token, by=stranger),
        lambda: actions.end_session(Session(account=user), by=stranger),
        lambda: actions.end_other_sessions(user, keep="", by=stranger),
    ):
        with nothing_changes(), pytest.raises(NotAllowed):
            verb()
    assert not ApiToken.objects.visible_to(stranger, "account.manage_tokens").exists()


def test_the_use_of_a_token_is_noted_every_five_minutes_at_most(client):
    secret = actions.issue_token(UserFactory(role="agent"), name="x", by=None)

    def call():
        assert client.get("/tickets", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
        return ApiToken.objects.get().last_used_at

    first = call()
    assert first is not None
    assert call() == first
    ApiToken.objects.update(last_used_at=Now() - timedelta(minutes=6))
    assert call() >= first


@pytest.mark.django_db(transaction=True)
def test_a_call_waits_for_nobody_who_holds_the_tokens_row(client):
    secret = actions.issue_token(UserFactory(role="agent"), name="x", by=None)

    def call():
        try:
            return client.get("/tickets", headers={"Authorization": f"Bearer {secret}"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        ApiToken.objects.select_for_update().get()
        assert pool.submit(call).result(timeout=10) == 200
    assert ApiToken.objects.get().last_used_at is None


# Many at once


def at_once(function, arguments):
    def one(argument):
        try:
            return function(argument)
        except Refused as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, arguments))


@pytest.mark.django_db(transaction=True)
def test_of_twins_that_use_one_link_at_once_one_opens_the_account():
    link = signed_up()
    outcomes = at_once(lambda n: opened(link, first_name=f"Twin {n}").first_name, range(8))
    assert outcomes.count("dead_link") == 7
    assert User.objects.get().first_name in outcomes


@pytest.mark.django_db(transaction=True)
def test_of_two_links_to_one_address_used_at_once_one_opens_the_account():
    links = [signed_up()]
    for _ in range(7):
        actions.sign_up(email="ada@example.org", language="en", by=NOBODY)
    links = list(EmailLink.objects.all())
    outcomes = at_once(lambda link: opened(link).username, links)
    assert sorted(outcomes) == ["ada@example.org"] + ["dead_link"] * 7


@pytest.mark.django_db(transaction=True)
def test_of_many_links_to_one_account_used_at_once_one_gives_the_password():
    user = UserFactory()
    links = [reset_link(user) for _ in range(6)]

    def reset(link):
        actions.reset_password(link, secret=link.secret, password=NEW, by=NOBODY)
        return "done"

    assert sorted(at_once(reset, links)) == ["dead_link"] * 5 + ["done"]


@pytest.mark.django_db(transaction=True)
def test_of_two_accounts_that_confirm_one_address_at_once_one_gets_it():
    people = UserFactory.create_batch(6)
    links = [address_link(user) for user in people]
    outcomes = at_once(lambda link: actions.confirm_new_address(link, secret=link.secret, by=link.user).email, links)
    assert sorted(outcomes) == ["dead_link"] * 5 + ["new@example.org"]


@pytest.mark.django_db(transaction=True)
def test_the_last_two_superusers_cannot_deactivate_each_other():
    for _ in range(5):
        User.objects.all().delete()
        first, second = owner(), owner()
        pairs = [(first, second), (second, first)]
        at_once(lambda pair: actions.deactivate(pair[0], by=pair[1]).username, pairs)
        assert User.objects.filter(is_active=True, is_superuser=True).count() == 1


@pytest.mark.django_db(transaction=True)
def test_tokens_made_at_once_stay_within_the_limit():
    user = UserFactory()
    ApiToken.objects.bulk_create(ApiToken(user=user, name="x", digest=digest(str(n))) for n in range(47))
    at_once(lambda n: actions.issue_token(user, name=f"{n}", by=user), range(8))
    assert ApiToken.objects.count() == 50


# Commands


def run(name, *args, **options):
    out = io.StringIO()
    call_command(name, *args, stdout=out, **options)
    return out.getvalue()


def test_a_superuser_made_by_djangos_command_enters_the_admin(client, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", NEW)
    run("createsuperuser", interactive=False, username="Root", email="root@example.org")
    user = User.objects.get()
    assert (user.username, user.role, user.is_superuser) == ("root", "supervisor", True)
    client.post("/admin/login/", {"username": "root", "password": NEW})
    assert client.get("/admin/").status_code == 200


def test_somebody_is_invited_from_the_command_line():
    assert "on its way" in run("invite", "mei@example.org", "--role", "agent", "--department", "sales")
    assert EmailLink.objects.get().terms == {"role": "agent", "departments": ["sales"]}
    UserFactory(email="here@example.org")
    with pytest.raises(CommandError, match="has an account already"):
        run("invite", "here@example.org", "--role", "agent")


def test_a_token_is_issued_from_the_command_line(client):
    user = UserFactory(role="agent")
    secret = run("issue_token", user.username, "till").strip()
    assert client.get("/tickets", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    with pytest.raises(CommandError, match="no such account"):
        run("issue_token", "nobody", "till")


def test_no_verb_leaves_an_address_a_name_or_a_secret_in_the_trail():
    user = opened(signed_up())
    actions.ask_for_reset(email=user.email, by=NOBODY)
    actions.invite(email="b@example.org", role="agent", departments=["sales"], by=None)
    secret = actions.issue_token(user, name="my till", by=user)
    actions.change_profile(user, first_name="Augusta", by=user)
    trail = str(list(Activity.objects.values_list("operation", "details", "kind")))
    for personal in ("@", "Ada", "Augusta", "till", secret):
        assert personal not in trail


@pytest.mark.django_db
def test_strangers_cannot_make_a_mailbox_ring_all_day():
    for _ in range(4):
        actions.sign_up(email="ada@example.org", language="en", by=AnonymousUser())
        actions.ask_for_reset(email="ada@example.org", by=AnonymousUser())
        actions.sign_up(email="eve@example.org", language="en", by=AnonymousUser())
    UserFactory(email="joe@example.org")
    for _ in range(7):
        actions.ask_for_reset(email="joe@example.org", by=AnonymousUser())
    sent = Mail.objects.values_list("to", flat=True)
    assert {to: list(sent).count(to) for to in sent} == {
        "ada@example.org": 4,
        "eve@example.org": 4,
        "joe@example.org": 5,
    }
    actions.sign_up(email="ada@example.org", language="en", by=AnonymousUser())
    actions.sign_up(email="ada@example.org", language="en", by=AnonymousUser())
    assert Mail.objects.filter(to="ada@example.org").count() == 5
