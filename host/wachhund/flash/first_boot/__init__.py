"""What a card's image is given so that its robot installs and enrols the agent when it first starts.

Not the installed agent: its libraries are compiled for the robot's own Python, and tried there, by the installer.
So what comes onto the image is the bundle, a one-time token and a unit that runs the one with the other, and then takes
itself away. No key is among it: the robot makes its own.
"""

import hashlib
import stat
from dataclasses import dataclass, field
from importlib import resources

FOLDER = "/var/lib/wachhund-first-boot"
UNIT = "wachhund-first-boot.service"
_SCRIPT = "first-boot.sh"
_UNITS = "/etc/systemd/system"
_WANTS = f"{_UNITS}/multi-user.target.wants"
UNIT_FILE, WANTED = f"{_UNITS}/{UNIT}", f"{_WANTS}/{UNIT}"
# Of an installed agent (deploy/installer/wachhund_install/places.py), or of an earlier first boot.
TRACES = ("/opt/wachhund", "/var/lib/private/wachhund", "/var/lib/wachhund", FOLDER, UNIT_FILE, WANTED)


@dataclass(frozen=True)
class Entry:
    """What is to stand at a path, root's: a folder, a file with `data`, or a link to `target`. `mode`: permissions."""

    path: str
    mode: int
    data: bytes | None = field(default=None, repr=False)  # one of them is the token
    target: str | None = None

    @property
    def seen(self) -> tuple[int, int, str]:
        """As it is seen when it stands there: st_mode, owner, and a file's SHA-256 or a link's target."""
        if self.target is not None:
            return stat.S_IFLNK | self.mode, 0, self.target
        if self.data is not None:
            return stat.S_IFREG | self.mode, 0, hashlib.sha256(self.data).hexdigest()
        return stat.S_IFDIR | self.mode, 0, ""


# What must be there already, and lead nowhere else; the last one is made where it is missing.
AROUND = ("/var/lib", _UNITS, _WANTS)


def entries(bundle_name: str, bundle: bytes, token: str) -> tuple[Entry, ...]:
    """All of it, in the order in which it is made: the unit is started only where all the rest is there."""
    return (
        Entry(FOLDER, 0o700),
        Entry(f"{FOLDER}/{bundle_name}", 0o600, bundle),
        Entry(f"{FOLDER}/token", 0o600, token.encode("ascii") + b"\n"),
        Entry(f"{FOLDER}/{_SCRIPT}", 0o700, _own(_SCRIPT)),
        Entry(_WANTS, 0o755),
        Entry(UNIT_FILE, 0o644, _own(UNIT)),
        Entry(WANTED, 0o777, target=UNIT_FILE),
    )


def _own(name: str) -> bytes:
    return resources.files(__name__).joinpath(name).read_bytes()
