"""`cluster-secret`: what the passwords of a cluster's insiders are drawn from. The same on every machine, in no log."""

import hashlib
import hmac
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from wachhund.fleet.data_folder import DataFolder, write_secret_file
from wachhund_evidence import MisuseError, base64url

_BYTES = 32


@dataclass(frozen=True)
class ClusterSecret:
    """32 random bytes."""

    secret: bytes = field(repr=False)

    def password(self, of: str) -> str:
        """The password of an insider (`worker`), or of the nodes among each other (`route`)."""
        label = f"wachhund cluster password\0{of}".encode("ascii")
        return base64url.encode(hmac.new(self.secret, label, hashlib.sha256).digest()[:24])


def path_of(data: DataFolder) -> Path:
    """Where it lies."""
    return data.path / "cluster-secret"


def make(data: DataFolder) -> ClusterSecret:
    """A new one, in a file of its own (0600). Raises MisuseError, also when there is one."""
    secret = secrets.token_bytes(_BYTES)
    write_secret_file(path_of(data), secret)
    return ClusterSecret(secret)


def read(data: DataFolder) -> ClusterSecret:
    """The one that lies there. Raises MisuseError."""
    path = path_of(data)
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise MisuseError(f"secret: {path}: others may read it: chmod 600 it, and think whether it is still secret")
        with path.open("rb") as stream:
            secret = stream.read(_BYTES + 1)
    except FileNotFoundError:
        raise MisuseError(f"secret: {path} is missing: copy it from the machine where the cluster was made") from None
    except OSError as error:
        raise MisuseError(f"secret: {path}: {error.strerror}: give this user the right to read it") from None
    if len(secret) != _BYTES:
        raise MisuseError(f"secret: {path}: not {_BYTES} bytes: copy it from another machine of the cluster")
    return ClusterSecret(secret)
