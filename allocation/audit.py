"""What is always true of allocation, as questions to the database: each returns the rows that break a promise."""

from ticketing.audit import held_by_offers

# (the invariant's id, what it promises, the query of the rows that break it)
CHECKS: list[tuple[str, str, str]] = [
    (
        "E1",
        # Nothing writes holds yet, so there are none to add up.
        "of each ticket option, what is taken equals its tickets and its unreleased holds, and fits the allocation",
        f"""
        SELECT option.id, option.capacity, option.taken, option.held, count(ticket.id) AS tickets
        FROM allocation_ticketoption AS option
        LEFT JOIN allocation_ticket AS ticket ON ticket.option_id = option.id
        GROUP BY option.id
        HAVING option.taken <> option.held + count(ticket.id)
                + {held_by_offers("allocation.ticketoption", "option.id")}
            OR option.held <> 0 OR option.taken > option.capacity
        """,
    ),
    (
        "E2",
        "a purchase has exactly as many tickets as its quantity, numbered from one, all of its own option",
        """
        SELECT purchase.id, purchase.quantity, count(ticket.id) AS tickets
        FROM allocation_purchase AS purchase
        LEFT JOIN allocation_ticket AS ticket
            ON ticket.purchase_id = purchase.id AND ticket.option_id = purchase.option_id
        GROUP BY purchase.id
        HAVING count(ticket.id) <> purchase.quantity OR max(ticket.number) <> purchase.quantity
        UNION ALL
        SELECT purchase.id, purchase.quantity, NULL
        FROM allocation_purchase AS purchase
        JOIN allocation_ticket AS ticket ON ticket.purchase_id = purchase.id
        WHERE ticket.option_id <> purchase.option_id
        """,
    ),
    (
        "E3",
        "each idempotency key of a purchase leads to a purchase of its own",
        """
        SELECT known.caller, known.route, known.made, count(*) AS keys
        FROM ticketing_idempotencykey AS known
        LEFT JOIN allocation_purchase AS purchase
            ON purchase.id = known.made AND known.route = 'allocation.purchase ' || purchase.option_id
        WHERE known.route LIKE 'allocation.purchase %'
        GROUP BY known.caller, known.route, known.made, purchase.id
        HAVING purchase.id IS NULL OR count(*) > 1
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
