"""The robot: the agent's own journal, attester, worker and uplink over a disk in memory, and what it was told."""

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.faults.inner.wire import Wire
from tests.robots.power_cut import MemoryDisk, RecordedDisk, State, one_cut
from wachhund_agent.agent_run import Queue, Worker, first_words
from wachhund_agent.attester import Attester
from wachhund_agent.boot_seed import boot_seed
from wachhund_agent.budget import Usage
from wachhund_agent.config import Broker, Config, Limits
from wachhund_agent.host_key import HostKey
from wachhund_agent.journal import Gap, Journal, JournalError, Place, Stored
from wachhund_agent.journal.files import Kept
from wachhund_agent.uplink import Uplink
from wachhund_evidence import ZERO_HASH, Observation, base64url, read_evidence, thumbprint, token_hash, ueid_of

ROOT = Path("/robot")
# Small, so that segments change, are thinned and dropped all the time.
LIMITS = Limits(segment_bytes=12_000, journal_bytes=150_000, found_gaps=40)
_BOOT_S = 20.0
_HASHES = {"code": "0" * 64, "config": "0" * 64}


class Made(NamedTuple):
    """A token that was kept: its hash, the ids of what it states, and when it was made."""

    digest: str
    ids: tuple[int, ...]
    t: float


class Carried(NamedTuple):
    """A token of an earlier chain was told again, in a token that was written to this file."""

    file: str
    place: Place


class Witnessed(Journal):
    """The journal, and a record of what it said it keeps, and does not keep any more."""

    def __init__(self, robot: "Robot", random_bytes: Callable[[int], bytes]) -> None:
        self.robot = robot  # first: a full disk makes it drop something as soon as it is opened
        super().__init__(ROOT / "journal", LIMITS, lambda _, __: robot.is_short, robot.disk, random_bytes)

    def append(self, token: str, of_interest: bool, observations: int, carries: Place | None = None) -> list[Gap]:
        place = (self.chain, self.next_seq)
        claims = read_evidence(token, self.robot.keys, self.robot.ueid)
        ids = tuple(fields["id"] for one in claims.obs if "id" in (fields := one.fields))
        self.robot.signed[token_hash(token)] = place
        gone = super().append(token, of_interest, observations, carries)
        self.robot.made[place] = Made(token_hash(token), ids, self.robot.now)
        self.robot.followed[token_hash(token)], self.robot.last = self.robot.last, token_hash(token)
        if carries is not None:
            self.robot.carried.append(Carried(str(self._files.all[-1].path.relative_to(ROOT)), carries))
        self.robot.note_gone(self.chain, stated_by(claims.obs))
        return gone

    def _note_dropped(self, segment: Kept, dropped: Sequence[Stored]) -> None:
        self.robot.note_gone(base64url.encode(segment.chain), (stored.seq for stored in dropped))
        super()._note_dropped(segment, dropped)


def stated_by(observations: Iterable[Observation]) -> Iterable[int]:
    """The numbers that a token says are lost; not those that were never used."""
    for one in observations:
        if one.kind == "agent.gap" and one.fields["from_seq"] is not None and one.fields["lost"] != 0:
            yield from range(one.fields["from_seq"], one.fields["to_seq"] + 1)


