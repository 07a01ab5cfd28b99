"""The steps from an empty database on a server to today's ledger: as migrations, of its own words.

No ledger lay on a server before `ground_floor`: it makes at once what the file came to in many steps. A later step of
one has its sister in the other; a test holds tables and columns of both against each other.
"""

from collections.abc import Callable
from importlib import resources
from typing import Any

from sqlalchemy import Connection

_OURS = "Wachhund: ledger"  # the comment on `migrations`: a database of somebody else's is not ours to migrate


def ground_floor(connection: Connection) -> None:
    """All tables, and the walls around what stays."""
    raw: Any = connection.connection.driver_connection
    for name in ("server_tables.sql", "server_walls.sql"):
        raw.execute(resources.files("wachhund.ledger").joinpath(name).read_text("utf-8"), prepare=False)


def reports(connection: Connection) -> None:
    """Sister of reports_schema.reports."""
    for statement in (
        """CREATE TABLE reports (id TEXT COLLATE "C" PRIMARY KEY, robot TEXT COLLATE "C" NOT NULL,
            from_t DOUBLE PRECISION NOT NULL, to_t DOUBLE PRECISION NOT NULL, made_t DOUBLE PRECISION NOT NULL,
            by_whom TEXT COLLATE "C" NOT NULL, kid TEXT COLLATE "C" NOT NULL, sha256 TEXT COLLATE "C" NOT NULL,
            outcome TEXT COLLATE "C" NOT NULL, worst TEXT COLLATE "C", sealed BYTEA NOT NULL)""",
        "CREATE INDEX reports_by_time ON reports (made_t, id)",
        "CREATE TRIGGER reports_no_update BEFORE UPDATE ON reports FOR EACH ROW "
        "EXECUTE FUNCTION stays_on_record('a report is not changed after it was issued')",
        "CREATE TRIGGER reports_no_truncate BEFORE TRUNCATE ON reports "
        "EXECUTE FUNCTION stays_on_record('a report is taken away by a person, with a reason')",
    ):
        connection.exec_driver_sql(statement)


def tokens_by_commit(connection: Connection) -> None:
    """A robot's newest, which a file finds by the robot alone: its indexes end with the number of the row."""
    connection.exec_driver_sql("CREATE INDEX tokens_by_commit ON tokens (robot, id)")


STEPS: tuple[Callable[[Connection], None], ...] = (ground_floor, reports, tokens_by_commit)


def is_ours(connection: Connection) -> bool:
    """Whether a ledger of ours was begun here."""
    asked = "SELECT obj_description(to_regclass('migrations'), 'pg_class')"
    return bool(connection.exec_driver_sql(asked).scalar() == _OURS)


def holds_tables(connection: Connection) -> bool:
    """Whether there is any table where ours would be."""
    asked = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"
    return bool(connection.exec_driver_sql(asked).scalar())


def prepare(connection: Connection) -> None:
    """Make the record of steps, and the mark by which we know it again."""
    connection.exec_driver_sql(
        'CREATE TABLE migrations (name TEXT COLLATE "C" PRIMARY KEY, applied_t DOUBLE PRECISION NOT NULL)'
    )
    connection.exec_driver_sql(f"COMMENT ON TABLE migrations IS '{_OURS}'")
