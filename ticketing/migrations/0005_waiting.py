"""Waiting lists. A sequence counts those who join; it is the table's own and goes with it."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import uuid
from django.conf import settings
from django.db import migrations, models

COUNT = "CREATE SEQUENCE ticketing_waiter_place AS bigint"
FORGET = "DROP SEQUENCE IF EXISTS ticketing_waiter_place"
OWN = "ALTER SEQUENCE ticketing_waiter_place OWNED BY ticketing_waiter.place"
DISOWN = "ALTER SEQUENCE ticketing_waiter_place OWNED BY NONE"


class Migration(migrations.Migration):

    dependencies = [
        ('ticketing', '0004_hours'),
    ]

    operations = [
        migrations.RunSQL(COUNT, FORGET),
        migrations.CreateModel(
            name='Waiter',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False, verbose_name='id')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='changed')),
                ('kind', models.CharField(help_text='What is waited for, such as booking.slot.', max_length=100, verbose_name='kind')),
                ('stock', models.UUIDField(help_text='The id of what is waited for.', verbose_name='stock')),
                ('quantity', models.PositiveIntegerField(verbose_name='places')),
                ('least', models.PositiveIntegerField(help_text='So many would be taken too.', verbose_name='at least')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('language', models.CharField(choices=[('en', 'English'), ('de', 'Deutsch')], default='en', max_length=5, verbose_name='language')),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('offered', 'offered'), ('accepted', 'accepted'), ('declined', 'declined'), ('lapsed', 'lapsed'), ('left', 'left')], default='waiting', max_length=10, verbose_name='state')),
                ('place', models.BigIntegerField(db_default=models.Func(models.Value('ticketing_waiter_place'), function='nextval', output_field=models.BigIntegerField()), editable=False, verbose_name='place in the order')),
                ('moved_at', models.DateTimeField(help_text='When the organiser moved them in the order.', null=True, verbose_name='moved')),
                ('moved_reason', models.CharField(blank=True, db_default='', help_text='Everybody on the list can read it.', max_length=250, verbose_name='reason for it')),
                ('offered', models.PositiveIntegerField(help_text='Held for this person until then; kept when the offer has ended.', null=True, verbose_name='places offered')),
                ('offered_until', models.DateTimeField(null=True, verbose_name='offered until')),
                ('link_version', models.PositiveSmallIntegerField(default=1, editable=False, help_text='A new version makes the link of the old one void.', verbose_name='version of the link')),
                ('account', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='waiting', to=settings.AUTH_USER_MODEL, verbose_name='account')),
            ],
            options={
                'verbose_name': 'place on a waiting list',
                'verbose_name_plural': 'places on waiting lists',
            },
        ),
        migrations.RunSQL(OWN, DISOWN),
        migrations.AddField(
            model_name='mail',
            name='waiter',
            field=models.ForeignKey(help_text='Whose link the mail holds.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='ticketing.waiter', verbose_name='place on a waiting list'),
        ),
        migrations.AddIndex(
            model_name='waiter',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['kind', 'stock', 'place'], name='ticketing_waiter_in_order'),
        ),
        migrations.AddIndex(
            model_name='waiter',
            index=models.Index(condition=models.Q(('state', 'offered')), fields=['kind', 'stock', 'offered_until'], name='ticketing_waiter_offers'),
        ),
        migrations.AddIndex(
            model_name='waiter',
            index=models.Index(fields=['-created_at', '-id'], name='ticketing_waiter_newest'),
        ),
        migrations.AddIndex(
            model_name='waiter',
            index=models.Index(django.db.models.functions.text.Lower('email'), condition=models.Q(('account', None)), name='ticketing_waiter_to_join'),
        ),
        migrations.AddConstraint(
            model_name='waiter',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gte', 1)), name='ticketing_waiter_quantity_positive'),
        ),
        migrations.AddConstraint(
            model_name='waiter',
            constraint=models.CheckConstraint(condition=models.Q(('least__gte', 1), ('least__lte', models.F('quantity'))), name='ticketing_waiter_least_within_quantity'),
        ),
        migrations.AddConstraint(
            model_name='waiter',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'offered', 'accepted', 'declined', 'lapsed', 'left'])), name='ticketing_waiter_state_known'),
        ),
        migrations.AddConstraint(
            model_name='waiter',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('offered', None), ('offered_until', None), ('state__in', ['waiting', 'lapsed', 'left'])), models.Q(('offered__isnull', False), ('offered_until__isnull', False), models.Q(('state', 'waiting'), _negated=True)), _connector='OR'), name='ticketing_waiter_offer_fits_state'),
        ),
        migrations.AddConstraint(
            model_name='waiter',
            constraint=models.CheckConstraint(condition=models.Q(('offered', None), models.Q(('offered__gte', models.F('least')), ('offered__lte', models.F('quantity'))), _connector='OR'), name='ticketing_waiter_offer_fits_wish'),
        ),
        migrations.AddConstraint(
            model_name='waiter',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('moved_at', None), ('moved_reason', '')), models.Q(('moved_at__isnull', False), ('moved_reason__regex', '\\S')), _connector='OR'), name='ticketing_waiter_moved_for_a_reason'),
        ),
        migrations.AddConstraint(
            model_name='waiter',
            constraint=models.UniqueConstraint(models.F('kind'), models.F('stock'), django.db.models.functions.text.Lower('email'), condition=models.Q(('state__in', ['waiting', 'offered'])), name='ticketing_waiter_once'),
        ),
    ]
