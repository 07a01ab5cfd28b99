"""Posture: what makes this robot easy to enter, told once and again when it changes. Looks, and never tries a login.

A default password is checked against the hash in /etc/shadow with the C library's own crypt(3). Each look does one
small piece (one hash, or a slice of the package list), so that nothing here holds up the other senses.
"""

import ctypes
import fnmatch
import glob
import hmac
import os
from pathlib import Path
from typing import Callable, Dict, Generator, List, NamedTuple, Optional, Sequence, Tuple

from wachhund_agent.kernel.clock import wall
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation, clip, text

_CRYPT_LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2")  # glibc's and Debian's; libxcrypt's own
ROUND_S = 600.0  # between two rounds over everything; files are read again only when they changed
SLICE_BYTES = 64 * 1024
PACKAGES_KEPT = 64
DOORS_KEPT = 128

OpenDoor = Tuple[str, int, str]  # protocol, port, who can reach it
_Steps = Generator[List[Observation], None, None]


class Installed(NamedTuple):
    """A way in that may lie there idle: known by a path."""

    what: str
    path: str


class Default(NamedTuple):
    """A password that everybody knows, of a user. Told is only whether it is still in use."""

    user: str
    password: str


class PostureFiles(NamedTuple):
    """Where the machine keeps its word on itself."""

    shadow: Path = Path("/etc/shadow")
    packages: Path = Path("/var/lib/dpkg/status")
    bluetooth: Path = Path("/var/lib/bluetooth")


def shadow_hash(content: bytes, user: str) -> Optional[str]:
    """The password hash of a user in shadow(5); None without one, "" where a login needs no password."""
    for line in content.split(b"\n"):
        parts = line.split(b":")
        if len(parts) >= 2 and parts[0] == user.encode("utf-8"):
            return parts[1].decode("ascii", "replace")
    return None


def crypt(word: str, setting: str) -> Optional[str]:
    """crypt(3); None where the C library has none, or does not know the method. (Python 3.13 dropped its own.)"""
    function = None
    for name in _CRYPT_LIBRARIES:
        try:
            function = ctypes.CDLL(name).crypt
            break
        except (OSError, AttributeError):
            continue
    if function is None:
        return None
    function.restype, function.argtypes = ctypes.c_char_p, (ctypes.c_char_p, ctypes.c_char_p)
    made = function(word.encode("utf-8"), setting.encode("ascii", "replace"))
    return None if made is None or made.startswith(b"*") else made.decode("ascii", "replace")


def is_in_use(default: Default, shadow: bytes) -> Optional[bool]:
    """Does this user still have the password that everybody knows? None: the method can't be checked here."""
    stored = shadow_hash(shadow, default.user)
    if stored is None or stored.startswith(("!", "*")) or stored == "x":
        return False
    if stored == "":
        return True
    made = crypt(default.password, stored)
    return None if made is None else hmac.compare_digest(made, stored)


