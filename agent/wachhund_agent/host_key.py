"""Which key of the host this robot believes: the one of its enrolment, or what that one gave way to since.

What was learned is kept in a file beside the journal, whole or not at all, before it is used: after a power cut
between the two the robot still believes the key from before, and the host still says what came after it.
"""

import json
import os
from typing import Callable, Tuple

from wachhund_agent.config import Config
from wachhund_evidence import (
    MisuseError,
    ReceiptClaims,
    RejectedEvidence,
    base64url,
    public_key_from_raw,
    raw_public_key,
    strict_json,
    thumbprint,
)
from wachhund_evidence.succession import MAX_SERIAL, Pinned, read_trusted

FILE = "host-key.json"
_MAX_BYTES = 4096


class HostKey:
    """What is pinned now, and how it changes. `say` gets one line for a person when the file can't be used."""

    def __init__(self, config: Config, say: Callable[[str], None]) -> None:
        self._path, self._say, self._said = config.data / FILE, say, ""
        self._enrolled = thumbprint(config.host_key)
        self._pinned = Pinned(config.host_key, config.recovery_key, config.recovery_serial)
        try:
            self._pinned = self._learned(self._path.read_bytes()[:_MAX_BYTES])
        except FileNotFoundError:
            pass
        except (OSError, RejectedEvidence, MisuseError) as error:
            # The host finds out from the next `host.key` which key we are left with, and proves its own again.
            say("{}: not used ({}): going on with the host key of the enrolment".format(self._path, error))

    @property
    def kid(self) -> str:
        """The name of the host's key that receipts are checked with."""
        return thumbprint(self._pinned.key)

    def read(self, text: str, ueid: str) -> Tuple[ReceiptClaims, Pinned]:
        """A receipt, and what to `keep` once it is known to be meant for now. Raises RejectedEvidence."""
        return read_trusted(text, self._pinned, ueid)

    def keep(self, pinned: Pinned) -> bool:
        """Believe this from now on, durably. False when the disk does not take it: all is as before, and it was said.

        Nothing is written when nothing changed.
        """
        if pinned == self._pinned:
            return True
        try:
            self._write(pinned)
        except OSError as error:
            line = "{}: {}: the host's new key can't be kept, its receipts wait".format(self._path, error.strerror)
            if line != self._said:
                self._said = line
                self._say(line)
            return False
        self._pinned = pinned
        return True

    def _write(self, pinned: Pinned) -> None:
        new = self._path.with_name(FILE + ".new")
        body = {
            "enrolled": self._enrolled,
            "key": base64url.encode(raw_public_key(pinned.key)),
            "recovery_serial": pinned.recovery_serial,
        }
        with os.fdopen(os.open(str(new), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(json.dumps(body) + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        folder = os.open(str(self._path.parent), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # the new name must survive a power cut as well
        finally:
            os.close(folder)

    def _learned(self, data: bytes) -> Pinned:
        """What the file holds. Raises RejectedEvidence, MisuseError."""
        found = strict_json.parse_object(data)
        key, serial = found.get("key"), found.get("recovery_serial")
        if type(key) is not str or type(serial) is not int or not 0 <= serial <= MAX_SERIAL:
            raise RejectedEvidence("json", "not what this agent writes")
        if found.get("enrolled") != self._enrolled:
            return self._pinned  # enrolled anew since: the configuration knows better
        learned = public_key_from_raw(base64url.decode(key))
        return self._pinned._replace(key=learned, recovery_serial=max(serial, self._pinned.recovery_serial))
