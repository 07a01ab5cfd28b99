"""What people accepted as usual, as the rest of the host asks for it. Each act is a row that stays."""

import json
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from wachhund.ledger import acts as log
from wachhund.ledger.baseline_records import (
    ACCEPTED,
    ENDED,
    MAX_BODY_BYTES,
    REPLACED,
    STANDING,
    Baseline,
    BaselineAct,
    Usual,
    UsualDestination,
    UsualListener,
    UsualProgram,
    UsualView,
)
from wachhund.ledger.baseline_schema import baseline_acts
from wachhund.ledger.bell import Bell
from wachhund.ledger.database import Database
from wachhund.ledger.judged_acts import next_number, place_now
from wachhund_evidence import MisuseError

_ACTS = baseline_acts.c
_LISTS = {
    "programs": UsualProgram, "destinations": UsualDestination, "listeners": UsualListener, "views": UsualView,
}  # fmt: skip


class Baselines:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database, changes: Bell) -> None:
        self._database, self._changes = database, changes

    def accept(self, wanted: Baseline) -> Baseline:
        """Put it on record, with the id that it gets now, in the place of the robot's one before. Raises MisuseError
        for one that is too large."""
        with self._database.writing() as connection:
            number = next_number(connection)
            made = replace(wanted, id=f"b{number}")
            body = json.dumps(asdict(made))
            if len(body) > MAX_BODY_BYTES:
                raise MisuseError(
                    f"baseline: {len(body)} bytes, and {MAX_BODY_BYTES} at most: the robot's texts are too long: take "
                    "a shorter --since"
                )
            _note(connection, number, made, ACCEPTED, made.made_t, made.author, made.why, body)
        self._changes.ring()
        return made

    def end(self, identity: str, by: str, why: str, t: float) -> Baseline:
        """It counts no longer, and none before it comes back. Raises MisuseError when there is none that stands."""
        with self._database.writing() as connection:
            known = next((told for told in _all(connection) if told[0].id == identity), None)
            if known is None:
                raise MisuseError(f"baseline {identity!r}: there is none: see `wachhund baseline list --all`")
            if known[1] != STANDING:
                raise MisuseError(f"baseline {identity}: it is {known[1]} already")
            _note(connection, next_number(connection), known[0], ENDED, t, by, why, "")
        self._changes.ring()
        return replace(known[0], ended_by=by, ended_why=why)

    def all(self) -> list[tuple[Baseline, str]]:
        """Every one that was ever accepted and its state (standing, replaced, ended), in their order."""
        with self._database.reading() as connection:
            return _all(connection)

    def standing(self, robot: str) -> Baseline | None:
        """The one that counts for a robot (its id)."""
        return next((one for one, state in self.all() if one.robot == robot and state == STANDING), None)

    def acts(self) -> list[BaselineAct]:
        """All acts, in their order."""
        with self._database.reading() as connection:
            return acts(connection, 0, None)


def acts(connection: Connection, beyond: int, limit: int | None) -> list[BaselineAct]:
    """At most `limit` acts beyond that number, in their order, of a moment of the ledger."""
    query = select(baseline_acts).where(_ACTS.number > beyond).order_by(_ACTS.number).limit(limit)
    return [_act(connection, row) for row in connection.execute(query).mappings().all()]


def _all(connection: Connection) -> list[tuple[Baseline, str]]:
    rows = connection.execute(select(baseline_acts).order_by(_ACTS.number)).mappings().all()
    ends = {row["baseline"]: row for row in rows if row["act"] == ENDED}
    accepted = [_baseline(row["body"]) for row in rows if row["act"] == ACCEPTED]
    newest = {one.robot: one.id for one in accepted}
    made = []
    for one in accepted:
        end = ends.get(one.id)
        if end is not None:
            made.append((replace(one, ended_by=end["by_whom"], ended_why=end["why"]), ENDED))
        else:
            made.append((one, STANDING if newest[one.robot] == one.id else REPLACED))
    return made


def _note(
    connection: Connection, number: int, one: Baseline, act: str, t: float, by: str, why: str, body: str
) -> None:  # fmt: skip
    row = {"number": number, "baseline": one.id, "robot": one.robot, "act": act, "t": t, "by_whom": by, "why": why}
    connection.execute(insert(baseline_acts).values(**row, body=body, **place_now(connection)))
    log.record(connection, t=t, who=by, act=f"baseline {act}", subject=one.id, robot=one.robot, why=why)


def _baseline(body: str) -> Baseline:
    fields = json.loads(body)
    told = fields["usual"]
    held = {name: tuple(kind(**_frozen(one)) for one in told[name]) for name, kind in _LISTS.items()}
    return Baseline(**{**fields, "usual": Usual(**{**told, **held})})


def _frozen(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def _act(connection: Connection, row: RowMapping) -> BaselineAct:
    body = row["body"]
    if row["act"] == ENDED:
        wanted = select(_ACTS.body).where(_ACTS.baseline == row["baseline"], _ACTS.act == ACCEPTED)
        body = connection.execute(wanted).scalar_one()
    one = _baseline(body)
    if row["act"] == ENDED:
        one = replace(one, ended_by=row["by_whom"], ended_why=row["why"])
    names = {"number": "number", "act": "act", "t": "t", "by": "by_whom", "why": "why", "after": "after"}
    told = {name: row[column] for name, column in names.items()}
    return BaselineAct(**told, after_fault=row["after_fault"], became=one)
