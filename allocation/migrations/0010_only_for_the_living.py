from importlib import import_module

from django.db import migrations

lives = import_module("ticketing.migrations.0010_anonymised").only_for_the_living


class Migration(migrations.Migration):
    """Nothing is sold or handed to an account once it is anonymised."""

    dependencies = [("allocation", "0009_transfers"), ("ticketing", "0010_anonymised")]

    operations = [
        lives("allocation_purchase", "account_id"),
        lives("allocation_hold", "account_id"),
        lives("allocation_transfer", "by_id"),
        lives("allocation_transfer", "to_id"),
    ]
