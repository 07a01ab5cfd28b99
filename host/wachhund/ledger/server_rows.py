"""Many rows in few messages: what a file takes row by row for nothing costs a server a message and a plan each.

Many new rows go to a server by COPY; few, and those that may stand in the place of others, as one INSERT of arrays for
each table, sent one behind the other without waiting in between.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Float, Integer, Table, Text, insert, select, text

from wachhund.ledger.dialects import Upsert, is_server, upsert

Row = Mapping[str, Any]
Part = tuple[Table | Upsert, Sequence[Row]]
_COPIED = 64  # so many new rows and more go by COPY: it needs a round trip more, and costs each row a third

_KINDS = ((Boolean, "boolean"), (Integer, "bigint"), (Float, "double precision"), (Text, "text"))


def write(connection: Connection, parts: Iterable[Part]) -> None:
    """Put rows into tables, in this order, each part's with the same columns. An Upsert: they may stand in the place of
    others, also of one part's; it is made once, for what is made of it is kept."""
    wanted = [(what, rows) for what, rows in parts if rows]
    if not is_server(connection):
        for what, rows in wanted:
            connection.execute(insert(what) if isinstance(what, Table) else what, rows)
        return
    raw: Any = connection.connection.driver_connection
    waiting: list[tuple[str, dict[str, list[Any]]]] = []
    for what, rows in wanted:
        if isinstance(what, Table) and len(rows) >= _COPIED:
            _send(raw, waiting)
            waiting = []
            names = list(rows[0])
            copy_rows(connection, what, names, (tuple(row[name] for name in names) for row in rows))
        else:
            waiting += _statements(connection, what, rows)
    _send(raw, waiting)


def copy_rows(connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Put new rows of these columns into a table of a server."""
    raw: Any = connection.connection.driver_connection
    with raw.cursor() as cursor, cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copying:
        for row in rows:
            copying.write_row(row)


def _send(raw: Any, statements: Sequence[tuple[str, dict[str, list[Any]]]]) -> None:
    if not statements:
        return
    with raw.pipeline(), raw.cursor() as cursor:
        for words, given in statements:
            cursor.execute(words, given, prepare=True)


def _statements(
    connection: Connection, what: Table | Upsert, rows: Sequence[Row]
) -> list[tuple[str, dict[str, list[Any]]]]:
    table = what if isinstance(what, Table) else what.table
    names = tuple(rows[0])
    words = _words(what, names, connection.dialect)
    parts = [rows] if isinstance(what, Table) else _rounds(rows, [column.name for column in table.primary_key.columns])
    return [(words, {name: [_as_kind(table.c[name], row[name]) for row in part] for name in names}) for part in parts]


def _rounds(rows: Sequence[Row], keys: Sequence[str]) -> list[list[Row]]:
    """The same rows, no two of one key in one part: a statement changes a row once."""
    parts: list[list[Row]] = []
    seen: dict[tuple[Any, ...], int] = {}
    for row in rows:
        key = tuple(row[name] for name in keys)
        place = seen[key] = seen.get(key, -1) + 1
        if place == len(parts):
            parts.append([])
        parts[place].append(row)
    return parts


@functools.cache
def _words(what: Table | Upsert, names: tuple[str, ...], dialect: Any) -> str:
    statement = upsert(what) if isinstance(what, Table) else what
    each = ", ".join(f"%({name})b::{_kind(statement.table.c[name])}[]" for name in names)
    given = select(text("*")).select_from(text(f"unnest({each})".replace(":", "\\:")))
    made = statement.from_select(list(names), given, include_defaults=False)
    compiled = made.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    return str(compiled).replace("%%(", "%(")


def _kind(column: Column[Any]) -> str:
    return next(word for kind, word in _KINDS if isinstance(column.type, kind))


def _as_kind(column: Column[Any], value: Any) -> Any:
    """A robot's number may be whole where a column's is not: a list has one kind of them."""
    return float(value) if isinstance(column.type, Float) and value is not None else value
