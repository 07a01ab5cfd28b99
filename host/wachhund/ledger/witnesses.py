"""Hardware witnesses: who they are, what each last said, and what evidence answers to it."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, insert, select, update

from wachhund.ledger import noticing
from wachhund.ledger.bell import Bell
from wachhund.ledger.database import Database
from wachhund.ledger.dialects import upsert
from wachhund.ledger.lanes import require_robots_held
from wachhund.ledger.noticing import Noticed
from wachhund.ledger.schema import forks, observations, tokens
from wachhund.ledger.witness_records import Beat, Silence, Stand, Witness
from wachhund.ledger.witness_schema import witness_stands, witnesses
from wachhund_evidence import MisuseError

_LOOKED_LINKS = 200  # of the newest words on links: a robot has some ten interfaces


class Witnesses:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database, changes: Bell) -> None:
        self._database, self._changes = database, changes

    def register(self, wanted: Witness) -> None:
        """Keep it. The robot's witness before it, if there is one, stays until it is ended."""
        with self._database.writing() as connection:
            known = _active(connection, wanted.robot)
            if known:
                raise MisuseError(
                    f"witness: this robot has one already (on a {known[0].board}): rotate it, or retire it first"
                )
            _insert(connection, wanted)
        self._changes.ring()

    def rotate(self, wanted: Witness, why: str) -> None:
        """In the place of the robot's present one, which ends now. Raises MisuseError where there is none."""
        with self._database.writing() as connection:
            _end(connection, wanted.robot, wanted.made_t, wanted.made_by, why)
            _insert(connection, wanted)
        self._changes.ring()

    def retire(self, robot: str, t: float, by: str, why: str) -> Witness:
        """Nothing of the robot's witness is taken any more. Raises MisuseError where there is none."""
        with self._database.writing() as connection:
            ended = _end(connection, robot, t, by, why)
        self._changes.ring()
        return ended

    def active(self) -> list[Witness]:
        """Those that count, one a robot at most."""
        with self._database.reading() as connection:
            return _active(connection)

    def of_robot(self, robot: str) -> list[Witness]:
        """All that a robot ever had, the newest first."""
        with self._database.reading() as connection:
            query = select(witnesses).where(witnesses.c.robot == robot).order_by(witnesses.c.made_t.desc())
            return [_witness(row) for row in connection.execute(query).mappings()]

    def stand(self, kid: str) -> Stand | None:
        """What it last said; None when it never spoke."""
        with self._database.reading() as connection:
            body = connection.execute(select(witness_stands.c.body).where(witness_stands.c.kid == kid)).scalar()
            return None if body is None else _stand(json.loads(body))

    def keep(self, witness: Witness, stand: Stand, found: Sequence[Noticed]) -> list[Noticed]:
        """What it said now, and what was found with it, in one transaction. Returns the findings that are new."""
        row = {"kid": witness.kid, "body": json.dumps(asdict(stand), separators=(",", ":"))}
        with self._database.writing() as connection:
            require_robots_held(connection, {witness.robot})
            made = upsert(witness_stands).values(**row)
            connection.execute(made.on_conflict_do_update(index_elements=["kid"], set_={"body": row["body"]}))
            new = noticing.keep(connection, found)
        if new:
            self._changes.ring()
        return new

    def note(self, found: Sequence[Noticed]) -> list[Noticed]:
        """What was found without a statement."""
        with self._database.writing() as connection:
            require_robots_held(connection, {one.robot for one in found})
            new = noticing.keep(connection, found)
        if new:
            self._changes.ring()
        return new

    # What evidence answers

    def has_token(self, robot: str, head: str) -> bool:
        """Whether a token of that hash has come, as evidence or as a fork of it."""
        with self._database.reading() as connection:
            for table in (tokens, forks):
                mine = select(table.c.seq).where(table.c.robot == robot, table.c.hash == head).limit(1)
                if connection.execute(mine).first() is not None:
                    return True
        return False

    def tokens_between(self, robot: str, bootseed: str, from_mono: float, to_mono: float) -> list[tuple[str, int, str]]:
        """At most 3 tokens that the agent says it made in that span of its boot: (chain, seq, hash)."""
        with self._database.reading() as connection:
            mine = (tokens.c.robot == robot) & (tokens.c.bootseed == bootseed)
            mine &= tokens.c.mono.between(from_mono, to_mono)
            query = select(tokens.c.chain, tokens.c.seq, tokens.c.hash).where(mine).order_by(tokens.c.mono).limit(3)
            return [(row.chain, row.seq, row.hash) for row in connection.execute(query)]

    def has_modem_link(self, robot: str) -> bool:
        """Whether the newest word on any modem's interface (ppp, wwan) is that it is up."""
        with self._database.reading() as connection:
            mine = (observations.c.robot == robot) & (observations.c.kind == "link.change")
            query = select(observations.c.fields).where(mine).order_by(observations.c.id.desc()).limit(_LOOKED_LINKS)
            told: dict[Any, bool] = {}
            for text in connection.execute(query).scalars():
                fields = json.loads(text)
                if fields.get("link_kind") in ("ppp", "wwan"):
                    told.setdefault(fields.get("ifname"), fields.get("up") is True)
        return any(told.values())


def _insert(connection: Connection, wanted: Witness) -> None:
    connection.execute(insert(witnesses).values(**asdict(wanted)))


def _end(connection: Connection, robot: str, t: float, by: str, why: str) -> Witness:
    known = _active(connection, robot)
    if not known:
        raise MisuseError("witness: this robot has none: make one with `wachhund witness make`")
    change = update(witnesses).where(witnesses.c.kid == known[0].kid).values(ended_t=t, ended_by=by, why=why)
    connection.execute(change)
    return known[0]


def _active(connection: Connection, robot: str | None = None) -> list[Witness]:
    query = select(witnesses).where(witnesses.c.ended_t.is_(None))
    if robot is not None:
        query = query.where(witnesses.c.robot == robot)
    return [_witness(row) for row in connection.execute(query).mappings()]


def _witness(row: Any) -> Witness:
    return Witness(**dict(row))


def _stand(body: dict[str, Any]) -> Stand:
    return Stand(
        **{
            **body,
            "lines": {name: (pair[0], pair[1]) for name, pair in body["lines"].items()},
            "silences": tuple(Silence(**one) for one in body["silences"]),
            "beats_open": tuple(Beat(**one) for one in body["beats_open"]),
        }
    )
