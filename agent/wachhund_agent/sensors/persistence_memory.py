"""What is remembered of files between two runs of the agent: what each was like when it was last looked at."""

import json
from pathlib import Path
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

from wachhund_agent.disk import Disk, replace

FILES_KEPT = 4000  # Debian with a desktop has some 1,500
STATE_BYTES = 4 << 20


class KnownFile(NamedTuple):
    """What is known of one file. `stamp`: inode, size, mtime and ctime in ns; any of them moves with a change."""

    sha256: Optional[str]
    mode: int
    uid: int
    place_class: str
    stamp: Tuple[int, int, int, int]


def parse_state(data: bytes) -> Optional[Dict[str, KnownFile]]:
    """What an earlier run remembered; None when it is damaged."""
    try:
        found = json.loads(data.decode("utf-8", "surrogatepass"))
        return {
            str(path): KnownFile(entry[0], int(entry[1]), int(entry[2]), str(entry[3]), tuple(map(int, entry[4])))  # type: ignore[arg-type]
            for path, entry in list(found["files"].items())[:FILES_KEPT]
            if len(entry[4]) == 4 and (entry[0] is None or isinstance(entry[0], str))
        }
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return None


class Memory:
    """`state`: the file to remember in, None for no memory. `why`: what does not work, in words; None when it does."""

    def __init__(self, state: Optional[Path], disk: Disk) -> None:
        self._state, self._disk = state, disk
        self.why: Optional[str] = None

    def load(self) -> Optional[Dict[str, KnownFile]]:
        """By path; None when there is none, or it can't be read."""
        if self._state is None:
            return None
        try:
            with self._state.open("rb") as file:
                return parse_state(file.read(STATE_BYTES))
        except OSError:
            return None

    def save(self, known: Mapping[str, KnownFile]) -> None:
        """All or nothing: a power cut leaves the old one."""
        if self._state is None:
            return
        files = {path: [one.sha256, one.mode, one.uid, one.place_class, one.stamp] for path, one in known.items()}
        data = json.dumps({"files": files}, separators=(",", ":")).encode("utf-8", "surrogatepass")
        try:
            replace(self._state, data, self._disk)
            self.why = None
        except OSError as error:
            self.why = "{}: {}: a change made while the agent is down will not be noticed".format(
                self._state, error.strerror
            )
