"""Addresses of targets, encrypted where they lie (AES-256-GCM): a ledger that is handed on tells no password.

The key lies beside the ledger in the host's data folder, 0600, as its other keys do. So this is no protection from
who has the whole folder, or a whole backup; it is one from who has the ledger, a bundle, a page or a log.
"""

import json
import secrets
import stat
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wachhund.fleet.data_folder import DataFolder, write_secret_file
from wachhund_evidence import MisuseError

_KEY_BYTES, _NONCE_BYTES = 32, 12


@dataclass(frozen=True)
class Secrets:
    """What a target's address holds. `signing`: of a webhook, as Standard Webhooks writes it (`whsec_...`)."""

    address: str = field(repr=False)
    signing: str | None = field(repr=False)


class Sealer:
    """Encrypts and decrypts. Each text is bound to its target's id: it can't be put under another's."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    @classmethod
    def load_or_make(cls, data: DataFolder) -> "Sealer":
        """With the data folder's key. Raises MisuseError."""
        path = data.notify_key
        try:
            if not path.exists():
                try:
                    write_secret_file(path, secrets.token_bytes(_KEY_BYTES))
                except MisuseError:
                    if not path.exists():  # a command and the host may make it at the same moment
                        raise
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise MisuseError(f"secret: {path}: others may read it: chmod 600 it, and give targets new passwords")
            key = path.read_bytes()
        except OSError as error:
            raise MisuseError(f"secret: {path}: {error.strerror}: give this user the right to read it") from None
        if len(key) != _KEY_BYTES:
            raise MisuseError(f"secret: {path}: {len(key)} bytes instead of {_KEY_BYTES}: put back a copy")
        return cls(key)

    def seal(self, held: Secrets, identity: str) -> bytes:
        """Nonce and ciphertext."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        text = json.dumps([held.address, held.signing]).encode()
        return nonce + self._cipher.encrypt(nonce, text, identity.encode())

    def open(self, sealed: bytes, identity: str) -> Secrets:
        """Raises MisuseError: it was sealed with another key, or for another target."""
        try:
            text = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], identity.encode())
        except InvalidTag:
            raise MisuseError(
                "its address can't be read: notify.key is another one: put back a copy, or remove the target and add it"
            ) from None
        address, signing = json.loads(text)
        return Secrets(address, signing)
