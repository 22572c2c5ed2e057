"""Tickets have holders, and can be handed on: the purchase gives them to the buyer's account.

The whole text of allocation_purchase stands here again, see 0006; what is new in it is the holder, and the mail
with the tickets, which are drawn when it is sent.
"""

from importlib import import_module

import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.conf import settings
from django.db import migrations, models

before = import_module("allocation.migrations.0006_purchase_of_several_options")

PURCHASE = """
CREATE OR REPLACE FUNCTION allocation_purchase(
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
        INSERT INTO allocation_ticket (id, created_at, updated_at, option_id, purchase_id, number, holder_id)
        SELECT gen_random_uuid(), bought_at, bought_at, one.option, bought,
            row_number() OVER (ORDER BY one.option, place), buyer_account
        FROM unnest(wanted_options, wanted) AS one (option, quantity), generate_series(1, one.quantity) AS place
        RETURNING id, number
    )
    SELECT array_agg(issued.id ORDER BY issued.number) INTO tickets FROM issued;
    INSERT INTO ticketing_mail ("to", template, language, context)
    SELECT account.email, 'ticket_bought', account.language, jsonb_build_object(
        'opens', jsonb_build_array('allocation.tickets'),
        'about', jsonb_build_array('allocation.tickets', account.id, 'purchase', bought))
    FROM ticketing_user AS account WHERE account.id = buyer_account AND account.email ~ '^[!-~]+@[!-~]+$';
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
PURCHASE_BEFORE = before.PURCHASE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)

# Whoever bought them holds them.
HOLDERS = """
UPDATE allocation_ticket AS ticket SET holder_id = purchase.account_id
FROM allocation_purchase AS purchase
WHERE purchase.id = ticket.purchase_id AND purchase.account_id IS NOT NULL;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('allocation', '0008_scans_of_events'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='event',
            name='transfer_until',
            field=models.DateTimeField(blank=True, help_text='Tickets can be handed on to others until then; without it, until the event begins.', null=True, verbose_name='tickets are handed on until'),
        ),
        migrations.AddField(
            model_name='ticket',
            name='holder',
            field=models.ForeignKey(help_text='The account that has it: whoever bought it, or the last to whom it was handed on.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='tickets_held', to=settings.AUTH_USER_MODEL, verbose_name='holder'),
        ),
        migrations.RunSQL(HOLDERS, migrations.RunSQL.noop),
        migrations.RunSQL(PURCHASE, PURCHASE_BEFORE),
        migrations.CreateModel(
            name='Transfer',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False, verbose_name='id')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='changed')),
                ('state', models.CharField(choices=[('offered', 'offered'), ('accepted', 'accepted'), ('withdrawn', 'withdrawn'), ('lapsed', 'lapsed')], default='offered', max_length=10, verbose_name='state')),
                ('until', models.DateTimeField(verbose_name='offered until')),
                ('by', models.ForeignKey(help_text='The account that held it.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='tickets_handed_on', to=settings.AUTH_USER_MODEL, verbose_name='from')),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='transfers', to='allocation.ticket', verbose_name='ticket')),
                ('to', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='tickets_accepted', to=settings.AUTH_USER_MODEL, verbose_name='accepted by')),
            ],
            options={
                'verbose_name': 'transfer of a ticket',
                'verbose_name_plural': 'transfers of tickets',
                'indexes': [models.Index(fields=['-created_at', '-id'], name='allocation_transfer_newest')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'offered')), fields=('ticket',), name='allocation_transfer_one_open'), models.CheckConstraint(condition=models.Q(('state__in', ['offered', 'accepted', 'withdrawn', 'lapsed'])), name='allocation_transfer_state_known'), models.CheckConstraint(condition=models.Q(('to', None), ('state', 'accepted'), _connector='OR'), name='allocation_transfer_to_who_accepted'), models.CheckConstraint(condition=models.Q(('to', None), ('by', None), models.Q(('to', models.F('by')), _negated=True), _connector='OR'), name='allocation_transfer_to_somebody_else')],
            },
        ),
    ]
