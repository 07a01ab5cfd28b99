"""What the agent may do once its sources are open: as little as goes on sensing.

Opening takes more than watching. Given up are above all CAP_DAC_OVERRIDE (tracefs may be written by root only) and
CAP_SYS_ADMIN (fanotify, mounting tracefs). A user other than root can't open those anew: `must_begin_anew` says when
only a fresh start by the service manager helps. The threads that sign and speak to the network keep nothing at all.
"""

import os
from pathlib import Path
from typing import Callable, FrozenSet, Iterable, Optional

from wachhund_agent.kernel import capabilities

# What watching goes on needing, and why.
NEEDED = {
    capabilities.DAC_READ_SEARCH: "files of other users by which something starts, and records of logins",
    capabilities.SYS_PTRACE: "programs and open files of other users' processes",
    capabilities.NET_ADMIN: "sockets that close, rules that rewrite addresses, peers of WireGuard",
    capabilities.NET_RAW: "headers of packets: flows beyond TCP, names, Bluetooth",
}


def foreign_folder(folders: Iterable[Path], uid: Optional[int] = None) -> Optional[Path]:
    """One that belongs to somebody else: without CAP_DAC_OVERRIDE not even root could go on writing to it."""
    ours = os.geteuid() if uid is None else uid
    for folder in folders:
        try:
            if folder.stat().st_uid != ours:
                return folder
        except OSError:
            return folder
    return None


class Privileges:
    """`say`: for one line to the person who looks at the log. `folders`: what the agent goes on writing to."""

    def __init__(
        self,
        folders: Iterable[Path],
        say: Callable[[str], None],
        keep_only: Callable[[Iterable[int]], FrozenSet[int]] = capabilities.keep_only,
    ) -> None:
        self._say, self._keep_only = say, keep_only
        self._foreign = foreign_folder(folders)
        self._gave_up = False

    def keep_none(self) -> None:
        """For a thread that signs or speaks to the network."""
        self._give_up(())

    def keep_needed(self) -> None:
        """For the thread that senses, once its sources are open."""
        self._give_up(NEEDED)
        self._gave_up = self._foreign is None

    def must_begin_anew(self, has_lost_events: bool) -> bool:
        """Whether the kernel's events are lost, and opening them takes what was given up."""
        return has_lost_events and self._gave_up and os.geteuid() != 0

    def _give_up(self, wanted: Iterable[int]) -> None:
        if self._foreign is not None:
            if wanted:  # once is enough
                self._say("keeps all its privileges: {} belongs to another user: chown it".format(self._foreign))
            return
        try:
            self._keep_only(wanted)
        except OSError as error:
            self._say("privileges were not given up ({})".format(error.strerror))
