"""What customers are told about their questions by mail, and what nobody is."""

from email import policy
from email.parser import BytesParser

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.db.models.functions import Now
from django.utils import translation

from support import actions
from support.links import answered_code, answers_to
from support.models import Reply, Ticket
from support.tests.factories import A_FILE, TicketFactory
from ticketing.actions import send_due_mails
from ticketing.models import Mail, User
from ticketing.sending import Hopeless, mails
from ticketing.tests.factories import UserFactory
from ticketing.tests.receivers import MailServer

pytestmark = pytest.mark.django_db

ADA = "ada@example.org"
STRANGER = AnonymousUser()
REPLY_TO = "help@desk.example.org"


@pytest.fixture(autouse=True)
def address(settings):
    settings.SITE_URL, settings.SITE_HOST = "https://tickets.example.org", "tickets.example.org"


@pytest.fixture
def agent():
    return UserFactory(role="agent", first_name="Mei", last_name="Tanaka")


@pytest.fixture
def ada():
    return UserFactory(email=ADA, email_confirmed_at=Now())


@pytest.fixture
def ticket(ada):
    return TicketFactory(by=ada, subject="The lift is stuck")


def ask(email=ADA, by=STRANGER, query="Is there a lift?\nhttps://evil.example"):
    return actions.raise_unverified_ticket(user_id="Ada", phone="", query=query, email=email, by=by)


def templates():
    return list(Mail.objects.order_by("pk").values_list("template", flat=True))


def parsed(mail=None):
    """The newest mail as its reader has it."""
    message = mails.render(mail or Mail.objects.order_by("-pk")[0]).message()
    return BytesParser(policy=policy.default).parsebytes(message.as_bytes())


def text(message):
    return message.get_body(("plain",)).get_content()


# Asked


def test_whoever_asks_is_told_that_it_arrived_with_the_code_and_a_link(ticket):
    message = parsed()
    assert (templates(), message["to"]) == (["support_opened"], ADA)
    assert message["subject"] == f"[{ticket.code}] The lift is stuck"
    assert f"https://tickets.example.org/panel/questions/{ticket.code}/" in text(message)
    assert "Nobody reads what is answered to it." in text(message)
    assert message["reply-to"] is None


def test_the_customer_is_told_also_when_staff_asked_on_their_behalf(ada, agent):
    TicketFactory(by=agent, customer=ada)
    assert parsed()["to"] == ADA


def test_a_stranger_can_have_nothing_of_their_own_mailed_to_somebody():
    ticket = ask()
    message = parsed()
    assert (message["to"], message["subject"]) == (ADA, f"[{ticket.code}] Your question")
    assert "lift" not in str(message)
    assert "evil" not in str(message)
    assert "https://tickets.example.org/account/sign-up/" in text(message)


def test_strangers_make_a_mailbox_ring_five_times_an_hour():
    for _ in range(7):
        ask()
    assert (Ticket.objects.count(), Mail.objects.count()) == (7, 5)


def test_nobody_is_told_where_no_address_is_proven_or_known(agent):
    owner = UserFactory(email=ADA)
    ticket = TicketFactory(by=owner)
    actions.reply_to_ticket(ticket, message="Yes.", by=agent)
    actions.close_ticket(ticket, by=agent)
    typed = ask(email="other@example.org", by=owner)
    assert (typed.user, typed.email) == (owner, "other@example.org")
    ask(email="")
    assert templates() == []
    gone = TicketFactory(by=UserFactory(email_confirmed_at=Now()))
    User.objects.filter(pk=gone.user_id).update(is_active=False)
    Mail.objects.all().delete()
    actions.reply_to_ticket(gone, message="Yes.", by=agent)
    assert templates() == []


def test_an_address_that_cannot_be_one_loses_its_owner_nothing():
    owner = UserFactory(email="not an address", email_confirmed_at=Now())
    assert (TicketFactory(by=owner).user, templates()) == (owner, [])


