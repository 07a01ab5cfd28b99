"""The tables of keeping and forgetting: what was erased with its hashes, by whom and why, and what is held."""

from sqlalchemy import Boolean, Column, Float, Table, Text

from wachhund.ledger.schema import Whole, metadata

erasures = Table(
    "erasures",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("robot", Text, nullable=False),
    Column("from_t", Float),
    Column("to_t", Float, nullable=False),
    Column("uncertain", Boolean, nullable=False),
    Column("by_whom", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("begun_t", Float, nullable=False),
    Column("finished_t", Float),
    Column("tokens", Whole, nullable=False),
    Column("observations", Whole, nullable=False),
    Column("bytes", Whole, nullable=False),
)

erased = Table(
    "erased",
    metadata,
    Column("robot", Text, primary_key=True),
    Column("chain", Text, primary_key=True),
    Column("first_seq", Whole, primary_key=True),
    Column("last_seq", Whole, nullable=False),
    Column("erasure", Whole, nullable=False),
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
    Column("id", Whole, primary_key=True),
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
    Column("id", Whole, primary_key=True),
    Column("token", Whole, nullable=False),
    Column("observation", Whole, nullable=False),
)

rewritings = Table(
    "rewritings",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("t", Float, nullable=False),
    Column("erasure", Whole, nullable=False),
)
