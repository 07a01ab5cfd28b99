"""Whether the host took what this very installation says: the mark that an update waits for, and the end of a trial.

`mark` is written once for an installation, when the first receipt comes that is believed. The installer writes `trial`
(the folder that it switched to, and for how long it may stay without a receipt) and takes it away again; the agent only
reads it. An agent on trial that got no receipt in time ends, and whoever stops it (`ExecStopPost`) switches back.
"""

import json
from pathlib import Path
from typing import Callable, Dict, Optional

from wachhund_agent.disk import Disk, replace
from wachhund_evidence import RejectedEvidence, WachhundError, strict_json

_MAX_BYTES = 4096
MARK = "verified"


class NotVerified(WachhundError):
    """No host took what this version says."""


class Trial:
    """`trial`: the installer's file, None when there is no installer. `code`: where this program's code lies."""

    def __init__(
        self,
        data: Path,
        trial: Optional[Path],
        say: Callable[[str], None],
        code: Path = Path(__file__),
        disk: Optional[Disk] = None,
    ) -> None:
        self._mark, self._say, self._disk = data / MARK, say, disk or Disk()
        self._folder = _installation(code)
        self._is_installed = trial is not None
        self._is_verified = False
        self._within_s: Optional[float] = None
        asked = _read(trial) if trial is not None else {}
        if asked.get("folder") == self._folder and _read(self._mark).get("folder") != self._folder:
            within = asked.get("within_s")
            self._within_s = float(within) if isinstance(within, (int, float)) else None
        self._end: Optional[float] = None

    def verified(self) -> bool:
        """A receipt came that is believed. Returns whether it was the first of this run."""
        first, self._is_verified = not self._is_verified, True
        if first and self._is_installed and _read(self._mark).get("folder") != self._folder:
            try:
                replace(self._mark, (json.dumps({"folder": self._folder}) + "\n").encode("utf-8"), self._disk)
            except OSError as error:
                self._say("{}: {}: an update can't see that it was verified".format(self._mark, error.strerror))
        return first

    def check(self, now: float) -> None:
        """Raises NotVerified when a trial's time is over. `now`: monotonic seconds."""
        if self._within_s is None or self._is_verified:
            return
        self._end = now + self._within_s if self._end is None else self._end
        if now >= self._end:
            raise NotVerified("no receipt of a host within {:g} s of this trial: it ends".format(self._within_s))


def _installation(code: Path) -> str:
    """The folder of one installed version holds `lib`, which holds the packages."""
    return str(code.resolve().parent.parent.parent)


def _read(path: Path) -> Dict[str, object]:
    try:
        with path.open("rb") as file:
            return strict_json.parse_object(file.read(_MAX_BYTES))
    except (OSError, RejectedEvidence):
        return {}
