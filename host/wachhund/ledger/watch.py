"""When nobody looked: spans between two runs of the agent, silences within one, and evidence that is gone."""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, func, select

from wachhund.ledger import chain
from wachhund.ledger.keeping_records import ErasedRun
from wachhund.ledger.keeping_schema import erased
from wachhund.ledger.present import begins_a_run
from wachhund.ledger.records import ENDED, NOTHING_SINCE, OFF, QUIET, STOPPED, Unobserved
from wachhund.ledger.schema import boots, observations, tokens
from wachhund_evidence import Observation

QUIET_SECONDS = 30.0  # a heartbeat comes at least every 10 s: after three missed ones the agent was not looking
SILENT_SECONDS = 60.0  # the same, at the end, where the network may be slow
_MAX_STARTS = 500  # restarts of the agent that are looked at, the newest
_REASON_CHARS = 200


def merged(spans: Iterable[Unobserved]) -> list[Unobserved]:
    """Spans that overlap become one with all their reasons, in the order of time. Where two only meet, a word came."""
    made: list[Unobserved] = []
    for span in sorted(spans, key=lambda one: one.from_t):
        last = made[-1] if made else None
        if last is None or (last.to_t is not None and last.to_t <= span.from_t):
            made.append(span)
            continue
        to_t = None if last.to_t is None or span.to_t is None else max(last.to_t, span.to_t)
        why = last.why if span.why in last.why.split("; ") else f"{last.why}; {span.why}"
        made[-1] = Unobserved(last.from_t, to_t, why)
    return made


def _between_boots(lines: Sequence[Any], booted: dict[str, float]) -> Iterable[Unobserved]:
    for before, after in pairwise(sorted(lines, key=lambda row: booted[row.bootseed] + row.first_mono)):
        yield Unobserved(
            booted[before.bootseed] + before.last_mono,
            booted[after.bootseed] + after.first_mono,
            OFF,
        )


def _restarts(connection: Connection, robot: str, since: float, booted: dict[str, float]) -> Iterable[Unobserved]:
    started = (
        select(observations.c.kind, observations.c.mono, observations.c.fields, tokens.c.bootseed)
        .join(tokens, tokens.c.id == observations.c.token)
        .where(observations.c.robot == robot, observations.c.kind == "agent.start", tokens.c.received_t >= since)
        .order_by(observations.c.id.desc())
        .limit(_MAX_STARTS)
    )
    for row in connection.execute(started).all():
        if not begins_a_run(Observation(row.kind, 0.0, row.mono, "", json.loads(row.fields))):
            continue
        before = connection.execute(
            select(tokens.c.id, tokens.c.mono)
            .where(tokens.c.robot == robot, tokens.c.bootseed == row.bootseed, tokens.c.mono < row.mono)
            .order_by(tokens.c.mono.desc())
            .limit(1)
        ).one_or_none()
        if before is None:
            continue
        said = select(func.count()).select_from(observations)
        clean = connection.execute(
            said.where(observations.c.token == before.id, observations.c.kind == "agent.stop")
        ).scalar()
        why = STOPPED if clean else ENDED
        boot_t = booted[row.bootseed]
        yield Unobserved(boot_t + before.mono, boot_t + row.mono, why)


def _losses(connection: Connection, robot: str, since: float, booted: dict[str, float]) -> Iterable[Unobserved]:
    """Observations that never became evidence: lost since the token before the one that says so."""
    lost = (
        select(observations.c.fields, tokens.c.chain, tokens.c.seq, tokens.c.bootseed, tokens.c.mono)
        .join(tokens, tokens.c.id == observations.c.token)
        .where(observations.c.robot == robot, observations.c.kind == "agent.gap", tokens.c.received_t >= since)
        .order_by(observations.c.id.desc())
        .limit(_MAX_STARTS)
    )
    for row in connection.execute(lost).all():
        fields = json.loads(row.fields)
        if fields.get("from_seq") is not None or not fields.get("lost"):
            continue
        before = connection.execute(
            select(func.max(tokens.c.mono)).where(
                tokens.c.robot == robot, tokens.c.bootseed == row.bootseed, tokens.c.mono < row.mono
            )
        ).scalar()
        boot_t = booted[row.bootseed]
        why = f"the robot lost observations: {str(fields.get('reason'))[:_REASON_CHARS]}"
        yield Unobserved(boot_t + (row.mono if before is None else before), boot_t + row.mono, why)


def _silences(connection: Connection, robot: str, since: float, booted: dict[str, float]) -> Iterable[Unobserved]:
    before = func.lag(tokens.c.mono).over(partition_by=tokens.c.bootseed, order_by=tokens.c.mono).label("before")
    told = select(tokens.c.bootseed, tokens.c.mono, before).where(tokens.c.robot == robot, tokens.c.received_t >= since)
    each = told.subquery()
    query = select(each).where(each.c.mono - each.c.before > QUIET_SECONDS).limit(_MAX_STARTS)
    for row in connection.execute(query):
        boot_t = booted[row.bootseed]
        yield Unobserved(boot_t + row.before, boot_t + row.mono, QUIET)


