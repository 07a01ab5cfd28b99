"""32 random bytes for each boot of the board, the same for every start of the agent in it."""

import errno
import os
from pathlib import Path
from typing import Callable, Optional

from wachhund_agent.disk import Disk, replace
from wachhund_agent.journal import JournalError
from wachhund_evidence import RejectedEvidence, base64url
from wachhund_evidence.base64url import check_size

_BYTES = 32
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_seed(
    folder: Path,
    boot_id: Path = _BOOT_ID,
    disk: Optional[Disk] = None,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> str:
    """Raises JournalError. On a full disk the seed lasts for this start only."""
    disk = disk or Disk()
    path = folder / "boot"
    try:
        current = boot_id.read_text(encoding="ascii").strip()
        try:
            known, seed = disk.read(path).decode("ascii").split()
            check_size(seed, _BYTES, "seed")
            if known == current:
                return seed
        except (OSError, ValueError, RejectedEvidence):
            pass  # none yet, or what a power cut left of one
        seed = base64url.encode(random_bytes(_BYTES))
        replace(path, "{} {}\n".format(current, seed).encode("ascii"), disk)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise JournalError("{}: {}".format(path, error.strerror)) from error
    return seed
