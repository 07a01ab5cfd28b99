"""The tables of hardware witnesses, and the step that makes them (migrations.STEPS). Their secrets are not here."""

from sqlalchemy import Column, Connection, Float, Table, Text

from wachhund.ledger.schema import metadata

witnesses = Table(
    "witnesses",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("robot", Text, nullable=False),
    Column("ueid", Text, nullable=False),
    Column("board", Text, nullable=False),
    Column("made_t", Float, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("ended_t", Float),
    Column("ended_by", Text),
    Column("why", Text),
)

witness_stands = Table(
    "witness_stands",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("body", Text, nullable=False),  # ledger.witness_records.Stand, JSON
)


def hardware_witnesses(connection: Connection) -> None:
    """Who watches which robot from outside, and what each last said. The statements themselves are in the evidence."""
    connection.exec_driver_sql(
        """CREATE TABLE witnesses (kid TEXT PRIMARY KEY, robot TEXT NOT NULL, ueid TEXT NOT NULL UNIQUE,
            board TEXT NOT NULL, made_t REAL NOT NULL, made_by TEXT NOT NULL, ended_t REAL, ended_by TEXT, why TEXT)
            WITHOUT ROWID"""
    )
    connection.exec_driver_sql("CREATE INDEX witnesses_by_robot ON witnesses (robot, made_t)")
    connection.exec_driver_sql("CREATE TABLE witness_stands (kid TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID")
