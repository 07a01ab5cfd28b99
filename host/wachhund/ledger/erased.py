"""Reading what was erased: runs of numbers with their hashes. A run holds a number if it is the last that begins at or
before it, and ends at or after it."""

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from wachhund.ledger.dialects import greater_of, lesser_of, position_of
from wachhund.ledger.keeping_records import ErasedRun, ErasedToken, Erasure
from wachhund.ledger.keeping_schema import erased, erasures
from wachhund.ledger.schema import tokens

MAX_RUN = 512  # numbers of one run: 22 kB of hashes


def run_at(connection: Connection, robot: str, chain: str, seq: int) -> ErasedRun | None:
    """The run that holds this number."""
    run = last_run(connection, robot, chain, seq)
    return None if run is None or run.last_seq < seq else run


def last_run(connection: Connection, robot: str, chain: str, seq: int) -> ErasedRun | None:
    """The last run that begins at this number or before it."""
    mine = (erased.c.robot == robot) & (erased.c.chain == chain) & (erased.c.first_seq <= seq)
    query = select(erased).where(mine).order_by(erased.c.first_seq.desc()).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else ErasedRun(**row)


def number_of(connection: Connection, robot: str, chain: str, digest: str, first: int, last: int) -> int | None:
    """The number between these two under which a token with that hash was erased."""
    mine = (erased.c.robot == robot) & (erased.c.chain == chain) & (position_of(erased.c.hashes, digest) > 0)
    near = (erased.c.first_seq > first - MAX_RUN) & (erased.c.first_seq <= last)
    for row in connection.execute(select(erased).where(mine, near)).mappings():
        run = ErasedRun(**row)
        for seq in range(max(first, run.first_seq), min(last, run.last_seq) + 1):
            if run.hash_at(seq) == digest:
                return seq
    return None


def count_between(connection: Connection, robot: str, chain: str, first: int, last: int) -> int:
    """How many of these numbers were erased."""
    upto = lesser_of(erased.c.last_seq, last) - greater_of(erased.c.first_seq, first) + 1
    mine = (erased.c.robot == robot) & (erased.c.chain == chain) & (erased.c.last_seq >= first)
    query = select(func.coalesce(func.sum(upto), 0)).where(mine, erased.c.first_seq.between(first - MAX_RUN, last))
    return int(connection.execute(query).scalar_one())


def runs(connection: Connection, robot: str, chain: str, beyond: int, limit: int) -> list[ErasedRun]:
    """At most `limit` runs that hold numbers beyond `beyond`, in order."""
    mine = (erased.c.robot == robot) & (erased.c.chain == chain)
    later = (erased.c.first_seq > beyond - MAX_RUN) & (erased.c.last_seq > beyond)
    query = select(erased).where(mine, later).order_by(erased.c.first_seq).limit(limit)
    return [ErasedRun(**row) for row in connection.execute(query).mappings()]


def hashes(connection: Connection, places: Iterable[tuple[str, str, int]]) -> dict[tuple[str, str, int], str]:
    """The hashes of those (robot, chain, number) that were erased."""
    found = {}
    for robot, chain, seq in places:
        run = run_at(connection, robot, chain, seq)
        if run is not None:
            found[(robot, chain, seq)] = run.hash_at(seq)
    return found


def ends(connection: Connection, robot: str, chain: str) -> tuple[ErasedRun, ErasedRun] | None:
    """The first and the last run of a chain; None when nothing of it was erased."""
    mine = select(erased).where(erased.c.robot == robot, erased.c.chain == chain).limit(1)
    first = connection.execute(mine.order_by(erased.c.first_seq)).mappings().one_or_none()
    last = connection.execute(mine.order_by(erased.c.first_seq.desc())).mappings().one_or_none()
    return None if first is None or last is None else (ErasedRun(**first), ErasedRun(**last))


def read_erasure(connection: Connection, identity: int) -> Erasure | None:
    """One act of forgetting."""
    row = connection.execute(select(*_WANTED).where(erasures.c.id == identity)).mappings().one_or_none()
    return None if row is None else Erasure(**row)


def read_erasures(connection: Connection, robot: str | None, after: int, limit: int) -> list[Erasure]:
    """At most `limit` acts of forgetting with an id beyond `after`, the newest first."""
    query = select(*_WANTED).where(erasures.c.id > after)
    if robot is not None:
        query = query.where(erasures.c.robot == robot)
    query = query.order_by(erasures.c.id.desc()).limit(limit)
    return [Erasure(**row) for row in connection.execute(query).mappings()]


def erased_token(connection: Connection, robot: str, chain: str, seq: int) -> ErasedToken | None:
    """What is left of one token; None when it was not erased."""
    run = run_at(connection, robot, chain, seq)
    by = None if run is None else read_erasure(connection, run.erasure)
    if run is None or by is None:
        return None
    prev = run.prev if seq == run.first_seq else run.hash_at(seq - 1)
    return ErasedToken(
        robot, chain, seq, run.hash_at(seq), prev, run.last_received_t, by,
        neighbour(connection, robot, chain, seq, -1), neighbour(connection, robot, chain, seq, 1),
    )  # fmt: skip


def neighbour(connection: Connection, robot: str, chain: str, seq: int, way: int) -> int | None:
    """The next number of the chain that is held or erased: `way` 1 for later, -1 for earlier."""
    mine = (tokens.c.robot == robot) & (tokens.c.chain == chain)
    if way < 0:
        held = connection.execute(select(func.max(tokens.c.seq)).where(mine, tokens.c.seq < seq)).scalar()
        before = erased.c.first_seq < seq
        query = select(erased.c.last_seq).where(erased.c.robot == robot, erased.c.chain == chain, before)
        last = connection.execute(query.order_by(erased.c.first_seq.desc()).limit(1)).scalar()
        gone = None if last is None else min(last, seq - 1)
        return max((one for one in (held, gone) if one is not None), default=None)
    held = connection.execute(select(func.min(tokens.c.seq)).where(mine, tokens.c.seq > seq)).scalar()
    run = next(iter(runs(connection, robot, chain, seq, 1)), None)
    gone = None if run is None else max(run.first_seq, seq + 1)
    return min((one for one in (held, gone) if one is not None), default=None)


_WANTED = (
    erasures.c.id, erasures.c.reason, erasures.c.robot, erasures.c.from_t, erasures.c.to_t, erasures.c.uncertain,
    erasures.c.by_whom.label("by"), erasures.c.why, erasures.c.begun_t, erasures.c.finished_t, erasures.c.tokens,
    erasures.c.observations, erasures.c.bytes,
)  # fmt: skip
