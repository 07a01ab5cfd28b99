"""The secrets that this host shares with witnesses: one file each, apart from the ledger, which people export."""

import secrets as random
from pathlib import Path

from wachhund.fleet.data_folder import DataFolder, make_private_folder, write_secret_file
from wachhund_evidence import SECRET_BYTES


class WitnessSecrets:
    """In the folder `witnesses` of the host's data folder, 0700."""

    def __init__(self, data: DataFolder) -> None:
        self._folder = data.witnesses

    def make(self) -> bytes:
        """A new one, in no file yet."""
        return random.token_bytes(SECRET_BYTES)

    def keep(self, kid: str, secret: bytes) -> Path:
        """Write it down. Raises MisuseError."""
        make_private_folder(self._folder)
        path = self._folder / f"{kid}.key"
        write_secret_file(path, secret.hex().encode("ascii"))
        return path

    def of(self, kid: str) -> bytes | None:
        """The secret of that name (a thumbprint that this host made); None when it is not here, or is none."""
        try:
            secret = bytes.fromhex((self._folder / f"{kid}.key").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        return secret if len(secret) == SECRET_BYTES else None
