"""What must hold after every fault, checked in the ledger against what the robot was told and what it made."""

from collections import defaultdict
from typing import NamedTuple

from sqlalchemy import Connection, create_engine, text

from tests.faults.inner.world import Violation, World
from wachhund.audit.verifying import verify_ledger
from wachhund.ledger.engine import reading_only


class Seen:
    """What a ledger holds, read a piece at a time. `places`: (chain, number) -> hash. `ids`: where each was stated."""

    def __init__(self) -> None:
        self.places: dict[tuple[str, int], str] = {}
        self.ids: dict[int, list[tuple[str, int]]] = defaultdict(list)
        self._token = self._observation = 0

    def read(self, world: World) -> None:
        """What came since the last time."""
        engine = create_engine(f"sqlite:///{world.host.data.ledger}")
        with engine.connect() as connection:
            rows = connection.execute(
                text("select id, chain, seq, hash from tokens where id > :i order by id"), {"i": self._token}
            )
            for number, chain, seq, digest in rows:
                if (chain, seq) in self.places:
                    raise Violation(f"{chain} {seq} is in the ledger twice")
                if digest not in world.robot.signed:
                    raise Violation(f"{chain} {seq} is in the ledger and the robot never made it")
                self.places[chain, seq] = digest
                self._token = number
            rows = connection.execute(
                text(
                    "select observations.id, json_extract(fields, '$.id'), chain, seq from observations "
                    "join tokens on tokens.id = observations.token where observations.id > :i "
                    "and json_extract(fields, '$.id') is not null order by observations.id"
                ),
                {"i": self._observation},
            )
            for number, identity, chain, seq in rows:
                self.ids[identity].append((chain, seq))
                self._observation = number
            forks = connection.execute(text("select chain, seq, hash from forks")).all()
        engine.dispose()
        if forks and not world.excused.may_fork:
            raise Violation(f"a number means two tokens: {forks[:3]}")
        if any(digest not in world.robot.signed for _, _, digest in forks):
            raise Violation("a fork that the robot never made")


def check(world: World, seen: Seen) -> int:
    """All of it, once the robot has nothing left to tell. Returns how many numbers are missing and not stated."""
    seen.read(world)
    robot, excused = world.robot, world.excused
    journal = robot.journal
    assert journal is not None and world.host.row is not None
    stated, told_t = stated_places(world), _told_without_numbers(world)
    unstated = 0
    for place, made in robot.made.items():
        there = seen.places.get(place)
        if there is not None:
            if there != made.digest and not excused.may_fork:
                raise Violation(f"{place}: another token than the robot keeps")
            if there == made.digest and place in robot.covered:
                _once(seen, place, made.ids, excused.told_again)
            continue
        if place in excused.places or place in stated:
            continue
        if place[0] == journal.chain:
            unstated += 1
            if place in robot.covered:
                raise Violation(f"{place}: a receipt covered it, and it is neither in the ledger nor stated")
            continue
        lost = [identity for identity in made.ids if identity not in seen.ids and identity not in excused.ids]
        was_dropped = place in excused.gone and place not in robot.covered
        if lost and not (was_dropped and robot.gone[place] <= told_t):
            raise Violation(f"{place} of an earlier chain: {lost} are nowhere (covered: {place in robot.covered})")
    return unstated


def _once(seen: Seen, place: tuple[str, int], ids: tuple[int, ...], again: set[int]) -> None:
    """In a token once, and in a chain once: another may state it again. `again`: the robot can't know that it did."""
    for identity in ids:
        where = seen.ids.get(identity, [])
        if where.count(place) != 1 or (len({chain for chain, _ in where}) != len(where) and identity not in again):
            raise Violation(f"observation {identity} of {place} is in the ledger at {where}")


def stated_places(world: World) -> set[tuple[str, int]]:
    """What the ledger knows to be lost, because the robot said so."""
    engine = create_engine(f"sqlite:///{world.host.data.ledger}")
    with engine.connect() as connection:
        rows = connection.execute(text("select chain, from_seq, to_seq from stated_gaps")).all()
    engine.dispose()
    return {(chain, seq) for chain, first, last in rows for seq in range(first, last + 1)}


def _told_without_numbers(world: World) -> float:
    """When the robot last made a token, which is in the ledger, that tells of a loss without numbers.

    So it tells in a new chain of what its journal had no room for in an earlier one. A host that was restored may have
    forgotten that it heard of it.
    """
    if world.restored:
        return float("inf")
    engine = create_engine(f"sqlite:///{world.host.data.ledger}")
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "select distinct chain, seq from observations join tokens on tokens.id = observations.token "
                "where kind = 'agent.gap' and json_extract(fields, '$.from_seq') is null "
                "and json_extract(fields, '$.lost') is not 0"
            )
        ).all()
    engine.dispose()
    made = world.robot.made
    return max((made[chain, seq].t for chain, seq in rows if (chain, seq) in made), default=0.0)


def check_offline(world: World) -> None:
    """What an offline verifier finds not proven is what the robot really did, and the host told of it as well.

    All that it can have done: somebody put an earlier journal in, so that it had two lives. Then a token may stand
    behind one of the other life; what it names is the one that it made just before in its own. Holes and forks the
    verifier tells beside its faults.
    """
    with reading_only(world.host.data.ledger) as connection:
        (proven,) = verify_ledger(connection, {})
        broken = _broken_links(connection)
        told = _told_of_links(connection)
    silent = [(one.chain, one.seq) for one in broken if not told & {(one.chain, one.seq - 1, one.prev), (one.chain,)}]
    if silent:
        raise Violation(f"the host said nothing of links that do not hold: {silent[:3]}")
    followed = world.robot.followed if world.excused.may_fork else {}
    its_own = {
        f"chain {one.chain} number {one.seq}: does not follow the one before"
        for one in broken
        if followed.get(one.hash) == one.prev
    }
    faults = [fault for fault in proven.faults if fault not in its_own]
    if faults or proven.more:
        raise Violation(f"not proven offline: {faults[:3]}")


class _Link(NamedTuple):
    """A token that does not name the one before it."""

    chain: str
    seq: int
    hash: str
    prev: str


def _broken_links(connection: Connection) -> list[_Link]:
    rows = connection.exec_driver_sql(
        "select later.chain, later.seq, later.hash, later.prev from tokens as later join tokens as before "
        "on before.robot = later.robot and before.chain = later.chain and before.seq = later.seq - 1 "
        "where later.prev <> before.hash"
    )
    return [_Link(*row) for row in rows]


def _told_of_links(connection: Connection) -> set[tuple[str, int, str] | tuple[str]]:
    """Chain, number and hash of each fork, and each chain alone of which a broken link was told."""
    forks = connection.exec_driver_sql("select chain, seq, hash from forks").all()
    faults = connection.exec_driver_sql("select chain from faults where what = 'broken-link'").all()
    return {*((chain, seq, digest) for chain, seq, digest in forks), *((chain,) for (chain,) in faults)}
