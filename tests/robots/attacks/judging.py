"""The real judge over the lines of a scene, and what its incidents are held against."""

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.robots.attacks.draw import Draw
from tests.robots.attacks.scene import LEVELS, Scene, Story
from wachhund import cli
from wachhund.judge import command

Incident = dict[str, Any]
_JUDGE_SECONDS = 60.0
_FOR_EVER_T = 4_000_000_000.0


class LiveJudge:
    """`wachhund judge -`, fed line by line while it happens.

    The command runs in a fork of this process, which has its rules: a second of loading them anew for each of many
    scenes at once is what would make a judge late here, and a host has loaded them too.
    """

    def __init__(self, folder: Path, scene: Scene) -> None:
        allowed, self._printed = folder / "allowed.json", folder / "judge.out"
        allowed.write_text(told_authorisations(scene))
        reading, writing = os.pipe()
        arguments = ["judge", "-", "--allowed", str(allowed)]
        self._process = multiprocessing.get_context("fork").Process(
            target=_judge_standard_input, args=(arguments, (reading, writing), self._printed, folder / "judge.err")
        )
        self._process.start()
        os.close(reading)
        self._lines = os.fdopen(writing, "wb")

    def tell(self, line: bytes) -> None:
        self._lines.write(line)
        self._lines.flush()

    def end(self) -> list[Incident]:
        """The incidents that it printed. Raises AssertionError when it failed."""
        self._lines.close()
        self._process.join(_JUDGE_SECONDS)
        status = self._process.exitcode
        assert status in (0, command.EXIT_GRAVE), f"the judge ended with {status}"
        return [json.loads(line) for line in self._printed.read_bytes().splitlines()]

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        with contextlib.suppress(OSError):
            self._lines.close()


def _judge_standard_input(arguments: list[str], pipe: tuple[int, int], printed: Path, errors: Path) -> None:
    reading, writing = pipe
    os.close(writing)  # or its end would never come
    os.dup2(reading, 0)
    for number, path in ((1, printed), (2, errors)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, number)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    status = cli.main(arguments)
    sys.stdout.flush()
    sys.exit(status)


def told_authorisations(scene: Scene) -> str:
    """What an operator allowed beforehand, as `wachhund authorise list --all --json` prints it."""
    made = [
        {
            "id": f"a{number}", "who": one.who, "surfaces": list(one.surfaces), "from": [one.source],
            "carrier": one.carrier, "from_t": 0.0, "until_t": _FOR_EVER_T, "why": one.why, "author": "the corpus",
            "made_t": 0.0, "ended_by": None, "ended_why": None,
        }
        for number, one in enumerate(scene.authorised, 1)
    ]  # fmt: skip
    return json.dumps({"authorisations": made})


def judged(file: Path, scene: Scene) -> list[Incident]:
    """The incidents of a file of lines, by the same command in this process."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), tempfile.NamedTemporaryFile("w", suffix=".json") as allowed:
        allowed.write(told_authorisations(scene))
        allowed.flush()
        status = command.run(argparse.Namespace(files=[str(file)], rules=[], allowed=Path(allowed.name), baseline=None))
    assert status in (0, command.EXIT_GRAVE), f"the judge ended with {status}"
    return [json.loads(line) for line in printed.getvalue().splitlines()]


def shape(incidents: Iterable[Incident], another_run: bool = False) -> list[tuple[Any, ...]]:
    """What must be the same of two judgements of one scene: all but ids, times and places in a file.

    `another_run`: of the scene, in which the kernel chose other ports for those who called.
    """
    return sorted(
        (
            incident["kind"],
            incident["level"],
            incident["title"],
            incident["state"],
            json.dumps([_hop(hop, another_run) for hop in incident["origin"]]),
            tuple(
                sorted(
                    json.dumps([one["surface"], [_hop(hop, another_run) for hop in one["origin"]]])
                    for one in incident["sessions"]
                )
            ),
            tuple(sorted(incident["rules"])),
            tuple(sorted(incident["attack"])),
        )
        for incident in incidents
    )


def differences(one: list[Incident], other: list[Incident], another_run: bool = False) -> tuple[str, ...]:
    """What is not the same of two judgements, for people; nothing when they are the same. See `shape`."""
    first, second = shape(one, another_run), shape(other, another_run)
    if len(first) != len(second):
        return (f"{len(first)} and {len(second)} incidents",)
    return tuple(
        f"{left} and {right}" for pair in zip(first, second, strict=True) for left, right in zip(*pair, strict=True)
        if left != right
    )  # fmt: skip


def _hop(hop: dict[str, Any], another_run: bool) -> dict[str, Any]:
    left_out = ("pid", "port") if another_run and hop["hop"] == "address" else ("pid",)
    return {name: value for name, value in sorted(hop.items()) if name not in left_out}


@dataclass(frozen=True)
class Verdict:
    """`word`: ok, MISSED, WRONG TITLE, TWO INCIDENTS, FALSE ALARM or NOT ACTED. `why`: what of the story is not so."""

    word: str
    why: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.word == "ok"


def verdict(scene: Scene, draw: Draw, incidents: list[Incident]) -> Verdict:
    """Hold what came against what must come."""
    if scene.expected is None:
        return Verdict("FALSE ALARM") if incidents else Verdict("ok")
    if not incidents:
        return Verdict("MISSED")
    if len(incidents) > 1:
        return Verdict("TWO INCIDENTS", (f"{len(incidents)} came",))
    why = tuple(_differences(scene.expected, draw, incidents[0]))
    return Verdict("WRONG TITLE", why) if why else Verdict("ok")


def _differences(story: Story, draw: Draw, incident: Incident) -> Iterable[str]:
    if incident["kind"] != story.kind:
        yield f"kind {incident['kind']}, not {story.kind}"
    least, came, most = (LEVELS.index(level) for level in (story.least, incident["level"], story.most))
    if not least <= came <= most:
        yield f"level {incident['level']}, not {story.least} to {story.most}"
    for word in map(draw.filled, story.title):
        if word.casefold() not in incident["title"].casefold():
            yield f"no {word!r} in the title"
    for surface in story.surfaces:
        if surface not in {session["surface"] for session in incident["sessions"]}:
            yield f"no session on {surface}"
    origins = [incident["origin"], *(session["origin"] for session in incident["sessions"])]
    wanted = [draw.filled(text) for text in story.origin]
    if wanted and not any(_stands_in(wanted, origin) for origin in origins):
        yield f"no origin {' > '.join(wanted)}"
    for technique in story.attack:
        if not any(named.split(".")[0] == technique.split(".")[0] for named in incident["attack"]):
            yield f"no {technique}"


def _stands_in(wanted: list[str], origin: list[dict[str, Any]]) -> bool:
    """Each in a hop of its own or the same as the one before, from the outside inwards."""
    hops = iter([{str(value) for value in hop.values()} for hop in origin])
    hop: set[str] = set()
    for text in wanted:
        while text not in hop:
            found = next(hops, None)
            if found is None:
                return False
            hop = found
    return True
