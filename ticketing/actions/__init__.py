"""The verbs of accounts, tokens and the site itself."""

from ticketing.actions.accounts import WrongCredentials, check_password, demo_secret, issue_token, revoke_token
from ticketing.actions.upkeep import forget_outlived

__all__ = [
    "WrongCredentials",
    "check_password",
    "demo_secret",
    "forget_outlived",
    "issue_token",
    "revoke_token",
]
