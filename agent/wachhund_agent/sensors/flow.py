"""A flow: one TCP connection as one of its ends on this robot sees it."""

from typing import Dict, NamedTuple, Optional, Tuple

Endpoint = Tuple[str, int]


class Owner(NamedTuple):
    """The process that holds a socket. `puid`: pid and start time, unique for a boot."""

    pid: int
    puid: str
    exe: Optional[str]
    user: Optional[str]


class Flow(NamedTuple):
    """`flow`: its id. `direction`: "in" or "out". `scope`: of the remote end. `opened`: monotonic seconds.

    `cookie`: the kernel's id of the socket, 0 while unknown. `own`: it is the agent's own uplink.
    `peer`: who holds the other end, where that is on this robot too. `bytes_in`, `bytes_out`: as last counted.
    """

    flow: str
    local: Endpoint
    remote: Endpoint
    direction: str
    scope: Optional[str]
    owner: Optional[Owner]
    peer: Optional[Owner]
    cookie: int
    inode: int
    opened: float
    own: bool = False
    bytes_in: int = 0
    bytes_out: int = 0


def whose(owner: Optional[Owner], peer: Optional[Owner]) -> Dict[str, object]:
    """The fields of an observation that say who holds a flow, and who its other end where that is on this robot."""
    return {
        "puid": None if owner is None else owner.puid,
        "pid": None if owner is None else owner.pid,
        "exe": None if owner is None else owner.exe,
        "user": None if owner is None else owner.user,
        "peer": None if peer is None else {"puid": peer.puid, "exe": peer.exe, "pid": peer.pid},
    }
