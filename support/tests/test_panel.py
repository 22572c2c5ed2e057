import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from support import actions
from support.models import Agent, Reply, Ticket
from support.tests.factories import ReplyFactory, TicketFactory, online_agent
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

LIST, NEW, DESK = "/panel/questions/", "/panel/questions/new/", "/panel/desk/"
TYPED = {"subject": "No access", "department": "technical", "priority": "high", "message": "It says no.\r\nWhy?"}


def page(response):
    assert response.status_code == 200
    html = response.content.decode()
    assert html.count("<h1") == 1
    assert not re.search(r"<script(?![^>]* src=)", html)
    assert "style=" not in html
    assert "no-store" in response["Cache-Control"]
    return html


def tag(html, name):
    """The input of that name, as its tag."""
    return re.search(rf'<(?:input|select|textarea)[^>]*name="{name}"[^>]*>', html)[0]


def of(person):
    client = Client()
    client.force_login(person)
    return client


def thread(ticket, verb=""):
    return f"{LIST}{ticket.code}/{verb}"


@pytest.fixture
def customer():
    return UserFactory()


@pytest.fixture
def agent():
    return online_agent().user


def queries(client, address):
    with CaptureQueriesContext(
        connection,
    ) as seen:
        page(client.get(address))
    return len(seen)


# A customer


def test_a_customer_asks_reads_replies_closes_and_opens_again(customer):
    client = of(customer)
    assert "No questions yet" in page(client.get(LIST))
    key = re.search('value="([^"]+)"', tag(page(client.get(NEW)), "form_key"))[1]
    response = client.post(NEW, {**TYPED, "form_key": key})
    ticket = Ticket.objects.get()
    assert (response.status_code, response["Location"]) == (302, thread(ticket))
    assert (ticket.user, ticket.subject, ticket.message) == (customer, "No access", "It says no.\nWhy?")
    assert (ticket.department, ticket.priority) == ("technical", "high")
    html = page(client.get(thread(ticket)))
    assert "The question is sent." in html
    assert "Waiting</span>" in html
    assert "Nobody has answered yet." in html
    assert client.post(thread(ticket, "reply/"), {"message": "It is the same today."})["Location"] == thread(ticket)
    html = page(client.get(thread(ticket)))
    assert html.index("It says no.") < html.index("It is the same today.")
    client.post(thread(ticket, "close/"))
    assert "Completed</span>" in page(client.get(thread(ticket)))
    client.post(thread(ticket, "reopen/"))
    assert "Waiting</span>" in page(client.get(thread(ticket)))
    assert "No access" in page(client.get(LIST))


def test_a_reply_opens_a_closed_question_again(customer):
    ticket = actions.close_ticket(TicketFactory(by=customer), by=customer)
    assert "Your reply opens it again." in page(of(customer).get(thread(ticket)))
    of(customer).post(thread(ticket, "reply/"), {"message": "Not yet."})
    ticket.refresh_from_db()
    assert not ticket.is_closed


def test_the_form_sent_twice_is_one_question_and_leads_to_it_both_times(customer):
    client, sent = of(customer), {**TYPED, "form_key": str(uuid4())}
    first, second = client.post(NEW, sent), client.post(NEW, sent)
    assert first["Location"] == second["Location"] == thread(Ticket.objects.get())


def test_a_reply_sent_twice_is_said_once(customer):
    ticket = TicketFactory(by=customer)
    for _ in range(2):
        of(customer).post(
            thread(ticket, "reply/"), {"message": "Hello?", "form_key": "9f6c1a52-1f0c-4a8e-9d2a-6a6d1e9f0b11"}
        )
    assert Reply.objects.count() == 1


