"""What a verifier found, as people read it: each check by itself, and what it does not prove. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wachhund.audit.proven import (
    COMPLETENESS,
    FRESHNESS,
    IDENTITY,
    NOT_CHECKED,
    NOT_PROVEN,
    ORDER,
    PROVEN,
    SIGNATURES,
    Word,
)
from wachhund.audit.verifying_bundle import Checked
from wachhund.web.said import say

MANIFEST = "manifest"
_STATES = {PROVEN: ("pass", "good"), NOT_PROVEN: ("fail", "bad"), NOT_CHECKED: ("not checked", "open")}
_NAMES = {
    MANIFEST: say("manifest"),
    SIGNATURES: say("signatures"),
    IDENTITY: say("identity"),
    ORDER: say("order"),
    COMPLETENESS: say("completeness"),
    FRESHNESS: say("freshness"),
}
# Each check's limits: who reads "pass" reads these beside it.
DOES_NOT_PROVE: Mapping[str, str] = {
    MANIFEST: say("that the host told the truth: it signs what it chose to hand on"),
    SIGNATURES: say("that what the robot said is true: whoever holds its key, or rules the robot, can sign anything"),
    IDENTITY: say("which machine holds the key: a key in a file can be copied"),
    ORDER: say("when anything happened: numbers and hashes know no clock"),
    COMPLETENESS: say("that nothing came before the first number or after the last one"),
    FRESHNESS: say("anything to you: only the host that issued a challenge can check it"),
}


@dataclass(frozen=True)
class CheckLine:
    """One check. `word`: pass, fail or not checked, with `tone` for its shape and colour."""

    name: str
    word: str
    tone: str
    why: str
    does_not_prove: str


@dataclass(frozen=True)
class VerifyView:
    """A checked bundle. `faults`: what is not proven, in words; `more`: of them that are not listed."""

    file: str
    robot: str
    robot_id: str
    host: str
    made_t: float
    tokens: int
    signed: int
    keys: Sequence[str]
    checks: Sequence[CheckLine]
    faults: Sequence[str]
    more: int
    acts: Sequence[Mapping[str, object]]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many checks came out each way. Never one tick for mixed results."""
        words = [check.word for check in self.checks]
        return {word: words.count(word) for word, _ in _STATES.values()}

    @property
    def sentence(self) -> str:
        """The whole in one line."""
        counts = self.counts
        told = {"passed": counts["pass"], "failed": counts["fail"], "open": counts["not checked"]}
        broken = self.tokens - self.signed
        if not broken:
            return say("%(passed)s checks pass, %(failed)s fail, %(open)s were not made", **told)
        return say(
            "%(passed)s checks pass, %(failed)s fail, %(open)s were not made; %(broken)s of %(tokens)s tokens not "
            "signed by the robot", **told, broken=broken, tokens=self.tokens,
        )  # fmt: skip


def _line(name: str, word: Word) -> CheckLine:
    state, tone = _STATES[word.state]
    return CheckLine(_NAMES[name], state, tone, word.why, DOES_NOT_PROVE[name])


def verify_view(file: str, checked: Checked) -> VerifyView:
    """What was found in `file`, a name for people."""
    found = checked.robot
    words = {MANIFEST: checked.manifest, **found.words}
    return VerifyView(
        file, found.name, found.robot, checked.host, checked.made_t, found.tokens, found.signatures, tuple(found.keys),
        [_line(name, word) for name, word in words.items()], tuple(found.faults), found.more, tuple(found.acts),
    )  # fmt: skip
