"""The robot's key: made here, kept in a file that only its owner can read, and never shown."""

import argparse
import os
import stat
from pathlib import Path
from typing import Optional, Tuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund_agent.disk import Disk, make
from wachhund_evidence import MisuseError, load_private_key_pem, private_key_pem, public_key_pem, thumbprint

_MAX_KEY_BYTES = 16 * 1024


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "keygen",
        help="make this robot's key",
        description="Make an Ed25519 key pair: PATH (for its owner only) and PATH.pub, which the host registers "
        "with `wachhund robots add NAME --key PATH.pub`. Never overwrites.",
    )
    parser.add_argument("path", type=Path, metavar="PATH", help="where the private key goes")
    parser.set_defaults(run=run)


def _create(path: Path, data: bytes, mode: int, disk: Disk) -> None:
    try:
        make(path, data, disk, mode)
    except FileExistsError:
        raise MisuseError("{}: exists already: choose another name, or move the old key away".format(path)) from None
    except OSError as error:
        what = "nothing was kept; make room, or choose a folder that you may write to"
        raise MisuseError("{}: {}: {}".format(path, error.strerror, what)) from None


def make_key(path: Path, disk: Optional[Disk] = None) -> Tuple[Path, str]:
    """Make a key pair. Returns the public key's file and the key's name (`kid`). Raises MisuseError.

    It is on disk before anybody hears of it: a power cut must not leave an invitation used by a key that is gone.
    """
    disk = disk or Disk()
    public = path.with_name(path.name + ".pub")
    if public.exists():
        raise MisuseError("{}: exists already: choose another name, or move the old key away".format(public))
    key = Ed25519PrivateKey.generate()
    _create(path, private_key_pem(key), 0o600, disk)
    try:
        _create(public, public_key_pem(key.public_key()), 0o644, disk)
    except MisuseError:
        path.unlink()
        raise
    return public, thumbprint(key.public_key())


def load_key(path: Path) -> Ed25519PrivateKey:
    """The private key in a file. Raises MisuseError, also when others may read it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MAX_KEY_BYTES)
    except OSError as error:
        raise MisuseError(
            "{}: {}: make a key with `wachhund-agent keygen {}`".format(path, error.strerror, path)
        ) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise MisuseError("{}: others may read this key: chmod 600 {}".format(path, path))
    try:
        return load_private_key_pem(data)
    except MisuseError as error:
        raise MisuseError("{}: {}".format(path, error)) from None


def run(arguments: argparse.Namespace) -> int:
    """Make the key and say what comes next."""
    public, kid = make_key(arguments.path)
    print("key {} made: {} stays here, {} goes to the host".format(kid, arguments.path, public))
    return 0
