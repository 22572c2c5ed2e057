"""The whole site in German: a catalogue without gaps, and no word on any page that does not come from it.

Every page is read with a catalogue in which each German text stands in brackets, and people's own texts are Greek:
whatever Latin word stands outside the brackets was written where no catalogue translates it.
"""

import re
import shutil
import subprocess
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import available_timezones

import polib
import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.test import Client, RequestFactory, override_settings
from django.test.client import ClientHandler
from django.urls import Resolver404, URLResolver, get_resolver, resolve, reverse
from django.utils import translation

from allocation.models import Scan
from ticketing import rights
from ticketing.actions import post_mail
from ticketing.api.description import reference
from ticketing.errors import Refused
from ticketing.forms import ProfileForm
from ticketing.rights import Role
from ticketing.sending import mails
from ticketing.sending.calendar_files import Visit
from ticketing.tests.factories import PASSWORD
from ticketing.tests.greek import NOON, TEXT, World, person
from ticketing.tests.reading import PLACEHOLDER, Reader, outside, write_marked_catalogue
from ticketing.texts import clean_text
from ticketing.toolkit.language import is_for_programs
from ticketing.toolkit.panel import refusals_on

ROOT = Path(__file__).resolve().parents[2]
WORDS = ROOT / "locale" / "de" / "LC_MESSAGES" / "django.po"


# The catalogue


@pytest.fixture(scope="module")
def words():
    return polib.pofile(WORDS)


def texts(entry):
    """The pairs of an English and a German text that an entry holds."""
    if not entry.msgid_plural:
        return [(entry.msgid, entry.msgstr)]
    one, *more = entry.msgstr_plural.values()
    return [(entry.msgid, one), *((entry.msgid_plural, text) for text in more)]


def test_nothing_is_untranslated_or_doubtful_or_left_over(words):
    assert [entry.msgid for entry in words if not entry.translated() or entry.fuzzy or entry.obsolete] == []
    assert [entry.msgid for entry in words if entry.msgid_plural and set(entry.msgstr_plural) != {0, 1}] == []


def test_what_is_filled_in_is_the_same_in_both_languages(words):
    def filled(text):
        return Counter(PLACEHOLDER.findall(text)), sorted(re.findall(r"<[^>]*>", text))

    pairs = [pair for entry in words for pair in texts(entry)]
    assert [english for english, german in pairs if filled(english) != filled(german)] == []


def edges(text):
    """The white space around it, and how it ends."""
    return re.match(r"\s*", text)[0], re.search(r"\s*$", text)[0], text.rstrip()[-1:] in ".…:?!,"


def test_both_languages_begin_and_end_alike(words):
    pairs = [pair for entry in words for pair in texts(entry)]
    assert [english for english, german in pairs if edges(english) != edges(german)] == []


def test_what_is_compiled_says_what_is_written(words):
    def said(entries):
        return {(entry.msgctxt, entry.msgid): [text for _, text in texts(entry)] for entry in entries}

    compiled = WORDS.with_suffix(".mo")
    assert said(polib.mofile(compiled)) == said(words)
    assert compiled.read_bytes() == words.to_binary()


def test_it_holds_the_words_of_the_sources_and_no_others(words, tmp_path):
    if not shutil.which("xgettext"):
        pytest.skip("GNU gettext is missing, which finds the words. On Debian: apt install gettext")
    copy = tmp_path / "site"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "staticfiles", "tests"))
    (copy / ".venv").symlink_to(ROOT / ".venv")
    subprocess.run([copy / "script" / "words"], check=False, capture_output=True)

    def known(entries):
        return {(entry.msgctxt, entry.msgid, entry.msgid_plural) for entry in entries}

    gathered = polib.pofile(copy / WORDS.relative_to(ROOT))
    assert known(gathered) ^ known(words) == set()


