"""The tables of people, what they may do, how they come in, and what they did; and the step that makes them.

`acts` is append-only and each row carries the hash of the one before it: triggers refuse updates and deletes, and a row
that was changed past them shows. `operators` and `web_sessions` were there before (schema).
"""

from sqlalchemy import Column, Connection, Float, Table, Text

from wachhund.ledger.schema import Whole, metadata

acts = Table(
    "acts",
    metadata,
    Column("number", Whole, primary_key=True),
    Column("t", Float, nullable=False),
    Column("who", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("robot", Text, nullable=False),  # its id; empty: of no robot, or of several
    Column("why", Text, nullable=False),
    Column("detail", Text, nullable=False),  # JSON object
    Column("prev", Text, nullable=False),
    Column("hash", Text, nullable=False),
)
grants = Table(
    "grants",
    metadata,
    Column("person", Text, primary_key=True),
    Column("team", Text, primary_key=True),  # a group of robots
    Column("role", Text, nullable=False),
)
robot_groups = Table(
    "robot_groups",
    metadata,
    Column("name", Text, primary_key=True),
    Column("patterns", Text, nullable=False),  # JSON list of names, * for any characters
)
person_links = Table(
    "person_links",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("person", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("expires_t", Float, nullable=False),
)


def people(connection: Connection) -> None:
    """Roles for groups of robots, one-time links, what a login is known by, and the log of people's acts."""
    for statement in (
        "ALTER TABLE operators ADD COLUMN disabled_t REAL",
        """CREATE TABLE grants (person TEXT NOT NULL REFERENCES operators (name), team TEXT NOT NULL,
            role TEXT NOT NULL, PRIMARY KEY (person, team)) WITHOUT ROWID""",
        "CREATE TABLE robot_groups (name TEXT PRIMARY KEY, patterns TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE person_links (token_hash TEXT PRIMARY KEY, person TEXT NOT NULL, purpose TEXT NOT NULL,
            made_by TEXT NOT NULL, expires_t REAL NOT NULL) WITHOUT ROWID""",
        "ALTER TABLE web_sessions ADD COLUMN made_t REAL NOT NULL DEFAULT 0",
        "ALTER TABLE web_sessions ADD COLUMN way TEXT NOT NULL DEFAULT 'password'",
        "ALTER TABLE web_sessions ADD COLUMN address TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE web_sessions ADD COLUMN program TEXT NOT NULL DEFAULT ''",
        """CREATE TABLE acts (number INTEGER PRIMARY KEY, t REAL NOT NULL, who TEXT NOT NULL, act TEXT NOT NULL,
            subject TEXT NOT NULL, robot TEXT NOT NULL, why TEXT NOT NULL, detail TEXT NOT NULL, prev TEXT NOT NULL,
            hash TEXT NOT NULL)""",
        "CREATE INDEX acts_by_time ON acts (t)",
        "INSERT INTO grants SELECT name, 'all', 'admin' FROM operators",  # until now whoever could log in could do all
    ):
        connection.exec_driver_sql(statement)
    for change in ("UPDATE", "DELETE"):
        connection.exec_driver_sql(
            f"CREATE TRIGGER acts_no_{change.lower()} BEFORE {change} ON acts "
            "BEGIN SELECT RAISE(ABORT, 'what people did stays on record'); END"
        )
