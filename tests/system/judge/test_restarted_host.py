"""A host that is killed, or stopped, in the middle of an attack, with a real host, broker and ledger each time.

The attack is the one that this product was made for: acted out on the stand-in Go1 with the real agent on it, and what
that agent told of it once (a recording of the corpus) from the first to the last observation with more restarts.
Whatever was said must be what a judge says that was never interrupted and hears all of the ledger in one go.
"""

import contextlib
import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.agent_python import AGENT_PYTHON
from tests.robots.attacks import recordings
from tests.robots.go1 import Go1, visits
from tests.robots.go1.addresses import CLOUD
from tests.robots.judged_anew import everything, judged_anew, saved
from tests.robots.living import Living
from tests.robots.running_host import register
from tests.robots.scripted import OverMqtt, ScriptedRobot
from tests.waiting import until
from wachhund.demo.bridge import Bridge
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.ledger import Ledger
from wachhund_evidence import Observation, observation_from_line

TITLE = "Remote control not allowed: ssh as pi through "
IN_A_TOKEN = 8  # observations
RESTARTS = 4
PATIENCE_S = 90.0  # a host's start included
# The beginnings of the five things that must be in the story, in their order.
EVENTS = ("Vendor tunnel: CloudSail", "on ssh (port 22) is pi's", "A session on head cameras", "action (standUp)")


@pytest.fixture
def living(tmp_path: Path) -> Iterator[Living]:
    """A host with a robot `rex`."""
    with Living(tmp_path) as made:
        yield made


@pytest.fixture
def ledger(living: Living) -> Iterator[Ledger]:
    """The host's ledger, opened beside it."""
    with contextlib.closing(living.ledger()) as opened:
        yield opened


def restart(living: Living, cleanly: bool) -> None:
    """The host goes, with or without a word, and comes back."""
    if cleanly:
        living.stop_host()
    else:
        living.kill_host()
    living.start_host()


def is_judged(ledger: Ledger) -> bool:
    return ledger.last_observation() == ledger.judge_cursor()


def must_be_as_if_never_restarted(ledger: Ledger) -> None:
    """The same incidents and sessions with every word; each piece of evidence once, and there."""
    said, anew = saved(ledger.path), judged_anew(ledger)
    assert said.incidents == anew.incidents
    assert said.sessions == anew.sessions
    there = {(one.chain, one.seq, one.item) for one in everything(ledger)}
    for incident in said.incidents.values():
        pieces = Counter(
            (piece["chain"], piece["seq"], item) for piece in incident["evidence"] for item in piece["items"]
        )
        assert [piece for piece, times in pieces.items() if times > 1] == []
        assert [line for line, times in Counter(incident["story"]).items() if times > 1] == []
        assert pieces.keys() <= there


# What was told of the attack once


def recorded(scene: str) -> list[Observation]:
    """What the agent told of a scene of the corpus."""
    _, lines = recordings.read(scene)
    return [observation_from_line(line) for line in lines.splitlines()[1:]]


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.exhaustive)])
def test_an_attack_through_many_restarts_is_told_as_if_there_had_been_none(
    living: Living, ledger: Ledger, seed: int
) -> None:
    """Killed at any moment, also while it judges, or stopped: the same incident, nothing twice and nothing missing."""
    chance = random.Random(seed)
    robot = ScriptedRobot()
    keys = HostKeys.load_or_create(DataFolder(living.data))
    config = register(DataFolder(living.data), "bench", robot, living.broker)
    told = recorded("vendor-complete")
    starts = range(0, len(told), IN_A_TOKEN)
    points = sorted(chance.sample(range(1, len(starts)), RESTARTS))
    tokens = [robot.token(*told[start : start + IN_A_TOKEN]) for start in starts]
    first: set[str] = set()
    for begin, end in zip([0, *points], [*points, len(tokens)], strict=True):
        over = OverMqtt(robot, config, keys.key.public_key())
        for token in tokens[begin:end]:
            over.send(token)
        # What the host acknowledged it holds, whatever becomes of it in the next moment.
        over.receipt(lambda receipt, seq=end: receipt.seq >= seq, PATIENCE_S)  # type: ignore[misc]
        over.close()
        if chance.random() < 0.5:
            until(lambda: is_judged(ledger), PATIENCE_S, "all of it is judged")
        first = first or {one["id"] for one in ledger.incidents()}
        restart(living, cleanly=chance.random() < 0.4)
    until(lambda: is_judged(ledger), PATIENCE_S, "all of it is judged")
    (incident,) = ledger.incidents()
    assert incident["level"] == "critical" and incident["title"].startswith(TITLE)
    assert first <= {incident["id"]}
    must_be_as_if_never_restarted(ledger)