def test_other_answers_in_a_form_that_was_sent_are_refused_and_kept(customer):
    client, key = of(customer), str(uuid4())
    client.post(NEW, {**TYPED, "form_key": key})
    with nothing_changes():
        html = page(client.post(NEW, {**TYPED, "subject": "Another one", "form_key": key}))
    assert "This form was sent before" in html
    assert 'value="Another one"' in tag(html, "subject")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("subject", value) for value in ("", " ", "x" * 251, "a\x07b")],
        *[("message", value) for value in ("", " ", "x" * 10_001, "a\x07b")],
        ("department", "kitchen"),
        ("priority", "urgent"),
    ],
)
def test_a_refusal_stands_at_its_field_and_what_was_typed_is_kept(customer, name, value):
    client = of(customer)
    with nothing_changes():
        html = page(client.post(NEW, {**TYPED, name: value}))
    assert html.count("aria-invalid") == 1
    assert 'aria-invalid="true"' in tag(html, name)
    if name != "subject":
        assert 'value="No access"' in tag(html, "subject")
    if name != "message":
        assert "It says no." in html


def test_a_message_may_be_as_long_as_the_browser_lets_it_be(customer):
    of(customer).post(NEW, {**TYPED, "message": "x\r\n" * 4_999 + "xx"})
    assert len(Ticket.objects.get().message) == 10_000


def test_an_empty_reply_is_refused_at_its_field(customer):
    ticket = TicketFactory(by=customer)
    client = of(customer)
    with nothing_changes():
        html = page(client.post(thread(ticket, "reply/"), {"message": " "}))
    assert 'aria-invalid="true"' in tag(html, "message")


def test_what_was_typed_is_escaped(customer):
    of(customer).post(NEW, {**TYPED, "subject": "<script>alert(1)</script>"})
    page(of(customer).get(LIST))
    page(of(customer).get(thread(Ticket.objects.get())))


def found(client, **address):
    """The subjects that the list shows, in their order."""
    return re.findall(rf'href="{LIST}\w{{12}}/">([^<]+)</a>', page(client.get(LIST, address)))


def test_the_list_can_be_narrowed_to_one_status(customer):
    waiting = TicketFactory(by=customer, subject="Waits")
    actions.close_ticket(TicketFactory(by=customer, subject="Done with"), by=customer)
    actions.reject_ticket(TicketFactory(by=customer, subject="Refused"), reason="No.", by=UserFactory(role="agent"))
    client = of(customer)
    assert found(client) == ["Refused", "Done with", "Waits"]
    assert found(client, status="open") == found(client, status="created") == ["Waits"]
    assert found(client, status="closed") == ["Refused", "Done with"]
    assert found(client, status="completed") == ["Done with"]
    assert found(client, status="rejected") == ["Refused"]
    assert found(client, order="oldest") == ["Waits", "Done with", "Refused"]
    actions.close_ticket(waiting, by=customer)
    assert "Show all questions" in page(client.get(LIST, {"status": "open"}))


def test_staff_narrow_the_list_by_department_priority_and_to_what_is_theirs(agent):
    TicketFactory(subject="Urgent", department="sales", priority="high")
    actions.assign_waiting_tickets()
    TicketFactory(subject="Anybody's", department="", priority="low")
    client = of(agent)
    assert found(client) == ["Anybody&#x27;s", "Urgent"]
    assert found(client, department="sales") == found(client, priority="high") == found(client, mine="on") == ["Urgent"]
    assert found(client, department="any") == found(client, priority="low", status="created") == ["Anybody&#x27;s"]
    assert found(client, department="sales", priority="low") == []
    assert found(of(UserFactory(role="supervisor")), mine="on") == []


def test_the_form_shows_what_the_list_is_narrowed_to(agent):
    html = page(of(agent).get(LIST, {"status": "closed", "order": "oldest", "mine": "on"}))
    assert '<option value="closed" selected>' in html
    assert '<option value="oldest" selected>' in html
    assert "checked" in tag(html, "mine")


def test_a_customer_is_offered_no_filters_of_staff(customer):
    TicketFactory(by=customer, subject="Mine")
    client = of(customer)
    assert 'name="department"' not in page(client.get(LIST))
    assert found(client, department="sales", priority="low", mine="on") == ["Mine"]


