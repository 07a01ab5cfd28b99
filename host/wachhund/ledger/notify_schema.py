"""The tables of who is told what, and the step that makes them (migrations.STEPS).

A message's text stands here until it has arrived or is given up; then only that it was sent, to whom and when.
"""

from sqlalchemy import Boolean, Column, Connection, Float, LargeBinary, Table, Text

from wachhund.ledger.schema import Whole, metadata

targets = Table(
    "notify_targets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("shown", Text, nullable=False),  # the address without its secrets
    Column("sealed", LargeBinary, nullable=False),  # the address, encrypted (notify.sealing)
    Column("allowed", Text, nullable=False),  # addresses of ours that it may reach, JSON
    Column("drills", Boolean, nullable=False),
    Column("made_t", Float, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("tested_t", Float),
    Column("tested_ok", Boolean),
    Column("tested_words", Text),
    Column("last_t", Float),
    Column("last_ok", Boolean),
    Column("last_words", Text),
    Column("failures", Whole, nullable=False),  # in a row
    Column("retry_t", Float, nullable=False),
    Column("drilled_t", Float, nullable=False),  # of the last DRILL that was written for it
)

routes = Table(
    "notify_routes",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("target", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("robots", Text),  # patterns of names, JSON; NULL for all
    Column("hours", Text),  # JSON; NULL for always
    Column("after_s", Float, nullable=False),
    Column("made_t", Float, nullable=False),
    Column("made_by", Text, nullable=False),
)

noted = Table(
    "notify_noted",
    metadata,
    Column("incident", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("last_t", Float, nullable=False),
)

watched = Table(
    "notify_watched",
    metadata,
    Column("incident", Text, primary_key=True),
    Column("route", Whole, primary_key=True),
    Column("due_t", Float),
    Column("why", Text, nullable=False),
    Column("held", Text),
    Column("told_t", Float),
    Column("told_level", Text),
    Column("told_marks", Text),
)

messages = Table(
    "notify_messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("target", Text, nullable=False),
    Column("target_name", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text),  # JSON; NULL once it has ended
    Column("made_t", Float, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Whole, nullable=False),
    Column("last_t", Float),
    Column("words", Text),
    Column("ended_t", Float),
)

about = Table(
    "notify_about",
    metadata,
    Column("message", Text, primary_key=True),
    Column("incident", Text, primary_key=True),
)

drilled = Table(
    "notify_drilled",
    metadata,
    Column("robot", Text, primary_key=True),
    Column("incident", Text, nullable=False),
    Column("t", Float, nullable=False),
    Column("missed_t", Float),  # when somebody was told that the next one had not come
)

said = Table("notify_said", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))


def notifications(connection: Connection) -> None:
    """Targets, routes and the queue. Of incidents that stand already nobody is told afterwards."""
    # Columns of a key come first, in its order: SQLite's quick_check takes another order for damage (3.40).
    for statement in (
        """CREATE TABLE notify_targets (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
            shown TEXT NOT NULL, sealed BLOB NOT NULL, allowed TEXT NOT NULL, drills INTEGER NOT NULL,
            made_t REAL NOT NULL, made_by TEXT NOT NULL, tested_t REAL, tested_ok INTEGER, tested_words TEXT,
            last_t REAL, last_ok INTEGER, last_words TEXT, failures INTEGER NOT NULL DEFAULT 0,
            retry_t REAL NOT NULL DEFAULT 0, drilled_t REAL NOT NULL DEFAULT 0) WITHOUT ROWID""",
        """CREATE TABLE notify_routes (id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, level TEXT NOT NULL,
            robots TEXT, hours TEXT, after_s REAL NOT NULL, made_t REAL NOT NULL, made_by TEXT NOT NULL)""",
        """CREATE TABLE notify_noted (incident TEXT PRIMARY KEY, state TEXT NOT NULL, level TEXT NOT NULL,
            last_t REAL NOT NULL) WITHOUT ROWID""",
        """CREATE TABLE notify_watched (incident TEXT NOT NULL, route INTEGER NOT NULL, due_t REAL, why TEXT NOT NULL,
            held TEXT, told_t REAL, told_level TEXT, told_marks TEXT, PRIMARY KEY (incident, route)) WITHOUT ROWID""",
        "CREATE INDEX notify_watched_due ON notify_watched (due_t) WHERE due_t IS NOT NULL",
        """CREATE TABLE notify_messages (id TEXT PRIMARY KEY, target TEXT NOT NULL, target_name TEXT NOT NULL,
            what TEXT NOT NULL, title TEXT NOT NULL, body TEXT, made_t REAL NOT NULL, state TEXT NOT NULL,
            attempts INTEGER NOT NULL, last_t REAL, words TEXT, ended_t REAL) WITHOUT ROWID""",
        "CREATE INDEX notify_messages_of ON notify_messages (target, state, made_t)",
        """CREATE TABLE notify_about (incident TEXT NOT NULL, message TEXT NOT NULL,
            PRIMARY KEY (incident, message)) WITHOUT ROWID""",
        """CREATE TABLE notify_drilled (robot TEXT PRIMARY KEY, incident TEXT NOT NULL, t REAL NOT NULL,
            missed_t REAL) WITHOUT ROWID""",
        "CREATE TABLE notify_said (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        "INSERT INTO notify_noted (incident, state, level, last_t) SELECT id, state, level, last_t FROM incidents",
    ):
        connection.exec_driver_sql(statement)