# The attack itself


class Attacked:
    """The stand-in Go1 with an agent that runs as it does on a robot, and reaches the host by a file."""

    def __init__(self, robot: Go1, living: Living, ledger: Ledger, door: Path) -> None:
        self.robot, self.living, self._ledger = robot, living, ledger
        config = living.folder / "agent.json"
        config.write_text(json.dumps({**json.loads(config.read_text()), "broker": f"unix:{door}", "profile": "go1"}))
        command = [AGENT_PYTHON, "-m", "wachhund_agent", "run", "--config", str(config)]
        self.agent = robot.pi.popen(command, cwd=living.folder)

    def incidents(self) -> list[dict[str, Any]]:
        """Of the attack. (The agent also sees this machine's programs, and whether it gets its share of a core.)"""
        return [one for one in self._ledger.incidents(self.living.robot) if _is_of_the_attack(one)]

    def story(self) -> str:
        return "\n".join(line for one in self.incidents() for line in one["story"])

    def is_told(self, words: str) -> bool:
        return words in self.story()


def _is_of_the_attack(incident: dict[str, Any]) -> bool:
    return CLOUD in json.dumps(incident["origin"]) or bool(incident["sessions"]) or "CloudSail" in incident["title"]


@pytest.fixture
def attacked(living: Living, ledger: Ledger, tmp_path: Path) -> Iterator[Attacked]:
    """The vendor's cloud knows the robot, and its agent's first evidence has come."""
    with tempfile.TemporaryDirectory(prefix="wachhund-") as short:  # a socket's path has room for 107 bytes
        door = Path(short) / "broker.sock"
        with Bridge(door, "127.0.0.1", living.broker), Go1(tmp_path / "robot", enrolled=True) as robot:
            made = Attacked(robot, living, ledger, door)
            until(lambda: ledger.newest(living.robot) is not None, PATIENCE_S, "the first evidence has come")
            yield made


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.needs_root("network namespaces with a robot's addresses")
def test_a_host_that_goes_at_each_step_of_the_attack_tells_one_story_of_it(attacked: Attacked, ledger: Ledger) -> None:
    """Killed behind the tunnel, stopped behind the login, killed before the look is told, down while commands go."""
    robot, living = attacked.robot, attacked.living
    robot.start_noise()
    with visits.vendor_tunnel(robot, "csclient") as tunnel:
        until(lambda: attacked.is_told(EVENTS[0]), PATIENCE_S, "the tunnel is told")
        assert [one["title"] for one in attacked.incidents()] == ["Vendor tunnel: CloudSail: csclient on rex"]
        (begun,) = attacked.incidents()
        restart(living, cleanly=False)
        with visits.through_vendor_tunnel(robot, tunnel) as session:
            until(lambda: attacked.is_told(EVENTS[1]), PATIENCE_S, "the login is told")
            restart(living, cleanly=True)
            session.type("curl -s -m 5 http://127.0.0.1/cam1 -o /dev/null; echo looked $?")
            until(lambda: "looked 28" in session.screen(), PATIENCE_S, "the look is over")
            restart(living, cleanly=False)
            until(lambda: attacked.is_told(EVENTS[2]), PATIENCE_S, "the look is told")
            living.kill_host()
            session.type("mosquitto_pub -h 127.0.0.1 -t controller/action -m standUp; echo did $?")
            until(lambda: "did 0" in session.screen(), PATIENCE_S, "the command was sent")
            living.start_host()
            until(lambda: attacked.is_told(EVENTS[3]), PATIENCE_S, "the command is told")
            restart(living, cleanly=True)
    until(lambda: attacked.is_told("The session on ssh (port 22) ended"), PATIENCE_S, "the end is told")
    living.kill_host()
    living.start_host()
    attacked.agent.terminate()
    assert attacked.agent.wait(30) == 0
    until(lambda: is_judged(ledger), PATIENCE_S, "all of it is judged")
    (incident,) = attacked.incidents()
    assert incident["id"] == begun["id"]
    assert (incident["kind"], incident["level"]) == ("remote-control", "critical")
    assert incident["title"] == f"{TITLE}CloudSail on rex"
    places = [next(place for place, line in enumerate(incident["story"]) if words in line) for words in EVENTS]
    assert places == sorted(places), "in the order in which it happened"
    assert {one["surface"] for one in incident["sessions"]} == {"ssh", "camera", "mqtt"}
    living.stop_host()  # so that nothing comes meanwhile
    must_be_as_if_never_restarted(ledger)