@pytest.mark.parametrize("name", ["status", "order", "department", "priority"])
def test_a_choice_that_makes_no_sense_narrows_nothing_and_is_said_at_its_field(agent, name):
    TicketFactory(subject="Here")
    client = of(agent)
    assert found(client, **{name: "x\0"}) == ["Here"]
    assert 'aria-invalid="true"' in tag(page(client.get(LIST, {name: "x"})), name)


IN_PLACE = {"HX-Request": "true"}


def part(client, address, **named):
    """What a script gets that asks for a part."""
    answer = client.get(address, named, headers=IN_PLACE)
    assert answer.status_code == 200
    assert "HX-Request" in answer["Vary"]
    html = answer.content.decode()
    assert "<html" not in html
    return html


def test_the_list_changes_in_place_and_a_step_back_shows_the_whole_page(customer):
    TicketFactory(by=customer)
    client = of(customer)
    rows = part(client, LIST, status="open")
    assert rows.startswith('<div id="rows"')
    assert "<form" not in rows
    again = {**IN_PLACE, "HX-History-Restore-Request": "true"}
    assert "<html" in client.get(LIST, headers=again).content.decode()


def test_the_list_is_leafed_through_and_back_without_loss(customer):
    made = [TicketFactory(by=customer).code for _ in range(53)]
    client, address, seen = of(customer), LIST + "?status=open", []
    while address:
        html = page(client.get(address))
        seen.append(re.findall(rf'href="{LIST}(\w{{12}})/"', html))
        older = re.search(r'rel="next" href="([^"]+)"', html)
        address = older and LIST + older[1].replace("&amp;", "&")
    assert [len(codes) for codes in seen] == [25, 25, 3]
    assert [code for codes in seen for code in codes] == made[::-1]
    for codes in (seen[1], seen[0]):
        newer = re.search(r'rel="prev" href="([^"]+)"', html)[1].replace("&amp;", "&")
        html = page(client.get(LIST + newer))
        assert re.findall(rf'href="{LIST}(\w{{12}})/"', html) == codes
    assert 'rel="prev"' not in html


@pytest.mark.parametrize("place", ["x", "20260101T000000000000", "20260101T000000000000~x", "~"])
@pytest.mark.parametrize("name", ["before", "after"])
def test_nonsense_instead_of_a_page_is_refused(customer, name, place):
    assert of(customer).get(LIST, {name: place}).status_code == 400


def test_a_long_conversation_shows_its_end_and_leads_to_its_beginning(customer):
    ticket = TicketFactory(by=customer, message="How it began.")
    for number in range(101):
        ReplyFactory(ticket=ticket, message=f"Reply {number}.")
    client = of(customer)
    html = page(client.get(thread(ticket)))
    assert html.index("Reply 1.") < html.index("Reply 99.") < html.index("Reply 100.")
    assert "How it began." not in html
    older = re.search(r'rel="next" href="([^"]+)"', html)[1].replace("&amp;", "&")
    html = page(client.get(thread(ticket) + older))
    assert "How it began." in html
    assert "Reply 0." in html


@pytest.mark.parametrize("order", ["", "oldest"])
def test_the_list_is_leafed_through_in_either_order(customer, order):
    made = [TicketFactory(by=customer).code for _ in range(27)]
    client = of(customer)
    html = page(client.get(LIST, {"order": order}))
    after = re.search(r'rel="next" href="([^"]+)"', html)[1].replace("&amp;", "&")
    html += page(client.get(LIST + after))
    assert re.findall(rf'href="{LIST}(\w{{12}})/"', html) == (made if order else made[::-1])


