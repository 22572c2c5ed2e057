"""The verbs of the gate: each ticket admits once, whoever shows it wherever (invariant E4)."""

from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from allocation.actions.transfers import end_offers
from allocation.errors import NotAdmitted
from allocation.models import Event, Scan, Ticket, named_by
from ticketing import rights
from ticketing.errors import KeyReused
from ticketing.models import Activity, User
from ticketing.querysets import digest
from ticketing.rights import Actor, Scope
from ticketing.texts import clean_text
from ticketing.toolkit.contracts import parse_uuid

ADVISORY_LOCK = 7_346_004  # of scans that name no ticket; the second key is their nonce
Outcome = Scan.Outcome


@transaction.atomic
def scan(code: str, *, gate: str, nonce: UUID, by: Actor, event: Event | None = None) -> Scan:
    """Admit whoever shows this code at a gate, or say why not; every scan is kept, and answers with its outcome.

    The same `nonce` of the same account is the same scan, KeyReused with another code. A gate admits to the events that
    it serves, and with `event` to that one alone.
    """
    reached = rights.require(by, "allocation.admit")
    account = by if isinstance(by, User) else None
    ticket = _ticket_of(code)
    shown = digest(tidy(code))
    if ticket is None:
        _wait_for_twins(nonce)
    # Twins of one scan have waited for each other: at the ticket's lock, or at that one.
    known, earlier = _before(account, nonce, ticket)
    if known:
        if known.code_digest != shown:
            raise KeyReused(_("This nonce was used for another code. Take a new one for each scan."), field="nonce")
        return known
    made = Scan(
        ticket=ticket,
        event=event or _event_of(ticket),
        gate=clean_text(gate, field="gate", limit=Scan.GATE_LIMIT),
        account=account,
        nonce=nonce,
        code_digest=shown,
        outcome=_outcome(ticket, earlier, event, account if reached == Scope.EVENT else None),
    )
    made.earlier = earlier if made.outcome == Outcome.ALREADY else None
    made.save(force_insert=True)
    if ticket and made.outcome == Outcome.ADMITTED:
        Ticket.objects.filter(pk=ticket.pk).change(admitted_at=Now())
        end_offers(ticket.pk)
    Activity.objects.record("allocation.scan", made, by=by, outcome=made.outcome)
    return made


@transaction.atomic
def undo_admission(scanned: Scan, *, reason: str, by: Actor) -> Scan:
    """Let a ticket admit again, for a reason that is kept; NotAdmitted when there is nothing to undo."""
    rights.require(by, "allocation.undo_admission")
    reason = clean_text(reason, field="reason", limit=Scan.REASON_LIMIT)
    tickets = Ticket.objects.filter(scans=scanned.pk)
    list(tickets.select_for_update(no_key=True, of=("self",)))  # first, as a scan does
    if not Scan.objects.filter(pk=scanned.pk).admissions().change(undone_at=Now(), undone_reason=reason):
        raise NotAdmitted
    tickets.change(admitted_at=None)
    Activity.objects.record("allocation.undo_admission", scanned, by=by)
    return Scan.objects.with_people().get(pk=scanned.pk)


def _before(account: User | None, nonce: UUID, ticket: Ticket | None) -> tuple[Scan | None, Scan | None]:
    """This very scan, if it came before, and the admission that stands of the ticket; asked for at once."""
    this = Q(account=account, nonce=nonce)
    admission = Q(ticket=ticket, outcome=Outcome.ADMITTED, undone_at=None)
    found = list(Scan.objects.filter(this | admission if ticket else this))
    caller = account.pk if account else None
    known = next((scan for scan in found if (scan.nonce, scan.account_id) == (nonce, caller)), None)
    return known, next((scan for scan in found if ticket and scan.ticket_id == ticket.pk and scan.admits), None)


def _wait_for_twins(nonce: UUID) -> None:
    """Let whoever else sends a scan with this nonce come to an end first; other scans do not wait."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [ADVISORY_LOCK, str(nonce)])


def tidy(code: str) -> str:
    """The code without what hand scanners and people add."""
    return "".join(code.split()).replace("-", "").upper()


def _ticket_of(code: str) -> Ticket | None:
    """The ticket that this code admits with, locked until the transaction ends; None for any other text.

    Of what no account ever held nobody was shown a code: there the id, which is as random, admits.
    """
    rows = Ticket.objects.select_for_update(no_key=True, of=("self",)).select_related("option__event")
    if pk := parse_uuid(code.strip()):
        ticket = rows.filter(pk=pk).first()
        return ticket if ticket and ticket.admits_with_id else None
    tidied = tidy(code)
    named = named_by(tidied)
    ticket = rows.filter(pk=named).first() if named else None
    return ticket if ticket and ticket.admits_with(tidied) else None


def _event_of(ticket: Ticket | None) -> Event | None:
    return ticket.option.event if ticket and ticket.option else None


def _outcome(ticket: Ticket | None, earlier: Scan | None, event: Event | None, gate: User | None) -> Outcome:
    """What the code is worth here; `gate` is the account that admits to its own events only."""
    if ticket is None:
        return Outcome.UNKNOWN
    of = ticket.option.event_id if ticket.option else None  # of a bare ticket nobody knows
    if event is not None and of != event.pk:
        return Outcome.WRONG_EVENT
    if gate is not None and (of is None or not gate.gate_events.filter(pk=of).exists()):
        return Outcome.WRONG_EVENT
    if not ticket.valid:
        return Outcome.INVALID
    return Outcome.ALREADY if earlier else Outcome.ADMITTED
