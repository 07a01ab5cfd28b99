"""The steps from an empty file to today's ledger. One step is one function, run in one transaction with its own record.

When a step fails nothing of it stays and no record is written: it is tried again at the next start. A released step is
never changed; a new one is added at the end of STEPS.
"""

import hashlib
import time
from collections.abc import Callable

from sqlalchemy import Connection, insert, select

from wachhund.ledger import schema
from wachhund.ledger.authorisation_schema import authorisations, authorisations_told
from wachhund.ledger.baseline_schema import baselines
from wachhund.ledger.campaign_schema import fleet_campaigns
from wachhund.ledger.handling_schema import handling
from wachhund.ledger.keeping_migration import keeping
from wachhund.ledger.labels_schema import labels
from wachhund.ledger.lanes_schema import lanes_of_robots
from wachhund.ledger.languages_schema import languages
from wachhund.ledger.notify_schema import notifications
from wachhund.ledger.pages_schema import pages_of_many
from wachhund.ledger.passkeys_schema import passkeys
from wachhund.ledger.people_schema import people
from wachhund.ledger.reports_schema import reports
from wachhund.ledger.session_schema import session_keys
from wachhund.ledger.sign_on_schema import single_sign_on
from wachhund.ledger.silencing_schema import silencing
from wachhund.ledger.ways_in_schema import ways_in
from wachhund.ledger.witness_schema import hardware_witnesses

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


def delivery(connection: Connection) -> None:
    """What is held beyond the first hole of a chain, for receipts; and what robots' receipts say that we lost."""
    connection.exec_driver_sql(
        """CREATE TABLE runs (robot TEXT NOT NULL, chain TEXT NOT NULL, first_seq INTEGER NOT NULL,
            last_seq INTEGER NOT NULL, PRIMARY KEY (robot, chain, first_seq)) WITHOUT ROWID"""
    )
    # Within a run a number less its rank stays the same.
    connection.exec_driver_sql(
        """INSERT INTO runs SELECT robot, chain, min(seq), max(seq) FROM (
            SELECT tokens.robot, tokens.chain, tokens.seq,
                tokens.seq - row_number() OVER (PARTITION BY tokens.robot, tokens.chain ORDER BY tokens.seq) AS run
            FROM chains JOIN tokens ON tokens.robot = chains.robot AND tokens.chain = chains.chain
            WHERE tokens.seq > chains.seq) GROUP BY robot, chain, run"""
    )
    connection.exec_driver_sql(
        """CREATE TABLE lost_by_host (robot TEXT NOT NULL, chain TEXT NOT NULL, seq INTEGER NOT NULL,
            whole INTEGER NOT NULL, receipt_t INTEGER NOT NULL, since_t REAL NOT NULL, receipt TEXT NOT NULL,
            PRIMARY KEY (robot, chain, seq, whole)) WITHOUT ROWID"""
    )
    for act in ("UPDATE", "DELETE"):
        connection.exec_driver_sql(
            f"CREATE TRIGGER lost_by_host_no_{act.lower()} BEFORE {act} ON lost_by_host "
            "BEGIN SELECT RAISE(ABORT, 'evidence is append-only'); END"
        )


def _faults_so_far(connection: Connection) -> None:
    """What the ledger held before faults were kept: they were shown until now, and must not vanish."""
    found = connection.exec_driver_sql(
        """SELECT robot, 'fork', chain, min(seq), NULL, min(received_t) FROM forks GROUP BY robot, chain
        UNION ALL SELECT robot, 'dropped', chain, min(from_seq), max(to_seq), min(received_t) FROM stated_gaps
            WHERE lost > 0 GROUP BY robot, chain
        UNION ALL SELECT robot, 'new-chain', chain, NULL, NULL, first_received_t FROM chains AS one WHERE EXISTS
            (SELECT 1 FROM chains AS other WHERE other.robot = one.robot
             AND (other.first_received_t, other.chain) < (one.first_received_t, one.chain))
        UNION ALL SELECT robot, 'lost-by-host', chain, min(whole) + 1, max(seq), min(since_t) FROM lost_by_host
            GROUP BY robot, chain
        ORDER BY 6"""
    ).all()
    for robot, what, chain, first, last, since_t in found:
        name = hashlib.sha256(f"{robot} {what} {chain}".encode()).hexdigest()[:12]
        connection.exec_driver_sql(
            "INSERT INTO faults (robot, fault, what, chain, from_seq, to_seq, since_t, after, fields) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, 0, '{}')",
            (robot, name, what, chain, first, last, since_t),
        )


def faults(connection: Connection) -> None:
    """Faults of evidence and what people said to them, both append-only; tokens of keys that had ended."""
    for statement in (
        "ALTER TABLE judgements ADD COLUMN faults INTEGER NOT NULL DEFAULT 0",
        """CREATE TABLE faults (id INTEGER PRIMARY KEY, robot TEXT NOT NULL, fault TEXT NOT NULL, what TEXT NOT NULL,
            chain TEXT NOT NULL, from_seq INTEGER, to_seq INTEGER, since_t REAL NOT NULL, after INTEGER NOT NULL,
            fields TEXT NOT NULL, UNIQUE (robot, fault))""",
        """CREATE TABLE acknowledgements (id INTEGER PRIMARY KEY, robot TEXT NOT NULL, fault TEXT NOT NULL,
            t REAL NOT NULL, by_whom TEXT NOT NULL, why TEXT NOT NULL, UNIQUE (robot, fault))""",
        """CREATE TABLE revoked_tokens (robot TEXT NOT NULL, chain TEXT NOT NULL, seq INTEGER NOT NULL,
            hash TEXT NOT NULL, received_t REAL NOT NULL, text TEXT NOT NULL, PRIMARY KEY (robot, chain, seq, hash))
            WITHOUT ROWID""",
    ):
        connection.exec_driver_sql(statement)
    for table in ("faults", "acknowledgements", "revoked_tokens"):
        for act in ("UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'what was noticed stays on record'); END"
            )
    _faults_so_far(connection)


def patience(connection: Connection) -> None:
    """Since when fresh evidence of a robot has come without a pause: only that time makes a hole overdue."""
    for column in ("steady_t", "last_t"):
        connection.exec_driver_sql(f"ALTER TABLE newest ADD COLUMN {column} REAL")


def links(connection: Connection) -> None:
    """What each robot last said of its connection to the broker."""
    connection.exec_driver_sql(
        "CREATE TABLE links (robot TEXT PRIMARY KEY, online INTEGER NOT NULL, t REAL NOT NULL) WITHOUT ROWID"
    )


STEPS: tuple[Callable[[Connection], None], ...] = (
    ground_floor, roll, delivery, faults, keeping, links, patience, authorisations, baselines,
    session_keys, people, notifications, handling, silencing, ways_in, authorisations_told, hardware_witnesses,
    labels, passkeys, single_sign_on, languages, reports, lanes_of_robots, pages_of_many, fleet_campaigns,
)  # fmt: skip


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
