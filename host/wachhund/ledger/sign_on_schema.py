"""The table of who comes in by single sign-on, and the step that makes it (migrations.STEPS)."""

from sqlalchemy import Boolean, Column, Connection, Float, Table, Text

from wachhund.ledger.schema import metadata

sign_ons = Table(
    "sign_ons",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),  # the issuer's own name of the person, which it never gives again
    Column("person", Text, nullable=False),
    Column("is_added", Boolean, nullable=False),  # by single sign-on: the role follows the groups there
    Column("since_t", Float, nullable=False),
)


def single_sign_on(connection: Connection) -> None:
    """Which person here is which subject of which issuer."""
    connection.exec_driver_sql(
        """CREATE TABLE sign_ons (issuer TEXT NOT NULL, subject TEXT NOT NULL,
            person TEXT NOT NULL REFERENCES operators (name), is_added INTEGER NOT NULL, since_t REAL NOT NULL,
            PRIMARY KEY (issuer, subject), UNIQUE (issuer, person)) WITHOUT ROWID"""
    )
