"""What is known of one robot from its journal's files: what it synced, what a receipt covered, what came to harm."""

import contextlib
from collections import defaultdict
from collections.abc import Set
from typing import NamedTuple

from tests.faults.inner.world import Violation
from tests.faults.kills.stage import RealRobot
from wachhund_agent.at_host import AtHost
from wachhund_agent.journal.segment import Segment, read_segment, tokens_of
from wachhund_evidence import base64url, token_hash, unproven

Place = tuple[str, int]  # chain, number
Fact = tuple[str, str, float, float]  # kind, sensor, t, mono: what of an observation stays when it is signed again
_MOST_RANGES = 1 << 16  # beyond what a chain is whole to: more than a run makes


class Made(NamedTuple):
    """A token that the robot synced."""

    place: Place
    mono: float
    facts: frozenset[Fact]


class Stand(NamedTuple):
    """At one moment: the present chain, those that had ended, and what a receipt had covered and was held no more."""

    chain: str
    ended: frozenset[str]
    let_go: frozenset[str]


class Kept:
    """Tokens are named by their hash, for a journal that is rolled back uses a number twice.

    `synced`: each that its journal ever held; `held`: those that it holds; `newest`: which one a number meant last.
    `chain`: the present one. `covered`: those that a receipt covered. `harmed`: those that the run itself took from
    the robot's disk. `forgotten`: those that a restored host lacks since; `nowhere`: of those, what the robot was right
    to hold no more, or to say no more. `unread`: at which start of the agent its journal came to harm that it reads at
    the next one only.
    """

    def __init__(self) -> None:
        self.synced: dict[str, Made] = {}
        self.newest: dict[Place, str] = {}
        self.held: set[str] = set()
        self.chain = ""
        self.covered: set[str] = set()
        self.harmed: set[str] = set()
        self.forgotten: set[str] = set()
        self.nowhere: set[str] = set()
        self.forked = False
        self.unread: int | None = None
        self._at_risk: set[str] = set()

    def read(self, robot: RealRobot) -> None:
        """Look at the journal's files, whatever its agent does meanwhile. Raises Violation."""
        self.held.clear()
        said: dict[str, AtHost] = defaultdict(lambda: AtHost(_MOST_RANGES))
        for path in sorted(robot.journal.glob("*.journal")):
            with contextlib.suppress(FileNotFoundError):
                data = path.read_bytes()
                self._note_tokens(data)
                self._note_segment(read_segment(data), said)
        for place, digest in self.newest.items():
            if place[0] in said and said[place[0]].holds(place[1]):
                self.covered.add(digest)
        self.harmed = (self.harmed | self._at_risk) - self.held
        self._at_risk.clear()

    def _note_tokens(self, data: bytes) -> None:
        for stored in tokens_of(data):
            place = (base64url.encode(stored.chain), stored.seq)
            digest = token_hash(stored.token)
            self.held.add(digest)
            if self.newest.setdefault(place, digest) != digest:
                if not self.forked:
                    raise Violation(f"the robot used number {place} twice")
                self.newest[place] = digest
            if digest not in self.synced:
                claims = unproven(stored.token)
                facts = frozenset((one["kind"], one["sensor"], one["t"], one["mono"]) for one in claims["obs"])
                self.synced[digest] = Made(place, claims["mono"], facts)

    def _note_segment(self, segment: Segment, said: dict[str, AtHost]) -> None:
        """Adds to `said`, by chain, what receipts ever covered: also what they took back."""
        if segment.chain:
            self.chain = base64url.encode(segment.chain)
        told = [(one.chain, one.seq, one.arrived) for one in segment.heard if not one.forget]
        if segment.begin is not None:
            told.append((segment.begin.chain, segment.begin.whole, segment.begin.spans))
        for chain, whole, arrived in told:
            said[base64url.encode(chain)].arrived(whole, arrived)

    @property
    def waits(self) -> set[Place]:
        """What the present chain's tokens in the journal are to bring to the host, if it has not got them."""
        return {self.synced[digest].place for digest in self.held if self.synced[digest].place[0] == self.chain}

    def note_harm(self) -> None:
        """The run takes something from the disk now: what the next look does not find any more."""
        self._at_risk |= self.synced.keys()

    @property
    def stand(self) -> Stand:
        """How it is at the last look."""
        chains = {made.place[0] for made in self.synced.values()}
        return Stand(self.chain, frozenset(chains - {self.chain}), frozenset(self.covered - self.held))

    def stand_at(self, mono: float, before: Stand) -> Stand:
        """How it was at that moment, not long after `before`: a fault of the robot's own may have ended chains between.

        The first token of a chain is made when it begins; those that are signed again keep their times.
        """
        known = before.ended | {before.chain}
        first = {made.place[0]: made for made in sorted(self.synced.values(), key=lambda made: -made.place[1])}
        since = sorted((made.mono, chain) for chain, made in first.items() if chain not in known and made.mono <= mono)
        if not since:
            return before
        *ended, present = [chain for _, chain in since]
        return Stand(present, known.union(ended), before.let_go)

    def note_restored(self, there: Set[str], before: Stand) -> None:
        """The host was restored, and holds this. `before`: how the robot stood then.

        It is told again what the present chain holds. Of what had ended, and was covered, the robot speaks no more.
        """
        lacks = self.synced.keys() - there
        self.forgotten |= lacks
        self.nowhere.update(
            digest
            for digest in lacks & self.covered
            if digest in before.let_go or self.synced[digest].place[0] in before.ended
        )

    def is_excused(self, digest: str) -> bool:
        """Whether nobody can hold this token any more: the run took it from the robot, and the host had not got it."""
        return digest in self.harmed and (digest not in self.covered or digest in self.forgotten)
