"""The agent's bundles that came with this host: the one for a robot's machine, checked before it is sent anywhere.

A bundle checks itself, which shows that it was not cut off or changed by chance; who rewrote all of it could put in his
own key. So the host looks itself, and knows release keys from elsewhere. The seal is described, and read on the
robot, in deploy/installer/wachhund_seal/seal.py; this is another reader of it, with another library.
"""

import hashlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wachhund import __version__
from wachhund.judge.signed_packs import Keys, release_keys
from wachhund_evidence import MisuseError
from wachhund_evidence.keys import raw_public_key

MAX_BYTES = 64 << 20  # a bundle has some 7 MB
MACHINES = ("aarch64", "x86_64")  # for which there are libraries, as `uname -m` names them
_HEAD_BYTES = 4096
_ABOVE = Path(__file__).resolve().parents[3]
# Beside `lib` where the host was unpacked from its own bundle; where `make bundle` puts them, in a clone; where whoever
# installed it with pip or pipx put them, in its environment.
FOLDERS = (_ABOVE / "bundles", _ABOVE / "dist", Path(sys.prefix) / "share" / "wachhund")
_SEAL = re.compile(
    rb"^# bundle: (?P<name>[A-Za-z0-9._+-]{1,100}\.run)\n# release-key: (?P<key>[0-9a-f]{64})\n"
    rb"# signature: (?P<signature>[0-9a-f]{128})\n# sha256: (?P<sha256>[0-9a-f]{64})$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class AgentBundle:
    """`data`: the whole file, as it is to be sent. `key`: who signed it (hex), None for a development build.

    `release`: the name of the key where it is one that this program pins.
    """

    path: Path
    name: str
    data: bytes
    key: str | None
    release: str | None

    @property
    def sha256(self) -> str:
        """Of the file as it is, to be compared with what arrived."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def told(self) -> str:
        """Its name, its size, and who signed it, for people."""
        signed = f"signed by {self.release or self.key}" if self.key else "UNSIGNED: a development build"
        return f"{self.name} ({len(self.data) / 1e6:.1f} MB, {signed})"


def find(
    machine: str,
    version: str = __version__,
    folders: Sequence[Path] = FOLDERS,
    releases: Keys | None = None,
) -> AgentBundle:
    """The bundle of this host's own version for a machine (as `uname -m` names it). Raises MisuseError."""
    name = f"wachhund-agent-{version}-{machine}.run"
    for folder in folders:
        if (folder / name).is_file():
            return read(folder / name, releases)
    have = sorted({path.name for folder in folders for path in folder.glob("wachhund-agent-*.run")})
    raise MisuseError(
        f"{name}: there is no such bundle (here: {', '.join(have) or 'none'}): unpack the host from its own bundle, or "
        "`make bundle` in a clone"
    )


def read(path: Path, releases: Keys | None = None) -> AgentBundle:
    """A bundle that is whole, and signed by whom it says. Raises MisuseError: what is wrong with which file."""
    known = release_keys() if releases is None else releases
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise MisuseError(f"{path}: {error.strerror}") from None
    found = _SEAL.search(data[:_HEAD_BYTES])
    if found is None or len(data) > MAX_BYTES:
        raise MisuseError(f"{path}: not a bundle of an agent: get it anew")
    blank = bytearray(data)
    for part in ("signature", "sha256"):
        blank[found.start(part) : found.end(part)] = b"0" * len(found[part])
    sha256, name = hashlib.sha256(blank).hexdigest(), found["name"].decode("ascii")
    if sha256 != found["sha256"].decode("ascii") or name != path.name:
        raise MisuseError(f"{path}: not as it was made: cut off, changed, renamed or copied badly: get it anew")
    if not found["key"].strip(b"0") and not found["signature"].strip(b"0"):
        return AgentBundle(path, name, data, None, None)
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(found["key"].decode("ascii")))
    try:
        key.verify(bytes.fromhex(found["signature"].decode("ascii")), f"wachhund bundle 1\n{name}\n{sha256}\n".encode())
    except InvalidSignature:
        raise MisuseError(f"{path}: its signature does not fit: get it anew") from None
    release = next((kid for kid, one in known.items() if raw_public_key(one) == raw_public_key(key)), None)
    return AgentBundle(path, name, data, found["key"].decode("ascii"), release)
