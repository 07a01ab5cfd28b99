"""Integrity: the faults of a robot's evidence, until an operator acknowledges them. `noticing` makes them."""

import json
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select

from wachhund.ledger import acts as log
from wachhund.ledger import fault_words, no_faults, noticing, roll, silences, symptoms
from wachhund.ledger.bell import Bell
from wachhund.ledger.database import Database
from wachhund.ledger.dialects import upsert
from wachhund.ledger.fault_kinds import DROPPED, FAULT_KINDS, FORK, GAP, LOST_BY_HOST
from wachhund.ledger.fault_records import Acknowledgement, Fault, Remark, Sighting
from wachhund.ledger.lanes import require_robots_held, robots_of
from wachhund.ledger.records import VerifiedToken
from wachhund.ledger.schema import acknowledgements, faults, forks, revoked_tokens, stated_gaps, tokens
from wachhund_evidence import MisuseError

MAX_SHOWN = 30  # faults of one robot, open ones first, then the newest
MAX_WHY_CHARS = 1000
_HEALING = [what for what, kind in FAULT_KINDS.items() if kind.heals]


class Integrity:
    """A part of the ledger; its methods may raise LedgerError."""

    def __init__(self, database: Database, changes: Bell) -> None:
        self._database, self._changes = database, changes

    def open(self, robot: str) -> list[Fault]:
        """What makes the robot's evidence `broken`, the oldest first."""
        with self._database.reading() as connection:
            return _open(connection, robot)

    def all(self, robot: str) -> list[Fault]:
        """The newest faults, open ones first, acknowledged ones after them."""
        with self._database.reading() as connection:
            query = _SELECT.where(faults.c.robot == robot, faults.c.what.not_in(_HEALING)).order_by(
                acknowledgements.c.t.is_not(None), faults.c.id.desc()
            )
            return [_fault(row) for row in connection.execute(query.limit(MAX_SHOWN))]

    def since(self, fault: Fault) -> str:
        """What became of a fault after it was noticed, in words; empty for nothing."""
        with self._database.reading() as connection:
            return _since(connection, fault)

    def remarks(self, robot: str) -> list[Remark]:
        """What looks odd in the robot's evidence and is no fault, the newest first."""
        with self._database.reading() as connection:
            return no_faults.remarks(connection, robot)

    def acknowledge(self, wanted: str, by: str, why: str, fault: str | None = None) -> list[Fault]:
        """Say that a fault of the robot (id or name) is looked into, or all that are open. Returns them.

        Nothing undoes it. Raises MisuseError: no such robot or fault, no reason, or nothing to acknowledge.
        """
        why = why.strip()
        if not why or len(why) > MAX_WHY_CHARS or not why.isprintable():
            raise MisuseError(f"--why: give the reason in 1 to {MAX_WHY_CHARS} characters on one line")
        with self._database.writing() as connection:
            robot = roll.find(connection, wanted)
            chosen = _open(connection, robot.id)
            if fault is not None:
                chosen = [one for one in chosen if one.id == fault]
            if not chosen:
                raise MisuseError(_nothing(connection, robot.id, robot.name, fault))
            now = time.time()
            rows = [{"robot": robot.id, "fault": one.id, "t": now, "by_whom": by, "why": why} for one in chosen]
            connection.execute(insert(acknowledgements), rows)
            told = {"faults": [one.id for one in chosen]}
            log.record(
                connection, t=now, who=by, act="fault acknowledge", subject=robot.name, robot=robot.id, why=why,
                detail=told,
            )  # fmt: skip
        self._changes.ring()
        return chosen

    def note_gone(self, robot: str, gone_t: float) -> None:
        """Keep that a robot (its id) is gone since then, unless there is an everyday reason for it."""
        with self._database.writing() as connection:
            require_robots_held(connection, {robot})
            found = silences.silenced(connection, robot, gone_t)
            made = found is not None and noticing.keep(connection, [found])
        if made:
            self._changes.ring()

    def note_ended_keys(self, seen: Sequence[tuple[VerifiedToken, str, float]]) -> None:
        """Keep that tokens came of keys that had ended before (token, kid, until when): one of each fault."""
        with self._database.writing() as connection:
            require_robots_held(connection, {token.robot for token, _, _ in seen})
            made = False
            for token, kid, until_t in seen:
                if noticing.keep(connection, [symptoms.of_an_ended_key(token, kid, until_t)]):
                    made = True
                    row = {"robot": token.robot, "chain": token.claims.chain, "seq": token.claims.seq}
                    row |= {"hash": token.hash, "received_t": token.received_t, "text": token.text}
                    connection.execute(upsert(revoked_tokens).values(**row).on_conflict_do_nothing())
        if made:
            self._changes.ring()

    def text(self, robot: str, seen: Sighting) -> str | None:
        """The text of a token that a fault is about; None when it is not kept any more."""
        with self._database.reading() as connection:
            for table in (tokens, forks, revoked_tokens):
                mine = (table.c.robot == robot) & (table.c.chain == seen.chain) & (table.c.seq == seen.seq)
                text = connection.execute(select(table.c.text).where(mine, table.c.hash == seen.hash)).scalar()
                if text:  # an erased one has none
                    return str(text)
        return None


