"""The purchase, as one function inside the database.

The text of the function stands here and in no file beside it: a migration has to do tomorrow what it did today. To change
the function, write a new migration with the whole CREATE OR REPLACE; the newest one is the function that runs.
"""

from django.db import migrations

# The order is the design. The key comes first, so that a twin waits there for the first request and then answers like
# it. The row that everybody wants comes last, so that it is locked for one commit only; its UPDATE is the guard against
# overselling. The plain reading before it merely spares the work when nothing is left. Whatever is raised undoes
# everything, the key included, so that a refused request may come again with its key.
PURCHASE = """
CREATE FUNCTION allocation_purchase(
    wanted_option uuid,
    wanted integer,
    at_most integer,        -- tickets in one purchase
    named_buyer uuid,
    on_behalf boolean,      -- whether the caller may name the account that buys
    caller_id uuid,         -- NULL when nobody is logged in
    caller_role text,
    key_caller text,
    key_route text,
    key_text text,          -- '' when the request carries no key
    asked text              -- the fingerprint of the request
)
RETURNS TABLE (bought uuid, bought_at timestamptz, tickets uuid[], replayed boolean)
LANGUAGE plpgsql AS $$
DECLARE
    buyer_account uuid;
BEGIN
    bought := gen_random_uuid();
    bought_at := statement_timestamp();
    replayed := false;

    IF key_text <> '' THEN
        INSERT INTO ticketing_idempotencykey AS known (caller, route, key, fingerprint, made, created_at)
        VALUES (key_caller, key_route, key_text, asked, bought, bought_at)
        ON CONFLICT ON CONSTRAINT ticketing_idempotency_key_once DO UPDATE
            SET fingerprint = excluded.fingerprint, made = excluded.made, created_at = excluded.created_at
            WHERE known.created_at < excluded.created_at - interval '24 hours';
        IF NOT FOUND THEN
            RETURN QUERY
                SELECT purchase.id, purchase.created_at, array_agg(ticket.id ORDER BY ticket.number), true
                FROM ticketing_idempotencykey AS known
                JOIN allocation_purchase AS purchase ON purchase.id = known.made
                JOIN allocation_ticket AS ticket ON ticket.purchase_id = purchase.id
                WHERE known.caller = key_caller AND known.route = key_route AND known.key = key_text
                    AND known.fingerprint = asked
                GROUP BY purchase.id;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the idempotency key was used for another request' USING ERRCODE = 'TA422';
            END IF;
            RETURN;
        END IF;
    END IF;

    PERFORM FROM allocation_ticketoption AS option
    WHERE option.id = wanted_option AND option.taken <= option.capacity - wanted;
    IF NOT FOUND THEN
        PERFORM FROM allocation_ticketoption AS option WHERE option.id = wanted_option;
        IF FOUND THEN
            RAISE EXCEPTION 'fewer than % tickets are left', wanted USING ERRCODE = 'TA409';
        END IF;
        RAISE EXCEPTION 'there is no ticket option %', wanted_option USING ERRCODE = 'TA404';
    END IF;
    IF wanted > at_most THEN
        RAISE EXCEPTION 'a purchase holds at most % tickets', at_most USING ERRCODE = 'TA400';
    END IF;

    IF named_buyer = caller_id THEN
        buyer_account := caller_id;
    ELSIF on_behalf THEN
        SELECT account.id INTO buyer_account FROM ticketing_user AS account WHERE account.id = named_buyer;
    END IF;
    INSERT INTO allocation_purchase (id, created_at, updated_at, option_id, buyer, account_id, quantity)
    VALUES (bought, bought_at, bought_at, wanted_option, named_buyer, buyer_account, wanted);
    WITH issued AS (
        INSERT INTO allocation_ticket (id, created_at, updated_at, option_id, purchase_id, number)
        SELECT gen_random_uuid(), bought_at, bought_at, wanted_option, bought, place
        FROM generate_series(1, wanted) AS place
        RETURNING id, number
    )
    SELECT array_agg(issued.id ORDER BY issued.number) INTO tickets FROM issued;
    INSERT INTO ticketing_activity (at, actor_id, role, operation, kind, object_id, details)
    VALUES (bought_at, caller_id, caller_role, 'allocation.purchase', 'allocation.purchase', bought,
            jsonb_build_object('quantity', wanted, 'option', wanted_option));

    UPDATE allocation_ticketoption AS option SET taken = option.taken + wanted
    WHERE option.id = wanted_option AND option.taken <= option.capacity - wanted;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'fewer than % tickets are left', wanted USING ERRCODE = 'TA409';
    END IF;
    RETURN NEXT;
END
$$;
"""

FORGET_PURCHASE = """
DROP FUNCTION allocation_purchase(uuid, integer, integer, uuid, boolean, uuid, text, text, text, text, text);
"""

# Every purchase writes a new version of its option's row: room for it on the same page keeps the index out of it.
LEAVE_ROOM = "ALTER TABLE allocation_ticketoption SET (fillfactor = 50);"
FILL_PAGES = "ALTER TABLE allocation_ticketoption RESET (fillfactor);"


class Migration(migrations.Migration):
    dependencies = [("allocation", "0001_initial"), ("ticketing", "0001_initial")]

    operations = [
        migrations.RunSQL(LEAVE_ROOM, FILL_PAGES),
        migrations.RunSQL(PURCHASE, FORGET_PURCHASE),
    ]
