"""Fault after fault on one stage: a tick is one of the host's, or one of each robot's own, or both at once."""

import concurrent.futures
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.faults.inner.world import Violation
from tests.faults.kills.host_faults import HOST_FAULTS, HostFault
from tests.faults.kills.invariants import check, has_arrived
from tests.faults.kills.kept import Kept
from tests.faults.kills.robot_faults import ANOTHER, ROBOT_FAULTS, At, RobotFault
from tests.faults.kills.stage import RealRobot, Stage

ROBOTS = 5
GREEN_WITHIN_S = 150.0  # paho waits up to a minute between two tries
_REST_WITHIN_S = 30.0  # what was held back arrives within seconds; longer, what it says counts for the next fault
_WHOLE_WITHIN_S = 400.0
_HOSTS, _BOTH = 0.45, 0.2  # how often it is the host's turn, and how often everybody's


class Round(NamedTuple):
    """As in `inner.lives`."""

    faults: tuple[str, ...]
    green_s: float
    answered: tuple[str, ...]


def ticks(folder: Path, seed: int, first: int, wanted: int, robots: int = ROBOTS) -> Iterator[tuple[int, list[Round]]]:
    """Ticks from number `first` on, until there are so many rounds. Raises Violation, with the tick in its text."""
    with Stage(folder, robots) as stage:
        play = _Play(stage)
        play.until_green({robot.name: 0.0 for robot in stage.robots})
        tick, count = first, 0
        while count < wanted:
            chance = random.Random(f"{seed}/kills/{tick}")
            try:
                rounds = play.tick(chance)
            except Violation as violation:
                raise Violation(f"seed {seed}, tick {tick}, {play.now}: {violation}") from violation
            yield tick, rounds
            count += len(rounds)
            tick += 1
        try:
            play.end()
        except Violation as violation:
            raise Violation(f"seed {seed}, at the end: {violation}") from violation


