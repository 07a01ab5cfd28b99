"""The host's own secrets: the key that signs receipts, and the secret that marks nonces. Made at first use."""

import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund.fleet.data_folder import DataFolder, write_secret_file
from wachhund_evidence import MisuseError, load_private_key_pem, private_key_pem, public_key_pem

_NONCE_SECRET_BYTES = 32


@dataclass(frozen=True)
class HostKeys:
    """`key` signs receipts, `nonce_secret` marks nonces. Neither is ever shown."""

    key: Ed25519PrivateKey = field(repr=False)
    nonce_secret: bytes = field(repr=False)

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
        return cls(key, secret)


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
