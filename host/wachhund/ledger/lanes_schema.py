"""The tables of lanes, and the step that makes them in a file (migrations.STEPS), where they stay empty."""

from sqlalchemy import Column, Connection, Float, Integer, Table, Text

from wachhund.ledger.schema import metadata

# A share of the robots of a fleet on several machines, and which worker holds it. `epoch`: how often it was taken.
lanes = Table(
    "lanes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("owner", Text, nullable=False),
    Column("until_t", Float, nullable=False),  # by the server's clock
)

workers = Table(
    "workers", metadata, Column("id", Text, primary_key=True), Column("seen_t", Float, nullable=False)
)  # fmt: skip


def lanes_of_robots(connection: Connection) -> None:
    """Each robot's lane; 0 on one machine."""
    for statement in (
        "ALTER TABLE robots ADD COLUMN lane INTEGER NOT NULL DEFAULT 0",
        "CREATE TABLE lanes (number INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, owner TEXT NOT NULL, "
        "until_t REAL NOT NULL)",
        "CREATE TABLE workers (id TEXT PRIMARY KEY, seen_t REAL NOT NULL) WITHOUT ROWID",
    ):
        connection.exec_driver_sql(statement)
