"""The robots' SSH host keys, kept at the first contact: a known_hosts file of OpenSSH in the host's data folder.

One key for an address. `ssh -o UserKnownHostsFile=DATA/known_robots` reads it too.
"""

import base64
import hashlib
import os
import re
from pathlib import Path

from wachhund.flash.outcome import CHANGED_KEY, FlashRefused
from wachhund.flash.target import Target
from wachhund_evidence import MisuseError

_MAX_BYTES = 4 << 20  # some 25,000 robots
_LINE = re.compile(r"(?P<where>[^ #|]+) (?P<key>(?:ssh|ecdsa)-[a-z0-9@.-]{1,60} [A-Za-z0-9+/]{16,4096}={0,2})")
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


def fingerprint(key: str) -> str:
    """Of "ALGORITHM BASE64", as `ssh-keygen -l` shows it."""
    raw = base64.b64decode(key.split(" ")[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(raw).digest()).decode("ascii").rstrip("=")


def given_fingerprint(text: str | None) -> str | None:
    """--fingerprint as somebody gave it, if they did. Raises MisuseError."""
    if text is not None and not FINGERPRINT.fullmatch(text):
        raise MisuseError("--fingerprint: give SHA256: and 43 characters, as `ssh-keygen -l` prints them")
    return text


class KnownRobots:
    """`path`: the file; there is none before the first robot."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def key(self, target: Target) -> str | None:
        """The key that was kept for an address ("ALGORITHM BASE64"); None when none was. Raises MisuseError."""
        return next((key for where, key in self._all() if where == target.where), None)

    def keep(self, target: Target, key: str) -> None:
        """From now on this address has this key. Raises FlashRefused when another is kept; MisuseError."""
        before = self.key(target)
        if before == key:
            return
        if before is not None:
            raise changed(target, before, key)
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(f"{target.where} {key}\n".encode("ascii"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._unusable(error) from None

    def forget(self, target: Target) -> str:
        """Take the key of an address away. Returns its fingerprint. Raises MisuseError when none is kept."""
        found = self.key(target)
        if found is None:
            raise MisuseError(f"{target.where}: no SSH host key is kept for it: see {self._path}")
        left = [f"{where} {key}\n" for where, key in self._all() if where != target.where]
        new = self._path.with_name(self._path.name + ".new")
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
                file.writelines(left)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as error:
            raise self._unusable(error) from None
        return fingerprint(found)

    def _all(self) -> list[tuple[str, str]]:
        try:
            with self._path.open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unusable(error) from None
        found = []
        for number, line in enumerate(data.decode("ascii", "replace").splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            match = _LINE.fullmatch(line)
            if match is None or len(data) > _MAX_BYTES:
                raise MisuseError(f"{self._path}: line {number} is damaged: take the line away, then flash again")
            found.append((match["where"], match["key"]))
        return found

    def _unusable(self, error: OSError) -> MisuseError:
        return MisuseError(f"{self._path}: {error.strerror}: give this user the right to read and write it")


def changed(target: Target, before: str, now: str) -> FlashRefused:
    """What is to be said of a robot that shows another key than before."""
    return FlashRefused(
        CHANGED_KEY,
        f"{target.where}: its SSH host key is {fingerprint(now)}, and was {fingerprint(before)}: another robot, a card "
        f"written anew, or somebody in between; when you know why: `wachhund flash forget {target.where}`",
    )
