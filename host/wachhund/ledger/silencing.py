"""What people silenced, as the rest of the host asks for it. Each act is a row that stays; nothing is overwritten."""

import json
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection, func, insert, select

from wachhund.ledger import acts
from wachhund.ledger.bell import Bell
from wachhund.ledger.database import Database
from wachhund.ledger.dialects import greater_of, upsert
from wachhund.ledger.silence_records import (
    CLOCK,
    ENDED,
    IN_THE_WAY,
    MADE,
    MAX_VALID,
    UNMATCHED_S,
    UNUSED,
    VALID,
    Silence,
    SilenceAct,
    check_span,
)
from wachhund.ledger.silencing_schema import host_clock, silence_acts, silence_matches
from wachhund_evidence import MisuseError

THE_HOST = "the host"
_ACTS = silence_acts.c
_SCOPE = frozenset({"robots", "rules", "kinds", "surfaces", "sources", "critical", "from_t", "until_t"})


class Silencing:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database, changes: Bell) -> None:
        self._database, self._changes = database, changes

    def make(self, wanted: Silence) -> Silence:
        """Put it on record, with the id that it gets now. Raises MisuseError."""
        check_span(wanted)
        with self._database.writing() as connection:
            standing = [one for one in _all(connection) if one.state(wanted.made_t) in IN_THE_WAY]
            if len(standing) >= MAX_VALID:
                raise MisuseError(f"{MAX_VALID} silences are not over yet: end one that is not needed")
            made = replace(wanted, id=f"s{_next_number(connection)}")
            _note(connection, made, MADE, made.made_t, made.author, made.why)
        self._changes.ring()
        return made

    def end(self, identity: str, by: str, why: str, t: float) -> Silence:
        """End it now. Raises MisuseError when there is none of that id, or it is over."""
        with self._database.writing() as connection:
            known = next((one for one in _all(connection) if one.id == identity), None)
            if known is None:
                raise MisuseError(f"silence {identity!r}: there is none: see `wachhund silence list --all`")
            if known.state(t) not in IN_THE_WAY:
                raise MisuseError(f"silence {identity}: it is over already; nothing was changed")
            ended = replace(known, until_t=t, ended_by=by, ended_why=why)
            _note(connection, ended, ENDED, t, by, why)
        self._changes.ring()
        return ended

    def all(self) -> list[Silence]:
        """Every one that was ever made, as it is now, in the order of making."""
        with self._database.reading() as connection:
            return _all(connection)

    def valid(self, t: float) -> list[Silence]:
        """Those that hold messages back at that time."""
        return [one for one in self.all() if one.state(t) == VALID]

    def acts(self, silence: str) -> list[SilenceAct]:
        """What was done to one, the oldest first."""
        with self._database.reading() as connection:
            query = select(silence_acts).where(_ACTS.silence == silence).order_by(_ACTS.number)
            names = {"number": "number", "silence": "silence", "act": "act", "t": "t", "by": "by_whom", "why": "why"}
            rows = connection.execute(query).mappings()
            return [SilenceAct(**{name: row[column] for name, column in names.items()}) for row in rows]

    def note_matches(self, matched: Mapping[str, float]) -> None:
        """Keep when silences (their ids) last held something back."""
        if not matched:
            return
        made = upsert(silence_matches)
        last = greater_of(silence_matches.c.last_t, made.excluded.last_t)
        with self._database.writing() as connection:
            connection.execute(
                made.on_conflict_do_update(index_elements=["silence"], set_={"last_t": last}),
                [{"silence": name, "last_t": t} for name, t in matched.items()],
            )

    def end_unused(self, now: float) -> list[Silence]:
        """End those that are to end themselves and held nothing back for a day."""
        with self._database.reading() as connection:
            due = [one for one in _all(connection) if _is_unused(one, now)]
        if not due:
            return []
        ended = []
        with self._database.writing() as connection:
            for one in _all(connection):
                if _is_unused(one, now):
                    why = "a day without a match"
                    ended.append(replace(one, until_t=now, ended_by=THE_HOST, ended_why=why))
                    _note(connection, ended[-1], UNUSED, now, THE_HOST, why)
        self._changes.ring()
        return ended

    def move_ends(self, boot: str, offset_s: float, least_s: float, now: float) -> float:
        """Take note of how the host's clock stands to one that nobody sets (`boot`: within which start of the machine).

        When it moved by more than `least_s` since the last look, the ends of all silences move with it. By how many
        seconds; 0.0 for not at all.
        """
        with self._database.reading() as connection:
            moved_s = _moved_s(connection, boot, offset_s)
            if moved_s is not None and abs(moved_s) <= least_s:
                return 0.0  # as nearly always: who only looks asks for no turn
        with self._database.writing() as connection:
            moved_s = _moved_s(connection, boot, offset_s)
            if moved_s is not None and abs(moved_s) <= least_s:
                return 0.0
            if moved_s:
                # By the clock as it was: by the new one some seem to be over, or not begun.
                for one in _all(connection):
                    if one.state(now - moved_s) in IN_THE_WAY:
                        became = replace(
                            one, from_t=one.from_t + moved_s, until_t=one.until_t + moved_s, made_t=one.made_t + moved_s
                        )
                        words = f"the host's clock moved by {moved_s:+.0f} s: beginning and end moved with it"
                        _note(connection, became, CLOCK, now, THE_HOST, words)
            values = {"boot": boot, "offset_s": offset_s}
            kept = upsert(host_clock).values(id=1, **values)
            connection.execute(kept.on_conflict_do_update(index_elements=["id"], set_=values))
        if moved_s:
            self._changes.ring()
        return moved_s or 0.0


