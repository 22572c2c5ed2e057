import re
from datetime import timedelta

import pytest
from django.utils import timezone

from booking.models import Booking, Resource, Service, Slot
from booking.tests.factories import NOON, BookingFactory, ServiceFactory, book_each
from ticketing.models import Activity
from ticketing.tests.factories import UserFactory
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

USUAL = {
    "duration_minutes": 1,
    "grid_minutes": 1,
    "largest_party": 1,
    "buffer_before_minutes": 0,
    "buffer_after_minutes": 0,
    "grace_minutes": 15,
}


@pytest.fixture
def supervisor(client):
    user = UserFactory(role="supervisor")
    client.force_login(user)
    client.user = user
    return client


def test_bookings_are_searched_and_filtered(supervisor):
    found, other = BookingFactory(lastname="Lovelace"), BookingFactory(lastname="Byron", phone="0123456789")
    for query in (f"q={found.pk}", "q=lovel", "q=9927898022", f"slot__service__id__exact={found.slot.service_id}"):
        page = supervisor.get(f"/admin/booking/booking/?{query}")
        assert found in page.context["cl"].queryset
        assert (other in page.context["cl"].queryset) == query.startswith("slot")
    assert supervisor.get("/admin/booking/booking/?q=ab-c").status_code == 200


def test_slots_are_searched_and_filtered(supervisor):
    slot = BookingFactory().slot
    BookingFactory(service=ServiceFactory(slug="other"))
    for query in ("q=default", f"service__id__exact={slot.service_id}", f"q={slot.pk}"):
        changes = supervisor.get(f"/admin/booking/slot/?{query}").context["cl"]
        assert list(changes.queryset) == [slot]
        assert [spec.title for spec in changes.filter_specs] == ["service", "places left", "starts"]


@pytest.mark.parametrize("model", [Booking, Slot])
def test_bookings_and_slots_change_by_verbs_only(supervisor, model):
    BookingFactory()
    one = f"/admin/booking/{model._meta.model_name}/{model.objects.get().pk}"
    with nothing_changes():
        assert supervisor.get(f"{one}/change/").status_code == 200
        assert supervisor.post(f"{one}/change/", {"taken": 0, "firstname": "Eve"}).status_code == 403
        assert supervisor.post(f"{one}/delete/", {"post": "yes"}).status_code == 403
        assert supervisor.get(f"/admin/booking/{model._meta.model_name}/add/").status_code == 403


def test_selected_bookings_are_cancelled(supervisor):
    bookings = BookingFactory.create_batch(3)
    data = {"action": "cancel_booking", "_selected_action": [str(booking.pk) for booking in bookings[:2]]}
    page = supervisor.post("/admin/booking/booking/", data, follow=True).content.decode()
    assert "2 done." in page
    assert list(Booking.objects.all()) == bookings[2:]
    assert Slot.objects.get().taken == 1
    assert Activity.objects.filter(operation="booking.cancel", actor_id=supervisor.user.pk).count() == 2


def test_a_service_is_edited_and_its_slots_keep_their_capacity(supervisor):
    slot = BookingFactory().slot
    data = {**USUAL, "slug": "default", "name": "Front desk", "slot_capacity": 3}
    assert supervisor.post(f"/admin/booking/service/{slot.service_id}/change/", data).status_code == 302
    service = Service.objects.get()
    assert (service.name, service.slot_capacity, service.slots.get().capacity) == ("Front desk", 3, 20)
    assert service.updated_at > service.created_at
    assert BookingFactory(starts_at=NOON.replace(hour=13)).slot.capacity == 3
    assert Activity.objects.about(service).get().actor_id == supervisor.user.pk


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("slug", ""), ("slug", "a b"), ("name", " "), ("slot_capacity", 0)),
        *(("grid_minutes", 7), ("grid_minutes", 0), ("duration_minutes", 481), ("largest_party", "")),
        ("calendar", "00000000-0000-4000-8000-000000000000"),
        ("resources", ["00000000-0000-4000-8000-000000000000"]),
    ],
)
def test_a_bad_service_is_refused_on_the_form(supervisor, field, value):
    with nothing_changes():
        data = {**USUAL, "slug": "desk", "name": "Desk", "slot_capacity": 3, field: value}
        page = supervisor.post("/admin/booking/service/add/", data)
    assert list(page.context["adminform"].form.errors) == [field]


