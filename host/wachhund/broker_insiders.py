"""The host's own accounts at its broker: made anew at each start, and kept in no file."""

import os
import secrets
import ssl
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund.broker_config import HOST_USER, PULSE_USER, WATCH_USER, Insider
from wachhund.fleet.authority import Authority
from wachhund.fleet.broker_access import Access
from wachhund.fleet.credentials import hash_password, insider_identity
from wachhund_evidence import private_key_pem


class Insiders:
    """`folder`: for its owner only. `authority`: by TLS, and each with a certificate; None: in clear."""

    def __init__(self, folder: Path, authority: Authority | None) -> None:
        self._folder, self._authority = folder, authority
        self._passwords = {name: secrets.token_urlsafe(24) for name in (HOST_USER, PULSE_USER, WATCH_USER)}
        self.known: Sequence[Insider] = [Insider(name, hash_password(word)) for name, word in self._passwords.items()]

    def access(self, name: str, address: str, port: int) -> Access:
        """How one of them comes in."""
        tls = None if self._authority is None else shown_as(name, self._authority, self._folder)
        return Access(address, port, name, self._passwords[name], tls)


def shown_as(name: str, authority: Authority, folder: Path) -> ssl.SSLContext:
    """What trusts the host's doors, and shows a new certificate of that name. Raises MisuseError.

    The ssl module reads files, so key and certificate are one in `folder` for a moment.
    """
    tls = ssl.create_default_context(cadata=authority.certificate)
    key = Ed25519PrivateKey.generate()
    path = folder / f"{name}.{secrets.token_hex(8)}.pem"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(private_key_pem(key))
        stream.write(authority.issue(insider_identity(name), key.public_key()).encode("ascii"))
    try:
        tls.load_cert_chain(path)
    finally:
        path.unlink()
    return tls
