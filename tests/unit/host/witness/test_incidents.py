"""What a witness's word leads to: the firmware itself speaks, the host's intake, ledger and judge take it."""

import dataclasses
from pathlib import Path

from tests.robots.witness_bench import Board, WitnessBench
from tests.waiting import until
from wachhund.judge.loop import JudgeLoop


def incidents(bench: WitnessBench) -> dict[str, str]:
    """Title -> level of the open incidents, as the judge makes them from the ledger."""
    judge = JudgeLoop(bench.ledger, ())
    judge.start()
    try:
        until(lambda: bench.ledger.incidents(), 30, "the judge told what was noticed")
    finally:
        judge.stop()
    return {one["title"].removesuffix(" on rex"): one["level"] for one in bench.ledger.incidents()}


def test_a_robot_that_is_well_has_a_witness_that_says_so_and_nothing_else(bench: WitnessBench) -> None:
    """Each statement is fresh and confirmed, memory is emptied, nobody is accused."""
    bench.live(300)
    stand = bench.stand
    assert bench.found() == []
    assert stand.statements > 25 and bench.now - stand.received_t < 30
    assert bench.now - stand.fresh_t < 60 and stand.beats > 50
    assert '"waiting":0' in _payload(bench.statements[-1])


def _payload(statement: str) -> str:
    from wachhund_evidence import base64url

    return base64url.decode(statement.split(".")[1]).decode()


def test_a_witness_that_is_no_longer_heard_is_told_once(bench: WitnessBench) -> None:
    bench.live(120)
    bench.carries = False
    bench.live(300)
    assert bench.found() == ["witness-missing"]


def test_a_robot_that_is_switched_off_makes_no_witness_missing(bench: WitnessBench) -> None:
    """Both are silent then; and what comes first after it is no fault either."""
    bench.live(120)
    bench.sends = False
    bench.live(400)
    bench.sends = True
    bench.live(120)
    assert bench.found() == []


def test_an_agent_that_says_it_was_well_while_it_was_silent_is_contradicted(bench: WitnessBench) -> None:
    """43 s without a beat, and evidence all the while: the agent was not running, or somebody speaks for it."""
    bench.live(120)
    bench.agent_is_heard = False
    bench.live(45)
    bench.agent_is_heard = True
    bench.live(60)
    assert bench.found() == ["witness-contradicts"]
    assert "did not hear the agent for" in bench.told() and "says that it was well then" in bench.told()


def test_an_agent_that_was_silent_to_both_is_not_contradicted(bench: WitnessBench) -> None:
    """It was stopped, and its evidence does not say otherwise."""
    bench.live(120)
    bench.agent_is_heard = bench.sends = False
    bench.live(60)
    bench.agent_is_heard = bench.sends = True
    bench.live(120)
    assert bench.found() == []


def test_evidence_that_is_made_up_later_for_a_silence_is_contradicted(bench: WitnessBench) -> None:
    """Root has the robot's key, and fills the hole with heartbeats of that time."""
    bench.live(120)
    bench.agent_is_heard = bench.sends = False
    bench.live(60)
    bench.agent_is_heard = bench.sends = True
    bench.live(60)
    invented = bench.robot.token(bench.robot.saw("heartbeat"), mono=bench.robot.mono - 90)
    bench.take(bench.row, invented, t=bench.now)
    bench.live(10)
    assert bench.found() == ["witness-contradicts"]


def test_a_modem_at_work_that_the_agent_does_not_report_is_a_contradiction(bench: WitnessBench) -> None:
    for _ in range(120):
        bench.board.edges["modem"].on_edge(None)
        bench.live(1)
    assert bench.found() == ["witness-contradicts"]
    assert "modem" in bench.told()


def test_a_modem_whose_link_the_agent_reports_is_none(bench: WitnessBench) -> None:
    link = bench.robot.saw("link.change", ifname="ppp0", link_kind="ppp", up=True)
    bench.take(bench.row, bench.robot.token(link), t=bench.now)
    for _ in range(120):
        bench.board.edges["modem"].on_edge(None)
        bench.live(1)
    assert bench.found() == []


def test_an_opened_case_is_told_though_it_is_closed_again_at_once(bench: WitnessBench) -> None:
    bench.live(60)
    bench.board.set("tamper", 1)
    bench.live(1)
    bench.board.set("tamper", 0)
    bench.live(30)
    assert bench.found() == ["witness-tamper", "witness-tamper"]
    assert incidents(bench) == {"Robot's case opened": "high"}


def test_the_armed_output_cuts_and_it_is_told(bench: WitnessBench) -> None:
    bench.live(60)
    bench.board.set("armed", 1)
    bench.live(30)
    assert bench.board.relay == 0
    bench.agent_is_heard = False
    bench.live(100)
    assert bench.board.relay == 1
    assert "witness-cut" in bench.found()


def test_a_flash_that_was_put_back_is_told(bench: WitnessBench, tmp_path: Path) -> None:
    """The board's memory is exchanged for an older copy: its starts and counts go back."""
    bench.live(60)
    for _ in range(3):
        bench.board.start(bench.now)
        bench.live(20)
    for file in (tmp_path / "flash").iterdir():
        file.unlink()
    bench.board.start(bench.now)
    bench.live(30)
    assert "witness-back" in bench.found()
    assert incidents(bench)["Witness goes back, or speaks twice"] == "high"


def test_a_key_on_another_chip_is_told(bench: WitnessBench, tmp_path: Path) -> None:
    bench.live(60)
    flash = tmp_path / "flash"
    copy = Board(bench.settings, flash, chip="bad1dea")
    copy.start(bench.now)
    bench.board = copy
    bench.live(30)
    assert bench.found() == ["witness-back"]
    assert "Another chip" in bench.told()


def test_a_retired_witness_is_heard_no_more(bench: WitnessBench) -> None:
    bench.live(60)
    bench.ledger.witnesses.retire(bench.row.id, bench.now, "a test", "taken out")
    before = bench.stand
    bench.live(300)
    assert bench.found() == []
    assert bench.stand.statements - before.statements <= 1


def test_the_stand_is_read_as_it_was_written(bench: WitnessBench) -> None:
    """What waits to be held against evidence survives a restart of the host."""
    bench.live(120)
    bench.agent_is_heard = False
    bench.live(45)
    bench.agent_is_heard = True
    stand = bench.stand
    assert dataclasses.replace(stand) == bench.ledger.witnesses.stand(bench.witness.kid)
