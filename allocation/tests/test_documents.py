"""Tickets to take along: as PDF, in calendars, and in the mail."""

import re
import uuid
from datetime import timedelta

import icalendar
import pytest
from django.db.models.functions import Now
from django.test import Client
from reportlab.pdfbase import pdfmetrics

from allocation import actions, documents
from allocation.documents import events_calendar, own_tickets, tickets_pdf
from allocation.errors import NoEvent, TooManyOnPaper
from allocation.models import Event, Ticket
from allocation.paper import FONT, WIDTH, _lines, _width
from allocation.tests.factories import EventFactory, PurchaseFactory, TicketOptionFactory
from ticketing.errors import NotAllowed, NotFound
from ticketing.models import Mail
from ticketing.sending import Hopeless
from ticketing.sending.mails import render
from ticketing.tests.factories import UserFactory, bearer
from ticketing.toolkit.codes import grouped

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


@pytest.fixture
def ann():
    return UserFactory(email="ann@example.org", language="de")


@pytest.fixture
def tickets(ann):
    """Three of an evening."""
    option = TicketOptionFactory(event=EventFactory(name="Größe, Ώρες, Вечер, 9 €"), name="Parkett")
    PurchaseFactory(option=option, quantity=3, buyer=ann.pk, by=ann)
    return list(Ticket.objects.order_by("number"))


def pages(pdf):
    assert pdf.startswith(b"%PDF-")
    return len(re.findall(rb"/Type /Page\b", pdf))


def test_each_ticket_is_a_page_and_nobody_elses_is(ann, tickets):
    ben = UserFactory()
    assert pages(tickets_pdf(own_tickets(ann, purchase=tickets[0].purchase_id))) == 3
    actions.cancel_ticket(tickets[0], by=ann)
    actions.accept_transfer(actions.offer_transfer(tickets[1], by=ann), by=ben)
    for person in (ann, ben):
        assert pages(tickets_pdf(own_tickets(person, purchase=tickets[0].purchase_id))) == 1
    actions.invalidate(tickets[1], by=None)
    boss = UserFactory(role="supervisor")
    for person, named in ((ben, tickets[1]), (ann, tickets[0]), (ann, tickets[1]), (boss, tickets[2])):
        with pytest.raises(NotFound):
            own_tickets(person, pk=named.pk)
    with pytest.raises(NotAllowed):
        own_tickets(UserFactory(role="gate"), pk=tickets[2].pk)


def test_the_font_has_the_letters_of_many_languages_and_a_box_for_the_others(tickets):
    known = pdfmetrics.getFont(FONT).face.charToGlyph
    assert [letter for letter in "ößÄéøłşğΏώВёיش€–“„°" if ord(letter) not in known] == []
    Event.objects.update(name="東京 🎻 שלום")
    assert pages(tickets_pdf(own_tickets(tickets[0].holder, pk=tickets[0].pk))) == 1


@pytest.mark.parametrize("name", ["W" * 200, "word " * 40, "漢" * 200, "a\u0308" * 90])
def test_no_name_is_wider_than_the_page(name):
    lines = list(_lines(name, 22))
    assert 1 < len(lines) <= 5
    assert all(_width(line, 22) <= WIDTH + 22 for line in lines)


def test_a_code_is_typed_in_groups(tickets):
    assert "".join(grouped(tickets[0].code)).replace(" ", "") == tickets[0].code
    assert [len(line.split()) for line in grouped(tickets[0].code)] == [7, 6]


def test_thousands_are_not_drawn(ann, tickets, monkeypatch):
    monkeypatch.setattr(documents, "MOST_PAGES", 2)
    with pytest.raises(TooManyOnPaper):
        tickets_pdf(tickets)
    sent = render(Mail.objects.get())
    assert [name for name, *_rest in sent.attachments] == ["events.ics"]


