"""When nobody looked: spans between two runs of the agent, silences within one, and evidence that is gone."""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, func, select

from wachhund.ledger import chain
from wachhund.ledger.present import begins_a_run
from wachhund.ledger.records import Unobserved
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


def _between_boots(lines: Sequence[Any]) -> Iterable[Unobserved]:
    for before, after in pairwise(sorted(lines, key=lambda row: row.booted_t + row.first_mono)):
        yield Unobserved(
            before.booted_t + before.last_mono,
            after.booted_t + after.first_mono,
            "the robot was off, or its agent did not run",
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
        why = "the agent was stopped" if clean else "the agent ended without a word"
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
        yield Unobserved(boot_t + row.before, boot_t + row.mono, "the agent said nothing")


def _missing(connection: Connection, robot: str, booted: dict[str, float]) -> Iterable[Unobserved]:
    for gap in chain.gaps(connection, robot):
        mine = (tokens.c.robot == robot) & (tokens.c.chain == gap.chain)
        ends = [
            connection.execute(
                select(tokens.c.bootseed, tokens.c.mono).where(mine, there).order_by(order).limit(1)
            ).one_or_none()
            for there, order in (
                (tokens.c.seq < gap.from_seq, tokens.c.seq.desc()),
                (tokens.c.seq > gap.to_seq, tokens.c.seq),
            )
        ]
        after = ends[1]
        if after is None:
            continue
        to_t = booted[after.bootseed] + after.mono
        from_t = booted[ends[0].bootseed] + ends[0].mono if ends[0] is not None else to_t
        why = f"the robot states a gap: {gap.reason or 'no reason given'}" if gap.stated else "evidence is missing"
        yield Unobserved(min(from_t, to_t), to_t, why)


def unobserved(connection: Connection, robot: str, since: float, now: float) -> list[Unobserved]:
    """The spans of host time after `since` in which nobody looked at the robot, merged, in the order of time."""
    lines = connection.execute(
        select(
            tokens.c.bootseed,
            boots.c.booted_t,
            func.min(tokens.c.mono).label("first_mono"),
            func.max(tokens.c.mono).label("last_mono"),
        )
        .join(boots, (boots.c.robot == tokens.c.robot) & (boots.c.bootseed == tokens.c.bootseed))
        .where(tokens.c.robot == robot)
        .group_by(tokens.c.bootseed)
    ).all()
    if not lines:
        return []
    booted = {row.bootseed: row.booted_t for row in lines}
    spans = [
        *_between_boots(lines),
        *_restarts(connection, robot, since, booted),
        *_losses(connection, robot, since, booted),
        *_silences(connection, robot, since, booted),
        *_missing(connection, robot, booted),
    ]
    last_t = max(row.booted_t + row.last_mono for row in lines)
    if now - last_t > SILENT_SECONDS:
        spans.append(Unobserved(last_t, None, "no evidence since"))
    # What two clocks say of one moment differs by a network's delay: less than a second is no span.
    real = [span for span in spans if span.to_t is None or span.to_t > span.from_t]
    return [span for span in merged(real) if span.to_t is None or span.to_t >= since]