def test_a_service_with_rooms_is_set_up_and_changed(supervisor):
    assert supervisor.post("/admin/booking/resource/add/", {"name": "Room 1", "is_active": "on"}).status_code == 302
    room = Resource.objects.get()
    terms = {
        **USUAL,
        "name": "Advice",
        "slot_capacity": 1,
        "grid_minutes": 30,
        "duration_minutes": 30,
        "lead_minutes": 60,
    }
    rooms = {"needs_resource": "on", "resources": [str(room.pk)]}
    made = supervisor.post("/admin/booking/service/add/", {**terms, **rooms, "slug": "advice"})
    assert made.status_code == 302
    service = Service.objects.get()
    assert (service.lead_minutes, service.deadline_minutes, list(service.resources.all())) == (60, None, [room])
    assert BookingFactory(service=service).resource == room
    changed = supervisor.post(f"/admin/booking/service/{service.pk}/change/", {**terms, "lead_minutes": ""})
    assert changed.status_code == 302
    service.refresh_from_db()
    assert (service.lead_minutes, service.needs_resource, service.resources.count()) == (None, False, 0)
    assert supervisor.post(f"/admin/booking/resource/{room.pk}/change/", {"name": "Room 1"}).status_code == 302
    room.refresh_from_db()
    assert not room.is_active
    trail = list(
        Activity.objects.filter(actor_id=supervisor.user.pk).order_by("pk").values_list("operation", flat=True)
    )
    assert trail == [
        *("booking.create_resource", "booking.create_service"),
        *("booking.change_service", "booking.change_resource"),
    ]


@pytest.mark.parametrize("role", ["customer", "agent", "gate"])
def test_others_do_not_get_in(client, role):
    client.force_login(UserFactory(role=role))
    for model in ("booking", "slot", "service", "resource"):
        assert client.get(f"/admin/booking/{model}/").status_code in (302, 403)


def test_no_manage_token_is_shown(supervisor):
    booking = BookingFactory()
    page = supervisor.get(f"/admin/booking/booking/{booking.pk}/change/").content.decode()
    assert booking.manage_digest not in page
    assert booking.manage_token not in page


@pytest.mark.parametrize(
    ("chosen", "days"),
    [("today", {0}), ("tomorrow", {1}), ("next", {0, 1, 7}), ("past", {-1, -7}), ("never", {-8, -7, -1, 0, 1, 7, 8})],
)
def test_bookings_are_narrowed_by_days_that_come_as_well_as_by_those_that_were(supervisor, settings, chosen, days):
    settings.TIME_ZONE = "Pacific/Kiritimati"  # where another day is today than in UTC for most of the time
    noon = timezone.localtime().replace(hour=12, minute=0, second=0, microsecond=0)
    book_each(noon + timedelta(days=number) for number in (-8, -7, -1, 0, 1, 7, 8))
    shown = supervisor.get(f"/admin/booking/booking/?day={chosen}").context["cl"].queryset
    assert {(timezone.localtime(booking.starts_at).date() - noon.date()).days for booking in shown} == days


def save_service(client, service, **typed):
    fields = {**USUAL, "name": service.name, "slot_capacity": 4, "lead_minutes": "", "horizon_days": "", **typed}
    answer = client.post(f"/admin/booking/service/{service.pk}/change/", fields, follow=True)
    return [str(message) for message in answer.context["messages"]], answer.content.decode()


def test_a_service_that_needs_a_resource_and_has_none_is_saved_with_a_warning(supervisor):
    service, room = ServiceFactory(slug="cut"), Resource.objects.create(name="Room 1")
    told, listed = save_service(supervisor, service, needs_resource="on")
    assert "nobody can book it until it has one" in " ".join(told)
    assert '<span class="pill warn">None in use</span>' in listed
    service.refresh_from_db()
    assert service.needs_resource
    told, listed = save_service(supervisor, service, needs_resource="on", resources=[str(room.pk)])
    assert "nobody" not in " ".join(told)
    assert "None in use" not in listed
    told, _listed = save_service(supervisor, service)
    assert "nobody" not in " ".join(told)


def test_a_largest_party_that_finds_no_room_is_saved_with_a_warning(supervisor):
    service = ServiceFactory(slug="cut")
    told, _listed = save_service(supervisor, service, largest_party="3", slot_capacity="2")
    assert "so many never find room together" in " ".join(told)
    told, _listed = save_service(supervisor, service, largest_party="3", slot_capacity="3")
    assert "so many never" not in " ".join(told)


def test_no_number_of_places_is_told_where_resources_decide(supervisor):
    slot = BookingFactory().slot
    assert '<td class="field-left_over">19</td>' in supervisor.get("/admin/booking/slot/").content.decode()
    Service.objects.filter(pk=slot.service_id).update(needs_resource=True)
    assert '<td class="field-left_over">by resource</td>' in supervisor.get("/admin/booking/slot/").content.decode()


def test_a_short_name_that_is_none_is_refused_with_an_example(supervisor):
    answer = supervisor.post("/admin/booking/service/add/", {**USUAL, "slug": "passport office", "name": "P"})
    assert "such as passport-office" in answer.content.decode()


def test_icons_that_say_yes_or_no_are_read_out_in_words(supervisor):
    Resource.objects.create(name="Room 1")
    Resource.objects.create(name="Room 2", is_active=False)
    for language, words in (("en", {"yes", "no"}), ("de", {"ja", "nein"})):
        supervisor.user.language = language
        supervisor.user.save()
        page = supervisor.get("/admin/booking/resource/").content.decode()
        assert set(re.findall(r'icon-\w+\.svg" alt="(\w+)"', page)) == words
