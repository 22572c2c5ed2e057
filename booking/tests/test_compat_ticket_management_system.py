import json
import uuid
from datetime import timedelta

import pytest

from booking.models import Booking, Slot
from booking.tests.factories import NOON, BookingFactory, past
from booking.tests.test_book import BAD_PHONES
from ticketing.tests.factories import UserFactory, bearer
from ticketing.tests.snapshots import nothing_changes

pytestmark = pytest.mark.django_db

PATHS = ["/book/", "/view/", "/update/edit/", "/update/delete/"]
BOOK = {
    "firstname": "Ishan",
    "lastname": "Dixit",
    "phone_number": 9927898022,
    "date": "12-09-2020",
    "time": "21:00:0",
}
MISSING = "Missing required parameters"
BAD_DATE = "Incorrect date format. Should be dd-mm-yyyy"
BAD_TIME = "Incorrect time format"
BAD_PHONE = "Phone number must be of 10 digits"
FULL = "20 entries already exist for this time"
SUCCESS = {"status": True, "message": "Success"}


@pytest.fixture
def post(client):
    def send(path, data, **headers):
        return client.post(path, data, content_type="application/json", headers=headers)

    return send


def read(response):
    """The status and the body, also of a streamed answer."""
    assert response["Content-Type"] == "application/json"
    return response.status_code, json.loads(response.getvalue())


def refusal(response, status, message):
    code, body = read(response)
    assert (code, body["status"], body["message"]) == (status, False, message)
    assert body.keys() == {"status", "message", "errors"}
    return body["errors"]


# What the contract's text shows


VAIBHAV, SAKSHAM, VARUN, DESH = (
    "86817bc1-1b27-4aa7-884d-7781cf0de5ac",
    "cf5b7944-e4cc-4dd3-aab4-55e84fc03616",
    "0f42d9c8-5eb9-4a80-8a8f-112bb5c572a7",
    "b7e52464-96ca-4b87-a2fb-55ff216a7dcf",
)


def row(ticket_id, firstname, lastname, phone, date, hours, expired):
    return {
        "ticketId": ticket_id,
        "firstname": firstname,
        "lastname": lastname,
        "phone_number": phone,
        "date": date,
        "time_hours": hours,
        "time_minutes": 0,
        "time_seconds": 0,
        "expired": expired,
    }


@pytest.fixture(params=[2020, 2035])
def shown(request, post):
    """The four bookings of the text, under its ids; those of 2020 are past, those of 2035 to come."""
    year = request.param
    rows = [
        row(VAIBHAV, "Vaibhav", "Dwivedi", 1234567890, f"1-09-{year}", 18, year == 2020),
        row(SAKSHAM, "Saksham", "Modi", 1128789022, f"1-09-{year}", 9, year == 2020),
        row(VARUN, "Varun", "Mittal", 5558789022, f"1-09-{year}", 9, year == 2020),
        row(DESH, "Desh", "Bandha", 8789022777, f"2-09-{year}", 9, year == 2020),
    ]
    for one in rows:
        body = {name: one[name] for name in ("firstname", "lastname", "phone_number", "date")}
        answer = post("/book/", {**body, "time": f"{one['time_hours']}:00:00"}).json()
        Booking.objects.filter(pk=answer["id"]).update(id=one["ticketId"])
    vaibhav, saksham, varun, desh = rows
    return {"year": year, "rows": [saksham, varun, vaibhav, desh]}


def test_the_view_by_id_of_the_text(post, shown):
    body = {"query": "id", "id": "86817bc1-1b27-4aa7-884d-7781cf0de5ac"}
    assert read(post("/view/", body)) == (200, [shown["rows"][2]])


def test_the_view_of_an_unknown_id_of_the_text(post):
    body = {"query": "id", "id": "86817bc1-1b27-4aa7-884d-7781cf0de5ac"}
    refusal(post("/view/", body), 404, "Record not found")


def test_the_view_of_an_invalid_uuid_of_the_text(post):
    body = {"query": "id", "id": "86817bc1-1b27-4aa7-884-7781dc0de5ac"}
    refusal(post("/view/", body), 400, "['“86817bc1-1b27-4aa7-884-7781dc0de5ac” is not a valid UUID.']")