def test_an_account_that_proves_the_address_later_gets_the_mails_from_then_on(agent):
    ticket = ask()
    owner = UserFactory(email=ADA, email_confirmed_at=Now())
    actions.welcome(owner, {})
    User.objects.filter(pk=owner.pk).update(email="new@example.org")
    actions.reply_to_ticket(ticket, message="Yes, there is.", by=agent)
    assert parsed()["to"] == "new@example.org"
    assert f"/panel/questions/{ticket.code}/" in text(parsed())


# Answered


def test_a_reply_of_staff_is_mailed_with_its_words_and_never_its_files(ticket, agent):
    actions.reply_to_ticket(ticket, message="Try it again.\n\nAnd <b>tell</b> us.", files=[A_FILE], by=agent)
    message = parsed()
    assert message["subject"] == f"Re: [{ticket.code}] The lift is stuck"
    assert f"Mei Tanaka has answered your question {ticket.code}:\n\nTry it again.\n\nAnd <b>tell</b> us." in text(
        message
    )
    assert "A file came with the answer." in text(message)
    assert list(message.iter_attachments()) == []
    assert "&lt;b&gt;tell&lt;/b&gt;" in message.get_body(("html",)).get_content()


def test_the_outbox_holds_nothing_of_what_people_wrote(ticket, agent):
    actions.reply_to_ticket(ticket, message="Try it again.", by=agent)
    kept = str(list(Mail.objects.values_list("context", flat=True)))
    assert "Try" not in kept
    assert "lift" not in kept


def test_whoever_asked_without_an_account_reads_the_answer_in_their_mailbox(agent):
    ticket = ask()
    actions.reply_to_ticket(ticket, message="Yes, there is.", by=agent)
    assert (parsed()["to"], parsed()["subject"]) == (ADA, f"Re: [{ticket.code}] Your question")
    assert "Yes, there is." in text(parsed())


def test_no_note_and_no_own_word_is_mailed(ticket, ada, agent):
    Mail.objects.all().delete()
    actions.note_on_ticket(ticket, message="Not for her.", by=agent)
    actions.reply_to_ticket(ticket, message="Hello?", by=ada)
    own = TicketFactory(by=UserFactory(role="agent", email_confirmed_at=Now()))
    actions.reply_to_ticket(own, message="I found it.", by=own.user)
    assert templates() == ["support_opened"]


def test_a_mail_about_a_note_or_a_reply_that_is_gone_is_not_sent(ticket, agent):
    reply = actions.reply_to_ticket(ticket, message="Try it again.", by=agent)
    Reply.objects.update(is_internal=True)
    with pytest.raises(Hopeless):
        parsed()
    Reply.objects.filter(pk=reply.pk).delete()
    with pytest.raises(Hopeless):
        parsed()
    Ticket.objects.filter(pk=ticket.pk).delete()
    with pytest.raises(Hopeless):
        parsed(Mail.objects.first())


# Closed


def test_the_end_is_mailed_once_with_its_reason_and_asks_whether_it_was_good(ticket, agent):
    for _twice in range(2):
        actions.close_ticket(ticket, by=agent)
    assert templates() == ["support_opened", "support_closed"]
    assert f"/panel/questions/{ticket.code}/#rate" in text(parsed())
    actions.reopen_ticket(ticket, by=agent)
    actions.reject_ticket(ticket, reason="It is not our lift.", by=agent)
    assert "for this reason:\n\nIt is not our lift.\n" in text(parsed())
    assert templates()[2:] == ["support_rejected"]


def test_whoever_closes_their_own_question_is_told_nothing(ticket, ada):
    actions.close_ticket(ticket, by=ada)
    assert templates() == ["support_opened"]


# How