def test_what_was_said_refreshes_itself_beside_what_is_being_typed(customer):
    ticket = TicketFactory(by=customer)
    client = of(customer)
    assert f'hx-get="{thread(ticket)}" hx-trigger="every 20s' in page(client.get(thread(ticket)))
    ReplyFactory(ticket=ticket, message="Just now.", by=UserFactory(role="agent", first_name="Grace", last_name=""))
    said = part(client, thread(ticket))
    assert "Just now." in said
    assert "Last reply: Grace, today" in said
    assert "<form" not in said
    assert "<textarea" not in said


def test_an_older_page_of_a_conversation_stays_as_it_is(customer):
    ticket = TicketFactory(by=customer)
    for number in range(101):
        ReplyFactory(ticket=ticket, message=f"Reply {number}.")
    client = of(customer)
    newest = page(client.get(thread(ticket)))
    older = re.search(r'rel="next" href="([^"]+)"', newest)[1].replace("&amp;", "&")
    assert "every 20s" in newest
    assert "every 20s" not in page(client.get(thread(ticket) + older))


def test_whose_log_in_ended_gets_no_log_in_page_in_the_place_of_a_part(customer):
    ticket = TicketFactory(by=customer)
    answer = Client().get(thread(ticket), headers=IN_PLACE)
    assert answer["HX-Redirect"] == f"{reverse('account:log_in')}?next={thread(ticket)}"
    assert answer.content == b""


def test_a_link_fills_in_a_question_and_nothing_of_it_counts_before_it_is_sent(customer):
    client = of(customer)
    with nothing_changes():
        html = page(client.get(NEW, {"subject": "About <b>" + "x" * 300, "message": "Purchase id: 7"}))
    assert 'value="About &lt;b&gt;' + "x" * 241 + '"' in tag(html, "subject")
    assert "Purchase id: 7</textarea>" in html
    client.post(NEW + "?subject=Another", TYPED)
    assert Ticket.objects.get().subject == "No access"


