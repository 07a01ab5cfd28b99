"""The table of passkeys, and the step that makes it (migrations.STEPS)."""

from sqlalchemy import Boolean, Column, Connection, Float, LargeBinary, Table, Text

from wachhund.ledger.schema import Whole, metadata

passkey_rows = Table(
    "passkeys",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("person", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("key_id", Text, nullable=False),  # base64url, as the device names it
    Column("handle", Text, nullable=False),  # base64url, of the person at this site
    Column("site", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False),  # COSE
    Column("count", Whole, nullable=False),  # of its signatures, as it told last; 0: it counts none
    Column("is_synced", Boolean, nullable=False),
    Column("made_t", Float, nullable=False),
    Column("used_t", Float),
    Column("refused_t", Float),  # when its count last went back
)


def passkeys(connection: Connection) -> None:
    """Passkeys of people: public keys, so that whoever reads the ledger can log in with nothing of it."""
    connection.exec_driver_sql(
        """CREATE TABLE passkeys (id INTEGER PRIMARY KEY, person TEXT NOT NULL REFERENCES operators (name),
            name TEXT NOT NULL, key_id TEXT NOT NULL UNIQUE, handle TEXT NOT NULL, site TEXT NOT NULL,
            public_key BLOB NOT NULL, count INTEGER NOT NULL, is_synced INTEGER NOT NULL, made_t REAL NOT NULL,
            used_t REAL, refused_t REAL)"""
    )
    connection.exec_driver_sql("CREATE INDEX passkeys_by_person ON passkeys (person)")
