"""The steps from an empty database on a server to today's ledger: as migrations, of its own words.

No ledger lay on a server before `ground_floor`: it makes at once what the file came to in many steps. A later step of
one has its sister in the other; a test holds tables and columns of both against each other.
"""

from collections.abc import Callable
from importlib import resources
from typing import Any

from sqlalchemy import Connection

from wachhund.ledger import campaign_schema, numbers

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


def lanes_of_robots(connection: Connection) -> None:
    """Sister of lanes_schema.lanes_of_robots. Rows of several lanes are written side by side here: numbers come from
    sequences, and a change of the fleet is known by its transaction (fleet_look)."""
    for statement in (
        "ALTER TABLE robots ADD COLUMN lane BIGINT NOT NULL DEFAULT 0",
        'CREATE TABLE lanes (number BIGINT PRIMARY KEY, epoch BIGINT NOT NULL, owner TEXT COLLATE "C" NOT NULL, '
        "until_t DOUBLE PRECISION NOT NULL)",
        'CREATE TABLE workers (id TEXT COLLATE "C" PRIMARY KEY, seen_t DOUBLE PRECISION NOT NULL)',
        "ALTER TABLE judgements DROP CONSTRAINT judgements_id_check",
        "CREATE SEQUENCE token_numbers OWNED BY tokens.id",
        "CREATE SEQUENCE observation_numbers OWNED BY observations.id",
        "CREATE OR REPLACE FUNCTION note_change(of_robot text) RETURNS void LANGUAGE sql AS $$ "
        "INSERT INTO fleet_changes SELECT of_robot, pg_current_xact_id()::text::bigint "
        "ON CONFLICT (robot) DO UPDATE SET number = excluded.number $$",
    ):
        connection.exec_driver_sql(statement)
    numbers.go_on(connection)


def pages_of_many(connection: Connection) -> None:
    """Sister of pages_schema.pages_of_many."""
    for statement in (
        """CREATE TABLE held_once (kind TEXT COLLATE "C", holder TEXT COLLATE "C", until_t DOUBLE PRECISION NOT NULL,
            body TEXT COLLATE "C" NOT NULL, PRIMARY KEY (kind, holder))""",
        """CREATE TABLE attempts (kind TEXT COLLATE "C", holder TEXT COLLATE "C", times TEXT COLLATE "C" NOT NULL,
            last_t DOUBLE PRECISION NOT NULL, PRIMARY KEY (kind, holder))""",
        """CREATE TABLE hunts (id TEXT COLLATE "C" PRIMARY KEY, started_t DOUBLE PRECISION NOT NULL,
            told_t DOUBLE PRECISION NOT NULL, cancelled BIGINT NOT NULL, body TEXT COLLATE "C" NOT NULL)""",
    ):
        connection.exec_driver_sql(statement)


def fleet_campaigns(connection: Connection) -> None:
    """Sister of campaign_schema.fleet_campaigns."""
    text, real = 'TEXT COLLATE "C" NOT NULL', "DOUBLE PRECISION"
    for statement in (
        f"ALTER TABLE sessions ADD COLUMN who {text} DEFAULT ''",
        'ALTER TABLE sessions ADD COLUMN incident TEXT COLLATE "C"',
        f"""CREATE TABLE campaigns (id TEXT COLLATE "C" PRIMARY KEY, who {text}, place {text}, day BIGINT NOT NULL,
            level {text}, first_t {real} NOT NULL, last_t {real} NOT NULL, robots BIGINT NOT NULL, mark {text},
            body {text})""",
        f"""CREATE TABLE campaign_robots (campaign {text}, robot {text}, first_t {real} NOT NULL, last_t {real},
            sessions BIGINT NOT NULL, incidents {text}, PRIMARY KEY (campaign, robot))""",
        f"CREATE TABLE origin_marks (who {text}, robot {text}, PRIMARY KEY (who, robot))",
    ):
        connection.exec_driver_sql(statement)
    campaign_schema.fill(connection)
    for statement in campaign_schema.INDEXES:
        connection.exec_driver_sql(statement)
    raw: Any = connection.connection.driver_connection
    raw.execute(resources.files("wachhund.ledger").joinpath("server_campaigns.sql").read_text("utf-8"), prepare=False)


def tokens_by_commit(connection: Connection) -> None:
    """A robot's newest, which a file finds by the robot alone: its indexes end with the number of the row."""
    connection.exec_driver_sql("CREATE INDEX tokens_by_commit ON tokens (robot, id)")


STEPS: tuple[Callable[[Connection], None], ...] = (
    ground_floor, reports, lanes_of_robots, pages_of_many, fleet_campaigns, tokens_by_commit,
)  # fmt: skip


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
