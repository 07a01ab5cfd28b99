"""The daily drill, one that did not come, an authorisation that is nearly over: who is told, and who is not accused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from tests.unit.host.notify.conftest import Saves, T
from tests.unit.host.notify.test_deciding import PAGE, make, turn, waiting
from wachhund.intake.waiting import Message
from wachhund.ledger import Authorisation, Ledger
from wachhund.ledger.notify_records import Target
from wachhund.notify import occasions
from wachhund.notify.repairs import repairs
from wachhund_evidence import pack_message

HOUR, DAY, EVERY_S = 3_600.0, 86_400.0, 50.0


def drill(save: Saves, name: str, robot: str, t: float) -> None:
    save(name, robot=robot, kind="drill", level="informational", title=f"DRILL {robot}", first_t=t, last_t=t)


def whats(ledger: Ledger, name: str = "ops") -> list[str]:
    return [message.what for message in waiting(ledger, name)]


def test_a_target_gets_one_drill_a_day_about_all_robots(ledger: Ledger, save: Saves) -> None:
    """Not one for each of 500 robots, and none to a target that wants none; and it goes by no route."""
    make(ledger)
    ledger.notifying.add(Target("t-none", "none", "webhook", "", b"", (), False, T, "ada"), None)
    for number in range(50):
        drill(save, f"d{number}", f"r{number}", T)
        turn(ledger, T)
    assert occasions.write_drills(ledger.notifying, T + 30, PAGE) == 0, "others may come"
    assert occasions.write_drills(ledger.notifying, T + 61, PAGE) == 1
    drill(save, "late", "r99", T + 2 * HOUR)
    turn(ledger, T + 2 * HOUR)
    for hours in (3, 10, 19):
        assert occasions.write_drills(ledger.notifying, T + hours * HOUR, PAGE) == 0
    drill(save, "next", "r1", T + DAY)
    turn(ledger, T + DAY)
    assert occasions.write_drills(ledger.notifying, T + DAY + 100, PAGE) == 1
    first, second = waiting(ledger)
    assert first.title == "DRILL: the way from 50 robots to you works" and first.what == "drill"
    assert (first.body or {})["text"].startswith("DRILL. Nothing has happened.")
    assert second.title == "DRILL: the way from 2 robots to you works"
    assert whats(ledger) == ["drill", "drill"], "it is no incident to the routes"
    assert whats(ledger, "none") == []


class Speaking:
    """A robot that speaks to a real ledger at times that the test chooses."""

    def __init__(self, folder: Path) -> None:
        self.bench = HostBench(folder)
        self.robot = ScriptedRobot()
        self.row = self.bench.add("rex", self.robot)
        self.ledger = self.bench.ledger

    def speaks(self, begin: float, end: float) -> None:
        """Evidence that is fresh, without a pause."""
        messages = []
        for step in range(int((end - begin) // EVERY_S) + 1):
            t = begin + step * EVERY_S
            self.robot.nonce = self.bench.nonce(self.robot, t)
            messages.append(Message(self.row.id, pack_message(self.robot.heartbeat()), t))
        self.bench.take_messages(messages)

    def drilled(self, t: float) -> None:
        one: dict[str, Any] = {
            "id": f"d{t}", "robot": self.row.id, "kind": "drill", "level": "informational", "state": "closed",
            "title": "DRILL", "first_t": t, "last_t": t, "sessions": [], "origin": [], "rules": [], "attack": [],
            "advice": [],
        }  # fmt: skip
        self.ledger.save_judgement(self.ledger.judge_cursor(), [one], [])
        turn(self.ledger, t)


@pytest.fixture
def speaking(tmp_path: Path) -> Any:
    made = Speaking(tmp_path / "host")
    yield made
    made.bench.close()


def test_a_drill_that_does_not_come_from_a_robot_that_speaks_is_itself_told(speaking: Speaking) -> None:
    """Once, to every target, and it stands among the repairs until one comes."""
    make(speaking.ledger)
    speaking.speaks(T, T + 60)
    speaking.drilled(T + 60)
    speaking.speaks(T + 100, T + 26 * HOUR)
    due = T + 60 + 25 * HOUR
    assert occasions.missing_drills(speaking.ledger.notifying, due - 1) == []
    for t in (due + 60, due + 120):
        occasions.write_missing_drills(speaking.ledger.notifying, t, PAGE)
    (message,) = waiting(speaking.ledger)
    assert message.title == "[HIGH] The daily drill of 1 robot did not come" and "rex" in (message.body or {})["text"]
    assert [one.key for one in repairs(speaking.ledger.notifying, due + 120)] == ["drills"]
    speaking.drilled(due + 130)
    assert repairs(speaking.ledger.notifying, due + 140) == ()


def test_a_robot_that_was_off_is_not_accused(speaking: Speaking) -> None:
    """Two days in a cupboard: it counts from its return, and has a day then."""
    make(speaking.ledger)
    speaking.speaks(T, T + 60)
    speaking.drilled(T + 60)
    back = T + 2 * DAY
    assert occasions.missing_drills(speaking.ledger.notifying, back - 1) == [], "silent: others tell of that"
    speaking.speaks(back, back + 2 * HOUR)
    assert occasions.missing_drills(speaking.ledger.notifying, back + 2 * HOUR) == []
    speaking.speaks(back + 2 * HOUR, back + 26 * HOUR)
    assert len(occasions.missing_drills(speaking.ledger.notifying, back + 26 * HOUR)) == 1


def test_an_authorisation_is_told_a_day_before_its_end_once(ledger: Ledger) -> None:
    """Also when the host is started again; and not one that never lasted longer than a day, or was withdrawn."""
    make(ledger)
    one = Authorisation("a1", "ada", None, None, None, "lan", T, T + 7 * DAY, "gait tests", "ada", T)
    short = replace(one, id="a2", until_t=T + 7 * DAY, from_t=T + 6 * DAY + HOUR, made_t=T + 6 * DAY + HOUR)
    gone = replace(one, id="a3", ended_by="ada", ended_why="enough")
    for t in (T, T + 6 * DAY - 1):
        assert occasions.write_endings(ledger.notifying, [one, short, gone], t, PAGE) == 0
    assert occasions.write_endings(ledger.notifying, [one, short, gone], T + 6 * DAY + 2 * HOUR, PAGE) == 1
    assert occasions.write_endings(ledger.notifying, [one, short, gone], T + 6 * DAY + 3 * HOUR, PAGE) == 0
    (message,) = waiting(ledger)
    assert message.what == "authorisation-ends" and "Authorisation a1 of ada ends at" in message.title
