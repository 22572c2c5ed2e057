"""All that the site has of somebody, as a file to keep."""

from tempfile import TemporaryFile

from django.http import FileResponse

from ticketing.actions import export_person
from ticketing.people import Person
from ticketing.rights import Actor

ZIP = "application/zip"


def export_response(person: Person, *, by: Actor, internal: bool = False) -> FileResponse:
    """The ZIP, from a file on disk that is gone when it is sent: however much it is, no process holds it."""
    into = TemporaryFile()  # noqa: SIM115 - the response closes it
    export_person(person, by=by, into=into, internal=internal)
    into.seek(0)
    answer = FileResponse(into, as_attachment=True, filename="personal-data.zip", content_type=ZIP)
    answer["Cache-Control"] = "private, no-store"
    return answer
