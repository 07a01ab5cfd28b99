"""Checks a ledger without believing it: every signature, every link of every chain, every observation beside its token.

What is proven is proven under the public keys that the reader names, or else under those in the ledger; then the reader
has to know from elsewhere that they are the robots' (`wachhund robots show` prints their names, a robot its own).
"""

import heapq
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, Row, select, tuple_

from wachhund.audit.checking import EvidenceCheck
from wachhund.audit.proven import IDENTITY, Proven
from wachhund.ledger.database import LedgerError
from wachhund.ledger.erased import read_erasures
from wachhund.ledger.keeping_records import ErasedRun
from wachhund.ledger.keeping_schema import erased
from wachhund.ledger.schema import forks, observations, robot_keys, robots, tokens
from wachhund_evidence import (
    EVIDENCE_PROFILE,
    EvidenceClaims,
    MisuseError,
    load_public_key_pem,
    thumbprint,
    ueid_of,
)

_AT_ONCE = 500  # tokens, or runs of what was erased, read at a time
_MAX_ACTS = 1_000  # acts of forgetting that are told
MAX_KEYS = 1_000  # of a robot: it gets a new one when somebody visits it

Keys = dict[str, dict[str, Ed25519PublicKey]]


def verify_ledger(connection: Connection, pinned: Mapping[str, Ed25519PublicKey]) -> list[Proven]:
    """Check every robot of a ledger. `pinned`: keys by thumbprint that alone are believed; empty: the ledger's own.

    Raises LedgerError when it holds what no Wachhund has written, such as a text for a number.
    """
    try:
        return [_verify_robot(connection, row.id, row.name, pinned) for row in connection.execute(select(robots))]
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise LedgerError(f"ledger: holds what no Wachhund has written ({type(error).__name__})") from None


def keys_of(rows: Iterable[tuple[str, str, str]], found: Proven) -> Keys:
    """Keys by ueid and thumbprint, from (kid, ueid, PEM). What can't be read, or isn't what its name says, is a fault.

    A ueid is made from a first key (RFC 9711): one that belongs to none of these keys is nobody's name.
    """
    made: Keys = {}
    for kid, ueid, pem in islice(rows, MAX_KEYS):
        try:
            key = load_public_key_pem(pem.encode("ascii", "replace"))
        except MisuseError as error:
            found.fault(f"key {kid}: {error}")
            continue
        if thumbprint(key) != kid:
            found.fault(f"key {kid}: the key beside it has another name")
            continue
        made.setdefault(ueid, {})[kid] = key
    firsts = {ueid_of(key) for of in made.values() for key in of.values()}
    for ueid in made:
        if ueid not in firsts:
            found.fault(f"ueid {ueid}: made from none of these keys", IDENTITY)
    return made


def only(keys: Keys, pinned: Mapping[str, Ed25519PublicKey]) -> Keys:
    """Those of the keys that the reader believes: all of them, unless some are named."""
    if not pinned:
        return keys
    return {ueid: {kid: pinned[kid] for kid in of if kid in pinned} for ueid, of in keys.items()}


def _verify_robot(connection: Connection, robot: str, name: str, pinned: Mapping[str, Ed25519PublicKey]) -> Proven:
    if not isinstance(name, str) or not isinstance(robot, str):
        raise TypeError("a robot without a name")
    found = Proven(robot, name, is_pinned=bool(pinned))
    mine = select(robot_keys.c.kid, robot_keys.c.ueid, robot_keys.c.public_key_pem).where(robot_keys.c.robot == robot)
    keys = keys_of((tuple(row) for row in connection.execute(mine)), found)
    check = EvidenceCheck(found, only(keys, pinned), {})
    for _, entry in heapq.merge(_tokens(connection, robot), _runs(connection, robot), key=lambda one: one[0]):
        if isinstance(entry, ErasedRun):
            check.erased(entry)
            continue
        place = entry.chain, entry.seq, entry.hash, entry.prev
        claims = check.token(entry.text, entry.received_t, entry.nonce_t, place)
        if claims is not None:
            _compare(connection, entry, claims, found)
    for text in connection.execute(select(forks.c.text).where(forks.c.robot == robot)).scalars():
        check.fork(text)
    check.end()
    found.acts = [_act(one) for one in read_erasures(connection, robot, 0, _MAX_ACTS) if one.tokens]
    return found


def _act(erasure: Any) -> dict[str, Any]:
    return {name: getattr(erasure, name) for name in ("id", "begun_t", "by", "why", "reason", "tokens")}


def _tokens(connection: Connection, robot: str) -> Iterator[tuple[tuple[str, int], Any]]:
    """A robot's tokens, chain by chain and number by number, a part at a time."""
    at = ("", 0)
    while True:
        later = tuple_(tokens.c.chain, tokens.c.seq) > tuple_(*at)
        query = select(tokens).where(tokens.c.robot == robot, later).order_by(tokens.c.chain, tokens.c.seq)
        rows = connection.execute(query.limit(_AT_ONCE)).all()
        yield from (((row.chain, row.seq), row) for row in rows)
        if len(rows) < _AT_ONCE:
            return
        at = rows[-1].chain, rows[-1].seq


def _runs(connection: Connection, robot: str) -> Iterator[tuple[tuple[str, int], Any]]:
    """What was erased of a robot, in the same order."""
    at = ("", 0)
    while True:
        later = tuple_(erased.c.chain, erased.c.first_seq) > tuple_(*at)
        query = select(erased).where(erased.c.robot == robot, later).order_by(erased.c.chain, erased.c.first_seq)
        runs = [ErasedRun(**row) for row in connection.execute(query.limit(_AT_ONCE)).mappings()]
        yield from (((run.chain, run.first_seq), run) for run in runs)
        if len(runs) < _AT_ONCE:
            return
        at = runs[-1].chain, runs[-1].first_seq


def _compare(connection: Connection, row: Row[tuple[object, ...]], claims: EvidenceClaims, found: Proven) -> None:
    """The rows that pages and rules read must be those that the robot signed."""
    if claims.profile != EVIDENCE_PROFILE:
        return
    query = select(observations).where(observations.c.token == row.id).order_by(observations.c.item)
    try:
        kept = [
            (one["kind"], one["t"], one["mono"], one["sensor"], json.loads(one["fields"]))
            for one in connection.execute(query).mappings()
        ]
    except (ValueError, TypeError, RecursionError):
        found.fault(f"chain {row.chain} number {row.seq}: an observation beside it cannot be read")
        return
    signed = [(one.kind, one.t, one.mono, one.sensor, dict(one.fields)) for one in claims.obs]
    if kept != signed:
        place = f"chain {row.chain} number {row.seq}"
        found.fault(f"{place}: the observations beside it are not those that were signed")
        return
    found.observations += len(signed)
