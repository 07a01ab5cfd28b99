"""Giving the host another key: by the present one, or by the recovery key when that was stolen or lost.

The steps survive a power cut between any two: the new key is written beside the old one, then the statement that makes
it the host's, then it takes the old one's place. `finish` does what was left.
"""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund.fleet import succession
from wachhund.fleet.data_folder import DataFolder, write_secret_file
from wachhund.fleet.host_keys import HostKeys, read_private_key, recovery_public_key
from wachhund.fleet.succession import Succession
from wachhund_evidence import MisuseError, private_key_pem, raw_public_key, thumbprint
from wachhund_evidence.succession import sign_successor


def rotate(data: DataFolder, now: float) -> str:
    """A new key that the present one vouches for. Returns its name (`kid`). Raises MisuseError: nothing is changed.

    The caller holds the data folder (`nobody_else`): a host that serves would go on with the old key.
    """
    finish(data)
    if not data.host_key.exists():
        raise MisuseError(f"host key: {data.path} holds none: give the host's --data folder")
    keys = HostKeys.load_or_create(data)
    return _change(data, keys.succession, keys.key, now)


def recover(data: DataFolder, recovery: Path, now: float) -> str:
    """A new key that the recovery key in the file `recovery` vouches for. Returns its name. Raises MisuseError.

    Works without the old key, and on a backup from before a change of it.
    """
    key = read_private_key(recovery, "recovery key")
    known = recovery_public_key(data.recovery_key)
    if known is None:
        raise MisuseError(
            f"recovery key: {data.recovery_key}: none is there that robots could have pinned: put back a backup of the "
            "host first"
        )
    if raw_public_key(known) != raw_public_key(key.public_key()):
        raise MisuseError(f"recovery key: {recovery}: not the one that robots of this host pinned")
    finish(data)
    before = succession.load(data.succession, known)
    if before is None:
        first = HostKeys.load_or_create(data).key.public_key() if data.host_key.exists() else None
        before = Succession(first, known)
    return _change(data, before, key, now)


def _change(data: DataFolder, before: Succession, signer: Ed25519PrivateKey, now: float) -> str:
    new = Ed25519PrivateKey.generate()
    data.next_host_key.unlink(missing_ok=True)
    write_secret_file(data.next_host_key, private_key_pem(new))
    statement = sign_successor(new.public_key(), before.next_serial(now), signer)
    succession.save(data.succession, before.followed_by(statement))
    finish(data)
    return thumbprint(new.public_key())


def finish(data: DataFolder) -> None:
    """Do what a change of the key left undone when it was cut off. Raises MisuseError."""
    if not data.next_host_key.exists():
        return
    made = succession.load(data.succession, recovery_public_key(data.recovery_key))
    try:
        kid = thumbprint(read_private_key(data.next_host_key, "host key").public_key())
    except MisuseError:
        kid = None  # cut off while it was written: before the statement that would make it the host's
    try:
        if made is None or kid is None or made.last_kid != kid:
            data.next_host_key.unlink()  # nobody has heard of it
            return
        data.next_host_key.replace(data.host_key)
        succession.sync_folder(data.path)
    except OSError as error:
        raise MisuseError(f"host key: {data.host_key}: {error.strerror}: give this user the right to write") from None