def test_times_are_told_on_the_clocks_of_the_site(customer, settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    ticket = TicketFactory(by=customer)
    shown = page(of(customer).get(thread(ticket)))
    assert "Times are those of the time zone Asia/Tokyo." in shown
    assert f"{timezone.localtime(ticket.created_at):%Y-%m-%dT%H:%M:%S+09:00}" in shown


def test_a_customer_sees_neither_the_tools_of_staff_nor_other_customers(customer):
    TicketFactory(subject="Of somebody else")
    html = page(of(customer).get(thread(TicketFactory(by=customer))))
    assert "Reject" not in html
    assert "E-mail address" not in html
    assert "Of somebody else" not in page(of(customer).get(LIST))


# Strangers


@pytest.mark.parametrize("verb", ["", "reply/", "close/", "reopen/"])
def test_somebody_elses_question_answers_as_a_missing_one(customer, verb):
    theirs = TicketFactory()
    client = of(customer)
    send = client.post if verb else client.get
    with nothing_changes():
        answers = [send(thread(theirs, verb), {"message": "Hi"}), send(f"{LIST}000000000000/{verb}", {"message": "Hi"})]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert theirs.subject not in answers[0].content.decode()


@pytest.mark.parametrize("address", [DESK, DESK + "online/", DESK + "offline/"])
def test_the_desk_is_closed_to_customers_and_gates(customer, address):
    for client in (of(customer), of(UserFactory(role="gate"))):
        with nothing_changes():
            assert client.post(address, {"lasts": "8"}).status_code == 403


@pytest.mark.parametrize("verb", ["triage/", "reject/"])
def test_the_tools_of_staff_are_refused_to_a_customer_on_their_own_question(customer, verb):
    client, ticket = of(customer), TicketFactory(by=customer)
    with nothing_changes():
        sent = {"priority": "high", "department": "", "reason": "No."}
        assert client.post(thread(ticket, verb), sent).status_code == 403


@pytest.mark.parametrize("address", [LIST, NEW, DESK])
def test_whoever_is_not_logged_in_logs_in_first(client, address):
    assert client.get(address)["Location"] == f"{reverse('account:log_in')}?next={address}"


def test_a_form_sent_after_the_log_in_ended_leads_back_to_its_page(customer):
    ticket = TicketFactory(by=customer)
    asked = Client().post(thread(ticket, "reply/"), {"message": "Hi"})["Location"]
    assert asked.endswith(f"?next={thread(ticket, 'reply/')}")
    assert of(customer).get(thread(ticket, "reply/"))["Location"] == thread(ticket)


@pytest.mark.parametrize("address", [NEW, LIST + "000000000000/close/", DESK + "online/"])
def test_a_form_from_elsewhere_is_refused(agent, address):
    client = Client(enforce_csrf_checks=True)
    client.force_login(agent)
    with nothing_changes():
        assert client.post(address, TYPED).status_code == 403


# An agent


@pytest.mark.django_db(transaction=True)
def test_an_agent_comes_is_handed_a_question_answers_and_goes():
    customer, person = UserFactory(), UserFactory(role="agent", first_name="Grace")
    waiting = TicketFactory(by=customer, subject="Please help")
    client = of(person)
    html = page(client.get(DESK))
    assert "Offline</span>" in html
    assert "Please help" in html
    assert client.post(DESK + "online/", {"lasts": "8"})["Location"] == DESK
    left = Agent.objects.get(user=person).online_until - timezone.now()
    assert timedelta(hours=7, minutes=59) < left < timedelta(hours=8, minutes=1)
    html = page(client.get(DESK))
    assert "Online</span>" in html
    assert "1 / 5" in html
    assert "Nobody waits" in html
    client.post(thread(waiting, "reply/"), {"message": "Try it again."})
    client.post(thread(waiting, "close/"))
    html = page(of(customer).get(thread(waiting)))
    assert "Try it again." in html
    assert "(support desk)" in html
    assert "Nothing in work" in page(client.get(DESK))
    client.post(DESK + "offline/")
    assert "Offline</span>" in page(client.get(DESK))


def cursor(html):
    """The address and the words of the link that has the cursor."""
    return re.search(r'<a href="([^"]+)" autofocus>([^<]+)</a>', html).groups()


def test_an_agent_answers_one_question_after_the_other_by_keyboard_alone(agent):
    made = [TicketFactory(subject=f"Number {number}", priority="high") for number in range(3)]
    actions.assign_waiting_tickets()
    client = of(agent)
    ticket, visited = made[0], []
    for _ in range(4):
        client.post(thread(ticket, "reply/"), {"message": "Here it is."})
        address, words = cursor(page(client.get(thread(ticket))))
        assert words == f"Next in your hands: {Ticket.objects.get(code=address.split('/')[-2]).subject}"
        visited.append(words[-1])
        ticket = Ticket.objects.get(code=address.split("/")[-2])
    assert visited == ["1", "2", "0", "1"]


@pytest.mark.parametrize(("verb", "sent"), [("close/", {}), ("reject/", {"reason": "No."})])
def test_after_the_last_question_the_cursor_is_on_the_way_to_the_desk(agent, verb, sent):
    first, last = TicketFactory(), TicketFactory(subject="<b>")
    actions.assign_waiting_tickets()
    client = of(agent)
    client.post(thread(first, verb), sent)
    assert cursor(page(client.get(thread(first)))) == (thread(last), "Next in your hands: &lt;b&gt;")
    client.post(thread(last, verb), sent)
    assert cursor(page(client.get(thread(last)))) == (DESK, "Nothing else is in your hands. Go to the desk")


def test_a_customer_is_led_to_no_desk(customer):
    ticket = TicketFactory(by=customer)
    client = of(customer)
    client.post(thread(ticket, "reply/"), {"message": "Hello?"})
    html = page(client.get(thread(ticket)))
    assert "Your reply is sent." in html
    assert "autofocus" not in html


def test_keys_reach_the_content_first_and_then_everything_in_its_order(agent):
    ticket = TicketFactory()
    for address in (DESK, LIST, thread(ticket)):
        html = page(of(agent).get(address))
        assert re.search(r"<(?:a|button|input|select|textarea)\b[^>]*>", html.split("<body>")[1])[0] == (
            '<a class="skip" href="#content">'
        )
        assert '<main id="content">' in html
        assert "tabindex" not in html
    assert html.index('id="thread"') < html.index('name="message"') < html.index("Priority and department")


def test_the_desk_refreshes_itself_beside_the_form_of_presence(agent):
    client = of(agent)
    html = page(client.get(DESK))
    assert html.index('name="lasts"') < html.index('<div id="desk"')
    assert f'hx-get="{DESK}" hx-trigger="every 15s' in html
    TicketFactory(subject="Just asked")
    desk = part(client, DESK)
    assert desk.startswith('<div id="desk"')
    assert "Just asked" in desk
    assert "0 questions are in your hands. 1 question waits." in desk
    assert "Online</span>" in desk
    assert "<form" not in desk
    assert "csrf" not in desk


def test_a_presence_that_is_refused_leaves_the_desk_on_its_page(agent):
    html = page(of(agent).post(DESK + "online/", {"lasts": "900"}))
    assert f'hx-get="{DESK}"' in html


def test_an_agent_asks_on_behalf_of_a_customer_who_finds_the_question(agent, customer):
    client = of(agent)
    client.post(NEW, {**TYPED, "customer": f" {customer.email.upper()} "})
    assert Ticket.objects.get().user == customer
    assert "No access" in page(of(customer).get(LIST))
    with nothing_changes():
        html = page(client.post(NEW, {**TYPED, "customer": "nobody"}))
    assert 'aria-invalid="true"' in tag(html, "customer")


def test_a_customer_asks_for_nobody_else(customer):
    client, other = of(customer), UserFactory()
    assert 'name="customer"' not in page(client.get(NEW))
    client.post(NEW, {**TYPED, "customer": other.username})
    assert Ticket.objects.get().user == customer


def test_the_queue_is_shown_in_its_order_with_its_length(agent):
    TicketFactory(subject="Later", priority="low")
    TicketFactory(subject="First", priority="high")
    html = page(of(agent).get(DESK))
    assert html.index("First") < html.index("Later")
    assert '<p class="figure">2</p>' in html


def test_an_agent_changes_priority_and_department(agent):
    ticket = TicketFactory()
    of(agent).post(thread(ticket, "triage/"), {"priority": "high", "department": "security"})
    ticket.refresh_from_db()
    assert (ticket.priority, ticket.department) == ("high", "security")
    client = of(agent)
    with nothing_changes():
        html = page(client.post(thread(ticket, "triage/"), {"priority": "mad", "department": ""}))
    assert 'aria-invalid="true"' in tag(html, "priority")


def test_a_rejection_needs_a_reason_which_the_customer_reads(agent, customer):
    ticket = TicketFactory(by=customer)
    client = of(agent)
    with nothing_changes():
        html = page(client.post(thread(ticket, "reject/"), {"reason": " "}))
    assert 'aria-invalid="true"' in tag(html, "reason")
    assert '<details class="card" open>' in html
    of(agent).post(thread(ticket, "reject/"), {"reason": "Meant for others."})
    html = page(of(customer).get(thread(ticket)))
    assert "Rejected: Meant for others." in html
    assert "Rejected</span>" in html


def test_a_closed_question_is_not_rejected_and_the_form_says_so(agent):
    ticket = actions.close_ticket(TicketFactory(), by=agent)
    client = of(agent)
    with nothing_changes():
        html = page(client.post(thread(ticket, "reject/"), {"reason": "Too late."}))
    assert "This ticket is closed already." in html


def test_staff_read_what_a_person_without_an_account_claimed(agent):
    ticket = actions.raise_unverified_ticket(
        user_id="Ada", phone="5550100", query="Is it open?", email="ada@example.org", by=None
    )
    html = page(of(agent).get(thread(ticket)))
    assert all(claimed in html for claimed in ("Ada", "5550100", "ada@example.org", "nothing vouches for it"))


def test_an_agent_who_sees_less_reaches_less(settings):
    settings.AGENTS_SEE = "assigned"
    agent = online_agent(departments=["sales"]).user
    theirs, foreign = TicketFactory(department="sales", subject="Ours"), TicketFactory(subject="Theirs")
    client = of(agent)
    html = page(client.get(DESK))
    assert "Ours" in html
    assert "Theirs" not in html
    assert client.get(thread(foreign)).status_code == 404
    moved = client.post(thread(theirs, "triage/"), {"priority": "low", "department": "security"})
    assert moved["Location"] == DESK


def test_a_supervisor_sees_the_load_of_everybody_and_an_agent_does_not(agent):
    other = online_agent(first_name="Hedy").user
    assert "Hedy" in page(of(UserFactory(role="supervisor")).get(DESK))
    assert other.name not in page(of(agent).get(DESK))


def test_presence_for_a_time_that_is_not_offered_is_refused_at_its_field(agent):
    client = of(agent)
    with nothing_changes():
        html = page(client.post(DESK + "online/", {"lasts": "900"}))
    assert 'aria-invalid="true"' in tag(html, "lasts")


# Both


def test_the_places_of_each_are_in_the_navigation(customer, agent):
    assert f'href="{LIST}"' in page(of(customer).get(LIST))
    assert f'href="{DESK}"' not in page(of(customer).get(LIST))
    assert f'href="{DESK}"' in page(of(agent).get(LIST))


def test_pages_cost_the_same_queries_for_one_row_and_for_thirty(customer, agent):
    staff, boss = of(agent), of(UserFactory(role="supervisor"))
    ticket = TicketFactory(by=customer)
    ReplyFactory(ticket=ticket)
    narrowed = f"{LIST}?status=open&department=technical&priority=medium&mine=on&order=oldest"
    asked = [(of(customer), LIST), *[(staff, one) for one in (LIST, narrowed, DESK, thread(ticket))], (boss, DESK)]
    actions.assign_waiting_tickets()
    online_agent()  # to whom something can be handed over
    TicketFactory()
    few = [queries(*one) for one in asked]
    for _ in range(29):
        TicketFactory(by=customer)
        TicketFactory()
        ReplyFactory(ticket=ticket, by=UserFactory())
        online_agent()
    actions.assign_waiting_tickets()
    for _ in range(29):
        TicketFactory()
    assert [queries(*one) for one in asked] == few
    assert max(few) <= 20


def test_an_agent_goes_away_and_comes_back(agent):
    browser = of(agent)
    assert "Go away for a while" in page(browser.get(DESK))
    away = page(browser.post(f"{DESK}away/", follow=True))
    assert ">Away</span>" in away
    assert "I am back" in away
    assert "Go away for a while" not in away
    back = page(browser.post(f"{DESK}online/", {"lasts": "0"}, follow=True))
    assert ">Online</span>" in back


def test_an_open_page_says_that_it_is_open(agent):
    browser, address = of(agent), f'hx-post="{DESK}here/"'
    ticket = TicketFactory()
    assert all(address in page(browser.get(place)) for place in (DESK, thread(ticket)))
    Agent.objects.update(online_until=timezone.now() + timedelta(seconds=5))
    assert browser.post(f"{DESK}here/").status_code == 204
    assert Agent.objects.get().online_until > timezone.now() + timedelta(minutes=2)
    assert address not in page(of(ticket.user).get(thread(ticket)))


def test_lists_say_to_staff_why_each_question_waits_and_to_customers_nothing(customer):
    TicketFactory(by=customer, department="sales")
    said = "Place 1 in the queue. Nobody who answers for the department “sales” is online."
    boss = of(UserFactory(role="supervisor"))
    assert all(said in page(boss.get(place)) for place in (LIST, DESK, "/panel/board/"))
    assert "in the queue." not in page(of(customer).get(LIST))
