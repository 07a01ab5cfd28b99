"""Robot, wire and host under one clock, and how long it takes until the robot is believed again."""

import contextlib
import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.faults.inner.host import Host
from tests.faults.inner.robot import Robot, config_for
from tests.faults.inner.wire import Wire
from wachhund.ledger import Fault
from wachhund.web import standing
from wachhund_agent.journal import JournalError
from wachhund_evidence import public_key_pem

EPOCH = 1_700_000_000.0
STEP_S = 0.5
GREEN_WITHIN_S = 420.0  # the longest wait between two tries of the uplink, and what it takes to be believed
WHOLE_WITHIN_S = 2400.0  # until a token that the host does not take is given up


class Violation(AssertionError):
    """Something that must not be, in words."""


@dataclass
class Excused:
    """What the faults of this life make possible: lost tokens of earlier chains, and forks."""

    places: set[tuple[str, int]] = field(default_factory=set)
    may_fork: bool = False
    forgot: bool = False  # its disk lost what it had synced, and sent: the robot calls those numbers unused
    anything: bool = False  # evidence that a host forgot is played to it in any order, by whoever recorded it
    ids: set[int] = field(default_factory=set)
    told_again: set[int] = field(default_factory=set)  # its disk lost that they were: they may be once more
    gone: set[tuple[str, int]] = field(default_factory=set)  # dropped when that may be: told late, or without numbers
    unwritten: set[tuple[str, int]] = field(default_factory=set)  # its disk lost them: it may call them unused
    begun: set[str] = field(default_factory=set)  # chains begun over an empty journal when that may be: told late


