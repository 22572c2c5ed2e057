from django.db import migrations

# Of a word that it never met PostgreSQL believes that it is half as frequent as the rarest one that it knows. Where it
# knows few, a search for several rare words seems to be met soon by reading everything backwards, which takes a second.
KNOWN_WORDS = "ALTER TABLE support_searchentry ALTER words SET STATISTICS %d"


class Migration(migrations.Migration):
    """Searches for rare words always ask the index; the next ANALYZE knows five times as many words."""

    dependencies = [("support", "0023_narrowed_lists")]

    operations = [migrations.RunSQL(KNOWN_WORDS % 500, KNOWN_WORDS % -1)]