def _moved_s(connection: Connection, boot: str, offset_s: float) -> float | None:
    """By how much the clock moved since somebody looked; None: nobody has in this start of the machine."""
    row = connection.execute(select(host_clock)).one_or_none()
    return offset_s - row.offset_s if row is not None and row.boot == boot else None


def _is_unused(one: Silence, now: float) -> bool:
    last_t = max(one.from_t, one.matched_t or one.from_t)
    return one.ends_unused and one.state(now) == VALID and now - last_t >= UNMATCHED_S


def _all(connection: Connection) -> list[Silence]:
    last = select(func.max(_ACTS.number)).group_by(_ACTS.silence)
    rows = connection.execute(select(_ACTS.body).where(_ACTS.number.in_(last)))
    matched = {row.silence: row.last_t for row in connection.execute(select(silence_matches))}
    made = [_silence(body) for body in rows.scalars()]
    return [replace(one, matched_t=matched.get(one.id)) for one in sorted(made, key=lambda one: int(one.id[1:]))]


def _silence(body: str) -> Silence:
    fields = json.loads(body)
    lists = ("robots", "rules", "kinds", "surfaces", "sources")
    named = {name: None if fields[name] is None else tuple(fields[name]) for name in lists}
    return Silence(**{**fields, **named})


def _next_number(connection: Connection) -> int:
    return (connection.execute(select(func.max(_ACTS.number))).scalar() or 0) + 1


def _note(connection: Connection, one: Silence, act: str, t: float, by: str, why: str) -> None:
    row = {
        "number": _next_number(connection), "silence": one.id, "act": act, "t": t, "by_whom": by, "why": why,
        "body": json.dumps(one.to_json()),
    }  # fmt: skip
    connection.execute(insert(silence_acts).values(**row))
    what = "maintenance" if one.maintenance else "silence"
    scope = {name: value for name, value in one.to_json().items() if name in _SCOPE and value is not None}
    robot = one.robots[0] if one.robots is not None and len(one.robots) == 1 else ""
    acts.record(
        connection, t=t, who=by, act=f"{what} {act}", subject=f"silence {one.id}", robot=robot, why=why, detail=scope
    )
