"""What is to be told, and what became of it, as rows. The caller's transaction makes several of these one step."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, delete, func, or_, select, update

from wachhund.ledger.campaign_schema import SINCE, campaigns
from wachhund.ledger.campaigns import bodies as campaign_bodies
from wachhund.ledger.dialects import upsert
from wachhund.ledger.notify_records import DEAD, WAITING, Drilled, Message, Watched
from wachhund.ledger.notify_schema import about, drilled, messages, noted, said, watched
from wachhund.ledger.schema import incidents

KEPT_S = 90 * 86_400.0  # that something was told is kept so long; its text is gone sooner


def changed(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Incidents that are not as they were when they were noted last, the longest waiting first; at most `limit`."""
    as_noted = and_(
        noted.c.state == incidents.c.state, noted.c.level == incidents.c.level, noted.c.last_t == incidents.c.last_t
    )
    rows = connection.execute(
        select(incidents.c.body)
        .outerjoin(noted, and_(noted.c.incident == incidents.c.id, as_noted))
        .where(noted.c.incident.is_(None), incidents.c.erasure.is_(None))
        .order_by(incidents.c.last_t, incidents.c.id)
        .limit(limit)
    )
    return [json.loads(body) for body in rows.scalars()]


def changed_campaigns(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """The same of campaigns; `mark`: names what each is now."""
    as_noted = and_(noted.c.incident == campaigns.c.id, noted.c.state == campaigns.c.mark)
    rows = connection.execute(
        select(campaigns.c.body, campaigns.c.mark)
        .outerjoin(noted, as_noted)
        .where(noted.c.incident.is_(None))
        .order_by(campaigns.c.last_t, campaigns.c.id)
        .limit(limit)
    )
    return [{**json.loads(row.body), "mark": row.mark} for row in rows]


def campaigns_since(connection: Connection) -> float:
    """From when on people are told of campaigns: what lay in the past when they were first looked for is no news."""
    found = connection.execute(select(said.c.value).where(said.c.key == SINCE)).scalar()
    return 0.0 if found is None else float(found)


def note(connection: Connection, seen: Iterable[dict[str, Any]]) -> None:
    """These incidents were looked at as they are now."""
    rows = [
        {"incident": one["id"], **{name: one[name] for name in ("state", "level", "last_t")}} for one in seen
    ]  # fmt: skip
    if rows:
        made = upsert(noted)
        names = {name: made.excluded[name] for name in ("state", "level", "last_t")}
        connection.execute(made.on_conflict_do_update(index_elements=["incident"], set_=names), rows)


def watched_of(connection: Connection, identities: Sequence[str]) -> dict[tuple[str, int], Watched]:
    """What the routes have in mind of these incidents."""
    rows = connection.execute(select(watched).where(watched.c.incident.in_(identities))).mappings()
    return {(row["incident"], row["route"]): _watched(row) for row in rows}


def due(connection: Connection, by_t: float, limit: int) -> list[Watched]:
    """What is to be told by then, in that order."""
    query = select(watched).where(watched.c.due_t <= by_t).order_by(watched.c.due_t, watched.c.incident).limit(limit)
    return [_watched(row) for row in connection.execute(query).mappings()]


def next_due(connection: Connection) -> float | None:
    """When the next is to be told."""
    return connection.execute(select(func.min(watched.c.due_t)).where(watched.c.due_t.is_not(None))).scalar()


def watch(connection: Connection, rows: Iterable[Watched]) -> None:
    """Keep what routes have in mind."""
    values = [
        {**vars(row), "told_marks": json.dumps(sorted(row.told_marks)) if row.told_t is not None else None}
        for row in rows
    ]
    if values:
        made = upsert(watched)
        names = ("due_t", "why", "held", "told_t", "told_level", "told_marks")
        kept = {name: made.excluded[name] for name in names}
        connection.execute(made.on_conflict_do_update(index_elements=["incident", "route"], set_=kept), values)


def bodies(connection: Connection, identities: Sequence[str]) -> dict[str, dict[str, Any]]:
    """These incidents and campaigns as they are now, without what was erased."""
    query = select(incidents.c.id, incidents.c.body).where(incidents.c.id.in_(identities))
    rows = connection.execute(query.where(incidents.c.erasure.is_(None)))
    return {row.id: json.loads(row.body) for row in rows} | campaign_bodies(connection, identities)


def put(connection: Connection, message: Message, identities: Iterable[str] = ()) -> bool:
    """Keep a message that waits, and which incidents it is about. False when one of that id is there already."""
    values = {**vars(message), "body": json.dumps(message.body)}
    if not connection.execute(upsert(messages).values(**values).on_conflict_do_nothing()).rowcount:
        return False
    rows = [{"message": message.id, "incident": identity} for identity in identities]
    if rows:
        connection.execute(upsert(about), rows)
    return True


def waiting(connection: Connection, target: str, limit: int) -> list[Message]:
    """What waits for a target: what was tried least first, so that one that it never takes holds up no other."""
    mine = (messages.c.target == target) & (messages.c.state == WAITING)
    query = select(messages).where(mine).order_by(messages.c.attempts, messages.c.made_t, messages.c.id).limit(limit)
    return [_message(row) for row in connection.execute(query).mappings()]


def targets_waited_for(connection: Connection) -> set[str]:
    """Targets for which something waits."""
    return set(connection.execute(select(messages.c.target).where(messages.c.state == WAITING).distinct()).scalars())


def begin(connection: Connection, identity: str, t: float) -> bool:
    """A try begins. False when the message does not wait any more."""
    mine = (messages.c.id == identity) & (messages.c.state == WAITING)
    changed_row = update(messages).where(mine).values(attempts=messages.c.attempts + 1, last_t=t)
    return connection.execute(changed_row).rowcount == 1


def settle(connection: Connection, identity: str, state: str, words: str, t: float) -> None:
    """How a try ended. What has arrived, or is given up, keeps no text."""
    values: dict[str, object] = {"words": words, "last_t": t}
    if state != WAITING:
        values |= {"state": state, "ended_t": t, "body": None}
    mine = (messages.c.id == identity) & (messages.c.state == WAITING)
    connection.execute(update(messages).where(mine).values(**values))


def told_of(connection: Connection, incident: str) -> list[Message]:
    """The messages about an incident, the oldest first."""
    query = select(messages).join(about, about.c.message == messages.c.id).where(about.c.incident == incident)
    rows = connection.execute(query.order_by(messages.c.made_t, messages.c.id)).mappings()
    return [_message(row) for row in rows]


def made_since(connection: Connection, target: str, since_t: float, what: str) -> list[float]:
    """When messages of that kind were made for a target since then, the oldest first."""
    mine = (messages.c.target == target) & (messages.c.what == what) & (messages.c.made_t > since_t)
    return list(connection.execute(select(messages.c.made_t).where(mine).order_by(messages.c.made_t)).scalars())


def counts(connection: Connection) -> dict[tuple[str, str], int]:
    """How many messages of each target (its id) are in each state."""
    query = select(messages.c.target, messages.c.state, func.count().label("number"))
    rows = connection.execute(query.group_by(messages.c.target, messages.c.state))
    return {(row.target, row.state): row.number for row in rows}


def dead_since(connection: Connection, target: str, since_t: float) -> list[Message]:
    """What was given up for a target since then."""
    mine = (messages.c.target == target) & (messages.c.state == DEAD) & (messages.c.ended_t > since_t)
    query = select(messages).where(mine).order_by(messages.c.ended_t)
    return [_message(row) for row in connection.execute(query).mappings()]


def forget(connection: Connection, before_t: float) -> None:
    """What ended so long ago."""
    old = and_(messages.c.state != WAITING, messages.c.ended_t < before_t)
    connection.execute(delete(about).where(about.c.message.in_(select(messages.c.id).where(old))))
    connection.execute(delete(messages).where(old))
    for table in (watched, noted):
        mine = table.c.incident
        gone = and_(mine.not_in(select(incidents.c.id)), mine.not_in(select(campaigns.c.id)))
        connection.execute(delete(table).where(gone))


def note_drill(connection: Connection, robot: str, incident: str, t: float) -> None:
    """A drill of that robot came through."""
    made = upsert(drilled).values(robot=robot, incident=incident, t=t, missed_t=None)
    newer = {"incident": incident, "t": t, "missed_t": None}
    later = or_(drilled.c.t < made.excluded.t)
    connection.execute(made.on_conflict_do_update(index_elements=["robot"], set_=newer, where=later))


def note_missed(connection: Connection, robots: Sequence[str], t: float) -> None:
    """Somebody was told that the next drill of these did not come."""
    connection.execute(update(drilled).where(drilled.c.robot.in_(robots)).values(missed_t=t))


def drills(connection: Connection) -> list[Drilled]:
    """The last drill of each robot that ever made one."""
    return [Drilled(**row) for row in connection.execute(select(drilled).order_by(drilled.c.robot)).mappings()]


def _watched(row: RowMapping) -> Watched:
    return Watched(**{**row, "told_marks": frozenset(json.loads(row["told_marks"] or "[]"))})


def _message(row: RowMapping) -> Message:
    return Message(**{**row, "body": None if row["body"] is None else json.loads(row["body"])})
