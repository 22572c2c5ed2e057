"""Verbs about files that come along with what people write."""

from collections.abc import Sequence

from django.conf import settings

from support.errors import TooManyFiles
from support.models import Attachment, Reply, Ticket
from support.policies import File, clean_file


def attach(files: Sequence[File], *, ticket: Ticket, reply: Reply | None = None) -> dict[str, int]:
    """Keep the files with what was written; returns what the trail says of them. All or none are kept."""
    if len(files) > settings.ATTACHMENTS_AT_ONCE:
        raise TooManyFiles(TooManyFiles.message % {"limit": settings.ATTACHMENTS_AT_ONCE}, field="files")
    for file in map(clean_file, files):
        Attachment.objects.create(
            ticket=ticket, reply=reply, name=file.name, size=len(file.content), content=file.content
        )
    return {"files": len(files)} if files else {}
