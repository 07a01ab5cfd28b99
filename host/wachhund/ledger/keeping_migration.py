"""The step that makes a ledger forget without losing its proof (migrations.STEPS)."""

from sqlalchemy import Connection


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
        "ALTER TABLE judgements ADD COLUMN minded_faults INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE judgements ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE chains ADD COLUMN erased INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE chains ADD COLUMN erased_to INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE newest ADD COLUMN kept_bytes INTEGER NOT NULL DEFAULT 0",
        "UPDATE newest SET kept_bytes = (SELECT coalesce(sum(length(text)), 0) FROM tokens WHERE robot = newest.robot)",
        "ALTER TABLE forks ADD COLUMN erasure INTEGER REFERENCES erasures (id)",
        "ALTER TABLE revoked_tokens ADD COLUMN erasure INTEGER REFERENCES erasures (id)",
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
    place = same(f"NEW.{name} IS OLD.{name}" for name in ("robot", "chain", "seq", "hash", "received_t"))
    only_text = f"NOT (NEW.text = '' AND NEW.erasure IS NOT NULL AND {place})"
    act = same(f"NEW.{name} IS OLD.{name}" for name in ("id", "reason", "robot", "from_t", "to_t", "by_whom", "why"))
    hold = same(f"NEW.{name} IS OLD.{name}" for name in ("id", "robot", "from_t", "to_t", "incident", "by_whom", "why"))
    for name in ("tokens_no_delete", "observations_no_delete", "forks_no_update", "revoked_tokens_no_update"):
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    for name, change, table, refused in (
        ("tokens_no_delete", "DELETE", "tokens", f"NOT {there.format('OLD')}"),
        ("observations_no_delete", "DELETE", "observations", f"NOT EXISTS ({its_token})"),
        ("forks_no_update", "UPDATE", "forks", only_text),
        ("revoked_tokens_no_update", "UPDATE", "revoked_tokens", only_text),
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
