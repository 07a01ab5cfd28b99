"""The log of people's acts: who did what to what, when and why. Nothing of it is ever changed or removed.

`record` is called inside the transaction that does the act, so that none is done unlogged and none logged undone.
Each row holds the SHA-256 of the one before it. That does not stop somebody who can write the file and draws the whole
chain anew; it shows every smaller change, and a reader who kept a hash sees the larger one too.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, insert, or_, select

from wachhund.ledger.people_schema import acts

BEGINNING = "0" * 64
MAX_WORDS_CHARS = 2_000  # of who, act, subject or why each: they stay for ever
_COLUMNS = ("number", "t", "who", "act", "subject", "robot", "why", "detail", "prev")


@dataclass(frozen=True)
class Act:
    """One act. `t`: host time in seconds. `robot`: its id, empty for none or several. `hash` covers all the rest."""

    number: int
    t: float
    who: str
    act: str
    subject: str
    robot: str
    why: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    hash: str = ""


@dataclass(frozen=True)
class Search:
    """Which acts: `words` must all stand in who, act, subject or why; times are host time, both ends included."""

    words: tuple[str, ...] = ()
    who: str | None = None
    robot: str | None = None
    from_t: float | None = None
    to_t: float | None = None


def record(
    connection: Connection, *, t: float, who: str, act: str, subject: str = "", robot: str = "", why: str = "",
    detail: Mapping[str, Any] | None = None,
) -> int:  # fmt: skip
    """Put an act on record, in the caller's transaction. Returns its number.

    `who`: `asker.who` of wachhund.web.acting, or fleet.commands.who() at the command line. `act`: one stable word or
    two, such as `incident close`. `subject`: what it was done to, for people. `detail`: what else, JSON; no secret.
    """
    last = connection.execute(select(acts.c.number, acts.c.hash).order_by(acts.c.number.desc()).limit(1)).first()
    row: dict[str, Any] = {
        "number": 1 if last is None else last.number + 1, "t": t, "who": who[:MAX_WORDS_CHARS],
        "act": act[:MAX_WORDS_CHARS], "subject": subject[:MAX_WORDS_CHARS], "robot": robot,
        "why": why[:MAX_WORDS_CHARS], "detail": json.dumps(detail or {}, sort_keys=True),
        "prev": BEGINNING if last is None else last.hash,
    }  # fmt: skip
    connection.execute(insert(acts).values(**row, hash=_hash(row)))
    return int(row["number"])


def _hash(row: Mapping[str, Any]) -> str:
    told = json.dumps([row[name] for name in _COLUMNS], separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()


def first_broken(connection: Connection) -> int | None:
    """The number of the first act that is not what was recorded, or is missing; None when the whole chain holds."""
    expected, before = 1, BEGINNING
    for row in connection.execute(select(acts).order_by(acts.c.number)).mappings():
        if row["number"] != expected or row["prev"] != before or row["hash"] != _hash(dict(row)):
            return expected
        expected, before = expected + 1, row["hash"]
    return None


def find(connection: Connection, wanted: Search, limit: int, offset: int = 0) -> list[Act]:
    """At most `limit` acts, the newest first."""
    query = select(acts).where(_which(wanted)).order_by(acts.c.number.desc()).limit(limit).offset(offset)
    return [_act(row) for row in connection.execute(query).mappings()]


def count(connection: Connection, wanted: Search) -> int:
    """How many acts there are of these."""
    return connection.execute(select(func.count()).select_from(acts).where(_which(wanted))).scalar_one()


def walk(connection: Connection, wanted: Search) -> Iterator[Act]:
    """All of these, the oldest first."""
    for row in connection.execute(select(acts).where(_which(wanted)).order_by(acts.c.number)).mappings():
        yield _act(row)


def _which(wanted: Search) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [acts.c.number > 0]
    for word in wanted.words:
        texts = (acts.c.who, acts.c.act, acts.c.subject, acts.c.why)
        parts.append(or_(*(text.icontains(word, autoescape=True) for text in texts)))
    if wanted.who is not None:
        parts.append(acts.c.who == wanted.who)
    if wanted.robot is not None:
        parts.append(acts.c.robot == wanted.robot)
    if wanted.from_t is not None:
        parts.append(acts.c.t >= wanted.from_t)
    if wanted.to_t is not None:
        parts.append(acts.c.t <= wanted.to_t)
    return and_(*parts)


def _act(row: RowMapping) -> Act:
    names = ("number", "t", "who", "act", "subject", "robot", "why", "hash")
    return Act(**{name: row[name] for name in names}, detail=json.loads(row["detail"]))
