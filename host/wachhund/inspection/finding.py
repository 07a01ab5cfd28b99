"""What an audit asks, what it answers, and what it found: the words of a report, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wachhund.judge.meaning import LEVELS

PASSED, FAILED, NOT_SEEN = "passed", "failed", "not seen"


@dataclass(frozen=True)
class Finding:
    """One thing that is so and should not be.

    `name`: the same for the same thing in every audit, by which two audits are compared. `level`: one of Sigma's.
    `proof`: each a place and what stands there. `means`: what may come of it. `fix` and `recheck`: for whoever looks
    after the robot. `references`: CVE, ATT&CK technique or document, as people look them up.
    """

    name: str
    level: str
    title: str
    proof: tuple[str, ...]
    means: str
    fix: tuple[str, ...]
    recheck: str
    references: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As it stands in a report."""
        return {
            "name": self.name, "level": self.level, "title": self.title, "proof": list(self.proof),
            "means": self.means, "fix": list(self.fix), "recheck": self.recheck, "references": list(self.references),
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Any) -> "Finding":
        """The same from `to_json`."""
        lists = {name: tuple(value[name]) for name in ("proof", "fix", "references")}
        return cls(**{**value, **lists})


@dataclass(frozen=True)
class Answer:
    """What came of one question. `looked`: at what; `missed`: what could not be looked at, and why."""

    name: str
    question: str
    findings: tuple[Finding, ...]
    looked: tuple[str, ...]
    missed: tuple[str, ...]

    @property
    def result(self) -> str:
        """Failed: something of it was found, beyond what is only noted. Not seen: what it needs was not there."""
        if any(LEVELS.index(one.level) > 0 for one in self.findings):
            return FAILED
        return NOT_SEEN if self.missed or not self.looked else PASSED

    def to_json(self) -> dict[str, Any]:
        """As it stands in a report."""
        return {
            "name": self.name, "question": self.question, "result": self.result,
            "findings": [one.to_json() for one in self.findings],
            "looked": list(self.looked), "missed": list(self.missed),
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Any) -> "Answer":
        """The same from `to_json`."""
        findings = tuple(map(Finding.from_json, value["findings"]))
        return cls(value["name"], value["question"], findings, tuple(value["looked"]), tuple(value["missed"]))


def worst(answers: Sequence[Answer]) -> str | None:
    """The gravest level of all that was found."""
    levels = [finding.level for answer in answers for finding in answer.findings]
    return max(levels, key=LEVELS.index, default=None)
