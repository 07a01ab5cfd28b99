"""One run at a time on a folder; and, for a run that keeps no journal, how the run before ended."""

import fcntl
import os
from pathlib import Path
from typing import Optional

from wachhund_agent.disk import Disk, replace
from wachhund_evidence import MisuseError

_RUNNING, _STOPPED = b"running\n", b"stopped\n"


def only_agent(folder: Path) -> int:
    """Hold a folder: two agents on one journal would use numbers twice. Returns a descriptor. Raises MisuseError."""
    path = folder / "lock"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(str(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise MisuseError("{}: {}: choose a folder that this user may write to".format(path, error.strerror)) from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise MisuseError("{}: another agent runs on this folder: stop it first".format(folder)) from None
    return fd


class RunMark:
    """`first`: nobody ran on this folder before; `was_clean`: no run ended otherwise. From now on one runs."""

    def __init__(self, folder: Path, disk: Optional[Disk] = None) -> None:
        """Raises MisuseError."""
        self._path, self._disk = folder / "run", disk or Disk()
        try:
            before: Optional[bytes] = self._disk.read(self._path)
        except FileNotFoundError:
            before = None
        except OSError as error:
            raise MisuseError("{}: {}: choose another folder".format(self._path, error.strerror)) from None
        self.first, self.was_clean = before is None, before in (None, _STOPPED)
        self._write(_RUNNING)

    def stop(self) -> None:
        """This run ends by itself. Raises MisuseError."""
        self._write(_STOPPED)

    def _write(self, word: bytes) -> None:
        try:
            replace(self._path, word, self._disk)
        except OSError as error:
            raise MisuseError("{}: {}: choose another folder".format(self._path, error.strerror)) from None
