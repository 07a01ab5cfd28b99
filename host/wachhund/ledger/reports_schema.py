"""The table of issued reports, and the step that makes it (migrations.STEPS)."""

from sqlalchemy import Column, Connection, Float, LargeBinary, Table, Text

from wachhund.ledger.schema import metadata

report_rows = Table(
    "reports",
    metadata,
    Column("id", Text, primary_key=True),
    Column("robot", Text, nullable=False),
    Column("from_t", Float, nullable=False),
    Column("to_t", Float, nullable=False),
    Column("made_t", Float, nullable=False),
    Column("by_whom", Text, nullable=False),
    Column("kid", Text, nullable=False),  # of the key that signed it
    Column("sha256", Text, nullable=False),  # of the sealed text
    Column("outcome", Text, nullable=False),
    Column("worst", Text),
    Column("sealed", LargeBinary, nullable=False),
)


def reports(connection: Connection) -> None:
    """Reports as they were signed. None is changed after it was issued: a correction is another one."""
    connection.exec_driver_sql(
        """CREATE TABLE reports (id TEXT PRIMARY KEY, robot TEXT NOT NULL, from_t REAL NOT NULL, to_t REAL NOT NULL,
            made_t REAL NOT NULL, by_whom TEXT NOT NULL, kid TEXT NOT NULL, sha256 TEXT NOT NULL, outcome TEXT NOT NULL,
            worst TEXT, sealed BLOB NOT NULL)"""
    )
    connection.exec_driver_sql("CREATE INDEX reports_by_time ON reports (made_t, id)")
    connection.exec_driver_sql(
        "CREATE TRIGGER reports_no_update BEFORE UPDATE ON reports "
        "BEGIN SELECT RAISE(ABORT, 'a report is not changed after it was issued'); END"
    )
