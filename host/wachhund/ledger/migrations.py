"""The steps from an empty file to today's ledger. One step is one function, run in one transaction with its own record.

When a step fails nothing of it stays and no record is written: it is tried again at the next start. A released step is
never changed; a new one is added at the end of STEPS.
"""

import time
from collections.abc import Callable

from sqlalchemy import Connection, insert, select

from wachhund.ledger import schema

APPLICATION_ID = 0x57484C44  # "WHLD": a database of somebody else's is not ours to migrate

_EVIDENCE = (
    """CREATE TABLE tokens (id INTEGER PRIMARY KEY, robot TEXT NOT NULL, chain TEXT NOT NULL, seq INTEGER NOT NULL,
        hash TEXT NOT NULL, prev TEXT NOT NULL, bootseed TEXT NOT NULL, mono REAL NOT NULL, iat INTEGER NOT NULL,
        nonce_t REAL, received_t REAL NOT NULL, profile TEXT NOT NULL, swname TEXT NOT NULL, swversion TEXT NOT NULL,
        text TEXT NOT NULL, UNIQUE (robot, chain, seq))""",
    "CREATE INDEX tokens_by_boot ON tokens (robot, bootseed, mono)",
    "CREATE INDEX tokens_by_arrival ON tokens (robot, received_t)",
    """CREATE TABLE observations (id INTEGER PRIMARY KEY, token INTEGER NOT NULL REFERENCES tokens (id),
        item INTEGER NOT NULL, robot TEXT NOT NULL, kind TEXT NOT NULL, t REAL NOT NULL, mono REAL NOT NULL,
        sensor TEXT NOT NULL, fields TEXT NOT NULL)""",
    "CREATE INDEX observations_by_token ON observations (token)",
    "CREATE INDEX observations_by_kind ON observations (robot, kind, id)",
    """CREATE TABLE forks (robot TEXT NOT NULL, chain TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL,
        received_t REAL NOT NULL, text TEXT NOT NULL, PRIMARY KEY (robot, chain, seq, hash)) WITHOUT ROWID""",
)
_DRAWN_FROM_EVIDENCE = (
    """CREATE TABLE chains (robot TEXT NOT NULL, chain TEXT NOT NULL, seq INTEGER NOT NULL, head TEXT NOT NULL,
        last_seq INTEGER NOT NULL, first_received_t REAL NOT NULL, prev TEXT NOT NULL, PRIMARY KEY (robot, chain))
        WITHOUT ROWID""",
    """CREATE TABLE stated_gaps (robot TEXT NOT NULL, chain TEXT NOT NULL, from_seq INTEGER NOT NULL,
        to_seq INTEGER NOT NULL, stated_in INTEGER NOT NULL, reason TEXT, lost INTEGER, received_t REAL NOT NULL,
        PRIMARY KEY (robot, chain, from_seq, to_seq)) WITHOUT ROWID""",
    """CREATE TABLE boots (robot TEXT NOT NULL, bootseed TEXT NOT NULL, booted_t REAL NOT NULL, run_mono REAL NOT NULL,
        last_mono REAL NOT NULL, nonce_t REAL NOT NULL, PRIMARY KEY (robot, bootseed)) WITHOUT ROWID""",
    """CREATE TABLE facts (robot TEXT NOT NULL, kind TEXT NOT NULL, nonce_t REAL NOT NULL, chain TEXT NOT NULL,
        seq INTEGER NOT NULL, token_mono REAL NOT NULL, item INTEGER NOT NULL, received_t REAL NOT NULL,
        observation TEXT NOT NULL, PRIMARY KEY (robot, kind))
        WITHOUT ROWID""",
    """CREATE TABLE present (robot TEXT NOT NULL, list TEXT NOT NULL, subject TEXT NOT NULL, bootseed TEXT NOT NULL,
        ended INTEGER NOT NULL, token_mono REAL NOT NULL, item INTEGER NOT NULL, host_t REAL NOT NULL,
        fields TEXT NOT NULL, PRIMARY KEY (robot, list, bootseed, subject)) WITHOUT ROWID""",
    "CREATE INDEX present_by_age ON present (robot, list, ended, token_mono)",
    """CREATE TABLE newest (robot TEXT PRIMARY KEY, received_t REAL NOT NULL, nonce_t REAL, fresh_t REAL,
        chain TEXT NOT NULL, seq INTEGER NOT NULL, bootseed TEXT NOT NULL, tokens INTEGER NOT NULL) WITHOUT ROWID""",
)
_HOSTS_OWN = (
    """CREATE TABLE robots (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, ueid TEXT NOT NULL UNIQUE,
        kid TEXT NOT NULL UNIQUE, public_key_pem TEXT NOT NULL, password_hash TEXT NOT NULL, created_t REAL NOT NULL)
        WITHOUT ROWID""",
    """CREATE TABLE rejections (robot TEXT NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL,
        first_t REAL NOT NULL, last_t REAL NOT NULL, sample TEXT NOT NULL, PRIMARY KEY (robot, reason))
        WITHOUT ROWID""",
    "CREATE TABLE judgements (id INTEGER PRIMARY KEY CHECK (id = 1), cursor INTEGER NOT NULL)",
    """CREATE TABLE incidents (id TEXT PRIMARY KEY, robot TEXT, state TEXT NOT NULL, level TEXT NOT NULL,
        first_t REAL NOT NULL, last_t REAL NOT NULL, body TEXT NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX incidents_by_robot ON incidents (robot, last_t)",
    "CREATE INDEX incidents_by_time ON incidents (last_t)",
    """CREATE TABLE sessions (id TEXT PRIMARY KEY, robot TEXT NOT NULL, surface TEXT NOT NULL, first_t REAL NOT NULL,
        last_t REAL, body TEXT NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX sessions_by_robot ON sessions (robot, first_t)",
    """CREATE TABLE operators (name TEXT PRIMARY KEY, password_hash TEXT NOT NULL, created_t REAL NOT NULL)
        WITHOUT ROWID""",
    """CREATE TABLE web_sessions (token_hash TEXT PRIMARY KEY, operator TEXT NOT NULL, expires_t REAL NOT NULL)
        WITHOUT ROWID""",
)


def ground_floor(connection: Connection) -> None:
    """Evidence that nobody changes, what is drawn from it, and the host's own records."""
    for statement in (*_EVIDENCE, *_DRAWN_FROM_EVIDENCE, *_HOSTS_OWN):
        connection.exec_driver_sql(statement)
    for table in ("tokens", "observations", "forks"):
        for act in ("UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'evidence is append-only'); END"
            )


def roll(connection: Connection) -> None:
    """States of robots, all keys that they had, invitations, and an append-only list of what was done."""
    for statement in (
        "ALTER TABLE robots ADD COLUMN state TEXT NOT NULL DEFAULT 'active'",
        """CREATE TABLE robot_keys (kid TEXT PRIMARY KEY, robot TEXT NOT NULL, ueid TEXT NOT NULL,
            public_key_pem TEXT NOT NULL, since_t REAL NOT NULL, until_t REAL) WITHOUT ROWID""",
        "CREATE INDEX robot_keys_by_robot ON robot_keys (robot, since_t)",
        """INSERT INTO robot_keys SELECT kid, id, ueid, public_key_pem, created_t, NULL FROM robots""",
        """CREATE TABLE robot_acts (id INTEGER PRIMARY KEY, robot TEXT NOT NULL, t REAL NOT NULL, act TEXT NOT NULL,
            by_whom TEXT NOT NULL, detail TEXT NOT NULL)""",
        "CREATE INDEX robot_acts_by_robot ON robot_acts (robot, id)",
        """CREATE TABLE invitations (token_hash TEXT PRIMARY KEY, robot TEXT NOT NULL, name TEXT NOT NULL,
            purpose TEXT NOT NULL, made_t REAL NOT NULL, expires_t REAL NOT NULL, kid TEXT, used_t REAL,
            withdrawn_t REAL) WITHOUT ROWID""",
        "CREATE INDEX invitations_by_robot ON invitations (robot)",
    ):
        connection.exec_driver_sql(statement)
    for act in ("UPDATE", "DELETE"):
        connection.exec_driver_sql(
            f"CREATE TRIGGER robot_acts_no_{act.lower()} BEFORE {act} ON robot_acts "
            "BEGIN SELECT RAISE(ABORT, 'what was done stays on record'); END"
        )


def keeping(connection: Connection) -> None:
    """Forgetting that leaves proof: what was erased by whom and why, its hashes, holds, and the judge's own mind."""
    for statement in (
        """CREATE TABLE erasures (id INTEGER PRIMARY KEY, reason TEXT NOT NULL, robot TEXT NOT NULL, from_t REAL,
            to_t REAL NOT NULL, uncertain INTEGER NOT NULL DEFAULT 0, by_whom TEXT NOT NULL, why TEXT NOT NULL,
            begun_t REAL NOT NULL, finished_t REAL, tokens INTEGER NOT NULL DEFAULT 0,
            observations INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0)""",
        "CREATE INDEX erasures_by_robot ON erasures (robot, reason, begun_t)",
        """CREATE TABLE erased (robot TEXT NOT NULL, chain TEXT NOT NULL, first_seq INTEGER NOT NULL,
            last_seq INTEGER NOT NULL, erasure INTEGER NOT NULL REFERENCES erasures (id), prev TEXT NOT NULL,
            bootseed TEXT NOT NULL, first_mono REAL NOT NULL, last_mono REAL NOT NULL,
            first_received_t REAL NOT NULL, last_received_t REAL NOT NULL, hashes TEXT NOT NULL,
            PRIMARY KEY (robot, chain, first_seq)) WITHOUT ROWID""",
        "CREATE INDEX erased_by_arrival ON erased (robot, last_received_t)",
        """CREATE TABLE holds (id INTEGER PRIMARY KEY, robot TEXT NOT NULL, from_t REAL, to_t REAL, incident TEXT,
            by_whom TEXT NOT NULL, why TEXT NOT NULL, since_t REAL NOT NULL, released_t REAL, released_by TEXT,
            released_why TEXT)""",
        "CREATE TABLE used_ids (id INTEGER PRIMARY KEY CHECK (id = 1), token INTEGER NOT NULL, "
        "observation INTEGER NOT NULL)",
        "CREATE TABLE rewritings (id INTEGER PRIMARY KEY, t REAL NOT NULL, erasure INTEGER NOT NULL)",
        """CREATE TABLE minds (robot TEXT PRIMARY KEY, version TEXT NOT NULL, body BLOB NOT NULL) WITHOUT ROWID""",
        "ALTER TABLE judgements ADD COLUMN minded INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE judgements ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE chains ADD COLUMN erased INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE chains ADD COLUMN erased_to INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE newest ADD COLUMN kept_bytes INTEGER NOT NULL DEFAULT 0",
        "UPDATE newest SET kept_bytes = (SELECT coalesce(sum(length(text)), 0) FROM tokens WHERE robot = newest.robot)",
        "ALTER TABLE forks ADD COLUMN erasure INTEGER REFERENCES erasures (id)",
        "ALTER TABLE incidents ADD COLUMN erasure INTEGER REFERENCES erasures (id)",
    ):
        connection.exec_driver_sql(statement)
    _wall_with_one_door(connection)


def _wall_with_one_door(connection: Connection) -> None:
    """Evidence stays append-only, but for erasing: a token goes only where its hash, who and why stay."""
    # Seen from the end: the run that holds a number is the last that begins at or before it, and one look finds it.
    there = (
        "coalesce((SELECT last_seq >= {0}.seq AND substr(hashes, 1 + 43 * ({0}.seq - first_seq), 43) = {0}.hash "
        "FROM erased WHERE erased.robot = {0}.robot AND erased.chain = {0}.chain AND first_seq <= {0}.seq "
        "ORDER BY first_seq DESC LIMIT 1), 0)"
    )
    its_token = f"SELECT 1 FROM tokens WHERE id = OLD.token AND {there.format('tokens')}"  # noqa: S608  ours alone
    same = " AND ".join
    fork = same(f"NEW.{name} IS OLD.{name}" for name in ("robot", "chain", "seq", "hash", "received_t"))
    act = same(f"NEW.{name} IS OLD.{name}" for name in ("id", "reason", "robot", "from_t", "to_t", "by_whom", "why"))
    hold = same(f"NEW.{name} IS OLD.{name}" for name in ("id", "robot", "from_t", "to_t", "incident", "by_whom", "why"))
    for name in ("tokens_no_delete", "observations_no_delete", "forks_no_update"):
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    for name, change, table, refused in (
        ("tokens_no_delete", "DELETE", "tokens", f"NOT {there.format('OLD')}"),
        ("observations_no_delete", "DELETE", "observations", f"NOT EXISTS ({its_token})"),
        ("forks_no_update", "UPDATE", "forks", f"NOT (NEW.text = '' AND NEW.erasure IS NOT NULL AND {fork})"),
        ("erased_no_update", "UPDATE", "erased", "1"),
        ("erased_no_delete", "DELETE", "erased", "1"),
        ("erasures_no_update", "UPDATE", "erasures", f"NOT ({act}) OR NEW.tokens < OLD.tokens"),
        ("erasures_no_delete", "DELETE", "erasures", "1"),
        ("holds_no_update", "UPDATE", "holds", f"OLD.released_t IS NOT NULL OR NOT ({hold})"),
        ("holds_no_delete", "DELETE", "holds", "1"),
    ):
        connection.exec_driver_sql(
            f"CREATE TRIGGER {name} BEFORE {change} ON {table} WHEN {refused} "
            "BEGIN SELECT RAISE(ABORT, 'evidence is append-only, and so is what was erased, by whom and why'); END"
        )


STEPS: tuple[Callable[[Connection], None], ...] = (ground_floor, roll, keeping)


def prepare(connection: Connection) -> None:
    """Make the record itself, in a new file."""
    connection.exec_driver_sql(
        "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_t REAL NOT NULL) WITHOUT ROWID"
    )


def applied(connection: Connection) -> set[str]:
    """Names of the steps that are on record."""
    return set(connection.execute(select(schema.migrations.c.name)).scalars())


def apply_next(connection: Connection, steps: tuple[Callable[[Connection], None], ...] = STEPS) -> bool:
    """Run the first step that is not on record, and record it. False when there is none. The caller commits."""
    done = applied(connection)
    for step in steps:
        if step.__name__ not in done:
            step(connection)
            connection.execute(insert(schema.migrations).values(name=step.__name__, applied_t=time.time()))
            return True
    return False
