"""Scenes acted out, or their recordings judged: what came of each."""

import lzma
import multiprocessing
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

from tests.robots.attacks import catalogue, recordings, stage
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.judging import Incident, Verdict, differences, judged, verdict
from tests.robots.attacks.scene import Scene
from tests.robots.attacks.table import Result

Differing = tuple[str, ...] | None  # as in a Result


def acted(scene: Scene, seed: int, keep: bool, unexpected: Path | None) -> Result:
    """Play a scene, judge it twice, and compare with its recording where that was made with this seed.

    `unexpected`: a folder for what the agent told of a scene that was not judged as it must be.
    """
    try:
        outcome = stage.play(scene, seed)
    except (AssertionError, OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
        return Result(scene, [], Verdict("NOT ACTED", (" ".join(str(error).split())[:300],)))
    kept = None
    if keep:
        recordings.write(scene.name, seed, outcome.lines)
    elif recordings.path(scene.name).exists() and recordings.read(scene.name)[0]["seed"] == seed:
        kept = differences(outcome.live, _of_recording(scene), another_run=True)
    found = verdict(scene, Draw(seed, scene.name), outcome.again)
    result = Result(scene, outcome.again, found, differences(outcome.live, outcome.again), kept)
    if unexpected is not None and not result.ok:
        unexpected.mkdir(parents=True, exist_ok=True)
        (unexpected / f"{scene.name}-{seed}.jsonl").write_bytes(outcome.lines)
    return result


def _acted_apart(
    name: str, seed: int, keep: bool, unexpected: Path | None
) -> tuple[list[Incident], Verdict, Differing, Differing]:
    """Act one scene out in a process of its own; all of its result but the scene, whose acts can't be sent."""
    (scene,) = (scene for scene in catalogue.SCENES if scene.name == name)
    result = acted(scene, seed, keep, unexpected)
    return result.incidents, result.verdict, result.live, result.kept


def acted_side_by_side(
    scenes: tuple[Scene, ...], seed: int, keep: bool, unexpected: Path | None, jobs: int
) -> Iterator[Result]:
    """Results in the scenes' order, `jobs` scenes at a time, each robot's agent and judge its own.

    A scene changes its process's folder and waits most of its time: so processes, and more of them than cores. Each is
    a fork of one that has loaded our rules.
    """
    names = [scene.name for scene in scenes]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.robots.attacks.with_rules"])
    with ProcessPoolExecutor(jobs, mp_context=context, max_tasks_per_child=1) as pool:
        try:
            told = pool.map(_acted_apart, names, repeat(seed), repeat(keep), repeat(unexpected))
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
