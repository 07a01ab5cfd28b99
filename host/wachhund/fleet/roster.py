"""The registered robots as intake and broker need them: in memory, read again from the ledger when it changed."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wachhund.ledger import Ledger, Robot
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
        self._mark = mark
        with self._lock:
            if {row.id: row for row in rows} == {identity: one.robot for identity, one in self._robots.items()}:
                return False
            known = self._robots
            self._robots = {}
            for row in rows:
                one = known.get(row.id)
                if one is None or one.robot != row:
                    one = self._enrolled(row)
                self._robots[row.id] = one
            return True

    def _enrolled(self, robot: Robot) -> Enrolled:
        keys, ended = {}, {}
        for one in self._ledger.robot_keys(robot.id):
            key = load_public_key_pem(one.public_key_pem.encode("ascii"))
            if one.ueid == robot.ueid:
                keys[one.kid] = key
            if one.until_t is not None:
                ended[one.kid] = EndedKey(key, one.ueid, one.until_t)
        return Enrolled(robot, keys, ended)

    def get(self, identity: str) -> Enrolled | None:
        """The robot of that id."""
        with self._lock:
            return self._robots.get(identity)

    def robots(self) -> list[Robot]:
        """All of them."""
        with self._lock:
            return [one.robot for one in self._robots.values()]
