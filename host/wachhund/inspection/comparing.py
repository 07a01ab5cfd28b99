"""Two reports side by side: what is new, what is gone, and what got better or worse."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wachhund.judge.meaning import LEVELS


@dataclass(frozen=True)
class Difference:
    """Findings by name. `changed`: (before, after), of another level or another proof. `answers`: question -> words."""

    came: tuple[dict[str, Any], ...]
    went: tuple[dict[str, Any], ...]
    changed: tuple[tuple[dict[str, Any], dict[str, Any]], ...]
    answers: tuple[tuple[str, str, str], ...]

    @property
    def is_none(self) -> bool:
        """Whether the two say the same."""
        return not (self.came or self.went or self.changed or self.answers)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "came": list(self.came), "went": list(self.went),
            "changed": [{"before": before, "after": after} for before, after in self.changed],
            "answers": [{"question": name, "before": before, "after": after} for name, before, after in self.answers],
        }  # fmt: skip


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """Two reports, whatever each was made from."""
    old, new = _findings(before), _findings(after)
    both = [(old[name], new[name]) for name in old if name in new]
    was, now = _results(before), _results(after)
    words = [(question, was[name][1], result) for name, (question, result) in now.items() if name in was]
    return Difference(
        tuple(new[name] for name in new if name not in old),
        tuple(old[name] for name in old if name not in new),
        tuple((one, other) for one, other in both if (one["level"], one["proof"]) != (other["level"], other["proof"])),
        tuple(one for one in words if one[1] != one[2]),
    )


def _findings(report: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    every = [finding for answer in report["answers"] for finding in answer["findings"]]
    return {one["name"]: one for one in sorted(every, key=lambda one: -LEVELS.index(one["level"]))}


def _results(report: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    return {answer["name"]: (answer["question"], answer["result"]) for answer in report["answers"]}
