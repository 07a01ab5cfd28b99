"""`python -m tests.robots.attacks`: act the scenes out, or judge their recordings, and print the confusion table."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.robots.attacks import catalogue, recordings, stage
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.judging import Verdict, differences, judged, verdict
from tests.robots.attacks.scene import Scene
from tests.robots.attacks.table import Result, closing, row

DEFAULT_SEED = 1


def acted(scene: Scene, seed: int, keep: bool) -> Result:
    """Play a scene, judge it twice, and compare with its recording where that was made with this seed."""
    try:
        outcome = stage.play(scene, seed)
    except (AssertionError, OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
        return Result(scene, [], Verdict("NOT ACTED", (" ".join(str(error).split())[:300],)))
    live = differences(outcome.live, outcome.again)
    kept = None
    if keep:
        recordings.write(scene.name, seed, outcome.lines)
    elif recordings.path(scene.name).exists() and recordings.read(scene.name)[0]["seed"] == seed:
        kept = differences(outcome.live, _of_recording(scene.name))
    return Result(scene, outcome.again, verdict(scene, Draw(seed, scene.name), outcome.again), live, kept)


def of_recording(scene: Scene) -> Result:
    """Judge what is kept of a scene."""
    if not recordings.path(scene.name).exists():
        return Result(scene, [], Verdict("NOT ACTED", ("there is no recording",)))
    incidents = _of_recording(scene.name)
    return Result(scene, incidents, verdict(scene, Draw(recordings.read(scene.name)[0]["seed"], scene.name), incidents))


def _of_recording(name: str) -> list[dict[str, object]]:
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.write(recordings.read(name)[1])
        file.flush()
        return judged(Path(file.name))


def main() -> int:
    """Exit status: 0 when every scene led to what it must, 1 when one did not, 2 for an option that can't be used."""
    parser = argparse.ArgumentParser(prog="python -m tests.robots.attacks", description=__doc__)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, metavar="N", help="what chance decides (default 1)")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="scenes whose names begin so")
    parser.add_argument("--recorded", action="store_true", help="judge the recordings, act nothing; needs no root")
    parser.add_argument("--keep", action="store_true", help="keep what the agent tells as the scenes' recordings")
    args = parser.parse_args()
    try:
        scenes = catalogue.named(args.only)
    except ValueError as error:
        parser.error(str(error))
    results = []
    for scene in scenes:
        results.append(of_recording(scene) if args.recorded else acted(scene, args.seed, args.keep))
        print(row(results[-1]), flush=True)
    print(closing(results))
    return 0 if all(result.ok for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
