"""The purchase of one or several options, from what is left, from a hold or from an offer, as one function.

The text of the functions stands here and in no file beside it: a migration has to do tomorrow what it did today. To change
one, write a new migration with the whole CREATE OR REPLACE; the newest one is the function that runs.
"""

from importlib import import_module

from django.db import migrations

before = import_module("allocation.migrations.0002_purchase_function")

# What holds of every way to come to tickets: the options are on sale to this buyer, on these terms, and the buyer's
# count goes up within the limit. The DETAIL of a refusal is the option it is about. Rows are locked in ascending order
# of (option, buyer), whoever else counts them.
ASK = """
CREATE FUNCTION allocation_ask(
    wanted_options uuid[],
    wanted integer[],           -- how many of each
    at_most integer,            -- tickets in one purchase
    named_buyer uuid,
    sees_unpublished boolean,
    from_left boolean           -- whether they are to be taken from what is left
)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    asked record;
BEGIN
    FOR asked IN
        SELECT item.option AS named, item.quantity, option.*, coalesce(event.published, true) AS is_public
        FROM unnest(wanted_options, wanted) AS item (option, quantity)
        LEFT JOIN allocation_ticketoption AS option ON option.id = item.option
        LEFT JOIN allocation_event AS event ON event.id = option.event_id
        ORDER BY item.option
    LOOP
        IF asked.id IS NULL OR NOT (asked.is_public OR sees_unpublished) THEN
            RAISE EXCEPTION 'there is no such ticket option' USING ERRCODE = 'TA404', DETAIL = asked.named;
        END IF;
        IF asked.on_sale_from > statement_timestamp() OR NOT asked.is_public THEN
            RAISE EXCEPTION 'it is not on sale yet' USING ERRCODE = 'TA425', DETAIL = asked.id;
        END IF;
        IF asked.on_sale_until <= statement_timestamp() THEN
            RAISE EXCEPTION 'it is no longer on sale' USING ERRCODE = 'TA410', DETAIL = asked.id;
        END IF;
        IF from_left AND asked.taken > asked.capacity - asked.quantity THEN
            RAISE EXCEPTION 'fewer are left' USING ERRCODE = 'TA409', DETAIL = asked.id;
        END IF;
        IF asked.quantity < asked.least OR asked.quantity > asked.most THEN
            RAISE EXCEPTION 'so many are not sold at once' USING ERRCODE = 'TA416', DETAIL = asked.id;
        END IF;
        IF asked.quantity <= coalesce(asked.limit, asked.quantity) THEN
            INSERT INTO allocation_buyercount AS had (option_id, buyer, taken)
            VALUES (asked.id, named_buyer, asked.quantity)
            ON CONFLICT (option_id, buyer) DO UPDATE SET taken = had.taken + excluded.taken
                WHERE had.taken + excluded.taken <= coalesce(asked.limit, 2147483647);
        END IF;
        IF asked.quantity > asked.limit OR NOT FOUND THEN
            RAISE EXCEPTION 'the limit per customer is reached' USING ERRCODE = 'TA413', DETAIL = asked.id;
        END IF;
    END LOOP;
    IF (SELECT sum(quantity) FROM unnest(wanted) AS quantity) > at_most THEN
        RAISE EXCEPTION 'a purchase holds at most % tickets', at_most USING ERRCODE = 'TA400';
    END IF;
END
$$;
"""
FORGET_ASK = "DROP FUNCTION allocation_ask(uuid[], integer[], integer, uuid, boolean, boolean);"

