"""The numbers of tokens and observations: each is greater than all that were given before it, and none is given twice.

In a file the only writer counts on from the greatest that is there, or was before it was erased. On a server several
write side by side, each another lane, and sequences give the numbers: within a lane they grow in the order of commit.
"""

from sqlalchemy import Connection, func, select

from wachhund.ledger.dialects import is_server
from wachhund.ledger.keeping_schema import used_ids
from wachhund.ledger.labels_schema import fleet_changes
from wachhund.ledger.schema import observations, tokens


def give(connection: Connection, of_tokens: int, of_observations: int) -> tuple[list[int], list[int]]:
    """So many new numbers of each, in their order. The caller may write."""
    if is_server(connection):
        return _next(connection, "token_numbers", of_tokens), _next(connection, "observation_numbers", of_observations)
    token, observation = _greatest(connection)
    return (
        list(range(token + 1, token + 1 + of_tokens)),
        list(range(observation + 1, observation + 1 + of_observations)),
    )


def go_on(connection: Connection) -> None:
    """Have a server go on behind what its tables hold now, which another database may have given numbers to."""
    for sequence, last in zip(("token_numbers", "observation_numbers"), _greatest(connection), strict=True):
        connection.exec_driver_sql(f"SELECT setval('{sequence}', {max(1, last)}, {'true' if last else 'false'})")
    # Another database's count of changes: a transaction's number may be less, and would not be seen.
    connection.execute(fleet_changes.update().values(number=0))


def _next(connection: Connection, sequence: str, count: int) -> list[int]:
    if not count:
        return []
    next_ones = select(func.nextval(sequence)).select_from(func.generate_series(1, count))
    return sorted(connection.execute(next_ones).scalars())


def _greatest(connection: Connection) -> tuple[int, int]:
    used = connection.execute(select(used_ids.c.token, used_ids.c.observation)).one_or_none() or (0, 0)
    return (
        max(connection.execute(select(func.max(tokens.c.id))).scalar() or 0, used[0]),
        max(connection.execute(select(func.max(observations.c.id))).scalar() or 0, used[1]),
    )