class Robot:
    """`made`: (chain, number) of each token that was kept. `covered`: those that a receipt covered, as it knows.

    `signed`: hash of each token that ever was, kept or not. `carried`: those that were told again in a later chain.
    `gone`: those that it dropped for lack of room, or said to be lost, and when it last did so.
    `begun`: chains after its first that it began with nothing before them: it found no journal, or could read none.
    `last`: hash of the last that was kept, in the life that it lives: who puts an earlier journal in gives it an
    earlier one. `followed`: for each, what was `last` before it.
    """

    def __init__(
        self, key: Ed25519PrivateKey, config: Config, wire: Wire, wall: Callable[[], float], chance: random.Random
    ) -> None:
        self.key, self.config, self.wire, self._wall, self._chance = key, config, wire, wall, chance
        public = key.public_key()
        self.ueid, self.keys = ueid_of(public), {thumbprint(public): public}
        self.now = self._booted = 0.0
        self.wall_error = 0.0
        self.is_short = False
        self.made: dict[tuple[str, int], Made] = {}
        self.signed: dict[str, tuple[str, int]] = {}
        self.followed: dict[str, str] = {}
        self.last = ZERO_HASH
        self.covered: set[tuple[str, int]] = set()
        self._covered_to = ("", 0)
        self.carried: list[Carried] = []
        self.gone: dict[tuple[str, int], float] = {}
        self.begun: set[str] = set()
        self.disk = RecordedDisk(ROOT, MemoryDisk(ROOT), {})
        self.journal: Witnessed | None = None
        self._boot_id = "boot-0"
        self._next_id = 0

    @property
    def mono(self) -> float:
        return self.now - self._booted + _BOOT_S

    @property
    def runs(self) -> bool:
        return self.journal is not None

    @property
    def memory(self) -> MemoryDisk:
        """The disk itself, to do something to it."""
        disk = self.disk.disk
        assert isinstance(disk, MemoryDisk)
        return disk

    def start(self, boot_id: Path) -> None:
        """The agent starts. Raises JournalError."""
        boot_id.write_text(self._boot_id, encoding="ascii")
        journal = Witnessed(self, self._chance.randbytes)
        if self.made and journal.next_seq == 1 and journal.prev == ZERO_HASH:
            self.begun.add(journal.chain)
        seed = boot_seed(ROOT, boot_id, self.disk, self._chance.randbytes)
        wall: Callable[[], float] = lambda: self._wall() + self.wall_error  # noqa: E731
        mono: Callable[[], float] = lambda: self.mono  # noqa: E731
        self._attester = Attester(journal, self.key, self.config.nonce, seed, _HASHES, LIMITS, wall, self.ueid, mono)
        wire: Any = self.wire
        host_key = HostKey(self.config, lambda line: None)
        self.uplink = Uplink(host_key, journal, LIMITS, self.ueid, wire, mono)
        self.queue = Queue(LIMITS.queue_observations)
        cost: Callable[[], Usage] = lambda: Usage(1.0, 30_000_000)  # noqa: E731
        self._worker = Worker(
            self.queue, self._attester, journal, self.uplink, LIMITS, lambda: False, mono=mono, cost=cost
        )
        self.queue.put(first_words(journal, _HASHES, self.mono))
        self.journal = journal
        self._covered_to = (journal.chain, 0)

    def observe(self, kind: str) -> int:
        """A sense tells of something. Returns its id."""
        self._next_id += 1
        self.queue.put([Observation(kind, self.now, self.mono, "played", {"id": self._next_id})])
        return self._next_id

    def turn(self) -> None:
        """The agent does what is due."""
        if self.journal is not None:
            self._worker.turn(self.queue.wait(0.0))
            self._note_covered(self.journal)

    def note_gone(self, chain: str, numbers: Iterable[int]) -> None:
        """These are not in its journal any more."""
        self.gone.update(((chain, seq), self.now) for seq in numbers)

    def _note_covered(self, journal: Journal) -> None:
        chain, whole = self._covered_to
        if chain != journal.chain or journal.receipted < whole:
            whole = 0
        told = [(whole + 1, journal.receipted), *journal.at_host.spans]
        self.covered.update(
            place
            for first, last in told
            for seq in range(first, last + 1)
            if (place := (journal.chain, seq)) in self.made
        )
        self._covered_to = journal.chain, journal.receipted

    @property
    def has_delivered_all(self) -> bool:
        """Nothing waits: not in the queue, not in the journal, not of an earlier chain."""
        journal = self.journal
        return (
            journal is not None
            and len(self.queue) == 0
            and self._attester.trouble is None
            and not list(journal.at_host.lacking(1, journal.next_seq - 1))
            and not journal.left(1, 1)
        )

    # Ways to end

    def stop(self) -> None:
        """A clean stop. Raises JournalError where the disk refuses it."""
        assert self.journal is not None
        journal, self.journal = self.journal, None
        self._worker.finish()
        self.uplink.pump()
        journal.close()

    def kill(self) -> None:
        """The process ends; what it wrote is with the kernel."""
        self.journal = None
        self.disk = RecordedDisk(ROOT, MemoryDisk(ROOT, self.memory.state), self.memory.state)

    def cut_power(self, chance: random.Random) -> None:
        """What no sync followed may be lost, torn, or there."""
        self.put(one_cut(self.disk, chance))

    def put(self, state: State) -> None:
        """The power was off, and the disk holds this."""
        self.journal = None
        self.disk = RecordedDisk(ROOT, MemoryDisk(ROOT, state), state)
        self._booted = self.now
        self._boot_id = f"boot-{self.now:.3f}"

    def lift_disk_faults(self) -> None:
        memory = self.memory
        memory.free, memory.is_read_only, self.is_short = None, False, False
        memory.unreadable.clear()


def config_for(host_key: Any, nonce: str) -> Config:
    """Only what the uplink asks of it."""
    nowhere = Path("/nowhere")
    return Config("abcdefghi7", (Broker("127.0.0.1", 1),), "c", "u", "p", host_key, nonce, nowhere, nowhere)


__all__ = ["LIMITS", "ROOT", "JournalError", "Made", "Robot", "config_for"]
