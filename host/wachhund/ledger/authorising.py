"""What operators allowed, as the rest of the host asks for it. Each act is a row that stays; nothing is overwritten."""

import json
from dataclasses import asdict, replace

from sqlalchemy import Connection, RowMapping, func, insert, select

from wachhund.ledger import acts as acts_log
from wachhund.ledger.authorisation_records import (
    BEGAN,
    ENDED,
    MADE,
    MAX_VALID,
    MAY_BE_ENDED,
    OVER,
    Authorisation,
    AuthorisationAct,
    check_span,
)
from wachhund.ledger.authorisation_schema import authorisation_acts
from wachhund.ledger.bell import Bell
from wachhund.ledger.database import Database
from wachhund.ledger.judged_acts import next_number, place_now
from wachhund_evidence import MisuseError

# A robot that speaks tells that time has passed. Only for one that is silent the host says it, so long (seconds) after
# the moment: what a robot saw before it, and sent over a modem, should be there by then.
GRACE_S = 60.0
THE_HOST = "the host"
_ACTS = authorisation_acts.c


class Authorisations:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database, changes: Bell) -> None:
        self._database, self._changes = database, changes

    def make(self, wanted: Authorisation) -> Authorisation:
        """Put it on record, with the id that it gets now. Raises MisuseError."""
        check_span(wanted)
        with self._database.writing() as connection:
            standing = [one for one in _newest(connection) if one.ended_by is None and one.until_t >= wanted.made_t]
            if len(standing) >= MAX_VALID:
                raise MisuseError(f"{MAX_VALID} authorisations are not over yet: end one that is not needed")
            made = replace(wanted, id=f"a{next_number(connection)}")
            _note(connection, made, MADE, made.made_t, made.author, made.why)
            _log(connection, made, "authorise", made.made_t, made.author, made.why)
        self._changes.ring()
        return made

    def end(self, identity: str, by: str, why: str, t: float) -> Authorisation:
        """Withdraw it: it ends now. Raises MisuseError when there is none of that id, or it is over."""
        with self._database.writing() as connection:
            known = next((one for one in _newest(connection) if one.id == identity), None)
            if known is None:
                raise MisuseError(f"authorisation {identity!r}: there is none: see `wachhund authorise list --all`")
            if known.state(t) not in MAY_BE_ENDED:
                raise MisuseError(f"authorisation {identity}: it is {known.state(t)} already")
            # One that had not begun allowed nothing: its end is its beginning.
            ended = replace(known, until_t=max(t, known.from_t), ended_by=by, ended_why=why)
            _note(connection, ended, ENDED, t, by, why)
            _log(connection, ended, "authorise end", t, by, why)
        self._changes.ring()
        return ended

    def note_passed(self, now: float) -> bool:
        """Keep that the time of some has come, or is over, a while ago. True when there was one."""
        with self._database.reading() as connection:
            due = _due(connection, now)
        if not due:
            return False
        with self._database.writing() as connection:
            for act, one in _due(connection, now):
                _note(connection, one, act, now, THE_HOST, "its time has come" if act == BEGAN else "its time is over")
        self._changes.ring()
        return True

    def all(self) -> list[Authorisation]:
        """Every one that was ever made, as it is now, in the order of making."""
        with self._database.reading() as connection:
            return _newest(connection)

    def acts(self, beyond: int = 0, limit: int | None = None, up_to: int | None = None) -> list[AuthorisationAct]:
        """At most `limit` acts beyond that number, in their order, none later than `up_to`."""
        with self._database.reading() as connection:
            return acts(connection, beyond, limit, up_to)


def acts(connection: Connection, beyond: int, limit: int | None, up_to: int | None) -> list[AuthorisationAct]:
    """The same of a moment of the ledger."""
    query = select(authorisation_acts).where(_ACTS.number > beyond).order_by(_ACTS.number).limit(limit)
    if up_to is not None:
        query = query.where(_ACTS.number <= up_to)
    return [_act(row) for row in connection.execute(query).mappings()]


def _newest(connection: Connection) -> list[Authorisation]:
    """Each authorisation as its last act left it."""
    last = select(func.max(_ACTS.number)).group_by(_ACTS.authorisation)
    first = func.min(_ACTS.number).over(partition_by=_ACTS.authorisation)
    rows = connection.execute(select(_ACTS.number, _ACTS.body, first.label("first")))
    newest = set(connection.execute(last).scalars())
    return [_authorisation(row.body) for row in sorted(rows, key=lambda row: row.first) if row.number in newest]


def _due(connection: Connection, now: float) -> list[tuple[str, Authorisation]]:
    over = select(_ACTS.authorisation).where(_ACTS.act.in_((ENDED, OVER)))
    begun = set(connection.execute(select(_ACTS.authorisation).where(_ACTS.act == BEGAN)).scalars())
    made = select(_ACTS.body).where(_ACTS.act == MADE, _ACTS.authorisation.not_in(over)).order_by(_ACTS.number)
    found = []
    for one in map(_authorisation, connection.execute(made).scalars()):
        if one.made_t < one.from_t <= now - GRACE_S and one.id not in begun:
            found.append((BEGAN, one))
        if one.until_t < now - GRACE_S:
            found.append((OVER, one))
    return found


def _note(connection: Connection, one: Authorisation, act: str, t: float, by: str, why: str) -> None:
    row = {
        "number": next_number(connection), "authorisation": one.id, "act": act, "t": t, "by_whom": by, "why": why,
        "body": json.dumps(asdict(one)), **place_now(connection),
    }  # fmt: skip
    connection.execute(insert(authorisation_acts).values(**row))


def _log(connection: Connection, one: Authorisation, act: str, t: float, by: str, why: str) -> None:
    """In the log of people's acts, where everything that people do is looked for."""
    robot = one.robots[0] if one.robots is not None and len(one.robots) == 1 else ""
    detail = {name: one.to_json()[name] for name in ("robots", "surfaces", "from", "carrier", "from_t", "until_t")}
    subject = f"authorisation {one.id} of {one.who}"
    acts_log.record(connection, t=t, who=by, act=act, subject=subject, robot=robot, why=why, detail=detail)


def _authorisation(body: str) -> Authorisation:
    fields = json.loads(body)
    lists = ("robots", "surfaces", "sources")
    named = {name: None if fields[name] is None else tuple(fields[name]) for name in lists}
    return Authorisation(**{**fields, **named})


def _act(row: RowMapping) -> AuthorisationAct:
    names = {"number": "number", "act": "act", "t": "t", "by": "by_whom", "why": "why", "after": "after"}
    told = {name: row[column] for name, column in names.items()}
    return AuthorisationAct(**told, after_fault=row["after_fault"], became=_authorisation(row["body"]))
