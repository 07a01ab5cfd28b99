"""What is told: the stock robot's noise, and attacks, each with the observation by which a judge knows it."""

import functools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.robots.attacks import catalogue, recordings
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.judging import Verdict, verdict
from tests.robots.attacks.scene import Scene
from wachhund.judge.engine import Judge
from wachhund.judge.fact import Fact, LineRef
from wachhund.judge.rule_loading import load_rules
from wachhund_evidence import Observation, observation_from_line

STOCK = "stock"
ONCE = ("agent.start", "config.state", "coverage")  # what an agent says when it starts
SCENES = {scene.name: scene for scene in catalogue.SCENES if scene.expected is not None and not scene.authorised}
NAMES = sorted(name for name in SCENES if recordings.path(name).exists())


@dataclass(frozen=True)
class Attack:
    """A scene that robot `number` plays from `at_s` on.

    `first`: the place of the observation with which its incident begins; `whole`: of the one that makes it what the
    corpus says that it must be.
    """

    number: int
    at_s: float
    scene: str
    first: int
    whole: int


@dataclass(frozen=True)
class Known:
    """A scene whose incident a judge makes out of its recording; the rest as in an Attack."""

    scene: str
    first: int
    whole: int
    seconds: float


@functools.cache
def told(scene: str) -> tuple[Observation, ...]:
    """What an agent told of a scene. Raises OSError, ValueError."""
    return tuple(observation_from_line(line) for line in recordings.read(scene)[1].splitlines()[1:])


@functools.cache
def noise() -> tuple[Observation, ...]:
    """What the stock robot tells again and again: without what an agent says once, at its start."""
    return tuple(one for one in told(STOCK) if one.kind not in ONCE)


def judged_well(names: Sequence[str], number: int) -> list[Known]:
    """The first `number` scenes of these of which a judge makes what it must out of the recording alone."""
    rules = load_rules().rules
    found: list[Known] = []
    for name in names:
        if len(found) == number:
            break
        known = _judged(name, Judge(rules))
        if known is not None:
            found.append(known)
    return found


def as_the_corpus_says(scene: str, incidents: Sequence[dict[str, Any]]) -> Verdict:
    """Hold a robot's incidents against what must come of a scene."""
    return verdict(SCENES[scene], Draw(recordings.read(scene)[0]["seed"], scene), _told_of(incidents))


def _told_of(incidents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in incidents if one["joined"] is None]


def _judged(name: str, judge: Judge) -> Known | None:
    scene: Scene = SCENES[name]
    draw = Draw(recordings.read(name)[0]["seed"], name)
    observations = told(name)
    by_id: dict[str, dict[str, Any]] = {}
    first = whole = None
    for place, one in enumerate(observations):
        said = judge.feed([Fact(None, one.t, None, LineRef(place + 1), one)])
        if not said.incidents:
            continue
        by_id.update((incident["id"], incident) for incident in said.incidents)
        first = place if first is None else first
        if not verdict(scene, draw, _told_of(list(by_id.values()))).ok:
            whole = None
        elif whole is None:
            whole = place
    if first is None or whole is None:
        return None
    ts = [one.mono for one in observations]
    return Known(name, first, whole, max(ts) - min(ts))


def parts(observations: Sequence[Observation], every_s: float) -> list[tuple[float, range]]:
    """Observations as an agent's tokens hold them: seconds from the first, and their places."""
    begins = observations[0].mono
    made: list[tuple[float, range]] = []
    start = 0
    due = every_s
    for place, one in enumerate(observations):
        while one.mono - begins >= due:
            if place > start:
                made.append((due, range(start, place)))
                start = place
            due += every_s
    made.append((due, range(start, len(observations))))
    return made


def shuffled(number: int, seed: str) -> random.Random:
    """The chance of one robot."""
    return random.Random(f"{seed} robot {number}")
