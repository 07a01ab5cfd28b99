"""Who is told what, as the rest of the host asks the ledger for it: each method is one transaction."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from wachhund.ledger import acts, notify_queue, notify_targets
from wachhund.ledger.bell import Bell
from wachhund.ledger.database import Database
from wachhund.ledger.dialects import upsert
from wachhund.ledger.notify_records import Message, Route, Target
from wachhund.ledger.notify_schema import said
from wachhund.ledger.schema import newest, robots

DEAD_SHOWN_S = 7 * 86_400.0  # so long somebody is reminded of what was given up


@dataclass(frozen=True)
class Standing:
    """Everything that a page of targets shows. `counts`: messages by (target's id, state). `dead`: given up lately."""

    targets: tuple[Target, ...]
    routes: tuple[Route, ...]
    counts: Mapping[tuple[str, str], int]
    dead: tuple[Message, ...]


class Notifying:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database, changes: Bell) -> None:
        self._database, self._changes = database, changes

    def reading(self) -> AbstractContextManager[Connection]:
        """One moment, for several questions."""
        return self._database.reading()

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction: what is decided together stands together, or not at all."""
        return self._database.writing()

    def ring(self) -> None:
        """Say that something changed."""
        self._changes.ring()

    def standing(self, now: float) -> Standing:
        """Targets and routes, with what became of their messages."""
        with self._database.reading() as connection:
            targets = tuple(notify_targets.all_targets(connection))
            dead = [
                message
                for target in targets
                for message in notify_queue.dead_since(connection, target.id, now - DEAD_SHOWN_S)
            ]
            return Standing(
                targets, tuple(notify_targets.all_routes(connection)), notify_queue.counts(connection), tuple(dead)
            )

    def target(self, name: str) -> Target:
        """The target of that name. Raises MisuseError."""
        with self._database.reading() as connection:
            return notify_targets.find(connection, name)

    def add(self, target: Target, route: Route | None) -> None:
        """A target, and where it gets its first incidents from, on record as its maker's. Raises MisuseError."""
        with self._database.writing() as connection:
            notify_targets.add(connection, target)
            if route is not None:
                notify_targets.add_route(connection, route)
            told = {"kind": target.kind, "address": target.shown, "allowed": list(target.allowed)}
            acts.record(
                connection, t=target.made_t, who=target.made_by, act="target add", subject=target.name, detail=told
            )
        self._changes.ring()

    def remove(self, name: str, t: float, who: str) -> Target:
        """A target with its routes; what waits for it is withdrawn. Raises MisuseError."""
        with self._database.writing() as connection:
            gone = notify_targets.remove(connection, name, t)
            acts.record(connection, t=t, who=who, act="target remove", subject=name)
        self._changes.ring()
        return gone

    def add_route(self, route: Route) -> int:
        """Its number. Raises MisuseError."""
        with self._database.writing() as connection:
            number = notify_targets.add_route(connection, route)
            told = {"level": route.level, "robots": route.robots, "after_s": route.after_s}
            acts.record(
                connection, t=route.made_t, who=route.made_by, act="route add", subject=f"route {number}", detail=told
            )
        self._changes.ring()
        return number

    def remove_route(self, number: int, t: float, who: str) -> Route:
        """Raises MisuseError."""
        with self._database.writing() as connection:
            gone = notify_targets.remove_route(connection, number)
            acts.record(connection, t=t, who=who, act="route remove", subject=f"route {number}")
        self._changes.ring()
        return gone

    def tested(self, target: Target, ok: bool, words: str, t: float, who: str) -> None:
        """How a test went, on record as whose it was. One that works again gets what waits for it at once."""
        changed: dict[str, object] = {"tested_t": t, "tested_ok": ok, "tested_words": words}
        with self._database.writing() as connection:
            notify_targets.change(connection, target.id, **changed, **({"failures": 0, "retry_t": 0.0} if ok else {}))
            acts.record(connection, t=t, who=who, act="target test", subject=target.name, detail={"taken": ok})
        self._changes.ring()

    def told_of(self, incident: str) -> list[Message]:
        """The messages about an incident, the oldest first."""
        with self._database.reading() as connection:
            return notify_queue.told_of(connection, incident)

    def say(self, key: str, value: str) -> None:
        """Keep a word under a key, such as the address of the pages."""
        with self._database.writing() as connection:
            made = upsert(said).values(key=key, value=value)
            connection.execute(made.on_conflict_do_update(index_elements=["key"], set_={"value": value}))

    def said(self, key: str) -> str | None:
        """What was kept under a key."""
        with self._database.reading() as connection:
            return connection.execute(select(said.c.value).where(said.c.key == key)).scalar()


def robot_names(connection: Connection) -> dict[str, str]:
    """Robots' names by their ids."""
    return {row.id: row.name for row in connection.execute(select(robots.c.id, robots.c.name))}


def steady_since(connection: Connection, wanted: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Of these robots: since when fresh evidence has come without a pause, and when the last of it came."""
    columns = (newest.c.robot, newest.c.steady_t, newest.c.last_t)
    rows: Any = connection.execute(select(*columns).where(newest.c.robot.in_(wanted), newest.c.steady_t.is_not(None)))
    return {row.robot: (row.steady_t, row.last_t) for row in rows if row.last_t is not None}
