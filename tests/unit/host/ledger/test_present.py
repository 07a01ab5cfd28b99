"""What is so on a robot now, and when nobody looked."""

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.ledger import Unobserved
from wachhund.ledger.watch import merged


class Clock:
    """A clock that a test sets."""

    def __init__(self, t: float) -> None:
        self.t = t

    def __call__(self) -> float:
        return self.t


def start(robot: ScriptedRobot, puid: str, **fields: object) -> str:
    return robot.token(robot.saw("process.start", puid=puid, exe="/bin/x", **fields))


def test_running_processes_are_those_that_started_and_did_not_end(bench: HostBench) -> None:
    """In whatever order the news came: an end that came before its start is an end."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    start(robot, "1-1")
    start(robot, "2-1")
    robot.token(robot.saw("process.exit", puid="1-1", duration_s=1.0))
    bench.take(row, robot.made[3])
    bench.take(row, robot.made[1], robot.made[2])
    state = bench.ledger.current_state(row.id)
    assert [process["puid"] for process in state.processes] == ["2-1"]


def test_later_news_of_a_flow_adds_to_what_is_known_and_an_older_one_takes_nothing_back(bench: HostBench) -> None:
    """Updates carry what changed; a late message must not set the byte count back."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    robot.token(robot.saw("flow.open", flow="a-1", remote=["10.0.0.1", 22], exe=None, bytes_in=0))
    robot.token(robot.saw("flow.update", flow="a-1", exe="/usr/sbin/sshd", bytes_in=10))
    robot.token(robot.saw("flow.update", flow="a-1", bytes_in=99, exe=None))
    bench.take(row, robot.made[1], robot.made[3])
    bench.take(row, robot.made[2])
    (flow,) = bench.ledger.current_state(row.id).flows
    assert (flow["exe"], flow["bytes_in"], flow["remote"]) == ("/usr/sbin/sshd", 99, ["10.0.0.1", 22])
    bench.take(row, robot.token(robot.saw("flow.close", flow="a-1", bytes_in=120)))
    assert bench.ledger.current_state(row.id).flows == ()


def test_a_restarted_agent_begins_a_new_list(bench: HostBench) -> None:
    """Nobody saw the ends that fell into the time between; the agent tells again what is there at its start."""
    robot = ScriptedRobot(clock=Clock(1000.0))
    row = bench.add("go1", robot)
    bench.take(row, start(robot, "1-1"), start(robot, "2-1"), t=1000.0)
    robot.clock.t = 1010.0  # type: ignore[attr-defined]
    begun = robot.saw("agent.start", version="0.1.0", clean=False)
    bench.take(row, robot.token(begun, robot.saw("process.start", puid="2-1", existing=True)), t=1010.0)
    state = bench.ledger.current_state(row.id)
    assert [process["puid"] for process in state.processes] == ["2-1"]
    assert state.started is not None and state.started.host_t == 1010.0


def test_a_new_chain_of_a_running_agent_keeps_its_list(bench: HostBench) -> None:
    """The journal was lost, not the agent's sight."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    bench.take(row, start(robot, "1-1"))
    robot.new_chain()
    bench.take(row, robot.token(robot.saw("agent.start", version="0.1.0", reason="the host does not know our head")))
    assert [process["puid"] for process in bench.ledger.current_state(row.id).processes] == ["1-1"]


def test_a_new_boot_begins_a_new_list_and_a_late_word_of_the_old_one_changes_nothing(bench: HostBench) -> None:
    """Process numbers mean something within one boot only."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    robot.nonce = bench.nonce(robot, 1000.0)
    bench.take(row, start(robot, "1-1"), t=1001.0)
    late = start(robot, "3-1")
    robot.boot()
    robot.nonce = bench.nonce(robot, 1002.0)
    bench.take(row, start(robot, "9-1"), t=1003.0)
    bench.take(row, late, t=1004.0)
    state = bench.ledger.current_state(row.id)
    assert [process["puid"] for process in state.processes] == ["9-1"]
    newest = bench.ledger.newest(row.id)
    assert newest is not None and newest.bootseed == robot.bootseed and newest.boots == 2


def test_the_newest_coverage_is_the_one_made_last_not_the_one_that_came_last(bench: HostBench) -> None:
    """A backlog must not turn a blind sensor back into a seeing one."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    robot.token(robot.saw("coverage", sensors={"process": {"state": "event"}}))
    robot.token(robot.saw("coverage", sensors={"process": {"state": "blind"}}))
    bench.take(row, robot.made[2])
    bench.take(row, robot.made[1])
    coverage = bench.ledger.current_state(row.id).coverage
    assert coverage is not None and coverage.observation.fields["sensors"]["process"]["state"] == "blind"


def test_what_no_sensor_of_ours_would_send_stays_an_observation(bench: HostBench) -> None:
    """A subject that is no text, or a long one, is in no list and breaks none."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    odd = [robot.saw("process.start", puid=puid) for puid in (None, 7, ["x"], "x" * 5000)]
    odd += [robot.saw("flow.open"), robot.saw("listen.open", local={"a": 1})]
    (standing,) = bench.take(row, robot.token(*odd))
    assert standing.seq == 1
    assert bench.ledger.current_state(row.id).processes == ()
    assert len(bench.ledger.observations_after(0, 99)) == 6


