"""Hostile images by the thousand, each read as `wachhund audit image` reads it; figures, and what must not be.

    python -m tests.hostile_cards --cases 10000 --seed 1

Half of the cases are altered cards, half are file systems made to hurt. Exit status 0: each was answered or refused in
one line, within the bounds of memory and time, and nothing was written; 1: some were not, and which.
"""

import argparse
import collections
import os
import statistics
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.hostile_cards.making import altered, made, whole_card
from tests.hostile_cards.reading import Read, read
from tests.unit.host.inspection import robot_tree
from wachhund.robot_tree.card_process import MEMORY_BYTES

ALTERED, MADE = "altered", "made"
_FAULTS_TOLD = 20


def one(kind: str, number: int, seed: int, folder: Path, card: bytes) -> Read:
    """Make a case and read it."""
    image = folder / "case.img"
    image.write_bytes(altered(card, number, seed) if kind == ALTERED else made(card, number, seed, folder))
    return read(image)


def some(kind: str, numbers: range, seed: int, card: Path) -> list[tuple[int, Read]]:
    """A share of the cases, in a folder of its own, in which only the cases may lie afterwards."""
    with tempfile.TemporaryDirectory(prefix="wachhund-cards-") as name:
        folder, data = Path(name), card.read_bytes()
        os.chdir(folder)
        found = [(number, one(kind, number, seed, folder, data)) for number in numbers]
        others = {path.name for path in folder.iterdir()} - {"case.img", "made.ext4"}
        if others:
            raise SystemExit(f"something was written: {others}")
        return found


def main() -> int:
    """Make, read, tell."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", choices=(ALTERED, MADE), help="this half of them")
    args = parser.parse_args()
    faults = []
    with tempfile.TemporaryDirectory(prefix="wachhund-card-") as name:
        card = Path(name) / "whole.img"
        card.write_bytes(whole_card(robot_tree.enrolled(Path(name) / "robot"), Path(name)))
        with ProcessPoolExecutor(args.jobs) as pool:
            for kind in (ALTERED, MADE) if args.only is None else (args.only,):
                shares = [range(start, min(start + 100, args.cases // 2)) for start in range(0, args.cases // 2, 100)]
                asked = [pool.submit(some, kind, share, args.seed, card) for share in shares]
                found = [each for share in asked for each in share.result()]
                faults += [f"{kind} {number}: {one.fault}" for number, one in found if one.fault]
                tell(kind, [one for _, one in found])
    for fault in faults[:_FAULTS_TOLD]:
        print(f"FAULT {fault}")
    print(
        f"{len(faults)} of {args.cases} cases ended as none may"
        if faults
        else "each was answered or refused in one line"
    )
    return 1 if faults else 0


def tell(kind: str, found: list[Read]) -> None:
    """One line of figures."""
    outcomes = collections.Counter(one.outcome for one in found)
    seconds = sorted(one.seconds for one in found)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    most_mib, bound_mib = max(one.kib for one in found) / 1024, MEMORY_BYTES >> 20
    print(f"{kind}: {len(found)} cases: {counts}; processor {statistics.median(seconds):.2f} s median, "
          f"{seconds[-1]:.2f} s at most; memory {most_mib:.0f} MiB at most (bound {bound_mib})")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
