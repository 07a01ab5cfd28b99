"""A robot that is gone is told at once, by its last will, with a real agent, broker and host."""

import time
from contextlib import closing
from pathlib import Path

from tests.robots.living import Living
from tests.waiting import until
from wachhund.intake.links import GONE_S
from wachhund.web import facts


def test_a_killed_agent_is_told_within_three_seconds_and_a_new_one_too(tmp_path: Path) -> None:
    """Evidence stays fresh for a minute: without its last will that is how long a dead agent would look alive."""
    with Living(tmp_path) as robot, closing(robot.ledger()) as ledger:
        (row,) = ledger.robots()

        def proof() -> tuple[str, str, bool]:
            word = facts.robot_standing(ledger, row, time.time()).proof
            return word.word, word.tone, "its connection to the broker has ended" in word.reason

        robot.start_agent()
        until(lambda: proof() == ("verified", "good", False), 30, "the robot is verified")
        until(lambda: (link := ledger.link(row.id)) is not None and link.online, 5, "it says that it is connected")
        robot.kill_agent()
        until(lambda: proof() == ("verified", "warn", True), 3, "that its connection has ended is told")
        assert ledger.faults(row.id) == [], "a hint changes no state"
        until(
            lambda: [one["title"] for one in ledger.incidents(row.id)] == ["Agent gone without a word on rex"],
            GONE_S + 5,  # before that nobody is blamed
            "alert",
        )
        robot.start_agent()
        until(lambda: proof() == ("verified", "good", False), 30, "and that it is back")
        until(lambda: ledger.incidents(row.id)[0]["title"] == "Agent killed on rex", 10, "it says that it was killed")
        assert robot.agent is not None
        robot.agent.terminate()
        assert robot.agent.wait(20) == 0
        until(lambda: ledger.newest_observations(row.id, 1)[0].observation.kind == "agent.stop", 5, "its last word")
        time.sleep(GONE_S + 2)  # nothing tells that nothing comes
        assert [one["title"] for one in ledger.incidents(row.id)] == ["Agent killed on rex"]
        assert len(ledger.unread((0, 0, 0), 9).faults) == 1, "who is asked to stop is not gone without a word"
