"""The registered robots as intake and broker need them: in memory, read again from the ledger when it changed."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wachhund.ledger import Ledger, Robot
from wachhund.ledger.roll import ACTIVE, NEW
from wachhund_evidence import load_public_key_pem


@dataclass(frozen=True)
class Enrolled:
    """A robot with its keys loaded, by `kid`: the present one, and those that were rotated away (what they signed
    may still lie in its journal)."""

    robot: Robot
    keys: Mapping[str, Ed25519PublicKey]

    @property
    def is_let_in(self) -> bool:
        """Whether it may connect and gets receipts."""
        return self.robot.state in (NEW, ACTIVE)


class Roster:
    """Safe to use from several threads. `refresh` is what makes a robot known that another process registered."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._robots: dict[str, Enrolled] = {}
        self.refresh()

    def refresh(self) -> bool:
        """Read the ledger again. True when robots came, went or changed. Raises LedgerError."""
        rows = self._ledger.robots()
        with self._lock:
            if {row.id: row for row in rows} == {identity: one.robot for identity, one in self._robots.items()}:
                return False
            known = self._robots
            self._robots = {}
            for row in rows:
                one = known.get(row.id)
                if one is None or one.robot != row:
                    one = Enrolled(row, self._keys(row))
                self._robots[row.id] = one
            return True

    def _keys(self, robot: Robot) -> dict[str, Ed25519PublicKey]:
        return {
            one.kid: load_public_key_pem(one.public_key_pem.encode("ascii"))
            for one in self._ledger.robot_keys(robot.id)
            if one.ueid == robot.ueid
        }

    def get(self, identity: str) -> Enrolled | None:
        """The robot of that id."""
        with self._lock:
            return self._robots.get(identity)

    def robots(self) -> list[Robot]:
        """All of them."""
        with self._lock:
            return [one.robot for one in self._robots.values()]
