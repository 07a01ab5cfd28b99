"""The host's own secrets: the key that signs receipts, and the secret that marks nonces. Made at first use."""

import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from wachhund.fleet import succession
from wachhund.fleet.data_folder import DataFolder, write_secret_file
from wachhund.fleet.succession import Succession
from wachhund_evidence import (
    MisuseError,
    load_private_key_pem,
    load_public_key_pem,
    private_key_pem,
    public_key_pem,
    thumbprint,
)

_NONCE_SECRET_BYTES = 32
_MAX_KEY_BYTES = 16 * 1024


@dataclass(frozen=True)
class HostKeys:
    """`key` signs receipts, `nonce_secret` marks nonces. Neither is ever shown.

    `recovery_key`: the public half of a key that is kept offline, and may sign a new host key; None without one.
    `succession`: how `key` became the host's.
    """

    key: Ed25519PrivateKey = field(repr=False)
    nonce_secret: bytes = field(repr=False)
    recovery_key: Ed25519PublicKey | None
    succession: Succession

    @property
    def kid(self) -> str:
        """The name of `key`."""
        return thumbprint(self.key.public_key())

    @property
    def public_pem(self) -> str:
        """The public key that robots pin, PEM."""
        return public_key_pem(self.key.public_key()).decode("ascii")

    @classmethod
    def load_or_create(cls, data: DataFolder) -> "HostKeys":
        """Read the host's secrets, or make them (0600). Raises MisuseError for unreadable or exposed ones."""
        pem = _read_or_make(data.host_key, lambda: private_key_pem(Ed25519PrivateKey.generate()))
        secret = _read_or_make(data.nonce_secret, lambda: secrets.token_bytes(_NONCE_SECRET_BYTES))
        if len(secret) != _NONCE_SECRET_BYTES:
            raise MisuseError(
                f"nonce secret: {data.nonce_secret}: {len(secret)} bytes instead of {_NONCE_SECRET_BYTES}: "
                "remove it, a new one is made"
            )
        try:
            key = load_private_key_pem(pem)
        except MisuseError as error:
            raise MisuseError(f"host key: {data.host_key}: {error}") from None
        recovery = recovery_public_key(data.recovery_key)
        made = succession.load(data.succession, recovery) or Succession(key.public_key(), recovery)
        if made.last_kid != thumbprint(key.public_key()):
            raise MisuseError(
                f"host key: {data.host_key}: not the one that {data.succession.name} ends with: start "
                "`wachhund serve`, it finishes a change that was cut off; else put back a copy of both"
            )
        return cls(key, secret, recovery, made)


def make_recovery_key(data: DataFolder, out: Path) -> str:
    """Make the recovery key: its private half into `out`, for a place offline, its public half into the data folder.

    Returns its name (`kid`). Raises MisuseError, also when there is one already: robots that pinned it know no other.
    """
    if data.recovery_key.exists():
        raise MisuseError(f"recovery key: {data.recovery_key}: there is one already, and robots may have pinned it")
    key = Ed25519PrivateKey.generate()
    write_secret_file(out, private_key_pem(key))
    write_secret_file(data.recovery_key, public_key_pem(key.public_key()))
    return thumbprint(key.public_key())


def read_private_key(path: Path, what: str) -> Ed25519PrivateKey:
    """The private key in a file. Raises MisuseError, which says `what` it should have been."""
    try:
        return load_private_key_pem(path.read_bytes()[:_MAX_KEY_BYTES])
    except OSError as error:
        raise MisuseError(f"{what}: {path}: {error.strerror}: give the file with the private key") from None
    except MisuseError as error:
        raise MisuseError(f"{what}: {path}: {error}") from None


def recovery_public_key(path: Path) -> Ed25519PublicKey | None:
    """The public half of the recovery key; None when there is none. Raises MisuseError."""
    try:
        return load_public_key_pem(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MisuseError(f"recovery key: {path}: {error.strerror}: give this user the right to read it") from None
    except MisuseError as error:
        raise MisuseError(f"recovery key: {path}: {error}") from None


def _read_or_make(path: Path, make: Callable[[], bytes]) -> bytes:
    if not path.exists():
        try:
            write_secret_file(path, make())
        except MisuseError:
            # `robots add` and `serve` may make them at the same moment: whoever was first has made it.
            if not path.exists():
                raise
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise MisuseError(f"secret: {path}: others may read it: chmod 600 it, and think whether it is still secret")
        return path.read_bytes()
    except OSError as error:
        raise MisuseError(f"secret: {path}: {error.strerror}: give this user the right to read it") from None
