"""What is always true of allocation, as questions to the database: each returns the rows that break a promise."""

from allocation.querysets import BOOKS
from ticketing.audit import Check, held_by_offers

# How many places of each option the holds have that did not end, overdue ones included.
_HELD = """SELECT held.option_id, sum(held.quantity) AS places
    FROM allocation_helditem AS held JOIN allocation_hold AS hold ON hold.id = held.hold_id
    WHERE hold.state = 'held' GROUP BY held.option_id"""

CHECKS: list[Check] = [
    (
        BOOKS,
        "of each ticket option, what is taken equals its tickets and what is held, and fits the allocation",
        f"""
        WITH sold AS (
            SELECT option_id, count(*) AS tickets FROM allocation_ticket WHERE cancelled_at IS NULL GROUP BY option_id
        )
        SELECT option.id, option.capacity, option.taken, option.held, sold.tickets, held.places
        FROM allocation_ticketoption AS option
        LEFT JOIN sold ON sold.option_id = option.id
        LEFT JOIN ({_HELD}) AS held ON held.option_id = option.id
        WHERE option.held <> coalesce(held.places, 0) + {held_by_offers("allocation.ticketoption", "option.id")}
            OR option.taken <> option.held + coalesce(sold.tickets, 0) OR option.taken > option.capacity
        """,
    ),
    (
        "E2",
        "a purchase has exactly as many tickets as its quantity, numbered from one, all of its option if it names one",
        """
        SELECT purchase.id, purchase.quantity, count(ticket.id) AS tickets
        FROM allocation_purchase AS purchase
        LEFT JOIN allocation_ticket AS ticket ON ticket.purchase_id = purchase.id
        GROUP BY purchase.id
        HAVING count(ticket.id) <> purchase.quantity OR max(ticket.number) <> purchase.quantity
            OR (purchase.option_id IS NULL) = (count(DISTINCT ticket.option_id) < 2)
            OR bool_or(ticket.option_id <> purchase.option_id)
        """,
    ),
    (
        "E3",
        "each idempotency key of a purchase leads to a purchase of its own",
        """
        SELECT known.caller, known.route, known.made, count(*) AS keys
        FROM ticketing_idempotencykey AS known
        LEFT JOIN allocation_purchase AS purchase ON purchase.id = known.made
            AND known.route IN ('allocation.purchase', 'allocation.purchase ' || purchase.option_id)
        WHERE known.route = 'allocation.purchase' OR known.route LIKE 'allocation.purchase %'
        GROUP BY known.caller, known.route, known.made, purchase.id
        HAVING purchase.id IS NULL OR count(*) > 1
        """,
    ),
    (
        "E5",
        "a hold that became a purchase has as many tickets of each option as it held, and nothing holds nothing",
        """
        SELECT hold.id, hold.state, held.option_id, held.quantity
        FROM allocation_hold AS hold
        LEFT JOIN allocation_helditem AS held ON held.hold_id = hold.id
        LEFT JOIN (
            SELECT purchase_id, option_id, count(*) AS tickets FROM allocation_ticket GROUP BY purchase_id, option_id
        ) AS bought ON bought.purchase_id = hold.purchase_id AND bought.option_id = held.option_id
        WHERE held.hold_id IS NULL OR (hold.state = 'confirmed' AND bought.tickets IS DISTINCT FROM held.quantity)
        """,
    ),
    (
        "E8",
        "each buyer's count of an option equals their tickets and what they hold, cancelled ones left out",
        """
        WITH has AS (
            SELECT option_id, buyer, sum(n) AS n FROM (
                SELECT ticket.option_id, purchase.buyer, count(*) AS n
                FROM allocation_ticket AS ticket
                JOIN allocation_purchase AS purchase ON purchase.id = ticket.purchase_id
                WHERE ticket.cancelled_at IS NULL GROUP BY ticket.option_id, purchase.buyer
                UNION ALL
                SELECT held.option_id, hold.buyer, sum(held.quantity)
                FROM allocation_helditem AS held JOIN allocation_hold AS hold ON hold.id = held.hold_id
                WHERE hold.state = 'held' GROUP BY held.option_id, hold.buyer
            ) AS part GROUP BY option_id, buyer
        )
        SELECT option_id, buyer, count.taken, has.n
        FROM allocation_buyercount AS count FULL JOIN has USING (option_id, buyer)
        WHERE coalesce(count.taken, 0) <> coalesce(has.n, 0)
        """,
    ),
    (
        "E4",
        "nobody was admitted before their ticket was made, or later than now",
        """
        SELECT id, created_at, admitted_at
        FROM allocation_ticket
        WHERE admitted_at < created_at OR admitted_at > clock_timestamp()
        """,
    ),
    (
        "E4",
        "a ticket is admitted exactly when one scan that was not undone admitted it, and then",
        """
        WITH admission AS (
            SELECT ticket_id, created_at FROM allocation_scan WHERE outcome = 'admitted' AND undone_at IS NULL
        ), used AS (
            SELECT id, admitted_at FROM allocation_ticket WHERE admitted_at IS NOT NULL
        )
        SELECT coalesce(admission.ticket_id, used.id) AS ticket, used.admitted_at, admission.created_at
        FROM admission FULL JOIN used ON used.id = admission.ticket_id
        WHERE used.id IS NULL OR admission.ticket_id IS NULL
            OR abs(extract(epoch FROM used.admitted_at - admission.created_at)) > 60
        """,
    ),
    (
        "E6",
        "no allocation is below what is taken, and no hold is outside it",
        """
        SELECT id, capacity, taken, held
        FROM allocation_ticketoption
        WHERE capacity < taken OR capacity < 1 OR taken < 0 OR held > taken
        """,
    ),
    (
        "E7",
        "the ids that admit someone are random, apart from bare tickets that were moved in",
        """
        WITH guessable AS (
            SELECT id, purchase_id FROM allocation_ticket
            WHERE substr(id::text, 15, 1) <> '4' OR substr(id::text, 20, 1) !~ '[89ab]'
        )
        SELECT id FROM guessable WHERE purchase_id IS NOT NULL
        UNION ALL (
            SELECT id FROM guessable WHERE purchase_id IS NULL
            EXCEPT SELECT jsonb_array_elements_text(details -> 'ids')::uuid
            FROM ticketing_activity WHERE operation = 'allocation.move_in'
        )
        """,  # EXCEPT, because whatever PostgreSQL believes of the tables, it never goes through one for each row
    ),
    (
        "E9",
        "a ticket is held by whoever accepted it last, else by who bought it, and has a new code for each acceptance",
        """
        WITH accepted AS (
            SELECT ticket_id, count(*) AS times, (array_agg(to_id ORDER BY created_at DESC))[1] AS newest
            FROM allocation_transfer WHERE state = 'accepted' GROUP BY ticket_id
        )
        SELECT ticket.id, ticket.holder_id, ticket.code_version, accepted.times, accepted.newest
        FROM allocation_ticket AS ticket
        LEFT JOIN allocation_purchase AS purchase ON purchase.id = ticket.purchase_id
        LEFT JOIN accepted ON accepted.ticket_id = ticket.id
        WHERE ticket.code_version <> 1 + coalesce(accepted.times, 0)
            OR ticket.holder_id IS DISTINCT FROM
                CASE WHEN accepted.times IS NULL THEN purchase.account_id ELSE accepted.newest END
        """,
    ),
    (
        "E9",
        "a ticket is offered by one link at most, by whoever holds it, and not once it is used or given back",
        """
        SELECT offer.ticket_id, count(*) AS links
        FROM allocation_transfer AS offer JOIN allocation_ticket AS ticket ON ticket.id = offer.ticket_id
        WHERE offer.state = 'offered'
        GROUP BY offer.ticket_id
        HAVING count(*) > 1 OR bool_or(
            ticket.cancelled_at IS NOT NULL OR ticket.admitted_at IS NOT NULL
            OR offer.by_id IS DISTINCT FROM ticket.holder_id
        )
        """,
    ),
    (
        "X2",
        "each purchase stands in the audit trail exactly once",
        """
        SELECT purchase.id, count(line.object_id) AS lines
        FROM allocation_purchase AS purchase
        LEFT JOIN (
            SELECT object_id FROM ticketing_activity WHERE operation = 'allocation.purchase'
            UNION ALL
            SELECT jsonb_array_elements_text(details -> 'ids')::uuid
            FROM ticketing_activity WHERE operation = 'allocation.move_in_purchases'
        ) AS line ON line.object_id = purchase.id
        GROUP BY purchase.id
        HAVING count(line.object_id) <> 1
        """,
    ),
]
