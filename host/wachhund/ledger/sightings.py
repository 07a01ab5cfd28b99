"""Tokens that show a fault, found by their place in a chain."""

from typing import Any

from sqlalchemy import Connection, select

from wachhund.ledger.fault_records import Sighting
from wachhund.ledger.records import VerifiedToken
from wachhund.ledger.schema import tokens

_PLACE = (tokens.c.chain, tokens.c.seq, tokens.c.hash, tokens.c.received_t)


def token_from(connection: Connection, robot: str, chain: str, seq: int) -> Any:
    """The chain's first token from that number on."""
    mine = (tokens.c.robot == robot) & (tokens.c.chain == chain) & (tokens.c.seq >= seq)
    return connection.execute(select(*_PLACE).where(mine).order_by(tokens.c.seq).limit(1)).first()


def token_upto(connection: Connection, robot: str, chain: str, seq: int) -> Any:
    """The chain's last token up to that number."""
    mine = (tokens.c.robot == robot) & (tokens.c.chain == chain) & (tokens.c.seq <= seq)
    return connection.execute(select(*_PLACE).where(mine).order_by(tokens.c.seq.desc()).limit(1)).first()


def seen(title: str, token: VerifiedToken) -> Sighting:
    return Sighting(title, token.claims.chain, token.claims.seq, token.hash)


def sighting(title: str, row: Any) -> tuple[Sighting, ...]:
    return () if row is None else (Sighting(title, row.chain, row.seq, row.hash),)


def around(connection: Connection, robot: str, chain: str, first: int, last: int) -> tuple[Sighting, ...]:
    """The tokens before and after missing numbers."""
    before = token_upto(connection, robot, chain, first - 1)
    after = token_from(connection, robot, chain, last + 1)
    return (*sighting("the last before it", before), *sighting("the first after it", after))
