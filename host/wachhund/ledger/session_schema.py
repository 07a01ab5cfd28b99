"""The step that gives sessions their keys and indexes (migrations.STEPS), and when authorisations were used."""

import json

from sqlalchemy import Column, Connection, Float, Table, Text, select, update

from wachhund.ledger.schema import metadata, sessions
from wachhund.ledger.session_keys import UNKNOWN, keys_of

# From when to when sessions were covered by an authorisation: it outlives them, also when they are forgotten.
authorisation_uses = Table(
    "authorisation_uses",
    metadata,
    Column("authorisation", Text, primary_key=True, nullable=False),
    Column("first_t", Float, nullable=False),
    Column("last_t", Float, nullable=False),
)

_AT_ONCE = 2_000
# All that a page counts, groups and filters by stands in the index: only the rows that it shows are read.
_KEYS = "robot, surface, carrier, outside, user_name"
_FILLED = ("carrier", "outside", "user_name", "verdict", "authorisation", "length_class")  # later steps add others


def session_keys(connection: Connection) -> None:
    """Keys of sessions, filled from their text. Open ones and ended ones have an index each."""
    for statement in (
        "ALTER TABLE sessions ADD COLUMN carrier TEXT NOT NULL DEFAULT 'unknown'",
        "ALTER TABLE sessions ADD COLUMN outside TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE sessions ADD COLUMN user_name TEXT NOT NULL DEFAULT ''",
        f"ALTER TABLE sessions ADD COLUMN verdict INTEGER NOT NULL DEFAULT {UNKNOWN}",
        "ALTER TABLE sessions ADD COLUMN authorisation TEXT",
        "ALTER TABLE sessions ADD COLUMN length_class INTEGER",
        """CREATE TABLE authorisation_uses (authorisation TEXT PRIMARY KEY, first_t REAL NOT NULL,
            last_t REAL NOT NULL) WITHOUT ROWID""",
    ):
        connection.exec_driver_sql(statement)
    _fill(connection)
    connection.exec_driver_sql(
        """INSERT INTO authorisation_uses SELECT authorisation, min(first_t), max(coalesce(last_t, first_t))
            FROM sessions WHERE authorisation IS NOT NULL GROUP BY authorisation"""
    )
    for statement in (
        f"CREATE INDEX sessions_open ON sessions (verdict, first_t DESC, id, {_KEYS}, last_t) WHERE last_t IS NULL",
        f"CREATE INDEX sessions_ended ON sessions (length_class, first_t, last_t, verdict, id, {_KEYS}) "
        "WHERE last_t IS NOT NULL",
        "CREATE INDEX sessions_by_authorisation ON sessions (authorisation, last_t) WHERE authorisation IS NOT NULL",
    ):
        connection.exec_driver_sql(statement)


def _fill(connection: Connection) -> None:
    last = ""
    while True:
        query = select(sessions.c.id, sessions.c.body).where(sessions.c.id > last).order_by(sessions.c.id)
        rows = connection.execute(query.limit(_AT_ONCE)).all()
        if not rows:
            return
        for row in rows:
            keys = keys_of(json.loads(row.body))
            mine = {name: keys[name] for name in _FILLED}
            connection.execute(update(sessions).where(sessions.c.id == row.id).values(**mine))
        last = rows[-1].id
