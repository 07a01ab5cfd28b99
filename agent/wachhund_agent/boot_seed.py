"""The boot seed of evidence: 32 random bytes for each boot, the same for every start of the agent in it."""

import os
from pathlib import Path

from wachhund_agent.journal_segment import JournalError
from wachhund_evidence import base64url


def boot_seed(folder: Path, boot_id: str = "/proc/sys/kernel/random/boot_id") -> str:
    """The seed of this boot, kept in `folder`. Raises JournalError."""
    path = folder / "boot"
    try:
        current = Path(boot_id).read_text(encoding="ascii").strip()
        try:
            known, seed = path.read_text(encoding="ascii").split()
            if known == current:
                return seed
        except (OSError, ValueError):
            pass
        seed = base64url.encode(os.urandom(32))
        path.write_text("{} {}\n".format(current, seed), encoding="ascii")
        return seed
    except OSError as error:
        raise JournalError("{}: {}".format(path, error.strerror)) from error