# The order is the design. The key comes first, so that a twin waits there for the first request and then answers like
# it. The rows that everybody wants come last, in ascending order, so that they are locked for one commit only; their
# UPDATE is the guard against overselling. The plain reading in allocation_ask merely spares the work when nothing is
# left. Whatever is raised undoes everything, the key included, so that a refused request may come again with its key.
PURCHASE = """
CREATE FUNCTION allocation_purchase(
    wanted_options uuid[],
    wanted integer[],       -- how many of each
    source text,            -- 'left', 'hold' or 'offer': where the tickets come from
    from_hold uuid,         -- which hold; what is in it is bought, whatever the two lists say
    at_most integer,        -- tickets in one purchase
    named_buyer uuid,
    on_behalf boolean,      -- whether the caller may name the account that buys
    sees_unpublished boolean,
    caller_id uuid,         -- NULL when nobody is logged in
    caller_role text,
    key_caller text,
    key_route text,
    key_text text,          -- '' when the request carries no key
    asked text              -- the fingerprint of the request
)
RETURNS TABLE (bought uuid, bought_at timestamptz, total integer, tickets uuid[], replayed boolean)
LANGUAGE plpgsql AS $$
DECLARE
    buyer_account uuid;
    item record;
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
                SELECT purchase.id, purchase.created_at, purchase.quantity,
                    array_agg(ticket.id ORDER BY ticket.number), true
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

    IF source = 'hold' THEN
        UPDATE allocation_hold AS hold SET state = 'confirmed', purchase_id = bought, updated_at = bought_at
        WHERE hold.id = from_hold AND hold.state = 'held' AND hold.until > bought_at;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the hold has ended' USING ERRCODE = 'TA408';
        END IF;
        SELECT array_agg(held.option_id ORDER BY held.option_id), array_agg(held.quantity ORDER BY held.option_id)
        INTO wanted_options, wanted
        FROM allocation_helditem AS held WHERE held.hold_id = from_hold;
    ELSE
        PERFORM allocation_ask(wanted_options, wanted, at_most, named_buyer, sees_unpublished, source = 'left');
    END IF;
    SELECT sum(quantity) INTO total FROM unnest(wanted) AS quantity;

    IF named_buyer = caller_id THEN
        buyer_account := caller_id;
    ELSIF on_behalf THEN
        SELECT account.id INTO buyer_account FROM ticketing_user AS account WHERE account.id = named_buyer;
    END IF;
    INSERT INTO allocation_purchase (id, created_at, updated_at, option_id, buyer, account_id, quantity)
    VALUES (bought, bought_at, bought_at, CASE cardinality(wanted_options) WHEN 1 THEN wanted_options[1] END,
            named_buyer, buyer_account, total);
    WITH issued AS (
        INSERT INTO allocation_ticket (id, created_at, updated_at, option_id, purchase_id, number)
        SELECT gen_random_uuid(), bought_at, bought_at, one.option, bought,
            row_number() OVER (ORDER BY one.option, place)
        FROM unnest(wanted_options, wanted) AS one (option, quantity), generate_series(1, one.quantity) AS place
        RETURNING id, number
    )
    SELECT array_agg(issued.id ORDER BY issued.number) INTO tickets FROM issued;
    INSERT INTO ticketing_activity (at, actor_id, role, operation, kind, object_id, details)
    VALUES (bought_at, caller_id, caller_role, 'allocation.purchase', 'allocation.purchase', bought,
            jsonb_strip_nulls(jsonb_build_object(
                'quantity', total, 'source', nullif(source, 'left'),
                'option', CASE cardinality(wanted_options) WHEN 1 THEN wanted_options[1] END,
                'options', CASE WHEN cardinality(wanted_options) > 1 THEN wanted_options END)));

    FOR item IN SELECT * FROM unnest(wanted_options, wanted) AS one (option, quantity) ORDER BY one.option LOOP
        IF source = 'left' THEN
            UPDATE allocation_ticketoption AS option SET taken = option.taken + item.quantity
            WHERE option.id = item.option AND option.taken <= option.capacity - item.quantity;
        ELSE
            UPDATE allocation_ticketoption AS option SET held = option.held - item.quantity
            WHERE option.id = item.option AND option.held >= item.quantity;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'they are not held any more' USING ERRCODE = 'TA408';
            END IF;
        END IF;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'fewer are left' USING ERRCODE = 'TA409', DETAIL = item.option;
        END IF;
    END LOOP;
    RETURN NEXT;
END
$$;
"""
FORGET_PURCHASE = """
DROP FUNCTION allocation_purchase(
    uuid[], integer[], text, uuid, integer, uuid, boolean, boolean, uuid, text, text, text, text, text);
"""

# What was bought before customers were counted.
COUNT = """
INSERT INTO allocation_buyercount (option_id, buyer, taken)
SELECT ticket.option_id, purchase.buyer, count(*)
FROM allocation_ticket AS ticket JOIN allocation_purchase AS purchase ON purchase.id = ticket.purchase_id
GROUP BY ticket.option_id, purchase.buyer;
"""
COUNT_NOTHING = "DELETE FROM allocation_buyercount;"


class Migration(migrations.Migration):
    dependencies = [("allocation", "0005_events_and_holds")]

    operations = [
        migrations.RunSQL(before.FORGET_PURCHASE, before.PURCHASE),
        migrations.RunSQL(ASK, FORGET_ASK),
        migrations.RunSQL(PURCHASE, FORGET_PURCHASE),
        migrations.RunSQL(COUNT, COUNT_NOTHING),
    ]
