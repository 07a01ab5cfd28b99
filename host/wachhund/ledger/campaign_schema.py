"""The tables of campaigns, the marks that say of whom one has to be looked for, and the step that makes them.

`origin_marks` is written by triggers, as `fleet_changes` is: whatever changes a session that nobody allowed, also its
erasing, leaves the one at its other end to be looked at. By robot too: two that write for different robots at once do
not wait for each other.
"""

import json
import time

from sqlalchemy import Column, Connection, Float, Table, Text, insert, select, update

from wachhund.ledger.notify_schema import said
from wachhund.ledger.schema import Whole, metadata, sessions
from wachhund.ledger.session_keys import ALLOWED, keys_of

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Text, primary_key=True),
    Column("who", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("day", Whole, nullable=False),
    Column("level", Text, nullable=False),
    Column("first_t", Float, nullable=False),
    Column("last_t", Float, nullable=False),
    Column("robots", Whole, nullable=False),
    Column("mark", Text, nullable=False),  # names what somebody is told of it
    Column("body", Text, nullable=False),
)

campaign_robots = Table(
    "campaign_robots",
    metadata,
    Column("campaign", Text, primary_key=True),
    Column("robot", Text, primary_key=True),
    Column("first_t", Float, nullable=False),
    Column("last_t", Float),  # NULL: a session goes on
    Column("sessions", Whole, nullable=False),
    Column("incidents", Text, nullable=False),  # their ids, JSON
)

origin_marks = Table(
    "origin_marks", metadata, Column("who", Text, primary_key=True), Column("robot", Text, primary_key=True)
)  # fmt: skip

SINCE = "campaigns-since"  # under which notify_said holds from when on people are told of campaigns
_AT_ONCE = 2_000
_COUNTS = "{row}.who <> '' AND {row}.verdict < 2"
_DIFFERS = " OR ".join(
    f"OLD.{name} IS NOT NEW.{name}"
    for name in ("who", "verdict", "first_t", "last_t", "incident", "surface", "carrier", "robot")
)
_MARK = "INSERT INTO origin_marks (who, robot) SELECT {row}.who, {row}.robot WHERE {counts} ON CONFLICT DO NOTHING;"


def _mark(row: str) -> str:
    return _MARK.format(row=row, counts=_COUNTS.format(row=row))


# Where a robot stands says whether a local address is the same somebody.
_MOVED = """INSERT INTO origin_marks (who, robot) SELECT DISTINCT who, robot FROM sessions
    WHERE robot = {row}.robot AND who >= 'lan:' AND who < 'lan;' AND verdict < 2 ON CONFLICT DO NOTHING;"""


def fleet_campaigns(connection: Connection) -> None:
    """Who is at the other end of sessions, and campaigns. Of those that lie in the past nobody is told afterwards."""
    for statement in (
        "ALTER TABLE sessions ADD COLUMN who TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE sessions ADD COLUMN incident TEXT",
        """CREATE TABLE campaigns (id TEXT PRIMARY KEY, who TEXT NOT NULL, place TEXT NOT NULL, day INTEGER NOT NULL,
            level TEXT NOT NULL, first_t REAL NOT NULL, last_t REAL NOT NULL, robots INTEGER NOT NULL,
            mark TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID""",
        """CREATE TABLE campaign_robots (campaign TEXT NOT NULL, robot TEXT NOT NULL, first_t REAL NOT NULL,
            last_t REAL, sessions INTEGER NOT NULL, incidents TEXT NOT NULL, PRIMARY KEY (campaign, robot))
            WITHOUT ROWID""",
        "CREATE TABLE origin_marks (who TEXT NOT NULL, robot TEXT NOT NULL, PRIMARY KEY (who, robot)) WITHOUT ROWID",
    ):
        connection.exec_driver_sql(statement)
    fill(connection)
    for statement in INDEXES:
        connection.exec_driver_sql(statement)
    for statement in (
        f"""CREATE TRIGGER sessions_insert_marks_an_origin AFTER INSERT ON sessions WHEN {_COUNTS.format(row="NEW")}
            BEGIN {_mark("NEW")} END""",
        f"""CREATE TRIGGER sessions_update_marks_an_origin AFTER UPDATE ON sessions
            WHEN (OLD.verdict < 2 OR NEW.verdict < 2) AND ({_DIFFERS}) BEGIN {_mark("OLD")} {_mark("NEW")} END""",
        f"""CREATE TRIGGER sessions_delete_marks_an_origin AFTER DELETE ON sessions WHEN {_COUNTS.format(row="OLD")}
            BEGIN {_mark("OLD")} END""",
        *(
            f"""CREATE TRIGGER robot_labels_{act.lower()}_marks_origins AFTER {act} ON robot_labels
                WHEN {row}.kind = 'site' BEGIN {_MOVED.format(row=row)} END"""
            for act, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
        ),
    ):
        connection.exec_driver_sql(statement)


INDEXES = (
    "CREATE INDEX sessions_by_who ON sessions (who, robot, first_t, last_t, verdict, carrier, surface) "
    "WHERE who <> '' AND verdict < 2",
    "CREATE INDEX campaigns_by_time ON campaigns (last_t, id)",
    "CREATE INDEX campaigns_by_who ON campaigns (who, day)",
    "CREATE INDEX campaign_robots_by_robot ON campaign_robots (robot)",
)


def fill(connection: Connection) -> None:
    """The new columns of the sessions that are there, and a mark for each that nobody allowed."""
    last = ""
    while True:
        query = select(sessions.c.id, sessions.c.body).where(sessions.c.id > last).order_by(sessions.c.id)
        rows = connection.execute(query.limit(_AT_ONCE)).all()
        if not rows:
            break
        for row in rows:
            keys = keys_of(json.loads(row.body))
            changed = {"who": keys["who"], "incident": keys["incident"]}
            connection.execute(update(sessions).where(sessions.c.id == row.id).values(**changed))
        last = rows[-1].id
    mine = select(sessions.c.who, sessions.c.robot).where(sessions.c.who != "", sessions.c.verdict < ALLOWED).distinct()
    connection.execute(insert(origin_marks).from_select(["who", "robot"], mine))
    if last:  # an empty ledger stays empty: another may be moved into it
        connection.execute(insert(said).values(key=SINCE, value=f"{time.time():.3f}"))
