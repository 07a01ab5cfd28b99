"""Where robots stand and what people call them by, and which robots changed last; with the step that makes both.

`fleet_changes` is written by triggers, so that every process which writes the ledger is heard: it holds one row a
robot with a number that only grows. A page that shows all robots asks for the rows beyond the number that it knows.
"""

from sqlalchemy import Column, Connection, Float, Table, Text

from wachhund.ledger.schema import Whole, metadata

robot_labels = Table(
    "robot_labels",
    metadata,
    Column("robot", Text, primary_key=True),
    Column("kind", Text, primary_key=True),  # site or tag
    Column("value", Text, primary_key=True),
    Column("t", Float, nullable=False),
    Column("by_whom", Text, nullable=False),
)

fleet_changes = Table(
    "fleet_changes",
    metadata,
    Column("robot", Text, primary_key=True),
    Column("number", Whole, nullable=False),
)

# Of these tables any change of a row is a change of its robot. `newest` is not among them: it changes with each token,
# and is read as a whole in a few milliseconds.
_WATCHED = {
    "robots": "id", "sessions": "robot", "incidents": "robot", "faults": "robot", "acknowledgements": "robot",
    "links": "robot", "robot_labels": "robot",
}  # fmt: skip
# WHERE true: without it SQLite takes ON CONFLICT for a join's ON.
_TRIGGER = """CREATE TRIGGER {table}_{name}_changes_the_fleet AFTER {act} ON {table} WHEN {robot} IS NOT NULL BEGIN
    INSERT INTO fleet_changes SELECT {robot}, coalesce((SELECT max(number) FROM fleet_changes), 0) + 1 WHERE true
    ON CONFLICT (robot) DO UPDATE SET number = excluded.number; END"""
# What a person decides of an incident changes its robot.
_LIVES_TRIGGER = """CREATE TRIGGER incident_lives_{act}_changes_the_fleet AFTER {act} ON incident_lives
    WHEN EXISTS (SELECT 1 FROM incidents WHERE id = NEW.incident AND robot IS NOT NULL) BEGIN
    INSERT INTO fleet_changes SELECT (SELECT robot FROM incidents WHERE id = NEW.incident),
        coalesce((SELECT max(number) FROM fleet_changes), 0) + 1 WHERE true
    ON CONFLICT (robot) DO UPDATE SET number = excluded.number; END"""


def labels(connection: Connection) -> None:
    """Sites and tags of robots, and the numbers of the robots that changed."""
    for statement in (
        """CREATE TABLE robot_labels (robot TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('site', 'tag')),
            value TEXT NOT NULL, t REAL NOT NULL, by_whom TEXT NOT NULL, PRIMARY KEY (robot, kind, value))
            WITHOUT ROWID""",
        "CREATE UNIQUE INDEX robot_labels_one_site ON robot_labels (robot) WHERE kind = 'site'",
        "CREATE TABLE fleet_changes (robot TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE INDEX fleet_changes_by_number ON fleet_changes (number)",
        "CREATE INDEX fleet_open_sessions ON sessions (robot) WHERE last_t IS NULL",
        "CREATE INDEX fleet_open_incidents ON incidents (robot) WHERE state IN ('open', 'acknowledged')",
        # Robots that are there already count as changed once.
        "INSERT INTO fleet_changes SELECT id, row_number() OVER (ORDER BY id) FROM robots",
    ):
        connection.exec_driver_sql(statement)
    for table, column in _WATCHED.items():
        for act, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            connection.exec_driver_sql(_TRIGGER.format(table=table, act=act, name=act.lower(), robot=f"{row}.{column}"))
    for act in ("insert", "update"):
        connection.exec_driver_sql(_LIVES_TRIGGER.format(act=act))
