"""Looks into the ledger beside the host, by a connection of its own that can only read: incidents as they come."""

import contextlib
import json
import sqlite3
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, create_engine, select

from tests.fleet.scenes import as_the_corpus_says
from wachhund.ledger.place import server_of
from wachhund.ledger.schema import incidents

LOOK_S = 0.02


def reader(ledger: Path) -> Engine:
    """An engine for the ledger of this file, or of the server that stands in its place. It can only read."""
    address = server_of(ledger)
    if address is not None:
        reads = address.update_query_dict({"options": "-c default_transaction_read_only=on"})
        return create_engine(reads, isolation_level="REPEATABLE READ")
    place = f"file:{urllib.parse.quote(str(ledger.resolve()))}?mode=ro"
    return create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(place, uri=True, timeout=10.0, check_same_thread=False)
    )


class IncidentWatch:
    """Notes when each attacked robot's first incident stood in the ledger, and when its incidents were what they must
    be. `scenes`: by robot. Use it as a context."""

    def __init__(self, ledger: Path, scenes: Mapping[str, str]) -> None:
        self._engine, self._scenes = reader(ledger), dict(scenes)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="incidents", daemon=True)
        self._marks: dict[str, str] = {}
        self.first_t: dict[str, float] = {}
        self.whole_t: dict[str, float] = {}
        self.words: dict[str, str] = {}
        self.failed: str | None = None

    def __enter__(self) -> "IncidentWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._engine.dispose()

    @property
    def is_done(self) -> bool:
        """Whether all attacks were found whole."""
        return len(self.whole_t) == len(self._scenes)

    def _run(self) -> None:
        mine = incidents.c.robot.in_(bindparam("robots", expanding=True))
        query = select(incidents.c.robot, incidents.c.body).where(mine)
        while not self._stop.wait(LOOK_S):
            try:
                with self._engine.connect() as connection:
                    rows = connection.execute(query, {"robots": sorted(self._scenes)}).all()
            except Exception as error:  # noqa: BLE001  a host that is being killed: look again, and say so
                self.failed = f"{type(error).__name__}: {error}"[:200]
                continue
            self._note(rows, time.time())

    def _note(self, rows: Sequence[Any], now: float) -> None:
        by_robot: dict[str, list[str]] = {}
        for robot, body in rows:
            by_robot.setdefault(robot, []).append(body)
        for robot, bodies in by_robot.items():
            mark = "\n".join(sorted(bodies))
            if self._marks.get(robot) == mark:
                continue
            self._marks[robot] = mark
            self.first_t.setdefault(robot, now)
            said = as_the_corpus_says(self._scenes[robot], [json.loads(body) for body in bodies])
            self.words[robot] = said.word if said.ok else f"{said.word} ({'; '.join(said.why)})"
            if said.ok:
                self.whole_t.setdefault(robot, now)


@contextlib.contextmanager
def look(ledger: Path) -> Iterator[Connection]:
    """One look."""
    engine = reader(ledger)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
