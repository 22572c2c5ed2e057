"""What people are told by mail: when they book, change and cancel, and before their time comes."""

from datetime import timedelta
from email import policy
from email.parser import BytesParser

import icalendar
import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import translation

from booking.actions import (
    cancel_booking,
    change_booking,
    create_resource,
    create_service,
    purge_expired,
    remind_due,
    renew_link,
)
from booking.models import Booking
from booking.tasks import remind_of_visits
from booking.tests.factories import NOON, BookingFactory, ServiceFactory
from booking.tests.test_races import outcomes
from ticketing.clocks import database_now
from ticketing.models import Activity, Mail
from ticketing.sending import mails
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

ADA = "ada@example.org"
STRANGER = AnonymousUser()
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def address(settings):
    settings.SITE_URL = "https://tickets.example.org"


def templates():
    return list(Mail.objects.order_by("pk").values_list("template", flat=True))


def parsed(mail=None):
    """The newest mail as its reader has it."""
    message = mails.render(mail or Mail.objects.order_by("-pk")[0]).message()
    return BytesParser(policy=policy.default).parsebytes(message.as_bytes())


def text(message):
    return message.get_body(("plain",)).get_content()


def visit(message):
    """The one visit in the attached file, and what is to be done with it."""
    [attached] = message.iter_attachments()
    assert attached.get_content_type() == "text/calendar"
    calendar = icalendar.Calendar.from_ical(attached.get_content())
    [event] = calendar.walk("VEVENT")
    return str(calendar["method"]), event


def soon(ahead, **more):
    return BookingFactory(email=ADA, starts_at=database_now() + ahead, **more)


# Booked, changed, cancelled


def test_whoever_gives_an_address_is_told_with_a_link_and_a_calendar_file():
    booking = BookingFactory(email=ADA, starts_at=NOON, by=STRANGER)
    message = parsed()
    assert message["to"] == ADA
    assert "6 May 2031, 12:00" in message["subject"]
    assert f"https://tickets.example.org/panel/bookings/{booking.pk}/{booking.manage_token}/" in text(message)
    method, event = visit(message)
    assert (method, event["sequence"], event["status"]) == ("PUBLISH", 0, "CONFIRMED")
    assert (event.start, event.end) == (NOON, NOON + timedelta(minutes=1))
    assert booking.manage_token not in str(list(Mail.objects.values()))


def test_without_an_address_nobody_is_told():
    booking = BookingFactory()
    change_booking(booking, starts_at=NOON + HOUR, by=None)
    cancel_booking(booking, by=None)
    assert templates() == []


def test_what_cannot_be_told_is_not_booked(monkeypatch):
    BookingFactory()  # whose slot and service are there

    def fails(*args, **kwargs):
        raise ConnectionError

    monkeypatch.setattr("booking.actions.entering.tell", fails)
    with nothing_changes(), pytest.raises(ConnectionError):
        BookingFactory(email="ada@example.org")


def test_the_identity_of_a_visit_stays_and_its_revision_grows_until_it_is_cancelled():
    booking = BookingFactory(email=ADA)
    seen = [visit(parsed())]
    change_booking(booking, starts_at=NOON + HOUR, by=None)
    seen.append(visit(parsed()))
    change_booking(booking, firstname="Renamed", by=None)
    cancel_booking(booking, by=None)
    seen.append(visit(parsed()))
    assert templates() == ["booking_booked", "booking_changed", "booking_cancelled"]
    assert len({str(event["uid"]) for _, event in seen}) == 1
    assert [(method, event["sequence"]) for method, event in seen] == [("PUBLISH", 0), ("PUBLISH", 1), ("CANCEL", 2)]
    assert seen[1][1].start == NOON + HOUR
    assert seen[2][1]["status"] == "CANCELLED"
    assert "panel/bookings" not in text(parsed())


def test_what_is_as_wanted_already_is_neither_written_nor_told():
    booking = soon(timedelta(days=3), service=ServiceFactory(largest_party=4), party=2)
    with nothing_changes():
        change_booking(booking, by=STRANGER, starts_at=booking.starts_at, party=2, firstname=booking.firstname)


def test_a_new_name_alone_is_no_new_revision():
    booking = change_booking(soon(timedelta(days=3)), by=STRANGER, firstname="Grace", party=1)
    assert (booking.sequence, templates()) == (0, ["booking_booked"])
    assert Activity.objects.about(booking).last().details == {"fields": ["firstname"]}


def test_a_party_and_a_room_are_said():
    room = create_resource(name="Room 2", by=None)
    service = create_service(
        slug="s",
        name="Tour; of, the\nhouse".replace("\n", " "),
        needs_resource=True,
        resources=[room],
        largest_party=4,
        by=None,
    )
    BookingFactory(service=service, email=ADA, party=3)
    message = parsed()
    assert "3 people are expected." in text(message)
    assert "Room 2" in text(message)
    assert str(visit(message)[1]["summary"]) == "Tour; of, the house"
    assert str(visit(message)[1]["location"]) == "Room 2"


def test_mails_speak_the_language_in_which_somebody_booked():
    with translation.override("de"):
        booking = BookingFactory(email=ADA, by=STRANGER)
    with translation.override("en"):
        change_booking(booking, starts_at=NOON + HOUR, by=None)
    assert "Buchung" in parsed()["subject"]
    spoken = UserFactory(language="de")
    BookingFactory(email=spoken.email, by=spoken)
    assert "Buchung" in parsed()["subject"]


def test_strangers_make_a_mailbox_ring_five_times_an_hour_at_most_and_still_book():
    for _ in range(8):
        BookingFactory(email=ADA, by=STRANGER)
    assert len(templates()) == 5
    assert Booking.objects.count() == 8
    BookingFactory(email=ADA, by=UserFactory(role="agent"))
    assert len(templates()) == 6