_SELECT = select(
    faults, acknowledgements.c.by_whom, acknowledgements.c.t.label("answered_t"), acknowledgements.c.why
).join_from(
    faults,
    acknowledgements,
    (acknowledgements.c.robot == faults.c.robot) & (acknowledgements.c.fault == faults.c.fault),
    isouter=True,
)


def _fault(row: Any) -> Fault:
    fields = json.loads(row.fields)
    answer = None if row.answered_t is None else Acknowledgement(row.by_whom, row.answered_t, row.why)
    told = fault_words.detail(row.what, row.chain, row.from_seq, row.to_seq, fields)
    seen = tuple(Sighting(*one) for one in fields.get("tokens", ()))
    return Fault(row.what, told, row.since_t, row.fault, row.robot, seen, answer, row.id, row.after)


def after(connection: Connection, number: int, limit: int, lane: int | None) -> list[Fault]:
    """At most `limit` faults that were noticed after that one, in the order of noticing, those that heal among them.
    `lane`: of its robots; None: of all."""
    mine = faults.c.id > number, robots_of(faults.c.robot, lane)
    return [_fault(row) for row in connection.execute(_SELECT.where(*mine).order_by(faults.c.id).limit(limit))]


def _open(connection: Connection, robot: str) -> list[Fault]:
    mine = (faults.c.robot == robot) & acknowledgements.c.t.is_(None) & faults.c.what.not_in(_HEALING)
    return [_fault(row) for row in connection.execute(_SELECT.where(mine).order_by(faults.c.since_t, faults.c.id))]


def _nothing(connection: Connection, robot: str, name: str, fault: str | None) -> str:
    if fault is None:
        return f"robot {name!r}: no fault of its evidence is open"
    row = connection.execute(_SELECT.where(faults.c.robot == robot, faults.c.fault == fault)).one_or_none()
    if row is None:
        return f"--fault: {fault[:40]!r}: this robot has no such fault: see `wachhund robots show`"
    return f"--fault: {fault}: {row.by_whom} acknowledged it already: {row.why}"


def _since(connection: Connection, fault: Fault) -> str:
    row = connection.execute(select(faults).where(faults.c.id == fault.number)).one()
    mine = (faults.c.robot == row.robot) & (faults.c.what == row.what) & (faults.c.chain == row.chain)
    until_t = connection.execute(select(func.min(faults.c.since_t)).where(mine, faults.c.id > row.id)).scalar()
    end_t = float("inf") if until_t is None else until_t
    if fault.what == FORK:
        more = (forks.c.robot == row.robot) & (forks.c.chain == row.chain)
        more &= (forks.c.received_t >= row.since_t) & (forks.c.received_t < end_t)
        number = (connection.execute(select(func.count()).select_from(forks).where(more)).scalar() or 1) - 1
        return f"{number} more such tokens came after it." if number else ""
    if fault.what == DROPPED:
        more = (stated_gaps.c.robot == row.robot) & (stated_gaps.c.chain == row.chain) & (stated_gaps.c.lost > 0)
        more &= (stated_gaps.c.received_t >= row.since_t) & (stated_gaps.c.received_t < end_t)
        lost = connection.execute(select(func.sum(stated_gaps.c.lost)).where(more)).scalar()
        return f"{int(lost)} observations in all, up to now." if lost else ""
    if fault.what in (GAP, LOST_BY_HOST):
        come = (tokens.c.robot == row.robot) & (tokens.c.chain == row.chain)
        come &= tokens.c.seq.between(row.from_seq, row.to_seq)
        number = connection.execute(select(func.count()).select_from(tokens).where(come)).scalar() or 0
        return f"{number} of these {row.to_seq - row.from_seq + 1} have come since." if number else ""
    return ""
