"""The tables of second factors and tokens, and the step that makes them (migrations.STEPS)."""

from sqlalchemy import Column, Connection, Float, Table, Text

from wachhund.ledger.schema import Whole, metadata

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("person", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("token_hash", Text, nullable=False),
    Column("roles", Text, nullable=False),  # JSON object: group -> role
    Column("made_t", Float, nullable=False),
    Column("expires_t", Float, nullable=False),
    Column("used_t", Float),
    Column("ended_t", Float),
)
second_factors = Table(
    "second_factors",
    metadata,
    Column("person", Text, primary_key=True),
    Column("secret", Text, nullable=False),
    Column("since_t", Float, nullable=False),
    Column("last_step", Whole, nullable=False),  # of the clock: no code is taken twice
)
recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("person", Text, primary_key=True),
    Column("code_hash", Text, primary_key=True),
)


def ways_in(connection: Connection) -> None:
    """Tokens for programs, and a second factor with its recovery codes."""
    for statement in (
        """CREATE TABLE api_tokens (id INTEGER PRIMARY KEY, person TEXT NOT NULL REFERENCES operators (name),
            name TEXT NOT NULL, token_hash TEXT NOT NULL UNIQUE, roles TEXT NOT NULL, made_t REAL NOT NULL,
            expires_t REAL NOT NULL, used_t REAL, ended_t REAL)""",
        """CREATE TABLE second_factors (person TEXT PRIMARY KEY REFERENCES operators (name), secret TEXT NOT NULL,
            since_t REAL NOT NULL, last_step INTEGER NOT NULL) WITHOUT ROWID""",
        """CREATE TABLE recovery_codes (person TEXT NOT NULL, code_hash TEXT NOT NULL,
            PRIMARY KEY (person, code_hash)) WITHOUT ROWID""",
    ):
        connection.exec_driver_sql(statement)
