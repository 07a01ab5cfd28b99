"""The auditor's own key: made at the first audit, kept for the next, so that a reader can know it again."""

import contextlib
import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund_evidence import MisuseError, load_private_key_pem, private_key_pem

_MAX_BYTES = 16 << 10


def usual_place() -> Path:
    """Where a person's settings lie (XDG Base Directory)."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "wachhund" / "auditor.key"


def auditor_key(path: Path) -> Ed25519PrivateKey:
    """The key at a place, made when there is none. Raises MisuseError: can't be read or made, or others can read it."""
    try:
        with contextlib.suppress(FileExistsError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(made, "wb") as stream:
                stream.write(private_key_pem(Ed25519PrivateKey.generate()))
        with path.open("rb") as stream:
            if os.fstat(stream.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise MisuseError(f"others can read this key: chmod 600 {path}")
            return load_private_key_pem(stream.read(_MAX_BYTES))
    except OSError as error:
        raise MisuseError(f"audit: {path}: {error.strerror}: give the auditor's key with --key FILE") from None
    except MisuseError as error:
        raise MisuseError(f"audit: {path}: {error}") from None