class World:
    """`chance` decides everything that is left open. `folder`: for the host's files."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.chance = chance
        self.t = 1000.0
        self.excused = Excused()
        self._boot_id = folder / "boot_id"
        self.wire = Wire(random.Random(chance.random()))
        self.host = Host(folder, lambda: EPOCH + self.t, chance)
        key = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
        row = self.host.add(public_key_pem(key.public_key()))
        config = config_for(self.host.keys.key.public_key(), self.host.nonce(row.ueid))
        self.robot = Robot(key, config, self.wire, lambda: EPOCH + self.t, random.Random(chance.random()))
        self.holds_host = False  # the host is down, or cut off from the broker
        self.restored = 0
        self.answered: set[str] = set()  # kinds of faults in the evidence
        self.steps = 0
        self.start_agent()
        self.wire.connect()

    # Time

    def step(self, dt: float = STEP_S) -> None:
        """Time passes, and everybody does what is due."""
        self.t += dt
        self.steps += 1
        self.wire.now = self.robot.now = self.t
        if self.chance.random() < 0.25 * dt:
            self.robot.observe(self.chance.choice(("process.start", "flow.update", "flow.update", "login.start")))
        self.robot.turn()
        arrived = self.wire.evidence()
        for receipt in self.host.turn([] if self.holds_host else arrived, self.t):
            self.wire.send_receipt(receipt)

    def run(self, seconds: float, dt: float = STEP_S) -> None:
        for _ in range(max(1, round(seconds / dt))):
            self.step(dt)

    def start_agent(self) -> None:
        self.robot.now = self.wire.now = self.t
        self.robot.start(self._boot_id)

    def start_agent_again(self) -> None:
        """As systemd does: again and again, while it can't."""
        self.wire.cut()
        while True:
            try:
                self.start_agent()
            except JournalError:
                self.run(5.0)
            else:
                break
        self.wire.connect()

    def note_restored(self, here: set[tuple[str, int]]) -> None:
        """The host knows only what is `here`. Of earlier chains the robot speaks no more."""
        chain = self.robot.journal.chain if self.robot.journal is not None else ""
        self.excused.places.update(place for place in self.robot.made if place[0] != chain)
        self.robot.covered &= here
        self.restored += 1

    # What people see

    def faults(self) -> list[Fault]:
        assert self.host.row is not None
        return self.host.ledger.integrity.open(self.host.row.id)

    def answer_faults(self) -> list[Fault]:
        """An operator looks at each fault and acknowledges it."""
        assert self.host.row is not None
        found = self.faults()
        if found:
            self.host.ledger.integrity.acknowledge(self.host.row.id, "the run", "it did this itself")
        return found

    def presence(self) -> str:
        """Whether it speaks, whatever else is wrong."""
        row = self.host.row
        assert row is not None
        return standing.presence(self.host.ledger.newest(row.id), row.created_t, self.host.now).word

    def proof(self) -> str:
        """The first of the robot's three words."""
        row = self.host.row
        assert row is not None
        newest = self.host.ledger.newest(row.id)
        return standing.proof(newest, self.faults(), row.created_t, self.host.now, row.state).word

    def newest_made_at(self) -> float:
        """When the token was made that the host takes for the newest."""
        assert self.host.row is not None
        newest = self.host.ledger.newest(self.host.row.id)
        made = None if newest is None else self.robot.made.get((newest.chain, newest.seq))
        return 0.0 if made is None else made.t

    def until_green(self, may: frozenset[str]) -> tuple[float, list[str]]:
        """Seconds until the robot is `verified` by evidence that came from now on, and kinds of faults on the way.

        `may`: kinds that an operator finds, and acknowledges; any other accuses an honest robot.
        """
        began, kinds = self.t, list[str]()
        while True:
            self.step()
            if self.presence() == "verified" and self.newest_made_at() >= began:
                kinds += self._answer(may)
                if self.proof() == "verified":
                    return self.t - began, kinds
            if self.t - began > GREEN_WITHIN_S:
                raise Violation(f"not verified after {GREEN_WITHIN_S:.0f} s: {self.proof()}, {self._reasons()}")

    def _answer(self, may: frozenset[str]) -> list[str]:
        found = self.answer_faults()
        wrong = [fault for fault in found if not (fault.what in may or self._is_excused(fault))]
        if wrong:
            raise Violation(f"an honest robot is accused: {[(fault.what, fault.detail) for fault in wrong]}")
        self.answered.update(fault.what for fault in found)
        return [fault.what for fault in found]

    def _is_excused(self, fault: Fault) -> bool:
        """What an earlier fault of this life brings forth now."""
        chain = self.robot.journal.chain if self.robot.journal is not None else ""
        return (
            self.excused.anything
            # A hole in a chain that has ended is closed by nobody; that it ended was answered then.
            or (fault.what == "gap" and chain[:8] not in fault.detail)
            # The robot had two lives: what is left of the first may come at any time.
            or (self.excused.may_fork and fault.what in ("fork", "two-signers", "broken-link"))
            or (self.excused.forgot and fault.what == "two-signers")
            or (fault.what == "two-signers" and self._about(fault) <= self.excused.unwritten)
            or (fault.what == "dropped" and self._is_no_news(fault))
            # Nothing of that chain had come to the host; somebody who recorded it plays it now.
            or (fault.what == "journal-lost" and {chain for chain, _ in self._about(fault)} <= self.excused.begun)
            # A host that forgot notices again what was answered before.
            or (self.restored > 0 and (fault.what == "lost-by-host" or fault.what in self.answered))
        )

    def _is_no_news(self, fault: Fault) -> bool:
        """Whether the robot never kept a token of the numbers that a fault is about, or may have dropped it before.

        What a write leaves that its disk refused half-way can't be told from a token that came to harm: it says that
        it does not know what was lost, and nothing was. And what it said of an earlier loss may have been on its way
        when its chain ended: somebody who recorded that can play it at any time.
        """
        return not (self._about(fault) & self.robot.made.keys()) - self.excused.gone

    def _about(self, fault: Fault) -> set[tuple[str, int]]:
        """The numbers that a fault is about; the first alone where it has no last."""
        with contextlib.closing(sqlite3.connect(self.host.data.ledger)) as ledger:
            (about,) = ledger.execute(
                "select chain, from_seq, coalesce(to_seq, from_seq) from faults where fault = ?", (fault.id,)
            )
        return {(about[0], seq) for seq in range(about[1], about[2] + 1)}

    def _reasons(self) -> str:
        row = self.host.row
        assert row is not None
        newest = self.host.ledger.newest(row.id)
        return f"{newest}, now {self.host.now}, refused {self.robot.uplink.rejected}"

    def until_whole(self, may: frozenset[str]) -> list[str]:
        """Until nothing of the robot's waits any more."""
        began, kinds = self.t, list[str]()
        while not self.robot.has_delivered_all:
            self.step(1.0)
            if self.t - began > WHOLE_WITHIN_S:
                journal = self.robot.journal
                assert journal is not None
                lacking = list(journal.at_host.lacking(1, journal.next_seq - 1))[:10]
                raise Violation(f"not delivered after {WHOLE_WITHIN_S:.0f} s: {lacking} of {journal.next_seq - 1}")
        return kinds + self._answer(may)

    def wait_for(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Whether it came to that in time."""
        until = self.t + seconds
        while not holds() and self.t < until:
            self.step()
        return holds()
