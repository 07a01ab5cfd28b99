"""What the ledger takes and gives. Times: host time in seconds since the epoch, unless said otherwise."""

from dataclasses import dataclass
from typing import Any

from wachhund_evidence import EvidenceClaims, Observation, ReceiptClaims


@dataclass(frozen=True)
class Robot:
    """A registered robot. `name` is a label that a person chose; `id` was made by the host and is part of topics.

    `password_hash` is bcrypt, of the robot's broker password. `kid` and `public_key_pem` are of its present key,
    `ueid` of its first. `state`: new, active, revoked or retired (ledger.roll). `lane`: its share of a fleet on several
    machines (ledger.lanes), which the roll gives it.
    """

    id: str
    name: str
    ueid: str
    kid: str
    public_key_pem: str
    password_hash: str
    created_t: float
    state: str = "active"
    lane: int = 0


@dataclass(frozen=True)
class RobotKey:
    """A public key that a robot has, or had until `until_t`. `ueid`: the robot's while it had this key."""

    kid: str
    robot: str
    ueid: str
    public_key_pem: str
    since_t: float
    until_t: float | None


@dataclass(frozen=True)
class RobotAct:
    """Something that was done to a robot, or asked of it, and by whom."""

    robot: str
    t: float
    act: str
    by: str
    detail: str


@dataclass(frozen=True)
class Invited:
    """An invitation as the host keeps it: `token_hash` is a hash of the hash that the robot shows.

    `robot`: the id that it will have, or has. `purpose`: first, rotate or replace. `kid`: of the key that used it.
    """

    token_hash: str
    robot: str
    name: str
    purpose: str
    made_t: float
    expires_t: float
    kid: str | None = None
    used_t: float | None = None
    withdrawn_t: float | None = None


@dataclass(frozen=True)
class VerifiedToken:
    """Evidence that passed every step of reading, on its way into the ledger.

    `nonce_t`: when this host issued the nonce in it; None when it is none of ours (the host's secret was lost).
    `receipt`: this host's own receipt, which the robot shows in it, proven to be one; None without.
    """

    robot: str
    text: str
    hash: str
    claims: EvidenceClaims
    received_t: float
    nonce_t: float | None
    receipt: ReceiptClaims | None = None


@dataclass(frozen=True)
class Standing:
    """Where a chain stands after a commit: everything up to `seq` is held or stated as lost; `head` is its hash.

    `last_seq`: the highest number held. `came`, `seen`: number and hash of the token that came. `became`: what it was
    found to be, "new", "duplicate" or "fork".
    """

    robot: str
    chain: str
    came: int
    seq: int
    head: str
    last_seq: int
    seen: str
    became: str


@dataclass(frozen=True)
class Held:
    """What is held of a chain at one moment: everything up to `seq`, whose hash is `head`, and `runs` beyond it.

    Fewer runs than were asked for are all that there are.
    """

    seq: int
    head: str
    runs: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class StoredObservation:
    """One observation with its place in the evidence. `item` counts from 0 within its token; `id` grows by commit."""

    id: int
    robot: str
    chain: str
    seq: int
    item: int
    bootseed: str
    received_t: float
    token_mono: float
    observation: Observation

    @property
    def host_t(self) -> float:
        """When it happened by the host's clock: as long before the token's arrival as the robot says. Never later."""
        return max(0.0, min(self.received_t, self.received_t - (self.token_mono - self.observation.mono)))


@dataclass(frozen=True)
class StoredToken:
    """One evidence token as it was received. `iat` is the robot's wall clock. `known`: this host can read its profile.

    `forks`: hashes of other valid tokens that the same robot signed for the same place.
    """

    robot: str
    chain: str
    seq: int
    hash: str
    prev: str
    bootseed: str
    mono: float
    iat: int
    nonce_t: float | None
    received_t: float
    profile: str
    known: bool
    swname: str
    swversion: str
    text: str
    observations: tuple[StoredObservation, ...]
    forks: tuple[str, ...]
    earlier_seq: int | None
    later_seq: int | None


@dataclass(frozen=True)
class Newest:
    """The facts that presence is computed from. `received_t`, `nonce_t`: of the token that came last.

    `fresh_t`: when a token last came whose nonce was then at most 60 s old; None for never.
    """

    received_t: float
    nonce_t: float | None
    fresh_t: float | None
    chain: str
    seq: int
    bootseed: str
    tokens: int
    boots: int


@dataclass(frozen=True)
class Link:
    """What a robot last said of its connection to the broker, or the broker by its last will: a hint, never proof."""

    robot: str
    online: bool
    t: float


@dataclass(frozen=True)
class Gap:
    """Numbers of a chain that are not there.

    `stated`: the robot itself said so, for `reason`, and `lost` counts the observations it knows to be lost. Otherwise
    it is a hole: `since_t` is when later evidence first came, and `overdue` says that it counts as a gap.
    """

    chain: str
    from_seq: int
    to_seq: int
    stated: bool
    reason: str | None
    lost: int | None
    since_t: float
    overdue: bool


@dataclass(frozen=True)
class ChainLine:
    """One chain from its first to its last number, for people to look along. `tokens` are held, `erased` were."""

    chain: str
    first_seq: int
    last_seq: int
    contiguous_seq: int
    tokens: int
    boots: int
    first_received_t: float
    last_received_t: float
    forks: int
    gaps: tuple[Gap, ...]
    erased: int = 0


# Reasons that are silence: nothing was told, and nothing that was told is missing.
OFF, STOPPED, ENDED = (
    "the robot was off, or its agent did not run", "the agent was stopped", "the agent ended without a word",
)  # fmt: skip
QUIET, NOTHING_SINCE = "the agent said nothing", "no evidence since"
SILENCES = frozenset({OFF, STOPPED, ENDED, QUIET, NOTHING_SINCE})


@dataclass(frozen=True)
class Unobserved:
    """A span of host time in which nobody looked. `to_t` None: it goes on."""

    from_t: float
    to_t: float | None
    why: str

    @property
    def is_silence(self) -> bool:
        """Whether nothing was told; else something that was seen is missing."""
        return SILENCES.issuperset(self.why.split("; "))


@dataclass(frozen=True)
class Fact:
    """The newest statement of one kind, and when it was received."""

    received_t: float
    host_t: float
    observation: Observation


@dataclass(frozen=True)
class CurrentState:
    """What a robot last said of itself. `more` counts, by list, what did not fit into the bound of that list.

    The lists hold the kind's own fields and `host_t`; text in them is the robot's and goes nowhere unescaped.
    """

    coverage: Fact | None
    heartbeat: Fact | None
    started: Fact | None
    stopped: Fact | None
    processes: tuple[dict[str, Any], ...]
    flows: tuple[dict[str, Any], ...]
    listeners: tuple[dict[str, Any], ...]
    more: dict[str, int]


@dataclass(frozen=True)
class Rejection:
    """How often something was refused. `robot`: whose topic it came on, empty for no registered robot's.

    `reason` is a stable word, `sample` the newest detail.
    """

    robot: str
    reason: str
    count: int
    first_t: float
    last_t: float
    sample: str
