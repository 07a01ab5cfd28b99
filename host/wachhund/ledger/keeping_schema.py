"""The tables of keeping and forgetting: what was erased with its hashes, by whom and why, and what is held."""

from sqlalchemy import Boolean, Column, Float, Integer, Table, Text

from wachhund.ledger.schema import metadata

erasures = Table(
    "erasures",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("robot", Text, nullable=False),
    Column("from_t", Float),
    Column("to_t", Float, nullable=False),
    Column("uncertain", Boolean, nullable=False),
    Column("by_whom", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("begun_t", Float, nullable=False),
    Column("finished_t", Float),
    Column("tokens", Integer, nullable=False),
    Column("observations", Integer, nullable=False),
    Column("bytes", Integer, nullable=False),
)

erased = Table(
    "erased",
    metadata,
    Column("robot", Text, primary_key=True),
    Column("chain", Text, primary_key=True),
    Column("first_seq", Integer, primary_key=True),
    Column("last_seq", Integer, nullable=False),
    Column("erasure", Integer, nullable=False),
    Column("prev", Text, nullable=False),
    Column("bootseed", Text, nullable=False),
    Column("first_mono", Float, nullable=False),
    Column("last_mono", Float, nullable=False),
    Column("first_received_t", Float, nullable=False),
    Column("last_received_t", Float, nullable=False),
    Column("hashes", Text, nullable=False),  # last: what stands before it is read without it
)

holds = Table(
    "holds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("robot", Text, nullable=False),
    Column("from_t", Float),
    Column("to_t", Float),
    Column("incident", Text),
    Column("by_whom", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("since_t", Float, nullable=False),
    Column("released_t", Float),
    Column("released_by", Text),
    Column("released_why", Text),
)

used_ids = Table(
    "used_ids",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token", Integer, nullable=False),
    Column("observation", Integer, nullable=False),
)

rewritings = Table(
    "rewritings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("t", Float, nullable=False),
    Column("erasure", Integer, nullable=False),
)
