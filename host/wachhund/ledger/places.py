"""Rows by their keys: many in one query, for a batch of a fleet's tokens must not cost a query a robot."""

import contextlib
import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Integer, Table, select, text

from wachhund.ledger import erased
from wachhund.ledger.dialects import is_server
from wachhund.ledger.schema import tokens

Row = Mapping[Any, Any]
Wanted = tuple[Table, Sequence[str], Iterable[Sequence[Any]]]


def rows_at(
    connection: Connection, table: Table, keys: Sequence[str], places: Iterable[Sequence[Any]]
) -> Sequence[Row]:
    """The rows of `table` whose `keys` (columns of an index, in its order) equal one of `places`."""
    return rows_at_each(connection, [(table, keys, places)])[0]


def rows_at_each(connection: Connection, wanted: Sequence[Wanted]) -> list[Sequence[Row]]:
    """The same of several tables, asked of a server in one go."""
    if is_server(connection):
        return _of_server(connection, wanted)
    return [_of_file(connection, *one) for one in wanted]


def _of_file(
    connection: Connection, table: Table, keys: Sequence[str], places: Iterable[Sequence[Any]]
) -> Sequence[Row]:
    listed = [list(place) for place in places]
    same = " AND ".join(f"found.{key} = json_extract(wanted.value, '$[{at}]')" for at, key in enumerate(keys))
    # CROSS JOIN keeps SQLite's order: through the few that are wanted, and not through the table. The names are ours.
    query = f"SELECT found.* FROM json_each(:places) AS wanted CROSS JOIN {table.name} AS found ON {same}"  # noqa: S608
    return connection.execute(text(query), {"places": json.dumps(listed)}).mappings().all()


def _of_server(connection: Connection, wanted: Sequence[Wanted]) -> list[Sequence[Row]]:
    raw: Any = connection.connection.driver_connection
    asked = []
    with contextlib.ExitStack() as open_, raw.pipeline():
        for table, keys, places in wanted:
            listed = list(places)
            cursor = open_.enter_context(raw.cursor())
            columns = {key: [place[at] for place in listed] for at, key in enumerate(keys)}
            cursor.execute(_words(table, tuple(keys)), columns, prepare=True)
            asked.append((table.columns.keys(), cursor))
        return [[dict(zip(names, row, strict=True)) for row in cursor] for names, cursor in asked]


@functools.cache
def _words(table: Table, keys: tuple[str, ...]) -> str:
    kinds = {key: "bigint" if isinstance(table.c[key].type, Integer) else "text" for key in keys}
    each = ", ".join(f"%({key})b::{kind}[]" for key, kind in kinds.items())
    same = " AND ".join(f"{table.name}.{key} = wanted.{key}" for key in keys)
    columns = ", ".join(f"{column}" for column in table.columns)
    # OFFSET 0: each that is wanted is looked up by the index. A join reads a table of some 10,000 rows whole.
    found = f"SELECT {columns} FROM {table.name} WHERE {same} OFFSET 0"  # noqa: S608
    return f"SELECT found.* FROM unnest({each}) AS wanted({', '.join(keys)}) CROSS JOIN LATERAL ({found}) AS found"  # noqa: S608


def hash_at(connection: Connection, robot: str, chain: str, seq: int) -> str | None:
    """The hash of the token with that number, also of one whose text was erased; None when it is not held."""
    mine = (tokens.c.robot == robot) & (tokens.c.chain == chain) & (tokens.c.seq == seq)
    held: str | None = connection.execute(select(tokens.c.hash).where(mine)).scalar()
    if held is not None:
        return held
    run = erased.run_at(connection, robot, chain, seq)
    return None if run is None else run.hash_at(seq)