def test_mails_are_in_the_language_of_the_account_or_of_the_page(ada, agent):
    User.objects.filter(pk=ada.pk).update(language="de")
    ada.refresh_from_db()
    with translation.override("de"):
        asked = ask("eve@example.org")
    with translation.override("en"):
        actions.reply_to_ticket(TicketFactory(by=ada), message="Ja.", by=agent)
        actions.reply_to_ticket(asked, message="Ja.", by=agent)
    assert set(Mail.objects.values_list("language", flat=True)) == {"de"}
    assert f"[{asked.code}] Ihre Frage" in parsed()["subject"]


def test_the_mails_about_a_question_are_one_thread_and_each_has_its_own_identity(ticket, agent):
    actions.reply_to_ticket(ticket, message="One.", by=agent)
    actions.reply_to_ticket(ticket, message="Two.", by=agent)
    TicketFactory(by=ticket.user)
    first, one, two, other = (parsed(mail) for mail in Mail.objects.order_by("pk"))
    assert first["in-reply-to"] is None
    assert one["in-reply-to"] == one["references"] == two["references"] == first["message-id"] != other["message-id"]
    assert len({message["message-id"] for message in (first, one, two, other)}) == 4
    assert parsed(Mail.objects.order_by("pk")[0])["message-id"] == first["message-id"]


def test_what_somebody_writes_makes_no_header(ada):
    TicketFactory(by=ada, subject="Lift\r\nBcc: eve@example.org", message="x")
    message = parsed()
    assert message["bcc"] is None
    assert message["subject"].endswith("Lift Bcc: eve@example.org")


def test_they_reach_a_mail_server(ticket, agent, settings):
    settings.SUPPORT_REPLY_ADDRESS = REPLY_TO
    with MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        actions.reply_to_ticket(ticket, message="Try it again.", by=agent)
        assert send_due_mails() == (2, 0)


def test_nobody_is_told_what_the_demo_has_from_the_start():
    call_command("demo", verbosity=0)
    assert (Ticket.objects.count(), templates()) == (2, [])


# Where answers go


def test_answers_go_to_an_address_that_says_which_question_and_cannot_be_made_up(ticket, settings):
    settings.SUPPORT_REPLY_ADDRESS = REPLY_TO
    message = parsed()
    known = message["reply-to"]
    assert known == answers_to(ticket.code)
    assert known.startswith(f"help+{ticket.code}.")
    assert "What you answer to it reaches the support desk." in text(message)
    assert answered_code(known) == ticket.code
    assert answered_code(known.lower()) == ticket.code.lower()
    assert len(known.partition("@")[0]) <= 64


def test_no_other_address_is_taken_for_one_of_these(ticket, settings):
    settings.SUPPORT_REPLY_ADDRESS = REPLY_TO
    known = answers_to(ticket.code)
    other = answers_to(TicketFactory().code)
    signature = known.partition(".")[2].partition("@")[0]
    for wrong in (
        "",
        "@",
        REPLY_TO,
        known.replace("help", "held"),
        known.replace("desk.", "disk."),
        known.replace(signature, "a" * 20),
        known.replace(signature, signature[:-1]),
        known.replace(signature, ""),
        known.replace(ticket.code, "ZZZZZZZZZZZZ"),
        other.replace(other.partition("+")[2].partition(".")[0], ticket.code),
        known + "\r\nBcc: eve@example.org",
        known.replace("+", "+é"),
    ):
        assert answered_code(wrong) is None, wrong
    settings.SECRET_KEY = "another" * 9
    assert answered_code(known) is None
    settings.SUPPORT_REPLY_ADDRESS = ""
    assert answered_code(known) is None
    assert answers_to(ticket.code) == ""


@pytest.mark.parametrize("code", ["a b", "a\r\nb", "a@b", "a.b", "a+b", ""])
def test_a_code_that_fits_in_no_address_has_none(code, settings):
    settings.SUPPORT_REPLY_ADDRESS = REPLY_TO
    assert answers_to(code) == ""
