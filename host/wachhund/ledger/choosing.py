"""Which tokens are to be forgotten: by the time at which they arrived, or those that were made in a span.

When a token was made is estimated: so long after the boot's beginning by the host's clock (`boots`). It is certain that
it was made after its nonce was issued and before it arrived; what a robot held back while it was off the network has a
wide bracket, and may be of a span without being estimated into it.
"""

from collections.abc import Sequence
from math import inf
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from wachhund.ledger.dialects import as_whole, json_part, json_text, size_of
from wachhund.ledger.holding import AROUND_S, is_held
from wachhund.ledger.keeping_records import Count
from wachhund.ledger.schema import boots, incidents, observations, tokens

SLICE_TOKENS = 128  # of one transaction
SLICE_BYTES = 128 * 1024  # of their text: some 500 observations, and 15 ms
MAX_PINNING = 1_000  # incidents of a robot whose evidence stays with them, the newest: 400,000 references

_MADE = boots.c.booted_t + tokens.c.mono
_ROW = (
    tokens.c.id, tokens.c.chain, tokens.c.seq, tokens.c.hash, tokens.c.prev, tokens.c.bootseed, tokens.c.mono,
    tokens.c.received_t, size_of(tokens.c.text).label("bytes"), _MADE.label("made_t"),
)  # fmt: skip
_FROM = tokens.join(boots, (boots.c.robot == tokens.c.robot) & (boots.c.bootseed == tokens.c.bootseed))

Pinned = dict[str, set[int]]


def pinned(connection: Connection, robot: str, since_t: float) -> Pinned:
    """The numbers by chain on which incidents rest whose last sign came after `since_t`: they stay together."""
    mine = (incidents.c.robot == robot) & (incidents.c.last_t >= since_t) & incidents.c.erasure.is_(None)
    newest = select(incidents.c.body).where(mine).order_by(incidents.c.last_t.desc()).limit(MAX_PINNING).subquery()
    one = json_part(newest.c.body, "$.evidence")
    query = select(
        json_text(one.c.value, "$.chain").label("chain"), as_whole(json_text(one.c.value, "$.seq")).label("seq")
    ).select_from(newest.join(one, one.c.value.isnot(None)))
    found: Pinned = {}
    for chain, seq in connection.execute(query):
        if isinstance(chain, str) and isinstance(seq, int):
            found.setdefault(chain, set()).add(seq)
    return found


def old(
    connection: Connection, robot: str, before_t: float, after: tuple[float, int], judged: int
) -> Sequence[RowMapping]:
    """A slice's worth of a robot's tokens that arrived before `before_t`, the oldest beyond `after` (arrival, id).

    `judged`: from the first token on with an observation whose id is beyond it they are left: the judge of that robot
    has not got them by heart yet.
    """
    later = (tokens.c.received_t > after[0]) | ((tokens.c.received_t == after[0]) & (tokens.c.id > after[1]))
    mine = (tokens.c.robot == robot) & (tokens.c.received_t >= after[0]) & (tokens.c.received_t < before_t) & later
    query = select(*_ROW).select_from(_FROM).where(mine)
    rows = connection.execute(query.order_by(tokens.c.received_t, tokens.c.id).limit(SLICE_TOKENS)).mappings().all()
    told = observations.c.token.in_([row["id"] for row in rows]) & (observations.c.id > judged)
    unjudged = connection.execute(select(func.min(observations.c.token)).where(told)).scalar()
    return _a_slice([row for row in rows if unjudged is None or row["id"] < unjudged])


def spared(rows: Sequence[RowMapping], held: Sequence[tuple[float, float]], pins: Pinned) -> list[RowMapping]:
    """Those of the rows that neither a hold nor an incident keeps."""
    return [
        row
        for row in rows
        if row["seq"] not in pins.get(row["chain"], ()) and not is_held(held, row["made_t"], row["received_t"])
    ]


def beyond(rows: Sequence[RowMapping], held: Sequence[tuple[float, float]]) -> tuple[float, int] | None:
    """Where to go on after these rows of `old`; None for nowhere.

    What arrived while a hold covers is passed over at once, however much it is.
    """
    if not rows:
        return None
    after: tuple[float, int] = rows[-1]["received_t"], rows[-1]["id"]
    ends = [end for begin, end in held if begin <= after[0] <= end]
    return None if inf in ends else max([after, *((end, 0) for end in ends)])


def slice_of_span(
    connection: Connection, robot: str, from_t: float, to_t: float, uncertain: bool
) -> Sequence[RowMapping]:
    """A slice's worth of a robot's tokens made in a span; with `uncertain` also of those that may have been."""
    found: list[RowMapping] = []
    for condition in conditions_of_span(connection, robot, from_t, to_t, uncertain):
        query = select(*_ROW).select_from(_FROM).where(condition).limit(SLICE_TOKENS - len(found))
        found.extend(connection.execute(query).mappings())
        if len(found) >= SLICE_TOKENS:
            break
    return _a_slice(sorted(found, key=lambda row: (row["chain"], row["seq"])))


def count_span(connection: Connection, robot: str, from_t: float, to_t: float) -> tuple[Count, Count]:
    """What was made in a span, and what beside it may have been."""
    *sure, maybe = conditions_of_span(connection, robot, from_t, to_t, True)
    total = Count()
    for condition in sure:
        total += _count(connection, condition)
    return total, _count(connection, maybe)


def _count(connection: Connection, condition: ColumnElement[bool]) -> Count:
    summed = select(
        func.count(),
        func.coalesce(func.sum(size_of(tokens.c.text)), 0),
        func.min(tokens.c.received_t),
        func.max(tokens.c.received_t),
    )
    number, size, first_t, last_t = connection.execute(summed.select_from(_FROM).where(condition)).one()
    chosen = select(tokens.c.id).select_from(_FROM).where(condition)
    told = select(func.count()).select_from(observations).where(observations.c.token.in_(chosen))
    return Count(number, connection.execute(told).scalar() or 0, size, first_t, last_t)


def conditions_of_span(
    connection: Connection, robot: str, from_t: float, to_t: float, uncertain: bool = False
) -> list[ColumnElement[bool]]:
    """Conditions that no token meets two of: one for each boot, and last, if wanted, the one for what is uncertain."""
    mine = tokens.c.robot == robot
    conditions = [
        mine
        & (tokens.c.bootseed == boot.bootseed)
        & tokens.c.mono.between(from_t - boot.booted_t, to_t + AROUND_S - boot.booted_t)
        for boot in connection.execute(select(boots.c.bootseed, boots.c.booted_t).where(boots.c.robot == robot))
    ]
    if uncertain:
        issued_t = func.coalesce(tokens.c.nonce_t, 0.0)
        later = (to_t + AROUND_S < _MADE) & (issued_t <= to_t + AROUND_S)
        conditions.append(mine & (tokens.c.received_t >= from_t) & later)
    return conditions


def _a_slice(rows: Sequence[RowMapping]) -> Sequence[RowMapping]:
    size = 0
    for place, row in enumerate(rows):
        size += row["bytes"]
        if size > SLICE_BYTES and place:
            return rows[:place]
    return rows


def oldest(connection: Connection, robot: str) -> float | None:
    """When the oldest token of a robot arrived whose text is here."""
    mine: Any = select(func.min(tokens.c.received_t)).where(tokens.c.robot == robot)
    found: float | None = connection.execute(mine).scalar()
    return found
