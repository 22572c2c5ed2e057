"""The verbs of the site itself."""

from ticketing.models import ApiToken, IdempotencyKey


def forget_outlived() -> int:
    """Delete idempotency keys that are older than a day, and tokens a day after they ended; returns how many rows."""
    return IdempotencyKey.objects.outlived().delete()[0] + ApiToken.objects.outlived().delete()[0]