def test_the_view_by_date_and_time_of_the_text(post, shown):
    saksham, varun, _, _ = shown["rows"]
    body = {"query": "datetime", "date": f"1-09-{shown['year']}", "time": "9:00:00"}
    assert read(post("/view/", body)) == (200, [saksham, varun])


def test_the_view_by_date_of_the_text(post, shown):
    saksham, varun, vaibhav, _ = shown["rows"]
    assert read(post("/view/", {"query": "datetime", "date": f"1-09-{shown['year']}"})) == (
        200,
        [saksham, varun, vaibhav],
    )


def test_the_view_by_time_of_the_text(post, shown):
    saksham, varun, _, desh = shown["rows"]
    assert read(post("/view/", {"query": "datetime", "time": "9:00:00"})) == (200, [saksham, varun, desh])


def test_the_view_by_date_and_time_ignores_the_id_as_the_text_says(post, shown):
    body = {"query": "datetime", "id": VAIBHAV, "time": "9:00:00"}
    assert [found["ticketId"] for found in read(post("/view/", body))[1]] == [SAKSHAM, VARUN, DESH]


def test_the_view_of_all_ignores_all_other_fields_as_the_text_says(post, shown):
    body = {"query": "all", "id": 7, "date": "nonsense", "time": None}
    assert read(post("/view/", body)) == (200, shown["rows"])


@pytest.mark.parametrize("date", ["12-09-2020", "12-09-2035"])
def test_the_booking_of_the_text(post, date):
    status, body = read(post("/book/", {**BOOK, "date": date}))
    booking = Booking.objects.get()
    assert status == 200
    assert body == {**SUCCESS, "id": str(booking.pk), "manage_token": booking.manage_token}
    assert uuid.UUID(body["id"]).version == 4
    assert (booking.firstname, booking.lastname, booking.phone) == ("Ishan", "Dixit", "9927898022")
    assert f"{booking.starts_at:%d-%m-%Y %H:%M:%S}" == f"{date} 21:00:00"


def test_the_twenty_first_entry_of_the_text(post):
    for second in range(20):
        assert post("/book/", {**BOOK, "time": f"21:00:{second}"}).status_code == 200
    with nothing_changes():
        refusal(post("/book/", BOOK), 409, FULL)
    assert post("/book/", {**BOOK, "time": "21:01"}).status_code == 200


def test_the_edit_of_the_text(post, shown):
    body = {"id": VAIBHAV, "time": "18:30", "date": f"1-09-{shown['year']}"}
    assert read(post("/update/edit/", body)) == (200, SUCCESS)
    _, (after,) = read(post("/view/", {"query": "id", "id": VAIBHAV}))
    assert after == {**shown["rows"][2], "time_minutes": 30}


def test_the_edit_of_an_unknown_id_of_the_text(post):
    refusal(post("/update/edit/", {"id": VAIBHAV, "time": "18:30", "date": "1-09-2020"}), 404, "Id not found")


def test_the_delete_of_the_text(post, shown):
    assert read(post("/update/delete/", {"id": DESH, "firstname": 7})) == (200, SUCCESS)
    assert not Booking.objects.filter(pk=DESH).exists()
    refusal(post("/update/delete/", {"id": DESH}), 404, "Id not found")


@pytest.mark.parametrize("time", ["12:30:50", "12:30", "12"])
def test_the_three_time_formats_of_the_text(post, time):
    post("/book/", {**BOOK, "time": time})
    assert f"{Booking.objects.get().starts_at:%H:%M:%S}" == (time + ":00:00")[:8]


def test_the_date_format_of_the_text(post):
    post("/book/", {**BOOK, "date": "31-08-2020"})
    assert f"{Booking.objects.get().starts_at:%Y-%m-%d}" == "2020-08-31"