class _Play:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._kept = {robot.name: Kept() for robot in stage.robots}
        self._answered: dict[str, set[str]] = {robot.name: set() for robot in stage.robots}
        self._restored = False
        self.now = ""

    def tick(self, chance: random.Random) -> list[Round]:
        """Do it, wait until every robot is believed again, check, and say how long each took."""
        stage, draw = self._stage, chance.random()
        hosts = self._draw_hosts(chance) if draw < _HOSTS + _BOTH else None
        own = {} if draw < _HOSTS else {robot.name: self._draw_own(chance) for robot in stage.robots}
        self.now = " + ".join([*([hosts.name] if hosts else []), *(f"{name}: {one.name}" for name, one in own.items())])
        time.sleep(chance.uniform(0.2, 1.5))
        for robot in stage.robots:
            self._kept[robot.name].read(robot)
        restores = hosts is not None and hosts.restores
        before = {robot.name: self._kept[robot.name].stand for robot in stage.robots} if restores else {}
        ended = self._act(hosts, own, chance)
        self._restored = self._restored or restores
        green = self.until_green(ended)
        self._wait_for_the_rest()
        rounds = []
        for robot in stage.robots:
            fault = own.get(robot.name)
            may = (hosts.may if hosts else frozenset()) | (fault.may if fault else frozenset())
            answered = self._answer(robot, may)
            kept = self._kept[robot.name]
            if kept.unread is not None and robot.starts > kept.unread:
                kept.unread = None
            kept.read(robot)
            restored = kept.stand_at(stage.restored_at, before[robot.name]) if restores else None
            check(stage.ledger, robot, kept, restored)
            if fault is not None:
                rounds.append(Round((fault.name, *([hosts.name] if hosts else [])), green[robot.name], answered))
        if hosts is not None:
            names = (hosts.name, "faults of robots") if own else (hosts.name,)
            rounds.append(Round(names, max(green.values()), ()))
        return rounds

    def _draw_hosts(self, chance: random.Random) -> HostFault:
        able = [one for one in HOST_FAULTS if self._stage.may_mount or not one.mounts]
        return chance.choices(able, [one.weight for one in able])[0]

    def _draw_own(self, chance: random.Random) -> RobotFault:
        able = [one for one in ROBOT_FAULTS if self._stage.may_mount or not one.mounts]
        return chance.choices(able, [one.weight for one in able])[0]

    def _act(self, hosts: HostFault | None, own: dict[str, RobotFault], chance: random.Random) -> dict[str, float]:
        """Everybody's fault at the same time. Returns when each was over."""
        with concurrent.futures.ThreadPoolExecutor(len(self._stage.robots)) as pool:
            running = {}
            for robot in self._stage.robots:
                if robot.name in own:
                    at = At(self._stage, robot, self._kept[robot.name], random.Random(chance.random()))
                    running[robot.name] = pool.submit(_timed, own[robot.name], at)
            if hosts is not None:
                hosts.act(self._stage, chance)
            over = time.time()
            ended = {name: one.result() for name, one in running.items()}
        hosts_end = over if hosts is not None else 0.0
        return {robot.name: max(ended.get(robot.name, 0.0), hosts_end) for robot in self._stage.robots}

    def until_green(self, ended: dict[str, float]) -> dict[str, float]:
        """Seconds from then until each robot is `verified` by evidence that came after."""
        green: dict[str, float] = {}
        began = time.monotonic()
        while len(green) < len(self._stage.robots):
            for robot in self._stage.robots:
                robot.must_run()
                if robot.name in green:
                    continue
                word, newest = self._stage.look(robot)
                is_new = newest is not None and newest.fresh_t is not None and newest.fresh_t >= ended[robot.name]
                if is_new and word in ("verified", "broken"):  # what is broken is answered, or raised, later
                    green[robot.name] = round(max(0.0, time.time() - ended[robot.name]), 1)
            self._stage.must_run()
            if time.monotonic() - began > GREEN_WITHIN_S:
                missed = [robot for robot in self._stage.robots if robot.name not in green]
                late = [(robot.name, *self._stage.look(robot)) for robot in missed]
                raise Violation(f"not verified after {GREEN_WITHIN_S:.0f} s: {late} (now {time.time():.1f})")
            time.sleep(0.1)
        return green

    def _wait_for_the_rest(self) -> None:
        """The newest evidence comes first and makes a robot green: what an earlier token says of this fault comes then.

        It must not be taken for the next one's doing.
        """
        deadline = time.monotonic() + _REST_WITHIN_S
        for robot in self._stage.robots:
            kept = self._kept[robot.name]
            kept.read(robot)
            places = kept.waits
            while not has_arrived(self._stage.ledger, robot, places) and time.monotonic() < deadline:
                time.sleep(0.1)

    def _answer(self, robot: RealRobot, may: frozenset[str]) -> tuple[str, ...]:
        found = self._stage.answer(robot)
        kinds = {one.split(":")[0] for one in found}
        wrong = [one for one in found if not self._is_excused(robot, one.split(":")[0], may)]
        if wrong:
            raise Violation(f"{robot.name}: an honest robot is accused: {wrong}")
        self._answered[robot.name] |= kinds
        return tuple(sorted(kinds))

    def _is_excused(self, robot: RealRobot, kind: str, may: frozenset[str]) -> bool:
        kept = self._kept[robot.name]
        return (
            kind in may
            or (kind in ANOTHER and kept.unread is not None)
            or (kind in ("fork", "two-signers", "broken-link", "gap") and kept.forked)
            or (self._restored and (kind == "lost-by-host" or kind in self._answered[robot.name]))
            # A hole of a chain that has ended; that it ended was answered then.
            or (kind == "gap" and bool({"journal-lost", "copied", "rollback"} & self._answered[robot.name]))
        )

    def end(self) -> None:
        """Left alone, every robot delivers all that it still holds."""
        self.now = "the end"
        deadline = time.monotonic() + _WHOLE_WITHIN_S
        for robot in self._stage.robots:
            kept = self._kept[robot.name]
            while True:
                kept.read(robot)
                try:
                    check(self._stage.ledger, robot, kept, at_end=True)
                except Violation:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(1.0)
                else:
                    break


def _timed(fault: RobotFault, at: At) -> float:
    fault.act(at)
    return time.time()
