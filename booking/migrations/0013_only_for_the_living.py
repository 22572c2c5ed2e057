from importlib import import_module

from django.db import migrations

lives = import_module("ticketing.migrations.0010_anonymised").only_for_the_living


class Migration(migrations.Migration):
    """Nothing is booked for an account once it is anonymised."""

    dependencies = [("booking", "0012_expected_of_arrived"), ("ticketing", "0010_anonymised")]

    operations = [
        lives("booking_booking", "account_id"),
        lives("booking_feed", "account_id"),
    ]