def test_nobody_looked_between_the_last_word_of_a_killed_agent_and_the_next_start(bench: HostBench) -> None:
    """Without a word: what happened then, nobody saw."""
    clock = Clock(1000.0)
    robot = ScriptedRobot(clock=clock)
    row = bench.add("go1", robot)
    bench.take(row, robot.token(robot.saw("agent.start", clean=True)), t=1000.0)
    clock.t = 1005.0
    bench.take(row, robot.heartbeat(), t=1005.0)
    clock.t = 1012.0
    bench.take(row, robot.token(robot.saw("agent.start", clean=False)), t=1012.0)
    (span,) = bench.ledger.unobserved(row.id, 0.0, now=1020.0)
    assert span == Unobserved(1005.0, 1012.0, "the agent ended without a word")


def test_a_stopped_agent_is_told_from_a_killed_one(bench: HostBench) -> None:
    """Both leave a time that nobody saw; only one of them was meant."""
    clock = Clock(1000.0)
    robot = ScriptedRobot(clock=clock)
    row = bench.add("go1", robot)
    bench.take(row, robot.token(robot.saw("agent.start", clean=True)), t=1000.0)
    clock.t = 1005.0
    bench.take(row, robot.token(robot.saw("agent.stop", reason="asked to stop")), t=1005.0)
    clock.t = 1012.0
    bench.take(row, robot.token(robot.saw("agent.start", clean=True)), t=1012.0)
    (span,) = bench.ledger.unobserved(row.id, 0.0, now=1020.0)
    assert span.why == "the agent was stopped"


def test_a_paused_agent_a_reboot_and_the_silence_since_are_unobserved(bench: HostBench) -> None:
    """A process that was stopped by a signal leaves no start and no gap: only time without a word."""
    clock = Clock(1000.0)
    robot = ScriptedRobot(clock=clock)
    row = bench.add("go1", robot)
    bench.take(row, robot.heartbeat(), t=1000.0)
    clock.t = 1100.0
    bench.take(row, robot.heartbeat(), t=1100.0)
    clock.t = 2000.0
    robot.boot()
    bench.take(row, robot.heartbeat(), t=2000.0)
    spans = bench.ledger.unobserved(row.id, 0.0, now=3000.0)
    assert spans == [
        Unobserved(1000.0, 1100.0, "the agent said nothing"),
        Unobserved(1100.0, 2000.0, "the robot was off, or its agent did not run"),
        Unobserved(2000.0, None, "no evidence since"),
    ]
    assert bench.ledger.unobserved(row.id, 2500.0, now=3000.0) == spans[-1:]


def test_evidence_that_came_late_leaves_no_hole_in_time(bench: HostBench) -> None:
    """An hour offline is an hour observed, once the journal has arrived."""
    clock = Clock(1000.0)
    robot = ScriptedRobot(clock=clock)
    row = bench.add("go1", robot)
    bench.take(row, robot.heartbeat(), t=1000.0)
    backlog = []
    for _ in range(360):
        clock.t += 10.0
        backlog.append(robot.heartbeat())
    bench.take(row, *backlog, t=clock.t)
    assert bench.ledger.unobserved(row.id, 0.0, now=clock.t + 5) == []


def test_missing_evidence_and_lost_observations_are_unobserved(bench: HostBench) -> None:
    """Stated or not: for that time the host holds nothing."""
    clock = Clock(1000.0)
    robot = ScriptedRobot(clock=clock)
    row = bench.add("go1", robot)
    bench.take(row, robot.heartbeat(), t=1000.0)
    clock.t = 1008.0
    robot.heartbeat()
    clock.t = 1016.0
    bench.take(row, robot.heartbeat(), t=1016.0)
    (span,) = bench.ledger.unobserved(row.id, 0.0, now=1020.0)
    assert span == Unobserved(1000.0, 1016.0, "evidence is missing")
    clock.t = 1020.0
    lost = robot.saw("agent.gap", from_seq=None, to_seq=None, lost=7, reason="not kept: disk full")
    bench.take(row, robot.token(lost), t=1020.0)
    spans = bench.ledger.unobserved(row.id, 0.0, now=1021.0)
    assert spans[-1].to_t == 1020.0 and "disk full" in spans[-1].why


def test_spans_that_overlap_become_one_with_each_reason_once() -> None:
    """A kill leaves a start, a gap and a silence: for a person it is one time."""
    spans = [Unobserved(5, 9, "b"), Unobserved(1, 6, "a"), Unobserved(6, 7, "a"), Unobserved(20, None, "c")]
    assert merged(spans) == [Unobserved(1, 9, "a; b"), Unobserved(20, None, "c")]
