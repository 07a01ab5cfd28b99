"""What keeping and forgetting take and give. Times: host time in seconds since the epoch."""

from dataclasses import dataclass

HASH_CHARS = 43  # of a SHA-256 in base64url without padding

AGE, SIZE, REQUEST = "age", "size", "request"


@dataclass(frozen=True)
class Act:
    """Something that is to be forgotten: `reason` age, size or request; of a robot; when; by whom and why, at `t`.

    `from_t` None: from the beginning. `uncertain`: also what may be of that span, and may be of another.
    """

    reason: str
    robot: str
    from_t: float | None
    to_t: float
    by: str
    why: str
    t: float
    uncertain: bool = False


@dataclass(frozen=True)
class Erasure:
    """An act of forgetting as it stands on record. `finished_t` None: not everything that it is to take is gone yet.

    The counts are of what is gone so far.
    """

    id: int
    reason: str
    robot: str
    from_t: float | None
    to_t: float
    uncertain: bool
    by: str
    why: str
    begun_t: float
    finished_t: float | None
    tokens: int
    observations: int
    bytes: int


@dataclass(frozen=True)
class ErasedRun:
    """Numbers of a chain whose text is gone. `prev` is what the first of them named; each other one named the hash
    before its own. `hashes` is their hashes in order, one text."""

    robot: str
    chain: str
    first_seq: int
    last_seq: int
    erasure: int
    prev: str
    bootseed: str
    first_mono: float
    last_mono: float
    first_received_t: float
    last_received_t: float
    hashes: str

    def hash_at(self, seq: int) -> str:
        """The hash of number `seq`, which lies in this run."""
        at = HASH_CHARS * (seq - self.first_seq)
        return self.hashes[at : at + HASH_CHARS]


@dataclass(frozen=True)
class ErasedToken:
    """What is left of one erased token: its place, hash and link, and who erased it and why."""

    robot: str
    chain: str
    seq: int
    hash: str
    prev: str
    received_t: float
    erasure: Erasure
    earlier_seq: int | None
    later_seq: int | None


@dataclass(frozen=True)
class Hold:
    """Something that is not forgotten: a robot, a span of it (None: no end there), or what an incident rests on."""

    id: int
    robot: str
    from_t: float | None
    to_t: float | None
    incident: str | None
    by: str
    why: str
    since_t: float
    released_t: float | None
    released_by: str | None
    released_why: str | None


@dataclass(frozen=True)
class Count:
    """How much a span holds: tokens, observations in them, bytes of text, and when the first and last arrived."""

    tokens: int = 0
    observations: int = 0
    bytes: int = 0
    first_t: float | None = None
    last_t: float | None = None

    def __add__(self, other: "Count") -> "Count":
        firsts = [one for one in (self.first_t, other.first_t) if one is not None]
        lasts = [one for one in (self.last_t, other.last_t) if one is not None]
        return Count(
            self.tokens + other.tokens, self.observations + other.observations, self.bytes + other.bytes,
            min(firsts, default=None), max(lasts, default=None),
        )  # fmt: skip


@dataclass(frozen=True)
class Preview:
    """What an erasing would take, and what beside it may be of the same span (it waited on the robot, nobody knows
    exactly since when).

    `incidents`: (id, title) of those whose text goes too, the first 50; `more_incidents`: how many more. `held_by`:
    holds that forbid it.
    """

    sure: Count
    uncertain: Count
    incidents: tuple[tuple[str, str], ...]
    more_incidents: int
    sessions: int
    held_by: tuple[Hold, ...]


@dataclass(frozen=True)
class Slice:
    """What one transaction erased. `after`: where the next begins; None when there is no more."""

    tokens: int
    after: tuple[float, int] | None


@dataclass(frozen=True)
class Room:
    """Bytes of the ledger's file: whole, in use, and empty inside it."""

    file: int
    used: int

    @property
    def empty(self) -> int:
        """What could be given back."""
        return self.file - self.used
