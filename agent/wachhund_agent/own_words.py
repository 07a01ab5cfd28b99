"""What an agent says of itself: that it began, how the run before ended, that it ends."""

import hashlib
import sys
from pathlib import Path, PurePosixPath
from typing import Dict, Mapping, Optional

import cryptography

from wachhund_agent import __version__
from wachhund_agent.kernel import clock
from wachhund_evidence import Observation

SENSOR = "agent"
NO_MEMORY = "no memory of an earlier run"
ASKED, OVER, ANEW = "asked to stop", "its time was over", "to open the kernel's events anew"


def code_hash(folder: Path) -> str:
    """`hash_of_code` of all Python files below a folder: as the agent says itself."""
    return hash_of_code({str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.py")})


def hash_of_code(files: Mapping[str, bytes]) -> str:
    """SHA-256 in hex over the names (with `/`) and bytes of files, in the order of their names' parts."""
    digest = hashlib.sha256()
    for name in sorted(files, key=PurePosixPath):
        digest.update("{}\0{}\0".format(name, len(files[name])).encode("utf-8"))
        digest.update(files[name])
    return digest.hexdigest()


def how_it_ended(first: bool, was_clean: bool) -> str:
    """Why there is a start. `first`: there was no run before; `was_clean`: that one ended by itself."""
    return "first start" if first else "after a clean stop" if was_clean else "after an unclean stop"


def start_note(code: str, reason: str, clean: Optional[bool], mono: float) -> Observation:
    """`agent.start`. `code`: the hash of the code; `clean`: None where nobody knows how the run before ended."""
    fields: Dict[str, object] = {"version": __version__, "build_sha256": code, "reason": reason}
    if clean is not None:
        fields["clean"] = clean
    # Both are the last of their kind for this board; the host must be able to find the robots that have a bad one.
    fields.update(python=sys.version.split()[0], cryptography=cryptography.__version__)
    return Observation("agent.start", clock.wall(mono), mono, SENSOR, fields)


def stop_note(reason: str, mono: float) -> Observation:
    """`agent.stop`."""
    return Observation("agent.stop", clock.wall(mono), mono, SENSOR, {"version": __version__, "reason": reason})