# Shapes of requests


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("verb", ["get", "put", "patch", "delete", "options", "head", "trace"])
def test_only_post_is_answered(client, path, verb):
    response = getattr(client, verb)(path)
    assert (response.status_code, response["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body", ["", "nonsense", "[]", '"id"', "7", "null", '{"id": 1', '{"id": 1, "id": 2}', '{"id": "\\u0000"}', b"\xff"]
)
def test_a_body_that_is_not_a_json_object_is_refused(client, path, body):
    with nothing_changes():
        response = client.post(path, body, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["status"] is False


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_a_body_is_read_whatever_its_content_type(client, content_type):
    response = client.post("/view/", '{"query": "all"}', content_type=content_type)
    refusal(response, 404, "Record not found")


@pytest.mark.parametrize("path", PATHS)
def test_paths_answer_without_their_slash_and_nothing_longer(post, path):
    refusal(post(path.rstrip("/"), {}), 400, MISSING)
    assert post(f"{path}/", {}).status_code == 404


def test_unknown_fields_are_ignored(post):
    assert post("/book/", {**BOOK, "colour": "blue", "slot": 1, "expired": True, "id": 5}).status_code == 200


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}])
def test_a_stray_authorization_header_breaks_nothing(post, headers):
    assert post("/book/", BOOK, **headers).status_code == 200
    assert post("/view/", {"query": "all"}, **headers).status_code == 200


def test_a_logged_in_browser_books_for_nobody(post, client):
    client.force_login(UserFactory())
    post("/book/", BOOK)
    assert Booking.objects.get().account is None


# What is missing


@pytest.mark.parametrize("field", list(BOOK))
def test_booking_needs_every_field(post, field):
    body = {name: value for name, value in BOOK.items() if name != field}
    with nothing_changes():
        errors = refusal(post("/book/", body), 400, MISSING)
    assert list(errors) == [field]


def test_all_that_is_missing_is_named_before_any_value_is_judged(post):
    errors = refusal(post("/book/", {"firstname": 7, "date": "x"}), 400, MISSING)
    assert list(errors) == ["lastname", "phone_number", "time"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/view/", {}, "query"),
        ("/view/", {"query": "id"}, "id"),
        ("/update/edit/", {"firstname": "Ada"}, "id"),
        ("/update/delete/", {"ticketId": VAIBHAV}, "id"),
    ],
)
def test_the_other_calls_need_what_they_need(post, path, body, field):
    assert list(refusal(post(path, body), 400, MISSING)) == [field]


@pytest.mark.parametrize("query", ["ID", "", "tickets", 7, None, ["id"], {}, True])
def test_an_unknown_query(post, query):
    refusal(post("/view/", {"query": query, "id": VAIBHAV}), 400, "Invalid query")


# Values


BAD_DATES = [
    *["31-02-2031", "99-99-2020", "12-09-20", "", "2031-09-12", "12/09/2031", "12-09-2031 ", " 12-09-2031", "0-1-2031"],
    *[
        "1-0-2031",
        "012-9-2031",
        "1-009-2031",
        "1-1-02031",
        "29-02-2031",
        "31-12-1969",
        "1-1-0000",
        "12-09",
        "-1-1-2031",
    ],
    *["١٢-٠٩-٢٠٣١", "1-1-2031\n", "१-१-२०३१", "12–09–2031", 12, 12092031, None, True, [], {}, 1.5, ["12-09-2031"]],
]
BAD_TIMES = [
    *[
        "",
        "24",
        "24:00",
        "25:00",
        "12:60",
        "12:30:60",
        "9:",
        ":30",
        "9:00:",
        "9:00:00:00",
        "123",
        "12:345",
        "12:30:123",
    ],
    *["9.00", "9h", " 9:00", "9:00 ", "9:00\n", "-1", "+9", "9:-1", "٩:٠٠", "９", "noon", "12:30 PM", "1e1"],
    *[9, 930, 9.5, None, True, [], {}, ["9"]],
]
BAD_NAMES = ["", "  ", "x" * 101, "a\x01b", "a\nb", "a\u2029b", 7, 1.5, None, True, [], {"a": "b"}]
BAD_NUMBERS = [
    *[*BAD_PHONES, "12345 7890", "１２３４５６７８９０", "", "abcdefghij", "1234567890.0"],
    *[0, 123456789, 12345678901, -123456789, 1234567890.0, 1.5, 10**40, None, True, False, [], {}, ["1234567890"]],
]
CASES = [
    *[("date", value, BAD_DATE) for value in BAD_DATES],
    *[("time", value, BAD_TIME) for value in BAD_TIMES],
    *[("phone_number", value, BAD_PHONE) for value in BAD_NUMBERS],
    *[(name, value, None) for name in ("firstname", "lastname") for value in BAD_NAMES],
]


