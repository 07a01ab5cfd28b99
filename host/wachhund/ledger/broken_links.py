"""Links that do not hold: where numbers n and n+1 are here, `prev` of n+1 is the hash of n (protocol.md, Evidence).

The host takes tokens whatever their `prev` says. Whoever checks the chain later finds it not proven: so the host says
it at once.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from wachhund.ledger import erased
from wachhund.ledger.fault_kinds import BROKEN_LINK
from wachhund.ledger.fault_records import Sighting
from wachhund.ledger.noticing import Noticed
from wachhund.ledger.places import rows_at
from wachhund.ledger.records import VerifiedToken
from wachhund.ledger.schema import chains, forks, tokens

_Place = tuple[str, str, int]  # robot, chain, number


class _Link(NamedTuple):
    """A token's hash, and what it names as the one before."""

    hash: str
    prev: str


def broken_links(
    connection: Connection, new: Sequence[VerifiedToken], reached: Mapping[tuple[str, str], int]
) -> list[Noticed]:
    """New tokens that do not name the one before them, or are not named by the one behind them; the first of a chain.

    `reached`: the highest number of each (robot, chain) before. One that names a rival of the one before (a fork that
    is here) follows that: the fork is told.
    """
    there = {_place(token): _Link(token.hash, token.claims.prev) for token in new}
    beside = {
        (robot, chain, number)
        for robot, chain, seq in there
        for number in (seq - 1, seq + 1)
        if 0 < number <= reached.get((robot, chain), 0)
    }
    there.update(_links(connection, sorted(beside - there.keys())))
    broken: dict[_Place, VerifiedToken] = {}  # the later of the two -> the one that came now
    for token in new:
        robot, chain, seq = _place(token)
        for later in ((robot, chain, seq), (robot, chain, seq + 1)):
            before = there.get((robot, chain, later[2] - 1))
            if later in there and before is not None and there[later].prev != before.hash:
                broken.setdefault(later, token)
    rivals = _rivals(connection, sorted((robot, chain, seq - 1) for robot, chain, seq in broken))
    found: dict[tuple[str, str], Noticed] = {}
    for later, token in broken.items():
        robot, chain, seq = later
        first, second = there[robot, chain, seq - 1], there[later]
        if ((robot, chain, seq - 1), second.prev) in rivals or (robot, chain) in found:
            continue
        shown = (
            Sighting("the one before", chain, seq - 1, first.hash),
            Sighting("the one that names another before it", chain, seq, second.hash),
        )
        mark = f"{seq} {first.hash} {second.hash}"
        found[robot, chain] = Noticed(robot, BROKEN_LINK, chain, token.received_t, mark, seq, seq, shown)
    return list(found.values())


def _place(token: VerifiedToken) -> _Place:
    return token.robot, token.claims.chain, token.claims.seq


def _links(connection: Connection, places: Sequence[_Place]) -> dict[_Place, _Link]:
    """What is held at these places, also of an erased token as far as its link is known."""
    if not places:
        return {}
    rows = rows_at(connection, tokens, ("robot", "chain", "seq"), places)
    found = {(row["robot"], row["chain"], row["seq"]): _Link(row["hash"], row["prev"]) for row in rows}
    lacking = [place for place in places if place not in found]
    of = {place[:2] for place in lacking}
    erased_to = {
        (row["robot"], row["chain"]): row["erased_to"]
        for row in (rows_at(connection, chains, ("robot", "chain"), sorted(of)) if of else ())
    }
    for robot, chain, seq in lacking:
        run = erased.run_at(connection, robot, chain, seq) if seq <= erased_to.get((robot, chain), 0) else None
        if run is not None:
            prev = run.prev if seq == run.first_seq else run.hash_at(seq - 1)
            found[robot, chain, seq] = _Link(run.hash_at(seq), prev)
    return found


def _rivals(connection: Connection, places: Sequence[_Place]) -> set[tuple[_Place, str]]:
    """The hashes of other tokens for these numbers."""
    rows = rows_at(connection, forks, ("robot", "chain", "seq"), places) if places else ()
    return {((row["robot"], row["chain"], row["seq"]), row["hash"]) for row in rows}
