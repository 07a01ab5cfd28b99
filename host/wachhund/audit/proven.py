"""What was found for one robot's evidence, in counts, in faults and in five words. Pure.

Each word is "proven", "not proven" or "not checked", with why. They are never merged: each fails for its own reason.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PROVEN, NOT_PROVEN, NOT_CHECKED = "proven", "not proven", "not checked"
SIGNATURES, IDENTITY, ORDER, COMPLETENESS, FRESHNESS = "signatures", "identity", "order", "completeness", "freshness"
MAX_FAULTS = 100  # told of a robot; the rest is counted


@dataclass(frozen=True)
class Word:
    """One property: `state` is proven, not proven or not checked."""

    state: str
    why: str


@dataclass
class Proven:
    """What was found for one robot. `faults`: what is not proven, in words; `more`: how many are not listed.

    `keys`: thumbprints under which tokens were proven. `holes`: numbers that nobody accounts for; `stated_lost`: those
    that the robot itself says are lost; `held_back`: that it keeps for later; `erased`: that the host says it erased.
    `receipts`: of the host, shown back by the robot and proven. `widest_s`: the widest bracket between challenge and
    arrival, by the host's word; None without one. `acts`: acts of forgetting that took something of it.
    """

    robot: str
    name: str
    tokens: int = 0
    signatures: int = 0
    links: int = 0
    observations: int = 0
    chains: int = 0
    joined: int = 0
    stated_lost: int = 0
    held_back: int = 0
    holes: int = 0
    erased: int = 0
    forks: int = 0
    receipts: int = 0
    within_minute: int = 0
    widest_s: float | None = None
    keys: list[str] = field(default_factory=list)
    is_pinned: bool = False
    acts: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    more: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    def fault(self, what: str, of: str = SIGNATURES) -> None:
        """Something is not proven: of signatures, identity, order, completeness or freshness."""
        self.failed[of] += 1
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(what)
        else:
            self.more += 1

    @property
    def words(self) -> Mapping[str, Word]:
        """The five words."""
        return {
            SIGNATURES: self._signatures(),
            IDENTITY: self._identity(),
            ORDER: self._order(),
            COMPLETENESS: self._completeness(),
            FRESHNESS: self._freshness(),
        }

    @property
    def is_proven(self) -> bool:
        """Whether nothing that was checked failed."""
        return all(word.state != NOT_PROVEN for word in self.words.values())

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        plain = {name: value for name, value in vars(self).items() if name not in ("failed", "is_pinned")}
        words = {name: {"state": word.state, "why": word.why} for name, word in self.words.items()}
        return {**plain, "proven": self.is_proven, "words": words}

    def _signatures(self) -> Word:
        if self.failed[SIGNATURES]:
            return Word(NOT_PROVEN, f"{_count(self.failed[SIGNATURES], 'fault')}, listed below")
        if not self.tokens:
            return Word(NOT_CHECKED, "there is no token with its text")
        return Word(PROVEN, f"all {_count(self.tokens, 'token')} signed under {_count(len(self.keys), 'key')}")

    def _identity(self) -> Word:
        if self.failed[IDENTITY]:
            return Word(NOT_PROVEN, "its name is not that of a key of it, see below")
        if not self.is_pinned:
            return Word(
                NOT_CHECKED, "the keys came with the evidence: give the robot's own with --key, or compare them with it"
            )
        if not self.signatures:
            return Word(NOT_PROVEN, "nothing is signed by a key that you named")
        return Word(PROVEN, "signed by keys that you named")

    def _order(self) -> Word:
        if self.failed[ORDER] or self.forks:
            forked = f"{_count(self.forks, 'number')} signed twice: the key may have been copied" if self.forks else ""
            broken = f"{_count(self.failed[ORDER], 'fault')}, listed below" if self.failed[ORDER] else ""
            return Word(NOT_PROVEN, "; ".join(part for part in (forked, broken) if part))
        if not self.signatures:
            return Word(NOT_CHECKED, "there is no signed number")
        apart = self.chains - self.joined - 1
        between = "" if apart <= 0 else f"; between {self.chains} chains only by the host's word"
        return Word(PROVEN, f"signed numbers, each once, and {_count(self.links, 'link')} by hash{between}")

    def _completeness(self) -> Word:
        beside = [
            f"{count} {words}"
            for count, words in (
                (self.stated_lost, "lost, as the robot states"),
                (self.held_back, "held back by the robot for later"),
                (self.erased, "erased by the host: their hashes are here"),
            )
            if count
        ]
        if self.failed[COMPLETENESS] or self.holes:
            return Word(NOT_PROVEN, "; ".join([f"{self.holes} missing, and nobody says why", *beside]))
        if not self.signatures:
            return Word(NOT_CHECKED, "there is no signed number")
        ends = "nothing is said of what came before the first and after the last"
        return Word(PROVEN, "; ".join(["every number between the first and the last is accounted for", *beside, ends]))

    def _freshness(self) -> Word:
        if self.failed[FRESHNESS]:
            return Word(NOT_PROVEN, f"{_count(self.failed[FRESHNESS], 'fault')}, listed below")
        if self.widest_s is None:
            return Word(NOT_CHECKED, "no token has a challenge that the host recognised")
        return Word(
            NOT_CHECKED,
            f"only the host can check its challenges; by its word {self.within_minute} of {self.tokens} tokens arrived "
            f"within 60 s of one, the widest bracket is {self.widest_s:.0f} s",
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