@pytest.mark.parametrize(("field", "value", "message"), CASES)
@pytest.mark.parametrize("path", ["/book/", "/update/edit/"])
def test_a_bad_value_is_refused_and_changes_nothing(post, path, field, value, message):
    booking = BookingFactory()
    with nothing_changes():
        response = post(path, {**BOOK, "id": str(booking.pk), field: value})
    errors = refusal(response, 400, message or response.json()["message"])
    assert list(errors) == [field]
    assert response.json()["message"]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [case for case in CASES if case[0] in ("date", "time")],
)
def test_a_bad_date_or_time_is_refused_when_viewing_too(post, field, value, message):
    BookingFactory()
    refusal(post("/view/", {"query": "datetime", field: value}), 400, message)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "7",
        "nonsense",
        7,
        -1,
        10**40,
        1.5,
        None,
        True,
        [],
        {},
        ["86817bc1-1b27-4aa7-884d-7781cf0de5ac"],
        "86817bc1-1b27-4aa7-884d-7781cf0de5aç",
        "８6817bc1-1b27-4aa7-884d-7781cf0de5ac",
        " 86817bc1-1b27-4aa7-884d-7781cf0de5ac",
        "x" * 10_000,
    ],
)
@pytest.mark.parametrize("path", ["/view/", "/update/edit/", "/update/delete/"])
def test_what_is_not_a_uuid_is_answered_in_the_frameworks_words(post, path, value):
    with nothing_changes():
        refusal(post(path, {"query": "id", "id": value}), 400, f"['“{value}” is not a valid UUID.']")


@pytest.mark.parametrize(
    "spell", [str.upper, "{{{}}}".format, "urn:uuid:{}".format, lambda text: text.replace("-", "")]
)
def test_other_notations_of_a_uuid_never_break_the_site(post, spell):
    booking = BookingFactory()
    assert post("/view/", {"query": "id", "id": spell(str(booking.pk))}).status_code in (200, 400)


@pytest.mark.parametrize(
    ("phone", "stored", "shown"),
    [
        (9927898022, "9927898022", 9927898022),
        ("9927898022", "9927898022", 9927898022),
        ("0123456789", "0123456789", "0123456789"),
        ("0000000000", "0000000000", "0000000000"),
        (9999999999, "9999999999", 9999999999),
    ],
)
def test_a_phone_number_is_stored_as_text_and_shown_as_a_number_unless_it_starts_with_zero(post, phone, stored, shown):
    post("/book/", {**BOOK, "phone_number": phone})
    assert Booking.objects.get().phone == stored
    _, (one,) = read(post("/view/", {"query": "all"}))
    assert one["phone_number"] == shown
    assert type(one["phone_number"]) is type(shown)


@pytest.mark.parametrize(
    ("date", "time", "shown"),
    [
        ("1-9-2031", "9", ("1-09-2031", 9, 0, 0)),
        ("01-09-2031", "09:05", ("1-09-2031", 9, 5, 0)),
        ("29-2-2032", "0:0:0", ("29-02-2032", 0, 0, 0)),
        ("31-12-2031", "23:59:59", ("31-12-2031", 23, 59, 59)),
        ("1-1-1970", "0", ("1-01-1970", 0, 0, 0)),
        ("31-12-9999", "23:59:59", ("31-12-9999", 23, 59, 59)),
    ],
)
def test_a_row_shows_day_unpadded_and_month_padded(post, date, time, shown):
    assert post("/book/", {**BOOK, "date": date, "time": time}).status_code == 200
    _, (one,) = read(post("/view/", {"query": "datetime", "date": date, "time": time}))
    assert (one["date"], one["time_hours"], one["time_minutes"], one["time_seconds"]) == shown


def test_names_are_trimmed(post):
    post("/book/", {**BOOK, "firstname": " Ada ", "lastname": "\tKing\n"})
    assert (Booking.objects.get().firstname, Booking.objects.get().lastname) == ("Ada", "King")


# Viewing


