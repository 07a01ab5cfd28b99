"""What the ledger holds of a hardware witness. Times are host time in seconds, unless said otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Witness:
    """A registered witness. `ended_t`: since when nothing of it is taken any more."""

    kid: str
    robot: str
    ueid: str
    board: str
    made_t: float
    made_by: str
    ended_t: float | None = None
    ended_by: str | None = None
    why: str | None = None


@dataclass(frozen=True)
class Silence:
    """The agent was not heard from `from_mono` to `to_mono` (its own seconds since boot), for `seconds`."""

    bootseed: str
    from_mono: float
    to_mono: float
    seconds: float
    told_t: float
    mark: str


@dataclass(frozen=True)
class Beat:
    """A head that beats named and that no token here has yet."""

    head: str
    told_t: float


@dataclass(frozen=True)
class Stand:
    """What a witness last said, and what is still to be held against evidence.

    `hash`: of the statement. `fresh_t`: when its nonce was issued. `chain`, `seq`, `bootseed`, `mono`: of the evidence
    that carried it. `offset_s`: the agent's clock (mono) less the witness's, at least. `seen_event`: the number of the
    newest event of this boot. `reset_t`, `reset_count`: where the count of its starts stood when a span of it began.
    """

    bootcount: int
    n: int
    hash: str
    up_ms: int
    received_t: float
    fresh_t: float | None
    chain: str
    seq: int
    bootseed: str
    mono: float
    offset_s: float
    chip: str
    cause: str
    kept: bool
    lines: dict[str, tuple[int, int]]
    armed: bool | None
    cut: bool | None
    beats: int
    silent_ms: int
    longest_ms: int
    seen_event: int
    lost: int
    statements: int
    reset_t: float
    reset_count: int
    powered: bool = False
    unpowered: int = 0
    modem_t: float | None = None
    silences: tuple[Silence, ...] = ()
    beats_open: tuple[Beat, ...] = ()

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in the order of its statements."""
        return self.bootcount, self.n
