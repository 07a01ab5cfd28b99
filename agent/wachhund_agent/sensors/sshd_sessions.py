"""The sessions of sshd, as it names them in the titles of its processes: seen where no log tells of them."""

import re
from typing import Dict, Optional, Tuple

from wachhund_agent.kernel import procfs
from wachhund_evidence import clip, text

_SSHD = frozenset({"sshd", "sshd-session", "sshd-auth", "dropbear"})
# "sshd: pi@pts/0" stands only after the login; "sshd: pi [priv]" already before.
_TITLE = re.compile(rb"(?:sshd|sshd-session): ([^@\x00]{1,128})@(\S{1,64})")


def is_sshd(exe: Optional[str]) -> bool:
    """Whether a program is an ssh server, or a part of one."""
    return (exe or "").rsplit("/", 1)[-1] in _SSHD


def session_titles() -> Dict[int, Tuple[int, str, str]]:
    """What sshd says of its sessions: (parent, user, terminal) by pid."""
    found = {}
    for pid in procfs.all_pids():
        argv = procfs.cmdline(pid)
        title = _TITLE.match(argv[0]) if argv else None
        stat = procfs.stat(pid) if title is not None else None
        if title is not None and stat is not None:
            found[pid] = stat.ppid, clip(text(title.group(1)), 128)[0], clip(text(title.group(2)), 64)[0]
    return found
