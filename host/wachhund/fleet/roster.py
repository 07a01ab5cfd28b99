"""The registered robots as intake and broker need them: in memory, read again from the ledger when it changed."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wachhund.ledger import Ledger, Robot, RobotKey
from wachhund.ledger.roll import LET_IN
from wachhund_evidence import load_public_key_pem


@dataclass(frozen=True)
class EndedKey:
    """A key that was rotated away, or ended with a board or by a revocation, at `until_t` (host time)."""

    key: Ed25519PublicKey
    ueid: str
    until_t: float


@dataclass(frozen=True)
class Enrolled:
    """A robot with its keys loaded, by `kid`: the present one, and those that were rotated away (what they signed
    before that may still lie in its journal).

    `ended`: all keys that it had until some time, with the ueid that it had then.
    """

    robot: Robot
    keys: Mapping[str, Ed25519PublicKey]
    ended: Mapping[str, EndedKey]

    @property
    def is_let_in(self) -> bool:
        """Whether it may connect and gets receipts."""
        return self.robot.state in LET_IN


def _enrolled(robot: Robot, all_keys: Sequence[RobotKey]) -> Enrolled:
    keys, ended = {}, {}
    for one in all_keys:
        key = load_public_key_pem(one.public_key_pem.encode("ascii"))
        if one.ueid == robot.ueid:
            keys[one.kid] = key
        if one.until_t is not None:
            ended[one.kid] = EndedKey(key, one.ueid, one.until_t)
    return Enrolled(robot, keys, ended)


class Roster:
    """Safe to use from several threads. `refresh` is what makes a robot known that another process registered."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._robots: dict[str, Enrolled] = {}
        self._mark = -1
        self.refresh()

    def refresh(self) -> bool:
        """Read the ledger again. True when robots came, went or changed. Raises LedgerError."""
        mark = self._ledger.newest_robot_act()  # each change of a robot leaves an act: most looks find none
        if mark == self._mark:
            return False
        rows = self._ledger.robots()
        with self._lock:
            known = self._robots
        kept = {row.id: one for row in rows if (one := known.get(row.id)) is not None and one.robot == row}
        keys = self._ledger.keys_of_robots([row.id for row in rows if row.id not in kept])
        robots = {row.id: kept.get(row.id) or _enrolled(row, keys[row.id]) for row in rows}
        with self._lock:
            if mark <= self._mark:  # another thread has read a newer roll
                return False
            self._mark, before = mark, self._robots
            self._robots = robots
        return len(kept) < len(robots) or len(kept) < len(before)

    def get(self, identity: str) -> Enrolled | None:
        """The robot of that id."""
        with self._lock:
            return self._robots.get(identity)

    def robots(self) -> list[Robot]:
        """All of them."""
        with self._lock:
            return [one.robot for one in self._robots.values()]