def _missing(connection: Connection, robot: str, booted: dict[str, float]) -> Iterable[Unobserved]:
    for gap in chain.gaps(connection, robot):
        to_t = _moment(connection, robot, gap.chain, gap.to_seq, 1, booted)
        if to_t is None:
            continue
        from_t = _moment(connection, robot, gap.chain, gap.from_seq, -1, booted)
        why = f"the robot states a gap: {gap.reason or 'no reason given'}" if gap.stated else "evidence is missing"
        yield Unobserved(to_t if from_t is None else min(from_t, to_t), to_t, why)


def _moment(
    connection: Connection, robot: str, chain_id: str, seq: int, way: int, booted: dict[str, float]
) -> float | None:
    """When the next number of the chain was made, held or erased: `way` 1 for later, -1 for earlier."""
    mine = (tokens.c.robot == robot) & (tokens.c.chain == chain_id)
    there, order = (tokens.c.seq > seq, tokens.c.seq) if way > 0 else (tokens.c.seq < seq, tokens.c.seq.desc())
    query = select(tokens.c.seq, tokens.c.bootseed, tokens.c.mono).where(mine, there).order_by(order).limit(1)
    held = connection.execute(query).one_or_none()
    mine = (erased.c.robot == robot) & (erased.c.chain == chain_id)
    there, order = (
        (erased.c.first_seq > seq, erased.c.first_seq)
        if way > 0
        else (erased.c.first_seq < seq, erased.c.first_seq.desc())
    )
    wanted = (erased.c.first_seq, erased.c.last_seq, erased.c.bootseed, erased.c.first_mono, erased.c.last_mono)
    gone = connection.execute(select(*wanted).where(mine, there).order_by(order).limit(1)).one_or_none()
    if gone is not None and (held is None or way * (gone.first_seq - held.seq) < 0):
        return booted[gone.bootseed] + float(gone.first_mono if way > 0 else gone.last_mono)
    return None if held is None else booted[held.bootseed] + float(held.mono)


def _erased(connection: Connection, robot: str, since: float) -> list[ErasedRun]:
    query = select(erased).where(erased.c.robot == robot, erased.c.last_received_t >= since)
    return [ErasedRun(**row) for row in connection.execute(query.limit(_MAX_STARTS)).mappings()]


def _without(spans: Iterable[Unobserved], gone: Sequence[tuple[float, float]]) -> Iterable[Unobserved]:
    """What of the spans lies beside the times of erased evidence: the agent spoke then."""
    for span in spans:
        at = span.from_t
        for begin, end in sorted(gone):
            if end <= at or (span.to_t is not None and begin >= span.to_t):
                continue
            if begin - at > QUIET_SECONDS:
                yield Unobserved(at, begin, span.why)
            at = max(at, end)
        if at == span.from_t or span.to_t is None or span.to_t - at > QUIET_SECONDS:
            yield Unobserved(at, span.to_t, span.why)


def unobserved(connection: Connection, robot: str, since: float, now: float) -> list[Unobserved]:
    """The spans of host time after `since` in which nobody looked at the robot, merged, in the order of time."""
    began = select(boots.c.bootseed, boots.c.booted_t).where(boots.c.robot == robot)
    booted = {row.bootseed: row.booted_t for row in connection.execute(began)}
    lines = [row for row in _lines(connection, robot) if row.bootseed in booted]
    gone = [
        (booted[run.bootseed] + run.first_mono, booted[run.bootseed] + run.last_mono)
        for run in _erased(connection, robot, since)
        if run.bootseed in booted
    ]
    if not lines and not gone:
        return []
    quiet = [*_between_boots(lines, booted), *_silences(connection, robot, since, booted)]
    spans = [
        *_without(quiet, gone),
        *_restarts(connection, robot, since, booted),
        *_losses(connection, robot, since, booted),
        *_missing(connection, robot, booted),
        *(Unobserved(begin, end, "what was seen then was erased") for begin, end in gone),
    ]
    last_t = max([*(booted[row.bootseed] + row.last_mono for row in lines), *(end for _, end in gone)])
    if now - last_t > SILENT_SECONDS:
        spans.append(Unobserved(last_t, None, NOTHING_SINCE))
    # What two clocks say of one moment differs by a network's delay: less than a second is no span.
    real = [span for span in spans if span.to_t is None or span.to_t > span.from_t]
    return [span for span in merged(real) if span.to_t is None or span.to_t >= since]


def _lines(connection: Connection, robot: str) -> Sequence[Any]:
    """The first and the last word of each boot, of what is held."""
    spoke = select(
        tokens.c.bootseed,
        func.min(tokens.c.mono).label("first_mono"),
        func.max(tokens.c.mono).label("last_mono"),
    )
    return connection.execute(spoke.where(tokens.c.robot == robot).group_by(tokens.c.bootseed)).all()
