"""What must hold after every fault: what a robot synced, and what it took for receipted, against the ledger's file."""

import contextlib
import sqlite3
from pathlib import Path
from typing import NamedTuple

from tests.faults.inner.world import Violation
from tests.faults.kills.kept import Fact, Kept, Place, Stand
from tests.faults.kills.stage import RealRobot
from wachhund_agent.journal.gaps import FULL


class _Seen(NamedTuple):
    """What the ledger holds of one robot. `places`: hash by place. `stated`: what the robot said is lost."""

    places: dict[Place, str]
    stated: set[Place]
    forks: list[Place]
    twice: list[tuple[str, int, int]]


def check(ledger: Path, robot: RealRobot, kept: Kept, restored: Stand | None = None, at_end: bool = False) -> None:
    """Raises Violation. `restored`: how the robot stood when the host was, since the last check; `at_end`: nothing is
    on its way any more."""
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=20.0)) as connection:
        seen = _seen(connection, robot)
        facts, told = _told(connection, robot.id) if at_end else (set(), 0.0)
    if seen.twice:
        raise Violation(f"{robot.name}: observations are in the ledger twice: {seen.twice[:3]}")
    if seen.forks and not kept.forked:
        raise Violation(f"{robot.name}: forks {seen.forks[:3]}")
    other = [place for place, digest in seen.places.items() if kept.newest.get(place, digest) != digest]
    if other and not kept.forked:
        raise Violation(f"{robot.name}: another token than the robot's at {other[:3]}")
    there = set(seen.places.values())
    if restored is not None:
        kept.note_restored(there, restored)
    kept.forgotten -= there
    kept.nowhere -= there
    if at_end:
        _must_be_told(robot.name, kept, seen, facts, told)
    missing = sorted(
        kept.synced[digest].place for digest in kept.covered - kept.forgotten if not _is_there(digest, kept, seen)
    )
    if missing:
        raise Violation(f"{robot.name}: a receipt covered {len(missing)} tokens that are not there: {missing[:3]}")


def has_arrived(ledger: Path, robot: RealRobot, places: set[Place]) -> bool:
    """Whether the host holds a token for each of these."""
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=20.0)) as connection:
        return places <= _seen(connection, robot).places.keys()


def _is_there(digest: str, kept: Kept, seen: _Seen) -> bool:
    """Whether that token is in the ledger or stated as lost; or its number is known to mean two."""
    place = kept.synced[digest].place
    held = seen.places.get(place)
    return held == digest or place in seen.stated or (held is not None and kept.forked and digest in kept.covered)


def _must_be_told(name: str, kept: Kept, seen: _Seen, facts: set[Fact], told: float) -> None:
    """What was synced in the present chain came, by its number, or is stated as lost. Of a chain that ended each
    observation came in some chain: what no receipt covered is signed again in the next, under other numbers."""
    lost = []
    for digest, made in kept.synced.items():
        has_ended = made.place[0] != kept.chain
        was_dropped = digest not in kept.covered and digest not in kept.held and made.mono <= told
        gone = kept.is_excused(digest) or (has_ended and (digest in kept.nowhere or was_dropped))
        if not gone and not _is_there(digest, kept, seen):
            lost.append(made)
        elif seen.places.get(made.place) != digest:
            facts |= made.facts  # whatever else held them
    by_number = sorted(made.place for made in lost if made.place[0] == kept.chain)
    if by_number:
        raise Violation(f"{name}: {len(by_number)} tokens are neither in the ledger nor stated: {by_number[:3]}")
    ended = sorted(made.place for made in lost if made.facts - facts)
    if ended:
        raise Violation(f"{name}: observations of {len(ended)} tokens of an ended chain are nowhere: {ended[:3]}")


def _seen(connection: sqlite3.Connection, robot: RealRobot) -> _Seen:
    places: dict[Place, str] = {}
    for chain, seq, digest in connection.execute("select chain, seq, hash from tokens where robot = ?", (robot.id,)):
        if (chain, seq) in places:
            raise Violation(f"{robot.name}: {chain} {seq} is in the ledger twice")
        places[chain, seq] = digest
    forks = connection.execute("select chain, seq from forks where robot = ?", (robot.id,)).fetchall()
    twice = connection.execute(
        "select json_extract(fields, '$.id') as name, count(*) as n, count(distinct chain) as c "
        "from observations join tokens on tokens.id = observations.token "
        "where observations.robot = ? and name is not null group by name having n > c", (robot.id,),
    ).fetchall()  # fmt: skip
    gaps = connection.execute("select chain, from_seq, to_seq from stated_gaps where robot = ?", (robot.id,))
    stated = {(chain, seq) for chain, first, last in gaps for seq in range(first, last + 1)}
    return _Seen(places, stated, forks, twice)


def _told(connection: sqlite3.Connection, robot: str) -> tuple[set[Fact], float]:
    """All that is in the ledger, and when the robot last noted that an earlier chain's tokens had no room: so it tells
    in a new chain, without their numbers."""
    facts = set(connection.execute("select kind, sensor, t, mono from observations where robot = ?", (robot,)))
    (told,) = connection.execute(
        "select coalesce(max(mono), 0.0) from observations where robot = ? and kind = 'agent.gap' "
        "and json_extract(fields, '$.from_seq') is null and json_extract(fields, '$.lost') is not 0 "
        "and json_extract(fields, '$.reason') = ?",
        (robot, FULL),
    ).fetchone()
    return facts, told