def ids(response):
    return [one["ticketId"] for one in read(response)[1]]


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("9", [0, 7, 60, 3599]),
        ("09", [0, 7, 60, 3599]),
        ("9:0", [0, 7]),
        ("9:00", [0, 7]),
        ("9:00:00", [0]),
        ("9:00:07", [7]),
        ("9:59:59", [3599]),
        ("10", [3600]),
    ],
)
def test_parts_of_the_time_that_are_not_said_match_anything(post, time, seconds):
    nine = NOON.replace(hour=9)
    made = {
        after: str(BookingFactory(starts_at=nine + timedelta(seconds=after)).pk) for after in (0, 7, 60, 3599, 3600)
    }
    expected = [made[after] for after in seconds]
    assert ids(post("/view/", {"query": "datetime", "time": time})) == expected
    assert ids(post("/view/", {"query": "datetime", "date": "6-5-2031", "time": time})) == expected
    refusal(post("/view/", {"query": "datetime", "date": "7-5-2031", "time": time}), 404, "Record not found")


def test_neither_date_nor_time_matches_all(post):
    made = [str(BookingFactory(starts_at=NOON + timedelta(days=days)).pk) for days in range(3)]
    assert ids(post("/view/", {"query": "datetime"})) == made


def test_nothing_found_is_a_404(post):
    for body in ({"query": "all"}, {"query": "datetime"}, {"query": "datetime", "date": "1-1-2031", "time": "9"}):
        refusal(post("/view/", body), 404, "Record not found")


def test_rows_come_by_time_and_then_in_the_order_of_booking(post):
    late = BookingFactory(starts_at=NOON + timedelta(seconds=1))
    first, second = BookingFactory(), BookingFactory()
    assert ids(post("/view/", {"query": "all"})) == [str(first.pk), str(second.pk), str(late.pk)]


def test_more_than_eight_hours_past_reads_expired(post):
    old = past(timedelta(hours=8, seconds=1))
    young = past(timedelta(hours=7, minutes=59))
    shown = {one["ticketId"]: one["expired"] for one in read(post("/view/", {"query": "all"}))[1]}
    assert shown == {str(old.pk): True, str(young.pk): False}


def test_a_long_list_is_streamed(post, monkeypatch):
    monkeypatch.setattr("ticketing.toolkit.contracts.ROWS_AT_ONCE", 3)
    BookingFactory.create_batch(5)
    response = post("/view/", {"query": "all"})
    assert response.streaming
    assert len(set(ids(response))) == 5


# Editing


def edit(post, booking, **fields):
    return post("/update/edit/", {"id": str(booking.pk), **fields})


def test_only_the_id_is_a_success_that_changes_nothing(post):
    booking = BookingFactory()
    with nothing_changes():
        assert read(edit(post, booking)) == (200, SUCCESS)


@pytest.mark.parametrize(
    ("field", "value", "column", "stored"),
    [
        ("firstname", "Ada", "firstname", "Ada"),
        ("lastname", " King ", "lastname", "King"),
        ("phone_number", "0123456789", "phone", "0123456789"),
        ("date", "7-6-2032", "starts_at", NOON.replace(year=2032, month=6, day=7, second=7)),
        ("time", "18", "starts_at", NOON.replace(hour=18)),
        ("time", "18:30", "starts_at", NOON.replace(hour=18, minute=30)),
        ("time", "18:30:9", "starts_at", NOON.replace(hour=18, minute=30, second=9)),
    ],
)
def test_one_field_replaces_the_old_data_and_the_rest_stays(post, field, value, column, stored):
    booking = BookingFactory(starts_at=NOON.replace(second=7))
    before = Booking.objects.values().get()
    assert read(edit(post, booking, **{field: value})) == (200, SUCCESS)
    after = Booking.objects.values().get()
    assert after[column] == stored
    assert {name for name in after if after[name] != before[name]} - {"slot_id", "ends_at", "sequence"} == {
        column,
        "updated_at",
    }


def test_the_id_cannot_be_changed(post):
    booking = BookingFactory()
    edit(post, booking, ticketId=VAIBHAV, firstname="Ada")
    assert Booking.objects.get().pk == booking.pk