# Words that are the same in both languages.
SAME = {
    "3 of 5", "API", "API token", "Browser", "browser", "Cluster", "Code", "code", "Demo", "E-Mail", "Esc", "Filter",
    "H:i", "Hook", "Link", "link", "Name", "name", "offline", "online", "Person", "Position", "Route", "route",
    "Status",
    "status", "Support", "Ticket", "ticket", "Ticket %(number)s", "Ticket: %(what)s", "Ticketing", "Tickets", "tickets",
    "webhook", "webhooks", "F Y", "August", "September",
}  # fmt: skip
# English words that no German sentence holds.
ENGLISH = re.findall(
    r"\w+",
    """the and of with your you are for from this that these those it its is were be been has have had not no nor or
    out about as if when where which who whose what why how there here their they them he she his him we us our my do
    does did done can cannot could may might must shall should would than then too only but because again already any
    some each every other another more most less least into onto under between without before after first last next
    new old yes please try sign up open close save choose""",
)


def own_words(text):
    """The words of a German text that are not quoted, filled in, or a name of programs."""
    bare = re.sub(r"„[^“]*“|<code>.*?</code>|<[^>]*>|\S*[/=_.]\w\S*", " ", PLACEHOLDER.sub(" ", text))
    return {word.casefold() for word in re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", bare)}


def test_the_german_is_german(words):
    pairs = [pair for entry in words for pair in texts(entry)]
    assert {german: found for _, german in pairs if (found := own_words(german) & set(ENGLISH))} == {}
    same = {english for english, german in pairs if english == german and own_words(english)}
    assert {english for english in same if english not in SAME} == set()


def test_people_are_addressed_and_quoted_as_one_does_in_german(words):
    german = [re.sub("<[^>]*>", "", text) for entry in words for _, text in texts(entry)]
    assert [text for text in german if re.search('[”"]', text)] == []
    assert [text for text in german if re.search(r"\b([Dd]u|[Dd]ich|[Dd]ir|[Dd]eine?\w?)\b", text)] == []


@pytest.mark.parametrize(("language", "sentence"), [("en", "“First name” must"), ("de", "„Vorname“ darf")])
def test_a_refusal_at_a_field_calls_it_what_the_form_calls_it(language, sentence):
    with translation.override(language):
        form = ProfileForm({"first_name": "Zoë", "language": "de"})
        assert form.is_valid()
        with refusals_on(form):
            clean_text("Zoë\0", field="first_name", limit=9)
        assert form.errors["first_name"][0].startswith(sentence)


# The pages

# Latin words that no catalogue translates, and why.
ALLOWED = {
    *("Deutsch", "English"),  # a language calls itself so whatever the others say
    *("de", "en"),  # as programs name them
    "UTC",  # a time zone's short name
    *("demo", "Demo"),  # how the site is run, as the setting has it
    "default",  # the short name of the service that is there from the start
    *("name", "language"),  # a field's name for programs, in the answer to a forged form
    "None",  # what a page of the queue writes for nothing
    *("Status", "ID"),  # the same in German
    *("j", "k"),  # keys
    *("Amara", "Okafor", "Mei", "Tanaka"),  # people, on the page that shows the pieces
    "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen",
}
# What other people's packages call their rows, without gettext; the gaps of canned replies,
# which are names; and what stands in an address.
NAMES_OF_ROWS = re.compile(
    r"OrmQ object \(\d+\)|Attempted Access: [\d:.+ -]+|Access Log for \S+ @|"
    r"Failed access: user \S+ locked out on [\d:.+ -]+ from|\{(?:customer|ticket|agent)\}|"
    r"status=open"
)
ZONES = available_timezones()


class Visitor(Client):
    """A browser that asks for German, and has noted down what each page says that it is shown."""

    def __init__(self, notes, user=None, **more):
        super().__init__(headers={"accept-language": "de"}, raise_request_exception=False, **more)
        if not more:
            self.handler = notes.handler  # or each browser would look all static files up anew
        self.notes, self.name = notes, rights.role_of(user or AnonymousUser())
        if user:
            self.force_login(user)

    def request(self, **request):
        response = super().request(**request)
        self.notes.add(f"{self.name} {request['REQUEST_METHOD']} {request['PATH_INFO']}", response)
        return response

    def send(self, name, _typed=None, **parts):
        """A form to the address of this name, and on to the page that it leads to."""
        return self.post(reverse(name, kwargs=parts), _typed or {}, follow=True)


class Notes:
    """Which routes answered, and which words came from no catalogue."""

    def __init__(self):
        self.routes, self.strange, self.pages = set(), {}, 0
        self.handler = ClientHandler(enforce_csrf_checks=False)

    def add(self, where, response):
        if response.status_code < 400 or where.split()[2].startswith("/admin/"):  # what is locked there is a page, too
            with suppress(Resolver404):
                self.routes.add(response.resolver_match.route.replace("^", ""))
        if response.get("Content-Type", "").startswith("text/html") and not response.streaming:
            self.read(f"{where} ({response.status_code})", Reader(response.content.decode()).sentences)

    def read(self, where, sentences):
        self.pages += 1
        for sentence in set(sentences) - ZONES:
            if strange := [word for word in outside(NAMES_OF_ROWS.sub("", sentence)) if word not in ALLOWED]:
                self.strange.setdefault(sentence, (where, strange))

    def complaints(self):
        """Each sentence with its strange words, and the first page that says it."""
        return [f"{where}: {', '.join(words)} in: {sentence}" for sentence, (where, words) in self.strange.items()]


def pages(resolver=None, before="", space=""):
    """Every page of the site with its name, its route and the parts of its address."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = before + str(entry.pattern).removeprefix("^")
        if isinstance(entry, URLResolver):
            yield from pages(entry, route, space + f"{entry.namespace}:" if entry.namespace else space)
        elif not is_for_programs(entry.callback):
            yield f"{space}{entry.name}", route, set(entry.pattern.converters)


ON_A_TICKET = ("ticket", "ticket_cancel", "hand_on", "withdraw")


# What stands in the addresses of pages about something. A new one needs its line here.
def parts(world):
    question, options = world.questions[0], [world.option, world.few, world.none]
    return {
        "booking:detail": [{"pk": row.pk} for row in world.bookings],
        **{f"booking:{name}": [{"pk": world.booking.pk}] for name in ("move", "cancel", "renew", "calendar")},
        **{
            f"booking:{name}": [{"pk": world.booking.pk}]
            for name in ("check_in", "undo_check_in", "undo_walk_in", "missed")
        },
        "booking:embed_done": [{"pk": world.booking.pk, "token": world.booking.manage_token}],
        "booking:link": [{"pk": world.booking.pk, "token": world.booking.manage_token}],
        "booking:wait": [{"pk": world.booking.slot_id}],
        "booking:take_up": [{"pk": row.pk} for row in world.waiters],
        "allocation:event": [{"pk": row.pk} for row in world.events],
        **{
            f"allocation:{name}": [{"pk": row.pk} for row in world.events]
            for name in ("report", "report_options", "report_sales", "report_admissions")
        },
        **{f"allocation:{name}": [{"pk": row.pk} for row in [*options, *world.staged]] for name in ("buy", "wait")},
        "allocation:take_up": [{"pk": row.pk} for row in world.waiters],
        "allocation:hold": [{"pk": row.pk} for row in world.holds],
        **{f"allocation:hold_{name}": [{"pk": world.holds[2].pk}] for name in ("buy", "release")},
        **{f"allocation:{name}": [{"pk": row.pk} for row in world.tickets] for name in ON_A_TICKET},
        "allocation:gate": [{"pk": row.pk} for row in world.events],
        "allocation:undo": [{"pk": row.pk} for row in world.scans],
        "allocation:purchase_cancel": [{"pk": row.pk} for row in world.purchases],
        **{f"allocation:ticket_{name}": [{"pk": world.staged_ticket.pk}] for name in ("pdf", "calendar")},
        **{f"allocation:purchase_{name}": [{"pk": world.purchases[0].pk}] for name in ("pdf", "calendar")},
        "allocation:transfer": [{"pk": row.pk} for row in world.transfers],
        "allocation:transfer_link": [{"secret": row.secret} for row in world.transfers],
        "support:ticket": [{"code": row.code} for row in world.questions],
        "support:next": [{"code": question.code}],
        "support:remove_view": [{"pk": world.view.pk}],
        **{
            f"support:{name}": [{"code": question.code}]
            for name in (
                "reply",
                "note",
                "insert",
                "tag",
                "untag",
                "close",
                "reopen",
                "triage",
                "rate",
                "reject",
                "take",
                "release",
                "hand_over",
                "assign",
            )
        },
        "support:report_table": [{"name": "hours"}],
        "support:file": [{"code": question.code, "pk": world.file.pk}],
        "waiting:place": [{"pk": row.pk} for row in world.waiters],
        **{f"waiting:{name}": [{"pk": world.offer.pk}] for name in ("confirm", "leave", "decline", "accept")},
        "v1:docs-of": [{"part": part.name} for part in reference(rights.mode()).parts],
        "waiting:link": [{"pk": row.pk, "secret": row.secret} for row in world.waiters[:1]],
        "account:link": [{"pk": link.pk, "secret": link.secret} for link in world.links],
        **{f"account:token_{name}": [{"pk": world.token.pk}] for name in ("rename", "rotate", "revoke")},
        "account:person": [{"pk": world.customer.pk}],
        "account:session_end": [{"public_id": world.session.public_id}],
    }


# What mails about a booking tell of.
VISIT = {
    "visit": Visit("1", 0, NOON, NOON + timedelta(minutes=30), NOON, TEXT, TEXT).told(),
    "party": 2,
    "opens": ["booking.booking", str(UUID(int=4, version=4)), 1],
}
# And what mails about tickets do.
TICKET = {"title": TEXT, "kind": TEXT, "who": TEXT, "until": NOON.isoformat(), "many": 2, "clocks": "Europe/Athens"}
QUESTION = {"line": TEXT, "code": "Ω", "who": TEXT, "message": TEXT, "reason": TEXT, "answers_to": "Ω", "files": 2}
TOLD = {"booking": VISIT, "ticket": TICKET, "support": QUESTION}
NARROWED = [
    "/panel/questions/?status=open",
    "/panel/questions/?status=closed",
    "/panel/questions/?search=Ώρες",
    "/panel/questions/?search=-",
    "/panel/questions/?before=1",
    "/nowhere/",
]


def named(address):
    """The name of the page at this address; an address where none is stands for itself."""
    try:
        return resolve(address.partition("?")[0]).view_name
    except Resolver404:
        return address


CLOSED = (302, 403)  # to everybody of that role, whatever the page is about


class Walk:
    """Everybody through every page."""

    def __init__(self, world, notes):
        self.world, self.notes = world, notes

    def visitor(self, role=Role.ANONYMOUS, **more):
        return Visitor(self.notes, self.world.people.get(role), **more)

    def look_at(self, addresses, roles=tuple(Role)[:-1]):
        """Each of these people opens each page; what is closed to somebody, about one thing only."""
        for role in roles:
            visitor, closed = self.visitor(role), set()
            for address in addresses:
                page = named(address)
                if page not in closed and visitor.get(address).status_code in CLOSED:
                    closed.add(page)

    def send_empty(self, addresses):
        """Forms come without anything in them."""
        for address in addresses:
            with undone():
                self.visitor(Role.CUSTOMER).post(address, follow=True)


def ours():
    """The addresses of all pages but the admin's, where nothing stands for what a page is about."""
    return [reverse(name) for name, route, gaps in pages() if not gaps and not route.startswith("admin/")]


def about(world):
    """The addresses of pages about something."""
    known = parts(world)
    names = [name for name, route, gaps in pages() if gaps and not route.startswith("admin/")]
    assert [name for name in names if name not in known] == [], "parts() does not know what these pages are about"
    return [reverse(name, kwargs=kwargs) for name in names for kwargs in known[name]]


@contextmanager
def undone():
    """Whatever is done inside is not done afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


# What people do, and what they are told then


def books(walk, world):
    typed = {
        "firstname": TEXT,
        "lastname": TEXT,
        "phone_number": "0123456789",
        "date": f"{NOON:%Y-%m-%d}",
        "time": "12:07",
    }
    for wrong in ({}, {"phone_number": "1"}, {"email": "1"}, {"date": "1969-01-01"}, {"firstname": "Ω\x01"}):
        walk.visitor().send("booking:book", typed | wrong)
    walk.visitor().send("booking:book", typed | {"date": f"{world.full:%Y-%m-%d}", "time": "12:00"})
    found = walk.visitor()
    for token in ("1", world.booking.manage_token):
        found.send("booking:find", {"booking": world.booking.pk, "token": token})
    found.send("booking:find", {"booking": "1", "token": "1"})
    for change in ({}, {"phone_number": "1"}, {"date": "1"}):
        found.send("booking:detail", typed | change, pk=world.booking.pk)
    for time in ("12:07", "1"):
        found.get(f"{reverse('booking:move', args=[world.booking.pk])}?date={NOON:%Y-%m-%d}&time={time}")
    found.send("booking:move", {"date": f"{NOON:%Y-%m-%d}", "time": "12:09"}, pk=world.booking.pk)
    found.send("booking:cancel", pk=world.booking.pk)


def buys(walk, world):
    customer = walk.visitor(Role.CUSTOMER)
    for option, quantity in ((world.option, 1), (world.few, 2), (world.few, 9), (world.none, 1), (world.option, 10**6)):
        customer.send("allocation:buy", {"quantity": quantity}, pk=option.pk)
    first, second, *_rest = world.staged
    for numbers in ({}, {first.pk: 9}, {first.pk: 91}, {second.pk: 7}, {second.pk: 1}, {first.pk: "Ω"}, {first.pk: 2}):
        customer.send("allocation:event", numbers, pk=world.events[0].pk)
    for _twice in range(2):
        customer.send("allocation:hold_buy", pk=world.holds[2].pk)
    for verb in ("hold_buy", "hold_release"):
        customer.send(f"allocation:{verb}", pk=world.holds[0].pk)
    for row in world.tickets:
        customer.send("allocation:hand_on", {"email": "Ω"}, pk=row.pk)
        customer.send("allocation:hand_on", {"email": "1@2.gr"}, pk=row.pk)
        customer.send("allocation:withdraw", pk=row.pk)
    for visitor in (walk.visitor(), customer, walk.visitor(Role.AGENT), walk.visitor(Role.GATE)):
        for row in world.transfers:
            visitor.get(reverse("allocation:transfer_link", args=[row.secret]))
            visitor.get(reverse("allocation:transfer", args=[row.pk]))
            visitor.send("allocation:transfer", pk=row.pk)
    for row in world.tickets:
        customer.send("allocation:ticket_cancel", pk=row.pk)
    for row in world.purchases:
        customer.send("allocation:purchase_cancel", pk=row.pk)


def admits(walk, world):
    gate, boss = walk.visitor(Role.GATE), walk.visitor(Role.SUPERVISOR)
    for typed in ({}, {"event": "1", "gate": "Ω" * 51}, {"event": world.events[0].pk, "gate": "Ω"}):
        gate.get(reverse("allocation:gates"), typed, follow=True)
    address = reverse("allocation:gate", args=[world.events[0].pk]) + "?gate=Ω"
    codes = [ticket.code for ticket in world.tickets]
    for visitor, code in [(gate, ""), *((visitor, code) for code in [*codes, "1"] for visitor in (gate, boss))]:
        visitor.post(address, {"code": code, "nonce": uuid4()})
    visitor.post(address, {"code": "2", "nonce": world.scans[0].nonce})
    admitted = Scan.objects.admissions().filter(event=world.events[0]).first()
    for typed in ({}, {"reason": "Ω"}, {"reason": "Ω"}):
        boss.send("allocation:undo", typed, pk=admitted.pk)
    walk.visitor(Role.GATE).post(address, {"code": admitted.ticket.code, "nonce": admitted.nonce})


def asks(walk, world):
    asked = {"subject": TEXT, "message": TEXT, "priority": "high"}
    for role, wrong in ((Role.CUSTOMER, {}), (Role.AGENT, {"customer": "Ω"}), (Role.CUSTOMER, {"subject": "Ω\x01"})):
        walk.visitor(role).send("support:new", asked | wrong)
    key = {"form_key": "123e4567-e89b-42d3-a456-426614174000"}
    for text in ("Ω", "Ψ"):
        walk.visitor(Role.CUSTOMER).send("support:new", asked | key | {"message": text})
    customer, code = walk.visitor(Role.CUSTOMER), world.questions[0].code
    rated = {"verdict": "bad", "comment": TEXT}
    ends = (
        ("close", {}),
        ("close", {}),
        ("rate", {}),
        ("rate", rated),
        ("rate", rated),
        ("reopen", {}),
        ("rate", rated),
    )
    for name, typed in (("reply", {"message": TEXT}), *ends, ("triage", {})):
        customer.send(f"support:{name}", typed, code=code)


def answers(walk, world):
    agent, code = walk.visitor(Role.AGENT), world.questions[0].code
    for name, typed in (
        ("triage", {}),
        ("reject", {}),
        ("triage", {"priority": "low", "department": "sales"}),
        ("reply", {"message": TEXT}),
        ("close", {}),
        ("reopen", {}),
        ("reject", {"reason": TEXT}),
        ("reject", {"reason": TEXT}),
        ("reply", {"message": TEXT}),
    ):
        agent.send(f"support:{name}", typed, code=code)
    agent.send("support:online", {"lasts": "8"})
    boss, waiting = walk.visitor(Role.SUPERVISOR), world.questions[3].code
    for name, typed in (
        ("release", {}),
        ("hand_over", {}),
        ("take", {}),
        ("take", {}),
        ("hand_over", {"to": "1", "note": TEXT}),
        ("release", {}),
    ):
        agent.send(f"support:{name}", typed, code=waiting)
    for typed in ({}, {"to": world.desk.pk}):
        boss.send("support:assign", typed, code=waiting)
    agent.send("support:online")
    agent.send("support:online", {"lasts": "8"})
    agent.send("support:here")
    agent.send("support:away")
    agent.send("support:offline")


def logs_in(walk, world):
    name = world.customer.username
    walk.visitor().send("account:log_in", {"username": name, "password": PASSWORD})
    walk.visitor(Role.CUSTOMER).send("account:log_out")
    for _ in range(6):
        walk.visitor().send("account:log_in", {"username": name, "password": "Ω"})
    walk.visitor().get("/admin/")
    walk.visitor().post("/admin/login/", {"username": name, "password": "Ω"})
    walk.visitor().post("/admin/login/", {"username": world.agent.username, "password": PASSWORD})


def opens_links(walk, world):
    for link in world.links:
        for typed in ({}, {"password": "1", "first_name": TEXT}, {"password": PASSWORD, "first_name": TEXT}):
            with undone():
                visitor = walk.visitor(Role.CUSTOMER if link.purpose == "change" else Role.ANONYMOUS)
                visitor.get(reverse("account:link", args=[link.pk, link.secret]), follow=True)
                visitor.send("account:link_form", typed)
    visitor.get(reverse("account:link", args=[link.pk, "1"]))
    visitor.get(reverse("account:link_form"))
    for name in ("sign_up", "forgot"):
        for address in ("1", "1@2.gr"):
            walk.visitor().send(f"account:{name}", {"email": address})


def looks_after_the_account(walk, world):
    customer = walk.visitor(Role.CUSTOMER)
    for typed in (
        {"part": "names", "first_name": "Ω\x01", "language": "de"},
        {"part": "names", "first_name": TEXT, "language": "de"},
        {"part": "password", "old": "Ω", "new": "Ω"},
        {"part": "password", "old": PASSWORD, "new": "12345678"},
        {"part": "password", "old": PASSWORD, "new": TEXT},
        {"part": "address", "email": "1", "password": TEXT},
        {"part": "address", "email": "3@2.gr", "password": "Ω"},
        {"part": "address", "email": "3@2.gr", "password": TEXT},
    ):
        customer.send("account:profile", typed)
    for name, typed in (("rename", {"name": " "}), ("rename", {"name": "Ω"}), ("rotate", {}), ("revoke", {})):
        customer.send(f"account:token_{name}", typed, pk=world.token.pk)
    for _ in range(22):
        customer.send("account:tokens", {"name": TEXT, "lasts": "30"})
    customer.send("account:session_end", public_id=world.session.public_id)
    customer.send("account:sessions_end_others")
    customer.send("account:data")
    customer.send("account:language", {"language": "de"})


def forgets_people(walk, world):
    boss, meant = walk.visitor(Role.SUPERVISOR), {"forget": "1", "reason": "request", "sure": "on"}
    for who in ("ρόλος1", "0123456789", "8@2.gr", "Ω" * 50, "@"):
        boss.send("account:people", {"who": who})
    gone = person(Role.CUSTOMER)
    for pk, typed in (
        (world.customer.pk, {"forget": "1"}),
        (world.customer.pk, meant),
        (world.agent.pk, meant),
        (gone.pk, meant),
        (gone.pk, meant),
    ):
        boss.send("account:person", typed, pk=pk)
    for typed in ({"phone": "0123456789"}, {"email": "8@2.gr"}, {"email": "Ω"}, {}):
        boss.send("account:contact", {**typed, **meant})


def waits(walk, world):
    sold_out = world.staged[4]
    for wish in ({"quantity": 1}, {"quantity": 2}, {"quantity": 1, "least": 2}, {"quantity": 1, "email": "Ω"}):
        walk.visitor(Role.CUSTOMER).send("allocation:wait", {"email": "7@2.gr"} | wish, pk=sold_out.pk)
    walk.visitor(Role.CUSTOMER).send("allocation:take_up", {"quantity": 9}, pk=world.offer.pk)
    here = {world.offer.kind: "ticketing.tests.greek"}
    with undone(), override_settings(WAITING_LISTS=here):
        walk.visitor(Role.CUSTOMER).send("waiting:accept", pk=world.offer.pk)
    for name, row in (("leave", world.waiters[0]), ("decline", world.offer), ("accept", world.offer)):
        for _ in range(2):
            walk.visitor(Role.CUSTOMER).send(f"waiting:{name}", pk=row.pk)


def is_refused(walk, world):
    walk.visitor(enforce_csrf_checks=True).send("account:sign_up")
    walk.visitor().post("/account/sign-up/", HTTP_HX_REQUEST="true")
    walk.visitor().get("/", HTTP_HOST="Ω")
    with override_settings(THROTTLES={"account.sign_up": "1/hour"}):
        for _ in range(2):
            walk.visitor().send("account:sign_up", {"email": "1@2.gr"})
    with override_settings(SITE_MODE="production"):
        walk.look_at([*ours(), *about(world)], [Role.ANONYMOUS])


def reads_mails(walk, world):
    for path in {*(ROOT / "templates" / "mail").glob("*.txt")} - {ROOT / "templates" / "mail" / "base.txt"}:
        about = {"waiter": world.offer} if path.stem.startswith("waiting") else {"link": world.links[0]}
        told = next((told for name, told in TOLD.items() if path.stem.startswith(name)), {})
        mail = post_mail(to="1@2.gr", template=path.stem, language="de", context={"name": TEXT, **told}, **about)
        mail.refresh_from_db()
        message = mails.render(mail)
        page, _ = message.alternatives[0]
        walk.notes.read(path.name, [message.subject, *message.body.splitlines(), *Reader(page).sentences])


JOURNEYS = [
    books,
    buys,
    admits,
    waits,
    asks,
    answers,
    logs_in,
    opens_links,
    looks_after_the_account,
    forgets_people,
    is_refused,
    reads_mails,
]


# The administration


def in_the_admin(walk):
    """The owner opens every page of every table, and does to a row what can be done to it."""
    for role in (Role.SUPERUSER, Role.SUPERVISOR):
        visitor = walk.visitor(role)
        for name in ("index", "password_change", "password_change_done", "jsi18n", "autocomplete"):
            visitor.get(reverse(f"admin:{name}"))
        for app in {model._meta.app_label for model in admin.site._registry}:
            visitor.get(reverse("admin:app_list", args=[app]))
        visitor.get("/admin/1/")
    for model, shown in admin.site._registry.items():
        in_a_table(walk, model, shown, reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
    walk.visitor(Role.SUPERUSER).post("/admin/logout/")


def in_a_table(walk, model, shown, path):
    owner, row = walk.visitor(Role.SUPERUSER), model._default_manager.first()
    assert row, f"The world has no {model.__name__}: its page in the admin shows nothing."
    here = f"{path}{quote(row.pk)}"
    for address in ("", "?q=ω", "add/"):
        owner.get(path + address)
    for address in ("change", "history", "delete"):
        owner.get(f"{here}/{address}/")
    for address in (f"{path}add/", f"{here}/change/"):
        with undone():
            owner.post(address, {}, follow=True)
    for action in [name for name, *_ in shown.get_action_choices(asked_by(walk), []) if name]:
        with undone():
            walk.visitor(Role.SUPERUSER).post(path, {"action": action, "_selected_action": [row.pk]}, follow=True)
    owner.post(path, {"action": ""}, follow=True)


def asked_by(walk):
    request = RequestFactory().get("/")
    request.user = walk.world.people[Role.SUPERUSER]
    return request


NO_PAGES = {
    "admin/(?P<url>.*)$",  # every other address: there is nothing
    "admin/r/<path:content_type_id>/<path:object_id>/",  # leads to a row's own page, which none has
}


@pytest.fixture(scope="module")
def in_brackets(tmp_path_factory):
    """Where a catalogue is in which every German text stands in brackets."""
    folder = tmp_path_factory.mktemp("marked")
    write_marked_catalogue(folder)
    return override_settings(LOCALE_PATHS=[folder])


@pytest.fixture
def marked(in_brackets):
    """The site speaks in brackets."""
    with in_brackets:
        yield


@pytest.fixture(scope="module")
def walked(in_brackets, django_db_setup, django_db_blocker):
    """Everybody has been everywhere."""
    with in_brackets, django_db_blocker.unblock(), undone():
        walk = Walk(World(), Notes())
        walk.look_at(ours(), [Role.CUSTOMER, Role.SUPERVISOR])
        walk.world.fill()
        addresses = [*ours(), *about(walk.world), *NARROWED]
        walk.look_at(addresses)
        walk.send_empty(addresses)
        for journey in JOURNEYS:
            with undone():
                journey(walk, walk.world)
        in_the_admin(walk)
        return walk.notes


@pytest.mark.django_db
def test_no_page_says_a_word_that_is_not_in_the_catalogue(walked):
    complaints = walked.complaints()
    assert not complaints, "\n".join(complaints)


@pytest.mark.django_db
def test_every_page_was_read(walked):
    assert {route for _, route, _ in pages()} - walked.routes - NO_PAGES == set()
    assert walked.pages > 500


@pytest.mark.django_db
def test_a_german_page_is_german_and_each_language_is_called_as_it_calls_itself(client):
    page = client.get("/", headers={"accept-language": "de"}).content.decode()
    assert "Wie können wir Ihnen helfen?" in page
    assert re.findall(r'name="language".*?>(.*?)</button>', page) == ["English", "Deutsch"]


def kinds(of=Refused):
    """Every kind of refusal there is."""
    return {of}.union(*(kinds(kind) for kind in of.__subclasses__()))


def test_every_refusal_is_said_in_german(marked):
    with translation.override("de"):
        ours = [kind for kind in kinds() if ".tests." not in kind.__module__]
        said = {kind.__name__: PLACEHOLDER.sub("", str(kind.message)) for kind in ours}
    assert {name: message for name, message in said.items() if outside(message)} == {}
    assert len(said) > 30
