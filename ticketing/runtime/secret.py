"""The demo's own SECRET_KEY: made once, kept beside its data, readable by its owner only."""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def local_secret(home: Path) -> str:
    """The key kept in `home`, made by whichever process comes first."""
    path = home / "secret-key"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write_first(path, secrets.token_urlsafe(50))
        return path.read_text()
    except OSError as error:
        raise ImproperlyConfigured(
            f"{path} cannot be read or written: {error.strerror}. Set TICKETING_HOME to a directory of your own."
        ) from error


def is_local_secret(home: Path, secret: str) -> bool:
    """Whether this is the key of a demo that has its data there."""
    try:
        return (home / "secret-key").read_text() == secret
    except OSError:
        return False


def _write_first(path: Path, secret: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(secret)
    try:
        os.link(draft, path)  # whole or not at all, and never over another process's key
    except FileExistsError:
        pass
    finally:
        draft.unlink()
