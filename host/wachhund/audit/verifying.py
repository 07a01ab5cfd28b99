"""Checks a ledger without believing it: every signature, every link of every chain, every observation beside its token.

What is proven is proven under the public keys that the reader names, or else under those in the ledger; then the reader
has to know from elsewhere that they are the robots' (`wachhund robots show` prints their names, a robot its own).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, Row, select

from wachhund.ledger.schema import forks, observations, robot_keys, robots, stated_gaps, tokens
from wachhund_evidence import (
    EVIDENCE_PROFILE,
    ZERO_HASH,
    EvidenceClaims,
    MisuseError,
    RejectedEvidence,
    load_public_key_pem,
    read_evidence,
    thumbprint,
    token_hash,
)

MAX_FAULTS = 100  # told of a robot; the rest is counted
_AT_ONCE = 500  # tokens read at a time


@dataclass
class Proven:
    """What was found for one robot. `faults`: what is not proven, in words; `more`: how many are not listed.

    `keys`: thumbprints under which tokens were proven. `holes`: numbers that nobody has stated as lost.
    """

    robot: str
    name: str
    tokens: int = 0
    signatures: int = 0
    links: int = 0
    observations: int = 0
    chains: int = 0
    stated_lost: int = 0
    holes: int = 0
    forks: int = 0
    keys: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    more: int = 0

    @property
    def is_proven(self) -> bool:
        """Whether everything that is there is proven. Holes and forks are facts, told beside it."""
        return not self.faults

    def fault(self, what: str) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(what)
        else:
            self.more += 1


def verify_ledger(connection: Connection, pinned: Mapping[str, Ed25519PublicKey]) -> list[Proven]:
    """Check every robot of a ledger. `pinned`: keys by thumbprint that alone are believed; empty: the ledger's own."""
    return [_verify_robot(connection, row.id, row.name, pinned) for row in connection.execute(select(robots))]


def _keys(connection: Connection, robot: str, found: Proven) -> dict[str, dict[str, Ed25519PublicKey]]:
    """The robot's keys by ueid and thumbprint. One that can't be read, or isn't what its name says, is a fault."""
    made: dict[str, dict[str, Ed25519PublicKey]] = {}
    for row in connection.execute(select(robot_keys).where(robot_keys.c.robot == robot)):
        try:
            key = load_public_key_pem(row.public_key_pem.encode("ascii", "replace"))
        except MisuseError as error:
            found.fault(f"key {row.kid}: {error}")
            continue
        if thumbprint(key) != row.kid:
            found.fault(f"key {row.kid}: the key beside it has another name")
            continue
        made.setdefault(row.ueid, {})[row.kid] = key
    return made


def _verify_robot(connection: Connection, robot: str, name: str, pinned: Mapping[str, Ed25519PublicKey]) -> Proven:
    found = Proven(robot, name)
    keys = _keys(connection, robot, found)
    if pinned:
        keys = {ueid: {kid: key for kid, key in of.items() if kid in pinned} for ueid, of in keys.items()}
    used: set[str] = set()
    chain, before_seq, before_hash = "", 0, ZERO_HASH
    for row in _tokens(connection, robot):
        found.tokens += 1
        if row.chain != chain:
            chain, before_seq, before_hash = row.chain, 0, ""
            found.chains += 1
        claims = _read(row, keys, used, found)
        if claims is not None:
            found.signatures += 1
            _compare(connection, row, claims, found)
            _link(row, before_seq, before_hash, found)
        before_seq, before_hash = row.seq, row.hash
    found.keys = sorted(used)
    _count_missing(connection, robot, found)
    found.forks = len(connection.execute(select(forks.c.hash).where(forks.c.robot == robot)).all())
    return found


def _tokens(connection: Connection, robot: str) -> Iterator[Row[tuple[object, ...]]]:
    """A robot's tokens, chain by chain and number by number, a part at a time."""
    at = ("", 0)
    while True:
        later = (tokens.c.chain > at[0]) | ((tokens.c.chain == at[0]) & (tokens.c.seq > at[1]))
        query = select(tokens).where(tokens.c.robot == robot, later).order_by(tokens.c.chain, tokens.c.seq)
        rows = connection.execute(query.limit(_AT_ONCE)).all()
        yield from rows
        if len(rows) < _AT_ONCE:
            return
        at = rows[-1].chain, rows[-1].seq


def _place(row: Row[tuple[object, ...]]) -> str:
    return f"chain {row.chain} number {row.seq}"


def _read(
    row: Row[tuple[object, ...]], keys: Mapping[str, Mapping[str, Ed25519PublicKey]], used: set[str], found: Proven
) -> EvidenceClaims | None:
    if not row.text.isascii() or token_hash(row.text) != row.hash:
        found.fault(f"{_place(row)}: its hash is not that of its text")
        return None
    refused: RejectedEvidence | None = None
    for ueid, of_ueid in keys.items():
        for kid, key in of_ueid.items():
            try:
                claims = read_evidence(row.text, {kid: key}, ueid)
            except RejectedEvidence as error:
                refused = error
                continue
            if (claims.chain, claims.seq, claims.prev) != (row.chain, row.seq, row.prev):
                found.fault(f"{_place(row)}: the token itself names another place")
                return None
            used.add(kid)
            return claims
    found.fault(f"{_place(row)}: not proven ({refused.reason if refused else 'no key'})")
    return None


def _compare(connection: Connection, row: Row[tuple[object, ...]], claims: EvidenceClaims, found: Proven) -> None:
    """The rows that pages and rules read must be those that the robot signed."""
    if claims.profile != EVIDENCE_PROFILE:
        return
    query = select(observations).where(observations.c.token == row.id).order_by(observations.c.item)
    kept = [
        (one["kind"], one["t"], one["mono"], one["sensor"], json.loads(one["fields"]))
        for one in connection.execute(query).mappings()
    ]
    signed = [(one.kind, one.t, one.mono, one.sensor, dict(one.fields)) for one in claims.obs]
    if kept != signed:
        found.fault(f"{_place(row)}: the observations beside it are not those that were signed")
        return
    found.observations += len(signed)


def _link(row: Row[tuple[object, ...]], before_seq: int, before_hash: str, found: Proven) -> None:
    if row.seq == before_seq + 1 and before_hash:
        if row.prev != before_hash:
            found.fault(f"{_place(row)}: does not follow the token before it")
            return
        found.links += 1


def _count_missing(connection: Connection, robot: str, found: Proven) -> None:
    stated: dict[str, list[tuple[int, int]]] = {}
    query = select(stated_gaps.c.chain, stated_gaps.c.from_seq, stated_gaps.c.to_seq)
    for chain, first, last in connection.execute(query.where(stated_gaps.c.robot == robot)):
        stated.setdefault(chain, []).append((first, last))
    before: dict[str, int] = {}
    numbers = select(tokens.c.chain, tokens.c.seq).where(tokens.c.robot == robot).order_by(tokens.c.chain, tokens.c.seq)
    for chain, seq in connection.execute(numbers):
        first = before.get(chain, 0) + 1
        before[chain] = seq
        if seq > first:
            excused = _covered(stated.get(chain, []), first, seq - 1)
            found.stated_lost += excused
            found.holes += seq - first - excused


def _covered(ranges: list[tuple[int, int]], first: int, last: int) -> int:
    """How many of the numbers from `first` to `last` lie in one of these ranges."""
    covered, at = 0, first
    for begin, end in sorted(ranges):
        begin, end = max(begin, at), min(end, last)
        if begin <= end:
            covered += end - begin + 1
            at = end + 1
    return covered
