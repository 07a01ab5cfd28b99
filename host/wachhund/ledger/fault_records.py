"""What is given of a robot's integrity: faults, what shows them, and what people said to them. Times are host time."""

from dataclasses import dataclass

from wachhund.ledger.fault_kinds import FAULT_KINDS, FaultKind


@dataclass(frozen=True)
class Sighting:
    """A token that a fault is about, and what it is in it. It is evidence, a fork of it, or of a key that had ended."""

    title: str
    chain: str
    seq: int
    hash: str


@dataclass(frozen=True)
class Acknowledgement:
    """Who said of a fault that it is looked into, when and why."""

    by: str
    t: float
    why: str


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a robot's evidence, which stays until somebody acknowledges it.

    `what`: a stable word of ledger.fault_kinds; `detail`: one sentence on what was found. `id`: the same for ever, and
    the same after a replay. `tokens`: what shows it, side by side. `number`: grows in the order of noticing.
    """

    what: str
    detail: str
    since_t: float
    id: str = ""
    robot: str = ""
    tokens: tuple[Sighting, ...] = ()
    acknowledged: Acknowledgement | None = None
    number: int = 0
    after: int = 0

    @property
    def kind(self) -> FaultKind:
        """How grave it is, what it may mean and what to do."""
        return FAULT_KINDS[self.what]


@dataclass(frozen=True)
class Remark:
    """Something odd that is no fault, in one sentence, at host time `t`."""

    t: float
    text: str
