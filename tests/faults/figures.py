"""What a run has found so far: kept in a file, so that it can be broken off and taken up again."""

import json
import statistics
from pathlib import Path
from typing import Any

SEVERAL = "several at once"


class Figures:
    """`parts`: for each part of the run (by name) and each piece of it (by number) its rounds and what was violated.

    A round is a list of its faults, the seconds until the robot was believed again, and the faults of evidence that an
    operator had to answer.
    """

    def __init__(self, seed: int, path: Path | None) -> None:
        self.seed, self._path = seed, path
        self.parts: dict[str, dict[str, dict[str, Any]]] = {}

    @classmethod
    def load(cls, path: Path, seed: int | None) -> "Figures":
        """Take a run up again, or begin one. Raises ValueError when the file is of another seed, or none of ours."""
        if not path.exists():
            return cls(1 if seed is None else seed, path)
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            made = cls(int(told["seed"]), path)
            made.parts = dict(told["parts"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: not a run of faults ({error}): give another file") from None
        if seed is not None and seed != made.seed:
            raise ValueError(f"{path}: is of seed {made.seed}: leave --seed out, or give another file")
        return made

    def add(self, part: str, number: int, rounds: list[Any], violation: str | None) -> None:
        """A piece is done."""
        self.parts.setdefault(part, {})[str(number)] = {"rounds": rounds, "violation": violation}
        if self._path is not None:
            new = self._path.with_name(self._path.name + ".new")
            new.write_text(json.dumps({"seed": self.seed, "parts": self.parts}), encoding="utf-8")
            new.replace(self._path)

    def done(self, part: str) -> set[int]:
        return {int(number) for number in self.parts.get(part, {})}

    def rounds(self, part: str) -> list[Any]:
        return [one for piece in self.parts.get(part, {}).values() for one in piece["rounds"]]

    def violations(self) -> list[str]:
        pieces = [piece for part in self.parts.values() for piece in part.values()]
        return [piece["violation"] for piece in pieces if piece["violation"]]

    def table(self, part: str) -> str:
        """Rounds and time to green by kind of fault."""
        by_kind: dict[str, list[float]] = {}
        answered: dict[str, int] = {}
        for faults, green_s, answers in self.rounds(part):
            kind = faults[0] if len(faults) == 1 else SEVERAL
            by_kind.setdefault(kind, []).append(green_s)
            answered[kind] = answered.get(kind, 0) + bool(answers)
        lines = [f"{part:44}{'rounds':>8}{'median s':>10}{'worst s':>9}{'answered':>10}"]
        for kind, times in sorted(by_kind.items()):
            lines.append(
                f"{kind:44}{len(times):>8}{statistics.median(times):>10.1f}{max(times):>9.1f}{answered[kind]:>10}"
            )
        all_times = [time for times in by_kind.values() for time in times]
        if all_times:
            lines.append(f"{'all':44}{len(all_times):>8}{statistics.median(all_times):>10.1f}{max(all_times):>9.1f}")
        return "\n".join(lines)
