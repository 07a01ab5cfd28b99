"""A ledger as an earlier Wachhund left it: its newer tables, columns and triggers are taken away again."""

import sqlite3

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from wachhund.ledger import migrations

STEPS_BEFORE_KEEPING = (migrations.ground_floor, migrations.roll, migrations.delivery, migrations.faults)


def before_keeping(raw: sqlite3.Connection) -> None:
    """Make a ledger anew by the steps before `keeping`, with the rows that it had."""
    own = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    names = [name for (name,) in raw.execute(own)]
    raw.execute("PRAGMA foreign_keys = OFF")
    raw.execute("PRAGMA legacy_alter_table = ON")
    for kind in ("trigger", "index"):
        query = "SELECT name FROM sqlite_master WHERE type = ? AND sql IS NOT NULL"
        for (name,) in raw.execute(query, (kind,)).fetchall():
            raw.execute(f"DROP {kind} {name}")
    for name in names:
        raw.execute(f"ALTER TABLE {name} RENAME TO old_{name}")
    engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
    with engine.connect() as connection:
        migrations.prepare(connection)
        while migrations.apply_next(connection, STEPS_BEFORE_KEEPING):
            pass
        for (name,) in raw.execute(own).fetchall():
            if name.startswith("old_") or name == "migrations":
                continue
            columns = ", ".join(row[1] for row in raw.execute(f"PRAGMA table_info({name})"))
            raw.execute(f"INSERT INTO {name} SELECT {columns} FROM old_{name}")
    for name in names:
        raw.execute(f"DROP TABLE old_{name}")
