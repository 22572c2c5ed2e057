"""What is long in the trail is a list of ids, and they are random: to compress them takes long and gains nothing."""

from django.db import migrations

KEPT_AS_THEY_ARE = "ALTER TABLE ticketing_activity ALTER COLUMN details SET STORAGE EXTERNAL"
COMPRESSED = "ALTER TABLE ticketing_activity ALTER COLUMN details SET STORAGE EXTENDED"


class Migration(migrations.Migration):
    dependencies = [("ticketing", "0011_old_lines")]

    operations = [migrations.RunSQL(KEPT_AS_THEY_ARE, COMPRESSED)]
