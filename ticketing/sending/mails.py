"""From a row of the outbox to a mail: rendered in its language, as text and as HTML, and handed to the mail server."""

import smtplib
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string

from ticketing.models import EmailLink, Mail
from ticketing.sending import Hopeless, NotSent
from ticketing.sending.calendar_files import Visit, calendar_file


def send(mail: Mail) -> None:
    """Hand the mail to the mail server; NotSent says what went wrong, Hopeless that it never takes this recipient."""
    try:
        render(mail).send()
    except smtplib.SMTPRecipientsRefused as error:
        [(code, _answer)] = error.recipients.values()
        failure = Hopeless if 500 <= code < 600 else NotSent
        raise failure(f"The mail server refused the recipient ({code}).") from error
    except smtplib.SMTPResponseException as error:
        raise NotSent(f"The mail server answered {error.smtp_code}.") from error
    except OSError as error:
        # In the middle of the talk smtplib hides a time-out behind an error of its own.
        if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            raise NotSent("The mail server did not answer in time.") from error
        raise NotSent(f"The mail server cannot be used ({type(error).__name__}).") from error


def render(mail: Mail) -> EmailMultiAlternatives:
    """The message: the template's first line is the subject, the rest is the text, and the HTML says the same."""
    link = address_of(mail)
    context = mail.context | {"mail": mail, "link": link, "site_url": settings.SITE_URL}
    about, files = _about(mail)
    lines = headers(mail) | about.pop("headers", {})
    context |= about
    visit = Visit.heard(mail.context["visit"]) if "visit" in mail.context else None
    if visit:
        context["visit"] = visit
    with translation.override(mail.language):
        first_line, _, text = render_to_string(template_name(mail.template), context).partition("\n")
        # Whatever a name in it holds, a subject is one line.
        subject = " ".join(first_line.split())
        paragraphs = [paragraph.strip() for paragraph in text.strip().split("\n\n")]
        html = render_to_string("mail/base.html", context | {"subject": subject, "paragraphs": paragraphs})
    message = EmailMultiAlternatives(subject, text.strip() + "\n", to=[mail.to], headers=lines)
    message.attach_alternative(html, "text/html")
    if visit:
        method = "PUBLISH" if link else "CANCEL"
        message.attach("visit.ics", calendar_file([visit], method=method).decode(), f"text/calendar; method={method}")
    for name, content, media in files:
        message.attach(name, content, media)
    return message


def _about(mail: Mail) -> tuple[dict[str, Any], list[tuple[str, bytes, str]]]:
    """What the mail tells of as it is now, and the files that come with it, in the language of the mail."""
    kind, *named = mail.context.get("about", [""])
    if not kind:
        return {}, []
    with translation.override(mail.language):
        told: tuple[dict[str, Any], list[tuple[str, bytes, str]]] = import_string(settings.ABOUT_IN_MAILS[kind])(*named)
    return told


def headers(mail: Mail) -> dict[str, str]:
    """The same identity at each attempt, so that a repetition can be told; and nobody's absence note comes back."""
    identity = salted_hmac("ticketing.mail", f"{mail.pk} {mail.created_at.isoformat()}", algorithm="sha256").hexdigest()
    return {"Message-ID": f"<{identity[:32]}@{settings.SITE_HOST}>", "Auto-Submitted": "auto-generated"}


def template_name(name: str) -> str:
    """The file of a mail's template."""
    return f"mail/{name}.txt"


def address_of(mail: Mail) -> str:
    """What whoever reads the mail opens; empty for a mail without a link. Only the mail itself holds it."""
    if opened := mail.context.get("opens"):
        kind, *named = opened
        return settings.SITE_URL + str(import_string(settings.LINKS_IN_MAILS[kind])(*named))
    link = mail.link or mail.waiter
    if link is None:
        return ""
    page = "account:link" if isinstance(link, EmailLink) else "waiting:link"
    return settings.SITE_URL + reverse(page, args=[link.pk, link.secret])