def test_a_full_target_is_refused_and_changes_nothing(post):
    BookingFactory.create_batch(20)
    booking = BookingFactory(starts_at=NOON + timedelta(hours=1))
    with nothing_changes():
        refusal(edit(post, booking, time="12:00:59", firstname="Other"), 409, FULL)


def test_a_booking_of_a_full_minute_can_be_edited_within_it(post):
    booking, *_ = BookingFactory.create_batch(20)
    assert edit(post, booking, time="12:00:30", lastname="King").status_code == 200
    assert Slot.objects.get().taken == 20


# The site's zone


@pytest.fixture
def berlin(settings):
    settings.TIME_ZONE = "Europe/Berlin"


def test_times_are_read_and_shown_on_the_sites_clocks(post, berlin):
    post("/book/", {**BOOK, "date": "1-7-2031", "time": "0:30"})
    assert f"{Booking.objects.get().starts_at:%d %H:%M}" == "30 22:30"
    _, (one,) = read(post("/view/", {"query": "datetime", "date": "1-07-2031", "time": "0"}))
    assert (one["date"], one["time_hours"], one["time_minutes"]) == ("1-07-2031", 0, 30)
    refusal(post("/view/", {"query": "datetime", "date": "30-06-2031"}), 404, "Record not found")


def test_a_time_that_the_clocks_skip_is_refused(post, berlin):
    with nothing_changes():
        refusal(post("/book/", {**BOOK, "date": "30-3-2031", "time": "2:30"}), 400, BAD_TIME)
    post("/book/", {**BOOK, "date": "29-3-2031", "time": "2:30"})
    booking = Booking.objects.get()
    with nothing_changes():
        refusal(edit(post, booking, date="30-3-2031"), 400, BAD_TIME)
    assert edit(post, booking, date="31-3-2031").status_code == 200


def test_a_time_that_comes_twice_means_the_first_and_viewing_shows_both(post, berlin):
    post("/book/", {**BOOK, "date": "26-10-2031", "time": "2:30"})
    first = Booking.objects.get()
    assert f"{first.starts_at:%H:%M}" == "00:30"
    second = BookingFactory(starts_at=first.starts_at + timedelta(hours=1))
    response = post("/view/", {"query": "datetime", "date": "26-10-2031", "time": "2:30"})
    assert ids(response) == [str(first.pk), str(second.pk)]


def test_the_last_hours_of_the_calendar_have_no_instant_in_the_west(post, settings):
    settings.TIME_ZONE = "America/New_York"
    with nothing_changes():
        refusal(post("/book/", {**BOOK, "date": "31-12-9999", "time": "23:00"}), 400, BAD_DATE)
    refusal(post("/view/", {"query": "datetime", "date": "31-12-9999"}), 404, "Record not found")
    booking = BookingFactory()
    with nothing_changes():
        refusal(edit(post, booking, date="31-12-9999", time="23"), 400, BAD_DATE)


# Production


def headers_of(role, **fields):
    user = UserFactory(role=role, **fields)
    return user, bearer(user)


@pytest.mark.parametrize("body", [{"query": "all"}, {"query": "datetime"}, {"query": "datetime", "date": "nonsense"}])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense-nonsense-nonsense"}])
def test_in_production_strangers_do_not_list_bookings(production, post, body, headers):
    BookingFactory()
    response = post("/view/", body, **headers)
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
    assert response.json()["status"] is False


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense-nonsense-nonsense"}])
def test_in_production_the_manage_token_opens_its_booking(production, post, headers):
    answer = post("/book/", {**BOOK, "date": "12-09-2031"}, **headers).json()
    holder = {"id": answer["id"], "manage_token": answer["manage_token"]}
    status, (one,) = read(post("/view/", {"query": "id", **holder}, **headers))
    assert (status, one["ticketId"], one["phone_number"]) == (200, answer["id"], 9927898022)
    assert read(post("/update/edit/", {**holder, "time": "9"}, **headers)) == (200, SUCCESS)
    assert Booking.objects.get().starts_at.hour == 9
    assert read(post("/update/delete/", holder, **headers)) == (200, SUCCESS)
    assert not Booking.objects.exists()


WRONG_TOKENS = [
    lambda booking, other: {},
    *[lambda booking, other, wrong=wrong: {"manage_token": wrong} for wrong in (None, "", 7, [], {}, "f" * 64)],
    lambda booking, other: {"manage_token": other.manage_token},
    lambda booking, other: {"manage_token": booking.manage_digest},
]


