"""The ledger's tables as SQLAlchemy Core sees them. The migrations make them; this page only names them.

Evidence (`tokens`, `observations`, `forks`, `revoked_tokens`) is append-only, as are `lost_by_host`, `faults` and
`acknowledgements`: triggers refuse updates and deletes, but of what stands in `erased` with its hashes
(keeping_schema). The rest is drawn from evidence for quick answers (`chains`, `runs`, `stated_gaps`, `boots`,
`facts`, `present`) or is the host's own.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()
# SQLite has one size of whole numbers; PostgreSQL's smaller ones end at 2,147,483,647.
Whole = Integer().with_variant(BigInteger(), "postgresql")


def _text(name: str, *, key: bool = False) -> "Column[str]":
    return Column(name, Text, primary_key=key, nullable=False)


def _integer(name: str, *, key: bool = False) -> "Column[int]":
    return Column(name, Whole, primary_key=key, nullable=False)


def _float(name: str) -> "Column[float]":
    return Column(name, Float, nullable=False)


migrations = Table("migrations", metadata, _text("name", key=True), _float("applied_t"))

robots = Table(
    "robots",
    metadata,
    _text("id", key=True),
    _text("name"),
    _text("ueid"),
    _text("kid"),
    _text("public_key_pem"),
    _text("password_hash"),
    _float("created_t"),
    _text("state"),
    _integer("lane"),
)

robot_keys = Table(
    "robot_keys",
    metadata,
    _text("kid", key=True),
    _text("robot"),
    _text("ueid"),
    _text("public_key_pem"),
    _float("since_t"),
    Column("until_t", Float),
)

robot_acts = Table(
    "robot_acts",
    metadata,
    _integer("id", key=True),
    _text("robot"),
    _float("t"),
    _text("act"),
    _text("by_whom"),
    _text("detail"),
)

invitations = Table(
    "invitations",
    metadata,
    _text("token_hash", key=True),
    _text("robot"),
    _text("name"),
    _text("purpose"),
    _float("made_t"),
    _float("expires_t"),
    Column("kid", Text),
    Column("used_t", Float),
    Column("withdrawn_t", Float),
)

tokens = Table(
    "tokens",
    metadata,
    _integer("id", key=True),
    _text("robot"),
    _text("chain"),
    _integer("seq"),
    _text("hash"),
    _text("prev"),
    _text("bootseed"),
    _float("mono"),
    _integer("iat"),
    Column("nonce_t", Float),
    _float("received_t"),
    _text("profile"),
    _text("swname"),
    _text("swversion"),
    _text("text"),
)

observations = Table(
    "observations",
    metadata,
    _integer("id", key=True),
    _integer("token"),
    _integer("item"),
    _text("robot"),
    _text("kind"),
    _float("t"),
    _float("mono"),
    _text("sensor"),
    _text("fields"),
)

forks = Table(
    "forks",
    metadata,
    _text("robot", key=True),
    _text("chain", key=True),
    _integer("seq", key=True),
    _text("hash", key=True),
    _float("received_t"),
    _text("text"),
    Column("erasure", Whole),
)

chains = Table(
    "chains",
    metadata,
    _text("robot", key=True),
    _text("chain", key=True),
    _integer("seq"),
    _text("head"),
    _integer("last_seq"),
    _float("first_received_t"),
    _text("prev"),
    _integer("erased"),
    _integer("erased_to"),
)

runs = Table(
    "runs",
    metadata,
    _text("robot", key=True),
    _text("chain", key=True),
    _integer("first_seq", key=True),
    _integer("last_seq"),
)

stated_gaps = Table(
    "stated_gaps",
    metadata,
    _text("robot", key=True),
    _text("chain", key=True),
    _integer("from_seq", key=True),
    _integer("to_seq", key=True),
    _integer("stated_in"),
    Column("reason", Text),
    Column("lost", Whole),
    _float("received_t"),
)

lost_by_host = Table(
    "lost_by_host",
    metadata,
    _text("robot", key=True),
    _text("chain", key=True),
    _integer("seq", key=True),
    _integer("whole", key=True),
    _integer("receipt_t"),
    _float("since_t"),
    _text("receipt"),
)

boots = Table(
    "boots",
    metadata,
    _text("robot", key=True),
    _text("bootseed", key=True),
    _float("booted_t"),
    _float("run_mono"),
    _float("last_mono"),
    _float("nonce_t"),
)

facts = Table(
    "facts",
    metadata,
    _text("robot", key=True),
    _text("kind", key=True),
    _float("nonce_t"),
    _text("chain"),
    _integer("seq"),
    _float("token_mono"),
    _integer("item"),
    _float("received_t"),
    _text("observation"),
)

present = Table(
    "present",
    metadata,
    _text("robot", key=True),
    _text("list", key=True),
    _text("subject", key=True),
    _text("bootseed", key=True),
    Column("ended", Boolean, nullable=False),
    _float("token_mono"),
    _integer("item"),
    _float("host_t"),
    _text("fields"),
)

newest = Table(
    "newest",
    metadata,
    _text("robot", key=True),
    _float("received_t"),
    Column("nonce_t", Float),
    Column("fresh_t", Float),
    Column("steady_t", Float),
    Column("last_t", Float),
    _text("chain"),
    _integer("seq"),
    _text("bootseed"),
    _integer("tokens"),
    _integer("kept_bytes"),
)

faults = Table(
    "faults",
    metadata,
    _integer("id", key=True),
    _text("robot"),
    _text("fault"),
    _text("what"),
    _text("chain"),
    Column("from_seq", Whole),
    Column("to_seq", Whole),
    _float("since_t"),
    _integer("after"),
    _text("fields"),
)

acknowledgements = Table(
    "acknowledgements",
    metadata,
    _integer("id", key=True),
    _text("robot"),
    _text("fault"),
    _float("t"),
    _text("by_whom"),
    _text("why"),
)

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    _text("robot", key=True),
    _text("chain", key=True),
    _integer("seq", key=True),
    _text("hash", key=True),
    _float("received_t"),
    _text("text"),
    Column("erasure", Whole),
)

links = Table(
    "links", metadata, _text("robot", key=True), Column("online", Boolean, nullable=False), _float("t")
)  # fmt: skip

rejections = Table(
    "rejections",
    metadata,
    _text("robot", key=True),
    _text("reason", key=True),
    _integer("count"),
    _float("first_t"),
    _float("last_t"),
    _text("sample"),
)

judgements = Table(
    "judgements", metadata, _integer("id", key=True), _integer("cursor"), _integer("faults"), _integer("minded"),
    _integer("minded_faults"), _integer("forgotten"), _integer("acts"), _integer("minded_acts"),
)  # fmt: skip

minds = Table(
    "minds", metadata, _text("robot", key=True), _text("version"), Column("body", LargeBinary, nullable=False)
)

incidents = Table(
    "incidents",
    metadata,
    _text("id", key=True),
    Column("robot", Text),
    _text("state"),
    _text("level"),
    _float("first_t"),
    _float("last_t"),
    _text("body"),
    Column("erasure", Whole),
    Column("glance", Text),  # what a list of incidents shows (glances); None until the step that fills it
    Column("glance_mark", Text),  # names the glance
)

sessions = Table(
    "sessions",
    metadata,
    _text("id", key=True),
    _text("robot"),
    _text("surface"),
    _float("first_t"),
    Column("last_t", Float),
    _text("body"),
    # What stands in its text too, to be looked for (session_keys).
    _text("carrier"),
    _text("outside"),
    _text("user_name"),
    _integer("verdict"),
    Column("authorisation", Text),
    Column("length_class", Whole),
    Column("who", Text, nullable=False),
    Column("incident", Text),
)

operators = Table(
    "operators",
    metadata,
    _text("name", key=True),
    _text("password_hash"),
    _float("created_t"),
    Column("disabled_t", Float),
    Column("language", Text, nullable=False, server_default=""),  # of pages; empty: as the browser says
    Column("zone", Text, nullable=False, server_default=""),
)

web_sessions = Table(
    "web_sessions",
    metadata,
    _text("token_hash", key=True),
    _text("operator"),
    _float("expires_t"),
    _float("made_t"),
    _text("way"),
    _text("address"),
    _text("program"),
)
