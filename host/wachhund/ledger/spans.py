"""Which numbers of which chains belong to a span of time, an incident, or a whole robot; and reading them in order."""

import heapq
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from wachhund.ledger.choosing import conditions_of_span
from wachhund.ledger.holding import AROUND_S
from wachhund.ledger.keeping_records import HASH_CHARS, ErasedRun
from wachhund.ledger.keeping_schema import erased
from wachhund.ledger.schema import boots, chains, stated_gaps, tokens

Ranges = dict[str, list[tuple[int, int]]]  # by chain, in the order in which they began

_AT_ONCE = 500
_MAX_STATED = 5_000  # statements of gaps that lie outside a span, of a chain


def whole(connection: Connection, robot: str) -> Ranges:
    """Everything from number 1 on."""
    return {row.chain: [(1, row.last_seq)] for row in _chains(connection, robot)}


def of_time(connection: Connection, robot: str, from_t: float, to_t: float) -> Ranges:
    """From the first number that was made in the span to the last, of each chain; what was erased too."""
    found: dict[str, tuple[int, int]] = {}

    def widen(chain: str, first: int, last: int) -> None:
        known = found.get(chain, (first, last))
        found[chain] = min(known[0], first), max(known[1], last)

    for condition in conditions_of_span(connection, robot, from_t, to_t):
        ends = select(tokens.c.chain, func.min(tokens.c.seq), func.max(tokens.c.seq)).where(condition)
        for chain, first, last in connection.execute(ends.group_by(tokens.c.chain)):
            widen(chain, first, last)
    began_t = boots.c.booted_t + erased.c.first_mono
    ended_t = boots.c.booted_t + erased.c.last_mono
    joined = erased.join(boots, (boots.c.robot == erased.c.robot) & (boots.c.bootseed == erased.c.bootseed))
    gone = select(erased.c.chain, erased.c.first_seq, erased.c.last_seq).select_from(joined)
    gone = gone.where(erased.c.robot == robot, began_t <= to_t + AROUND_S, ended_t >= from_t)
    for chain, first, last in connection.execute(gone):
        widen(chain, first, last)
    return {row.chain: [found[row.chain]] for row in _chains(connection, robot) if row.chain in found}


def with_numbers(connection: Connection, robot: str, ranges: Ranges, numbers: Iterable[tuple[str, int]]) -> Ranges:
    """The same with single numbers beside them, as far as the robot has such chains."""
    more = {chain: list(of) for chain, of in ranges.items()}
    for chain, seq in numbers:
        more.setdefault(chain, []).append((seq, seq))
    return {
        row.chain: _merged((first, min(last, row.last_seq)) for first, last in more[row.chain])
        for row in _chains(connection, robot)
        if row.chain in more
    }


def statements(connection: Connection, robot: str, ranges: Ranges) -> list[tuple[str, int]]:
    """The numbers outside the ranges in which the robot states what is missing inside them."""
    found = []
    for chain, of in ranges.items():
        for first, last in of:
            query = select(stated_gaps.c.stated_in).where(
                stated_gaps.c.robot == robot, stated_gaps.c.chain == chain, stated_gaps.c.from_seq <= last,
                stated_gaps.c.to_seq >= first, stated_gaps.c.stated_in > last,
            )  # fmt: skip
            found += [(chain, seq) for seq in connection.execute(query.distinct().limit(_MAX_STATED)).scalars()]
    return found


def entries(connection: Connection, robot: str, chain: str, first: int, last: int) -> Iterator[RowMapping | ErasedRun]:
    """Tokens and erased numbers of a range, in order; a run that reaches beyond it is cut."""
    held = (((row["seq"]), row) for row in _tokens(connection, robot, chain, first, last))
    gone = ((run.first_seq, run) for run in erased_runs(connection, robot, chain, first, last))
    merged: Iterator[tuple[int, Any]] = heapq.merge(held, gone, key=lambda one: one[0])
    yield from (entry for _, entry in merged)


def _tokens(connection: Connection, robot: str, chain: str, first: int, last: int) -> Iterator[RowMapping]:
    at = first - 1
    while True:
        mine = (tokens.c.robot == robot) & (tokens.c.chain == chain) & (tokens.c.seq > at) & (tokens.c.seq <= last)
        query = select(tokens.c.seq, tokens.c.text, tokens.c.received_t, tokens.c.nonce_t).where(mine)
        rows = connection.execute(query.order_by(tokens.c.seq).limit(_AT_ONCE)).mappings().all()
        yield from rows
        if len(rows) < _AT_ONCE:
            return
        at = rows[-1]["seq"]


def erased_runs(connection: Connection, robot: str, chain: str, first: int, last: int) -> Iterator[ErasedRun]:
    """What was erased of a range, in order, cut to it."""
    at = first - 1
    while True:
        mine = (erased.c.robot == robot) & (erased.c.chain == chain) & (erased.c.last_seq > at)
        query = select(erased).where(mine, erased.c.first_seq <= last).order_by(erased.c.first_seq)
        found = [ErasedRun(**row) for row in connection.execute(query.limit(_AT_ONCE)).mappings()]
        yield from (_cut(run, first, last) for run in found)
        if len(found) < _AT_ONCE:
            return
        at = found[-1].last_seq


def _cut(run: ErasedRun, first: int, last: int) -> ErasedRun:
    begin, end = max(run.first_seq, first), min(run.last_seq, last)
    prev = run.prev if begin == run.first_seq else run.hash_at(begin - 1)
    hashes = run.hashes[HASH_CHARS * (begin - run.first_seq) : HASH_CHARS * (end - run.first_seq + 1)]
    return ErasedRun(
        run.robot, run.chain, begin, end, run.erasure, prev, run.bootseed, run.first_mono, run.last_mono,
        run.first_received_t, run.last_received_t, hashes,
    )  # fmt: skip


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    made: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if last < first:
            continue
        if made and first <= made[-1][1] + 1:
            made[-1] = made[-1][0], max(made[-1][1], last)
        else:
            made.append((first, last))
    return made


def _chains(connection: Connection, robot: str) -> list[Any]:
    wanted = select(chains.c.chain, chains.c.last_seq).where(chains.c.robot == robot)
    return list(connection.execute(wanted.order_by(chains.c.first_received_t, chains.c.chain)))
