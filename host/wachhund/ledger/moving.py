"""All rows of a ledger from one database into an empty one, and the proof that they are the same there.

Each table is read in the order of its keys, as both databases have them; what was read and what can be read where it
went to must have one SHA-256. The walls are taken down in the transaction that writes, and stand again when it ends.
A server's indexes and references are made when all rows are there: each row would have to look for its place in them.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, Table, delete, func, insert, select

from wachhund.ledger import numbers
from wachhund.ledger.database import LedgerError
from wachhund.ledger.dialects import is_server
from wachhund.ledger.schema import metadata, migrations
from wachhund.ledger.server_rows import copy_rows

_AT_ONCE, _LARGE_AT_ONCE = 2_000, 64  # rows in memory
_LARGE = {"text", "body", "hashes", "sealed"}  # columns of up to 256 KiB and more in a row
_SORTING = "SET LOCAL maintenance_work_mem = '256MB'"
_REFERENCES = """
    SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
    WHERE contype = 'f' AND connamespace = current_schema()::regnamespace"""
_INDEXES = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
    FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    WHERE relnamespace = current_schema()::regnamespace
    AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)"""
_FIRST = ("operators", "erasures", "tokens")  # others refer to them
_LAST = ("fleet_changes", "origin_marks")  # a file's triggers write there while the others are filled


@dataclass(frozen=True)
class Moved:
    """A table: how many rows it has, and the SHA-256 of all."""

    table: str
    rows: int
    digest: str


def tables() -> list[Table]:
    """All that a ledger holds, in an order in which they can be filled. `migrations` is each database's own."""
    mine = [table for table in metadata.tables.values() if table is not migrations]
    return sorted(mine, key=lambda table: (table.name in _LAST, table.name not in _FIRST, table.name))


def require_empty(connection: Connection, place: str) -> None:
    """Raises LedgerError when a ledger holds anything."""
    for table in tables():
        if connection.execute(select(func.count()).select_from(select(table).limit(1).subquery())).scalar():
            raise LedgerError(f"ledger: {place}: holds a ledger already, in {table.name}: give an empty database")


def copy(
    source: Connection, target: Connection, instead: Mapping[str, Select[tuple[object, ...]]] | None = None
) -> list[Moved]:
    """Put every row of `source` into `target`, a transaction that writes, and read it there again.

    `instead`: what is read of some tables, by name, in place of all their rows (lanes_folded).
    Raises LedgerError when what is there is not what was read: let none of it stay then.
    """
    made = []
    aside = _put_aside(target) if is_server(target) else []
    for table in tables():
        _walls(target, table, "DISABLE")
        if table.name in _LAST:
            target.execute(delete(table))
        read = _Reading(table, (instead or {}).get(table.name))
        (_write_server if is_server(target) else _write_file)(target, table, read.rows(source))
        there = _Reading(table)
        for _ in there.rows(target):
            pass
        if there.done() != read.done():
            raise LedgerError(
                f"ledger: {table.name}: {there.count} rows are not the {read.count} that were read: nothing was moved"
            )
        _go_on_counting(target, table)
        _walls(target, table, "ENABLE")
        made.append(read.done())
    for statement in aside:
        target.exec_driver_sql(statement)
    if is_server(target):
        numbers.go_on(target)
        target.exec_driver_sql("ANALYZE")  # plans of the first queries, which come before autovacuum does
    return made


def _put_aside(connection: Connection) -> list[str]:
    """Take indexes and references of a server's tables away. Returns the statements that make them again."""
    again = []
    for table, name, words in connection.exec_driver_sql(_REFERENCES).all():
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        again.append(f"ALTER TABLE {table} ADD CONSTRAINT {name} {words}")
    for name, words in connection.exec_driver_sql(_INDEXES).all():
        connection.exec_driver_sql(f"DROP INDEX {name}")
        again.insert(0, words)
    return [_SORTING, *again]


_AS_TEXT = json.JSONEncoder(default=bytes.hex)


class _Reading:
    """Rows of a table in the order of its keys, counted and hashed as they pass."""

    def __init__(self, table: Table, instead: Select[tuple[object, ...]] | None = None) -> None:
        """`instead`: the rows to read in place of all."""
        self._table, self._digest, self.count = table, hashlib.sha256(), 0
        self._query = select(table).order_by(*table.primary_key.columns) if instead is None else instead

    def rows(self, connection: Connection) -> Iterator[tuple[Any, ...]]:
        """All of them."""
        at_once = _LARGE_AT_ONCE if _LARGE & set(self._table.columns.keys()) else _AT_ONCE
        for part in connection.execute(self._query.execution_options(yield_per=at_once)).partitions():
            rows = list(map(tuple, part))
            self.count += len(rows)
            self._digest.update(_AS_TEXT.encode(rows).encode())
            yield from rows

    def done(self) -> Moved:
        """What passed."""
        return Moved(self._table.name, self.count, self._digest.hexdigest())


def _write_server(connection: Connection, table: Table, rows: Iterator[tuple[Any, ...]]) -> None:
    copy_rows(connection, table, [column.name for column in table.columns], rows)


def _write_file(connection: Connection, table: Table, rows: Iterator[tuple[Any, ...]]) -> None:
    names = [column.name for column in table.columns]
    part: list[dict[str, Any]] = []
    for row in rows:
        part.append(dict(zip(names, row, strict=True)))
        if len(part) >= _AT_ONCE:
            connection.execute(insert(table), part)
            part = []
    if part:
        connection.execute(insert(table), part)


def _walls(connection: Connection, table: Table, act: str) -> None:
    """The triggers of a table. A file's have nothing against new rows."""
    if is_server(connection):
        connection.exec_driver_sql(f"ALTER TABLE {table.name} {act} TRIGGER USER")


def _go_on_counting(connection: Connection, table: Table) -> None:
    """The next number is beyond all that came."""
    if not is_server(connection):
        return
    (key, *others) = table.primary_key.columns
    sequence = f"pg_get_serial_sequence('{table.name}', '{key.name}')"
    if not others and connection.exec_driver_sql(f"SELECT {sequence}").scalar() is not None:
        last = connection.execute(select(func.max(key))).scalar()
        if last is not None:
            connection.exec_driver_sql(f"SELECT setval({sequence}, {int(last)})")
