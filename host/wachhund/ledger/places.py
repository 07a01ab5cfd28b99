"""Rows by their keys: many in one query, for a batch of a fleet's tokens must not cost a query a robot."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Integer, RowMapping, Table, select, text

from wachhund.ledger import erased
from wachhund.ledger.dialects import is_server
from wachhund.ledger.schema import tokens


def rows_at(
    connection: Connection, table: Table, keys: Sequence[str], places: Iterable[Sequence[Any]]
) -> Sequence[RowMapping]:
    """The rows of `table` whose `keys` (columns of an index, in its order) equal one of `places`."""
    listed = [list(place) for place in places]
    if is_server(connection):
        return _rows_at_server(connection, table, keys, listed)
    same = " AND ".join(f"found.{key} = json_extract(wanted.value, '$[{at}]')" for at, key in enumerate(keys))
    # CROSS JOIN keeps SQLite's order: through the few that are wanted, and not through the table. The names are ours.
    query = f"SELECT found.* FROM json_each(:places) AS wanted CROSS JOIN {table.name} AS found ON {same}"  # noqa: S608
    return connection.execute(text(query), {"places": json.dumps(listed)}).mappings().all()


def _rows_at_server(
    connection: Connection, table: Table, keys: Sequence[str], listed: Sequence[Sequence[Any]]
) -> Sequence[RowMapping]:
    kinds = {key: "bigint" if isinstance(table.c[key].type, Integer) else "text" for key in keys}
    each = ", ".join(f"CAST(:{key} AS {kind}[])" for key, kind in kinds.items())
    same = " AND ".join(f"{table.name}.{key} = wanted.{key}" for key in keys)
    # OFFSET 0: each of the few that are wanted is looked up by the index. A join reads a table of some 10,000 rows whole.
    found = f"SELECT * FROM {table.name} WHERE {same} OFFSET 0"  # noqa: S608
    query = f"SELECT found.* FROM unnest({each}) AS wanted({', '.join(keys)}) CROSS JOIN LATERAL ({found}) AS found"  # noqa: S608
    columns = {key: [place[at] for place in listed] for at, key in enumerate(keys)}
    return connection.execute(text(query), columns).mappings().all()


def hash_at(connection: Connection, robot: str, chain: str, seq: int) -> str | None:
    """The hash of the token with that number, also of one whose text was erased; None when it is not held."""
    mine = (tokens.c.robot == robot) & (tokens.c.chain == chain) & (tokens.c.seq == seq)
    held: str | None = connection.execute(select(tokens.c.hash).where(mine)).scalar()
    if held is not None:
        return held
    run = erased.run_at(connection, robot, chain, seq)
    return None if run is None else run.hash_at(seq)