# Reminders


def test_a_reminder_comes_a_day_and_an_hour_before_each_once(settings):
    booking = soon(25 * HOUR)
    assert remind_due() == 0
    for ahead, left in ((24 * HOUR, True), (HOUR, False)):
        assert Booking.objects.get().next_reminder_at == booking.starts_at - ahead
        Booking.objects.update(starts_at=database_now() + ahead, next_reminder_at=database_now())
        booking.refresh_from_db()
        assert remind_due() == 1
        assert (Booking.objects.get().next_reminder_at is not None) == left
    assert remind_due() == 0
    assert templates() == ["booking_booked", "booking_reminder", "booking_reminder"]
    assert visit(parsed())[1]["sequence"] == 0


@pytest.mark.django_db(transaction=True)
def test_several_who_remind_at_once_remind_each_once():
    for _number in range(12):
        soon(2 * HOUR)
    Booking.objects.update(next_reminder_at=database_now() - HOUR)
    Mail.objects.all().delete()
    assert sum(outcomes(*[remind_due] * 6)) == Mail.objects.count() == 12


def test_who_books_late_gets_only_the_reminders_that_are_left():
    assert soon(2 * HOUR).next_reminder_at is not None
    assert soon(HOUR / 2).next_reminder_at is None
    assert BookingFactory(starts_at=NOON).next_reminder_at is None


def test_a_moved_visit_is_reminded_of_at_its_new_time():
    booking = soon(48 * HOUR)
    moved = change_booking(booking, starts_at=database_now() + 72 * HOUR, by=None)
    assert moved.next_reminder_at == moved.starts_at - 24 * HOUR


def test_what_has_begun_is_not_reminded_of():
    soon(2 * HOUR)
    Booking.objects.update(starts_at=database_now() - HOUR, next_reminder_at=database_now() - 2 * HOUR)
    assert remind_due() == 1
    assert templates() == ["booking_booked"]
    assert Booking.objects.get().next_reminder_at is None


def test_the_hours_are_a_setting_and_none_is_never(settings):
    settings.BOOKING_REMINDERS = []
    assert soon(48 * HOUR).next_reminder_at is None
    settings.BOOKING_REMINDERS = [3 * HOUR]
    booking = soon(48 * HOUR)
    assert booking.next_reminder_at == booking.starts_at - 3 * HOUR


def test_the_task_goes_on_until_nobody_is_left():
    for _ in range(3):
        soon(48 * HOUR)
    Booking.objects.update(next_reminder_at=database_now())
    assert remind_of_visits() == 3
    assert remind_of_visits() == 0


def test_a_cancelled_or_purged_visit_is_reminded_of_no_more():
    cancel_booking(soon(48 * HOUR), by=None)
    soon(2 * HOUR)
    Booking.objects.update(starts_at=database_now() - 9 * HOUR, next_reminder_at=database_now())
    purge_expired()
    assert remind_due() == 0
    assert "booking_reminder" not in templates()


# Links


def test_looking_by_the_link_changes_nothing_and_leads_to_the_booking(client):
    booking = BookingFactory(email=ADA)
    with nothing_changes():
        for method in (client.head, client.get):
            answer = method(f"/panel/bookings/{booking.pk}/{booking.manage_token}/")
            assert (answer.status_code, answer["Location"]) == (302, f"/panel/bookings/{booking.pk}/")
    assert client.get(answer["Location"]).status_code == 200
    assert client.post(f"/panel/bookings/{booking.pk}/{booking.manage_token}/").status_code == 405


def test_a_wrong_link_answers_as_that_of_a_missing_booking(client, production):
    booking, other = BookingFactory(email=ADA), BookingFactory(email=ADA)
    missing = "00000000-0000-4000-8000-000000000000"
    told = [
        client.get(f"/panel/bookings/{pk}/{token}/")
        for pk, token in ((booking.pk, other.manage_token), (missing, other.manage_token), (booking.pk, "x"))
    ]
    assert {answer.status_code for answer in told} == {404}
    assert len({answer.content.partition(b"<main")[2].partition(b"</main")[0] for answer in told}) == 1


def test_a_new_link_makes_the_old_one_void_and_is_mailed(client, production):
    booking = BookingFactory(email=ADA)
    old = booking.manage_token
    client.get(f"/panel/bookings/{booking.pk}/{old}/")
    page = client.post(f"/panel/bookings/{booking.pk}/renew/").content.decode()
    booking.refresh_from_db()
    assert booking.manage_token in page
    assert f"/{booking.manage_token}/" in text(parsed())
    assert client.get(f"/panel/bookings/{booking.pk}/{old}/").status_code == 404
    assert client.get(f"/panel/bookings/{booking.pk}/").status_code == 200
    assert Activity.objects.about(booking).last().operation == "booking.renew_link"


def test_strangers_renew_no_link(client, production):
    booking = BookingFactory()
    with nothing_changes():
        assert client.post(f"/panel/bookings/{booking.pk}/renew/").status_code == 404
    assert client.get(f"/panel/bookings/{booking.pk}/visit.ics").status_code == 404
    assert renew_link(booking, by=None).manage_version == 2


def test_a_visit_is_taken_into_the_calendar_from_its_page(client):
    booking = BookingFactory(service=ServiceFactory(name="Passport office"))
    client.get(f"/panel/bookings/{booking.pk}/{booking.manage_token}/")
    answer = client.get(f"/panel/bookings/{booking.pk}/visit.ics")
    assert answer["Content-Type"].startswith("text/calendar")
    [event] = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
    assert (str(event["summary"]), event.start) == ("Passport office", NOON)