class PackageScan:
    """Reads dpkg's status file in slices; keeps the versions of packages whose names match."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns
        self._rest = b""
        self._name: Optional[str] = None
        self._installed = False
        self._version: Optional[str] = None
        self.found: Dict[str, str] = {}

    def feed(self, data: bytes) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()[-SLICE_BYTES:]
        for line in lines:
            self._line(line)

    def end(self) -> Dict[str, str]:
        self._line(self._rest)
        self._line(b"")
        return self.found

    def _line(self, line: bytes) -> None:
        if not line:
            if self._name is not None and self._installed and self._version and len(self.found) < PACKAGES_KEPT:
                self.found[self._name] = self._version
            self._name, self._installed, self._version = None, False, None
        elif line.startswith(b"Package: "):
            name = text(line[9:].strip())
            self._name = name if any(fnmatch.fnmatchcase(name, pattern) for pattern in self._patterns) else None
        elif line.startswith(b"Status: "):
            self._installed = line.endswith(b" installed")
        elif line.startswith(b"Version: "):
            self._version = clip(text(line[9:].strip()), 256)[0]


class PostureSense(Sense):
    """Kinds: `config.state` (default-password, tunnel-installed, exposed-ports, package, bluetooth-paired).

    `doors`: the listeners of this robot as (protocol, port, scope).
    """

    name = "posture"
    interval_s = 5.0

    def __init__(
        self,
        defaults: Sequence[Default],
        installed: Sequence[Installed],
        packages: Sequence[str],
        doors: Callable[[], Sequence[OpenDoor]],
        files: Optional[PostureFiles] = None,
    ) -> None:
        self._defaults, self._installed, self._packages, self._doors = defaults, installed, packages, doors
        self._files = files or PostureFiles()
        self._told: Dict[Tuple[str, Optional[str]], object] = {}
        self._stamps: Dict[Path, Tuple[int, int]] = {}
        self._missing: Dict[str, str] = {}
        self._steps: Optional[_Steps] = None
        self._next_round = 0.0

    def start(self, mono: float) -> List[Observation]:
        return self.look(mono)

    def look(self, mono: float) -> List[Observation]:
        found = self._exposed(mono)
        if self._steps is None and mono >= self._next_round:
            self._next_round = mono + ROUND_S
            self._steps = self._round(mono)
        if self._steps is not None:
            piece = next(self._steps, None)
            if piece is None:
                self._steps = None
                self.interval_s = type(self).interval_s
            else:
                self.interval_s = 0.25  # the round is under way: one small piece after the other
                found += piece
        return found

    def coverage(self) -> Coverage:
        why = "; ".join(self._missing[name] for name in sorted(self._missing)) or None
        return Coverage("files", "poll", ROUND_S, 0, why)

    def close(self) -> None:
        """Nothing is kept open."""
        if self._steps is not None:
            self._steps.close()
            self._steps = None

    def _round(self, mono: float) -> _Steps:
        for thing in self._installed:
            yield self._state("tunnel-installed", thing.what, bool(glob.glob(thing.path)), mono)
        shadow = self._read_changed(self._files.shadow) if self._defaults else None
        for default in self._defaults:
            if shadow is None:
                break
            yield self._state("default-password", default.user, is_in_use(default, shadow), mono)
        yield self._state("bluetooth-paired", None, self._paired(), mono)
        for name, version in (yield from self._package_steps()).items():
            yield self._state("package", name, version, mono)

    def _package_steps(self) -> Generator[List[Observation], None, Dict[str, str]]:
        scan = PackageScan(self._packages)
        path = self._files.packages
        try:
            stamp = path.stat().st_mtime_ns, path.stat().st_size
            if not self._packages or self._stamps.get(path) == stamp:
                return {}
            with path.open("rb") as file:
                while True:
                    data = file.read(SLICE_BYTES)
                    if not data:
                        break
                    scan.feed(data)
                    yield []
        except OSError as error:
            self._missing["packages"] = "{}: {}: versions of packages are unknown".format(path, error.strerror)
            return {}
        self._stamps[path] = stamp
        return scan.end()

    def _read_changed(self, path: Path) -> Optional[bytes]:
        try:
            status = path.stat()
            stamp = status.st_mtime_ns, status.st_size
            if self._stamps.get(path) == stamp:
                return None
            with path.open("rb") as file:
                data = file.read(1 << 20)
        except OSError as error:
            self._missing["shadow"] = "{}: {}: whether a default password is in use is unknown".format(
                path, error.strerror
            )
            return None
        self._missing.pop("shadow", None)
        self._stamps[path] = stamp
        return data

    def _paired(self) -> Optional[int]:
        """How many Bluetooth devices bluetoothd remembers; None where it keeps nothing that we may read."""
        try:
            adapters = [entry.path for entry in os.scandir(str(self._files.bluetooth)) if entry.is_dir()]
            return sum(os.path.exists(os.path.join(device.path, "info")) for adapter in adapters
                       for device in os.scandir(adapter) if device.is_dir())  # fmt: skip
        except OSError:
            return None

    def _exposed(self, mono: float) -> List[Observation]:
        doors = sorted({door for door in self._doors() if door[2] != "loopback"})[:DOORS_KEPT]
        return self._state("exposed-ports", None, [list(door) for door in doors], mono)

    def _state(self, name: str, what: Optional[str], value: object, mono: float) -> List[Observation]:
        if (name, what) in self._told and self._told[name, what] == value:
            return []
        first = (name, what) not in self._told
        self._told[name, what] = value
        if first and value in (None, False):
            return []  # nothing to see, and nothing lost: no word on it
        fields: Dict[str, object] = {"name": name, "what": what, "value": value}
        return [Observation("config.state", wall(mono), mono, "posture/files", fields)]
