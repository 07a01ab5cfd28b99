"""What must hold after every fault: what a robot synced, and what it took for receipted, against the ledger's file."""

import contextlib
import sqlite3
from pathlib import Path

from tests.faults.inner.world import Violation
from tests.faults.kills.stage import RealRobot, Stage
from wachhund_agent.journal.segment import read_segment, tokens_of
from wachhund_evidence import base64url, token_hash

Place = tuple[str, int]


class Kept:
    """What is known of one robot. `synced`: hash of each token that its journal ever held; `covered`: those that a
    receipt covered; `excused`: those whose loss the run itself brought about; `unread`: at which start of the agent its
    journal came to harm that it reads at the next one only."""

    def __init__(self) -> None:
        self.synced: dict[Place, str] = {}
        self.covered: set[Place] = set()
        self.excused: set[Place] = set()
        self.forked = False
        self.unread: int | None = None

    def read(self, robot: RealRobot) -> None:
        """Look at the journal's files, whatever its agent does meanwhile."""
        for path in sorted(robot.journal.glob("*.journal")):
            with contextlib.suppress(FileNotFoundError):
                self._read(path.read_bytes())

    def _read(self, data: bytes) -> None:
        for stored in tokens_of(data):
            place = (base64url.encode(stored.chain), stored.seq)
            digest = token_hash(stored.token)
            if self.synced.setdefault(place, digest) != digest:
                if not self.forked:
                    raise Violation(f"the robot used number {place} twice")
                self.synced[place] = digest
        said = read_segment(data)
        told = [(one.chain, one.seq, one.arrived) for one in said.heard if not one.forget]
        if said.begin is not None:
            told.append((said.begin.chain, said.begin.whole, said.begin.spans))
        for chain, whole, arrived in told:
            name = base64url.encode(chain)
            here = [place for place in self.synced if place[0] == name]
            spans = [(1, whole), *arrived]
            self.covered.update(place for place in here if any(a <= place[1] <= b for a, b in spans))

    def excuse_all(self) -> None:
        """What was made so far may be gone now, but for what a receipt covered."""
        self.excused |= set(self.synced) - self.covered


def check(stage: Stage, robot: RealRobot, kept: Kept, restored: bool, at_end: bool = False) -> None:
    """Raises Violation. `restored`: the host forgot since; `at_end`: nothing is on its way any more."""
    with contextlib.closing(_opened(stage.data / "ledger.sqlite")) as ledger:
        places: dict[Place, str] = {}
        for chain, seq, digest in ledger.execute("select chain, seq, hash from tokens where robot = ?", (robot.id,)):
            if (chain, seq) in places:
                raise Violation(f"{robot.name}: {chain} {seq} is in the ledger twice")
            places[chain, seq] = digest
        forks = ledger.execute("select chain, seq from forks where robot = ?", (robot.id,)).fetchall()
        twice = ledger.execute(
            "select json_extract(fields, '$.id') as name, count(*) as n, count(distinct chain) as c "
            "from observations join tokens on tokens.id = observations.token "
            "where observations.robot = ? and name is not null group by name having n > c", (robot.id,),
        ).fetchall()  # fmt: skip
        stated = {
            (chain, seq)
            for chain, first, last in ledger.execute(
                "select chain, from_seq, to_seq from stated_gaps where robot = ?", (robot.id,)
            )
            for seq in range(first, last + 1)
        }
    if twice:
        raise Violation(f"{robot.name}: observations are in the ledger twice: {twice[:3]}")
    if forks and not kept.forked:
        raise Violation(f"{robot.name}: forks {forks[:3]}")
    other = [place for place, digest in places.items() if kept.synced.get(place, digest) != digest]
    if other and not kept.forked:
        raise Violation(f"{robot.name}: another token than the robot's at {other[:3]}")
    asked = set(kept.synced) if at_end else kept.covered
    missing = sorted(asked - set(places) - stated - kept.excused)
    if missing and not (restored and not at_end):
        raise Violation(f"{robot.name}: {len(missing)} tokens are neither in the ledger nor stated: {missing[:3]}")


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20.0)