def test_the_calendar_names_each_event_once_and_later_versions_are_newer(ann, tickets):
    def read():
        [visit] = icalendar.Calendar.from_ical(events_calendar(own_tickets(ann, pk=tickets[0].pk))).events
        return visit

    first, event = read(), Event.objects.get()
    assert (str(first["SUMMARY"]), first["SEQUENCE"], first["DTSTART"].dt) == (event.name, 0, event.starts_at)
    assert len(icalendar.Calendar.from_ical(events_calendar(tickets)).events) == 1
    Event.objects.update(created_at=Now() - timedelta(hours=1))
    actions.change_event(event, venue="Elsewhere", by=None)
    again = read()
    assert (again["UID"], str(again["LOCATION"])) == (first["UID"], "Elsewhere")
    assert again["SEQUENCE"] > first["SEQUENCE"]


def test_what_belongs_to_no_event_is_in_no_calendar(ann):
    PurchaseFactory(buyer=ann.pk, by=ann)
    with pytest.raises(NoEvent):
        events_calendar(own_tickets(ann))


def test_a_purchase_is_mailed_with_both_files_as_they_are_when_it_is_sent(ann, tickets):
    mail = Mail.objects.get()
    assert (mail.to, mail.template, mail.language) == (ann.email, "ticket_bought", "de")
    assert tickets[0].code not in str(mail.context)
    actions.cancel_ticket(tickets[0], by=ann)
    sent = render(mail)
    assert sent.subject == "Ihre Tickets: Größe, Ώρες, Вечер, 9 €"
    assert "/panel/tickets/" in sent.body
    (pdf, content, media), (file, _calendar, kind) = sent.attachments
    assert (pdf, media, pages(content)) == ("tickets.pdf", "application/pdf", 2)
    assert (file, kind) == ("events.ics", "text/calendar; method=PUBLISH")
    actions.cancel_purchase(tickets[0].purchase, by=ann)
    with pytest.raises(Hopeless):
        render(mail)


def test_nobody_is_mailed_who_has_no_account_or_no_address_or_bought_before():
    key = str(uuid.uuid4())
    nobody, odd, ben = UserFactory(email=""), UserFactory(email="ρόλος@example.org"), UserFactory(email="b@example.org")
    PurchaseFactory()
    for person in (nobody, odd):
        PurchaseFactory(buyer=person.pk, by=person)
    option = TicketOptionFactory()
    for _time in range(2):
        PurchaseFactory(option=option, buyer=ben.pk, by=ben, key=key)
    assert [mail.to for mail in Mail.objects.all()] == [ben.email]


def test_whoever_accepts_is_mailed_their_one_ticket(ann, tickets):
    ben = UserFactory(email="b@example.org")
    actions.accept_transfer(actions.offer_transfer(tickets[1], by=ann), by=ben)
    mail = Mail.objects.get(to=ben.email)
    sent = render(mail)
    assert sent.subject.startswith("Your ticket: ")
    assert f"/panel/tickets/{tickets[1].pk}/" in sent.body
    assert pages(sent.attachments[0][1]) == 1


@pytest.mark.parametrize(
    ("way", "name", "media"),
    [("ticket.pdf", "ticket.pdf", "application/pdf"), ("event.ics", "event.ics", "text/calendar")],
)
def test_the_files_are_taken_from_the_pages_and_over_the_api(ann, tickets, way, name, media):
    browser, stranger = Client(), Client()
    browser.force_login(ann)
    stranger.force_login(UserFactory())
    path = f"/panel/tickets/{tickets[0].pk}/{way}"
    assert way in browser.get(f"/panel/tickets/{tickets[0].pk}/").content.decode()
    mine = browser.get("/panel/tickets/").content.decode()
    assert "tickets.pdf" in mine
    assert "events.ics" in mine
    answer = browser.get(path)
    assert (answer.status_code, answer["Content-Type"].split(";")[0]) == (200, media)
    assert name in answer["Content-Disposition"]
    assert "no-store" in answer["Cache-Control"]
    assert stranger.get(path).status_code == 404
    noun = "pdf" if media.endswith("pdf") else "calendar"
    told = Client().get(f"/api/v1/allocation/tickets/{tickets[0].pk}/{noun}/", headers=bearer(ann))
    assert (told.status_code, told["Content-Type"]) == (200, media)
    whole = Client().get(f"/api/v1/allocation/purchases/{tickets[0].purchase_id}/{noun}/", headers=bearer(ann))
    assert (whole.status_code, whole["Content-Type"]) == (200, media)
