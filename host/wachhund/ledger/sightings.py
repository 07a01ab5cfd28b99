"""Tokens that show a fault, found by their place in a chain."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from wachhund.ledger import erased
from wachhund.ledger.fault_records import Sighting
from wachhund.ledger.keeping_records import ErasedRun
from wachhund.ledger.records import VerifiedToken
from wachhund.ledger.schema import tokens

_PLACE = (tokens.c.chain, tokens.c.seq, tokens.c.hash, tokens.c.received_t)


def token_from(connection: Connection, robot: str, chain: str, seq: int) -> Any:
    """The chain's first token from that number on, with or without its text."""
    mine = (tokens.c.robot == robot) & (tokens.c.chain == chain) & (tokens.c.seq >= seq)
    held = connection.execute(select(*_PLACE).where(mine).order_by(tokens.c.seq).limit(1)).first()
    run = next(iter(erased.runs(connection, robot, chain, seq - 1, 1)), None)
    number = 0 if run is None else max(seq, run.first_seq)
    return held if run is None or (held is not None and held.seq < number) else _left(run, number)


def token_upto(connection: Connection, robot: str, chain: str, seq: int) -> Any:
    """The chain's last token up to that number, with or without its text."""
    mine = (tokens.c.robot == robot) & (tokens.c.chain == chain) & (tokens.c.seq <= seq)
    held = connection.execute(select(*_PLACE).where(mine).order_by(tokens.c.seq.desc()).limit(1)).first()
    run = erased.last_run(connection, robot, chain, seq)
    number = 0 if run is None else min(seq, run.last_seq)
    return held if run is None or (held is not None and held.seq > number) else _left(run, number)


def _left(run: ErasedRun, seq: int) -> "_Left":
    return _Left(run.chain, seq, run.hash_at(seq), run.last_received_t)


class _Left(NamedTuple):
    """What is left of an erased token, as a row of `_PLACE`."""

    chain: str
    seq: int
    hash: str
    received_t: float


def seen(title: str, token: VerifiedToken) -> Sighting:
    return Sighting(title, token.claims.chain, token.claims.seq, token.hash)


def sighting(title: str, row: Any) -> tuple[Sighting, ...]:
    return () if row is None else (Sighting(title, row.chain, row.seq, row.hash),)


def around(connection: Connection, robot: str, chain: str, first: int, last: int) -> tuple[Sighting, ...]:
    """The tokens before and after missing numbers."""
    before = token_upto(connection, robot, chain, first - 1)
    after = token_from(connection, robot, chain, last + 1)
    return (*sighting("the last before it", before), *sighting("the first after it", after))
