"""PostgreSQL for web processes, as the setting ENGINE names it: Django looks for `base` in here."""
