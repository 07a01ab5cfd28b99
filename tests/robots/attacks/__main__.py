"""`python -m tests.robots.attacks`: act the scenes out, or judge their recordings, and print the confusion table."""

import argparse
import lzma
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.robots.attacks import catalogue, recordings, stage
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.judging import Incident, Verdict, differences, judged, verdict
from tests.robots.attacks.scene import Scene
from tests.robots.attacks.table import Result, closing, heading, row

DEFAULT_SEED = 1
MOST_JOBS = 16
Differing = tuple[str, ...] | None  # as in a Result
EXIT_RED, EXIT_INTERRUPTED = 1, 130
# What scenes run beside what a Go1 itself needs.
PROGRAMS = ("socat", "autossh", "sshuttle", "stunnel", "openvpn", "wireguard-go", "nebula", "nebula-cert", "edge",
            "supernode", "iodine", "iodined", "hts", "htc", "ptunnel", "tor", "tmate", "tincd", "Xvnc", "vncconfig",
            "rosmaster", "nft", "curl", "rsync", "perl", "openssl", "dpkg-deb")  # fmt: skip


def missing() -> list[str]:
    """The programs that this machine lacks."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    return [name for name in PROGRAMS if shutil.which(name, path=path) is None]


def acted(scene: Scene, seed: int, keep: bool) -> Result:
    """Play a scene, judge it twice, and compare with its recording where that was made with this seed."""
    try:
        outcome = stage.play(scene, seed)
    except (AssertionError, OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
        return Result(scene, [], Verdict("NOT ACTED", (" ".join(str(error).split())[:300],)))
    kept = None
    if keep:
        recordings.write(scene.name, seed, outcome.lines)
    elif recordings.path(scene.name).exists() and recordings.read(scene.name)[0]["seed"] == seed:
        kept = differences(outcome.live, _of_recording(scene))
    found = verdict(scene, Draw(seed, scene.name), outcome.again)
    return Result(scene, outcome.again, found, differences(outcome.live, outcome.again), kept)


def _acted_apart(name: str, seed: int, keep: bool) -> tuple[list[Incident], Verdict, Differing, Differing]:
    """Act one scene out in a process of its own; all of its result but the scene, whose acts can't be sent."""
    (scene,) = (scene for scene in catalogue.SCENES if scene.name == name)
    result = acted(scene, seed, keep)
    return result.incidents, result.verdict, result.live, result.kept


def acted_side_by_side(scenes: tuple[Scene, ...], seed: int, keep: bool, jobs: int) -> Iterator[Result]:
    """Results in the scenes' order, `jobs` scenes at a time, each robot's agent and judge its own.

    A scene changes its process's folder and waits most of its time: so processes, and more of them than cores.
    """
    names = [scene.name for scene in scenes]
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        try:
            told = pool.map(_acted_apart, names, [seed] * len(names), [keep] * len(names))
            for scene, result in zip(scenes, told, strict=True):
                yield Result(scene, *result)
        finally:
            pool.shutdown(cancel_futures=True)


def of_recording(scene: Scene) -> Result:
    """Judge what is kept of a scene."""
    try:
        seed = recordings.read(scene.name)[0]["seed"]
    except (OSError, ValueError, lzma.LZMAError) as error:
        return Result(scene, [], Verdict("NOT ACTED", (f"its recording cannot be read: {error}",)))
    incidents = _of_recording(scene)
    return Result(scene, incidents, verdict(scene, Draw(seed, scene.name), incidents))


def _of_recording(scene: Scene) -> list[Incident]:
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.write(recordings.read(scene.name)[1])
        file.flush()
        return judged(Path(file.name), scene)


def _results(scenes: tuple[Scene, ...], args: argparse.Namespace) -> Iterator[Result]:
    if args.recorded:
        return map(of_recording, scenes)
    if args.jobs > 1:
        return acted_side_by_side(scenes, args.seed, args.keep, args.jobs)
    return (acted(scene, args.seed, args.keep) for scene in scenes)


def main() -> int:
    """Exit status: 0 when every scene led to what it must, 1 when one did not, 2 when nothing could be acted."""
    parser = argparse.ArgumentParser(prog="python -m tests.robots.attacks", description=__doc__)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, metavar="N", help="what chance decides (default 1)")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="scenes whose names begin so")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="scenes acted side by side (default 1)")
    parser.add_argument("--recorded", action="store_true", help="judge the recordings, act nothing; needs no root")
    parser.add_argument("--keep", action="store_true", help="keep what the agent tells as the scenes' recordings")
    args = parser.parse_args()
    try:
        scenes = catalogue.named(args.only)
    except ValueError as error:
        parser.error(str(error))
    if not 1 <= args.jobs <= MOST_JOBS:
        parser.error(f"--jobs: 1 to {MOST_JOBS}, not {args.jobs}")
    if not args.recorded and os.geteuid() != 0:
        parser.error("acting needs root, for network namespaces; --recorded judges what is kept")
    if not args.recorded and (lacking := missing()):
        parser.error(f"needs {', '.join(lacking)}: install them as .ci/run does")
    results: list[Result] = []
    print(heading())
    try:
        for result in _results(scenes, args):
            results.append(result)
            print(row(result), flush=True)
    except KeyboardInterrupt:
        print(closing(results))
        return EXIT_INTERRUPTED
    print(closing(results))
    return 0 if all(result.ok for result in results) else EXIT_RED


if __name__ == "__main__":
    sys.exit(main())