@pytest.mark.parametrize("held", WRONG_TOKENS)
def test_in_production_a_booking_without_its_token_answers_like_a_missing_one(production, post, held):
    booking = BookingFactory()
    token = held(booking, BookingFactory())
    calls = [("/view/", "Record not found"), ("/update/edit/", "Id not found"), ("/update/delete/", "Id not found")]
    for path, sentence in calls:
        with nothing_changes():
            mine = post(path, {"query": "id", "id": str(booking.pk), "firstname": "Eve", **token})
            missing = post(path, {"query": "id", "id": str(uuid.uuid4()), "firstname": "Eve", **token})
        refusal(mine, 404, sentence)
        assert mine.content == missing.content


def test_in_production_an_older_version_of_the_token_is_void(production, post):
    booking = BookingFactory()
    old = booking.manage_token
    Booking.objects.update(manage_version=2, manage_digest="0" * 64)
    refusal(post("/view/", {"query": "id", "id": str(booking.pk), "manage_token": old}), 404, "Record not found")


def test_in_production_customers_see_and_change_their_own(production, post):
    customer, headers = headers_of("customer")
    mine = post("/book/", BOOK, **headers).json()["id"]
    theirs = str(BookingFactory(by=UserFactory()).pk)
    nobodys = str(BookingFactory().pk)
    for query in ("all", "datetime"):
        assert ids(post("/view/", {"query": query}, **headers)) == [mine]
    assert Booking.objects.get(pk=mine).account == customer
    for foreign in (theirs, nobodys):
        with nothing_changes():
            refusal(post("/view/", {"query": "id", "id": foreign}, **headers), 404, "Record not found")
            refusal(post("/update/edit/", {"id": foreign, "time": "9"}, **headers), 404, "Id not found")
            refusal(post("/update/delete/", {"id": foreign}, **headers), 404, "Id not found")
    assert read(post("/update/edit/", {"id": mine, "time": "9"}, **headers)) == (200, SUCCESS)
    assert read(post("/update/delete/", {"id": mine}, **headers)) == (200, SUCCESS)


def test_in_production_agents_see_masked_phone_numbers_and_may_change(production, post):
    _, headers = headers_of("agent")
    booking = BookingFactory(phone="9927898022", by=UserFactory())
    for body in ({"query": "id", "id": str(booking.pk)}, {"query": "datetime"}):
        _, (one,) = read(post("/view/", body, **headers))
        assert one["phone_number"] == "•••••••022"
    refusal(post("/view/", {"query": "all"}, **headers), 403, "Your role may not do this.")
    assert post("/update/edit/", {"id": str(booking.pk), "time": "9"}, **headers).status_code == 200
    assert post("/update/delete/", {"id": str(booking.pk)}, **headers).status_code == 200


def test_in_production_gate_staff_may_do_nothing_here(production, post):
    _, headers = headers_of("gate")
    booking = BookingFactory()
    one = {"id": str(booking.pk)}
    calls = [("/book/", BOOK), ("/update/edit/", one), ("/update/delete/", one)]
    calls += [("/view/", {"query": query, **one}) for query in ("id", "datetime", "all")]
    for path, body in calls:
        with nothing_changes():
            assert post(path, body, **headers).status_code == 403


def test_in_production_supervisors_see_and_change_all(production, post):
    _, headers = headers_of("supervisor")
    booking = BookingFactory(by=UserFactory())
    for body in ({"query": "id", "id": str(booking.pk)}, {"query": "datetime"}, {"query": "all"}):
        _, (one,) = read(post("/view/", body, **headers))
        assert one["phone_number"] == 9927898022
    assert post("/update/delete/", {"id": str(booking.pk)}, **headers).status_code == 200


def test_in_the_demo_the_id_is_enough(post):
    booking = BookingFactory(by=UserFactory())
    assert post("/view/", {"query": "id", "id": str(booking.pk)}).status_code == 200
    assert edit(post, booking, firstname="Ada").status_code == 200
    assert post("/update/delete/", {"id": str(booking.pk)}).status_code == 200
