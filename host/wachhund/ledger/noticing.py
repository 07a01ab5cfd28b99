"""Noticing what is wrong with evidence, in the transaction that commits it: each fault becomes a row that stays.

What makes a robot `broken` follows from evidence alone, never from what was refused: nobody without a robot's key can
make such a fault. A fault that goes on is one row until an operator acknowledges it; if it goes on then, that is a new
one.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select

from wachhund.ledger.dialects import upsert
from wachhund.ledger.fault_kinds import (
    BROKEN_LINK,
    DROPPED,
    FAULT_KINDS,
    FORK,
    LOST_BY_HOST,
    REVOKED_KEY,
    TWO_SIGNERS,
)
from wachhund.ledger.fault_records import Sighting
from wachhund.ledger.schema import acknowledgements, faults, observations

MAX_OPEN = 100  # open faults of one kind and robot: more say nothing new, and a robot could make them without end
_HEALED_S = 24 * 3600.0  # of those that heal, only the last day's count: nobody acknowledges them
_ID_CHARS = 12
# Of these one is open at a time: what comes on top belongs to it until somebody acknowledges it.
_GOES_ON = frozenset({FORK, TWO_SIGNERS, BROKEN_LINK, DROPPED, LOST_BY_HOST, REVOKED_KEY})
_WHOLE_ROBOT = frozenset({TWO_SIGNERS, REVOKED_KEY})


@dataclass(frozen=True)
class Noticed:
    """A fault to be kept. `mark`: what makes it another one than those before of its kind and chain.

    `tokens`: what shows it, for people to see side by side.
    """

    robot: str
    what: str
    chain: str
    since_t: float
    mark: str = ""
    from_seq: int | None = None
    to_seq: int | None = None
    tokens: tuple[Sighting, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The same fault has the same id wherever it is noticed."""
        text = "\x1f".join((self.robot, self.what, self.chain, self.mark))
        return hashlib.sha256(text.encode()).hexdigest()[:_ID_CHARS]


def _open(robot: str) -> Any:
    answered = select(acknowledgements.c.fault).where(acknowledgements.c.robot == robot)
    return (faults.c.robot == robot) & faults.c.fault.not_in(answered)


def goes_on(connection: Connection, robot: str, what: str, chain: str) -> bool:
    """Whether an open fault of that kind covers what happens now."""
    mine = _open(robot) & (faults.c.what == what)
    if what not in _WHOLE_ROBOT:
        mine &= faults.c.chain == chain
    return connection.execute(select(faults.c.id).where(mine).limit(1)).first() is not None


def keep(connection: Connection, noticed: Iterable[Noticed]) -> list[Noticed]:
    """Keep faults, each once. Returns those that are new."""
    made: list[Noticed] = []
    for one in noticed:
        if one.what in _GOES_ON and goes_on(connection, one.robot, one.what, one.chain):
            continue
        alike = select(func.count()).select_from(faults).where(_open(one.robot), faults.c.what == one.what)
        if FAULT_KINDS[one.what].heals:
            alike = alike.where(faults.c.since_t > one.since_t - _HEALED_S)
        if (connection.execute(alike).scalar() or 0) >= MAX_OPEN:
            continue
        row = {
            "robot": one.robot,
            "fault": one.id,
            "what": one.what,
            "chain": one.chain,
            "from_seq": one.from_seq,
            "to_seq": one.to_seq,
            "since_t": one.since_t,
            "after": connection.execute(select(func.max(observations.c.id))).scalar() or 0,
            "fields": json.dumps({**one.fields, "tokens": [astuple(token) for token in one.tokens]}),
        }
        if connection.execute(upsert(faults).values(**row).on_conflict_do_nothing()).rowcount:
            made.append(one)
    return made
