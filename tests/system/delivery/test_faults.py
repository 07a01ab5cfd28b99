"""A few of the faults of `make faults`, each time: the run itself is 10,000 of them and 500 with real processes."""

import contextlib
import io
from pathlib import Path

import pytest

from tests.faults.figures import Figures
from tests.faults.inner import disk_faults, wire_faults
from tests.faults.inner.faults import BY_NAME, NOTHING
from tests.faults.inner.invariants import Seen, stated_places
from tests.faults.inner.lives import life, recovery
from tests.faults.inner.robot import Robot, stated_by
from tests.faults.inner.world import Violation, World
from tests.faults.kills.ticks import ticks
from wachhund_evidence import read_evidence, token_hash

_LONG_S = 600.0  # without a connection: more than the played robot's journal has room for


def test_a_short_life_of_faults_loses_nothing_and_accuses_nobody(tmp_path: Path) -> None:
    with contextlib.redirect_stderr(io.StringIO()):
        rounds = list(life(tmp_path, seed=1, number=0, rounds=8))
    assert len(rounds) == 8 and max(one.green_s for one in rounds) < 120


@pytest.mark.thorough
@pytest.mark.parametrize("fault", BY_NAME)
def test_each_fault_in_one_process_leaves_nothing_lost_unstated(tmp_path: Path, fault: str) -> None:
    with contextlib.redirect_stderr(io.StringIO()):
        assert len(list(life(tmp_path, seed=2, number=0, rounds=3, only=fault))) == 3


@pytest.mark.exhaustive
@pytest.mark.timeout(400)
def test_agents_host_and_broker_are_killed_and_nothing_is_lost(tmp_path: Path) -> None:
    """Real processes, a real broker, real disks."""
    rounds = [one for _, some in ticks(tmp_path, seed=1, first=0, wanted=25, robots=3) for one in some]
    assert len(rounds) >= 25


@pytest.mark.thorough
def test_a_run_finds_what_it_is_for(tmp_path: Path) -> None:
    """A host that receipts what it did not keep must not pass: else all of it would show nothing."""
    from wachhund.ledger import evidence

    real = evidence.commit

    def forgetful(connection: object, batch: object) -> object:
        done = real(connection, batch)  # type: ignore[arg-type]
        connection.exec_driver_sql("DROP TRIGGER IF EXISTS tokens_no_delete")  # type: ignore[attr-defined]
        connection.exec_driver_sql("DELETE FROM tokens WHERE seq % 7 = 0 AND seq > 1")  # type: ignore[attr-defined]
        return done

    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stderr(io.StringIO()),
        pytest.raises(Violation),
    ):
        patch.setattr(evidence, "commit", forgetful)
        list(life(tmp_path, seed=1, number=0, rounds=4))


@pytest.mark.thorough
@pytest.mark.parametrize(("tells", "found"), [(True, "is accused: ...broken-link"), (False, "the host said nothing")])
def test_a_run_finds_a_link_that_does_not_hold_and_a_host_that_does_not_tell(
    tmp_path: Path, tells: bool, found: str
) -> None:
    """An agent that forgets at a clean stop which token was its last, and a host that takes everything."""
    from wachhund.ledger import symptoms
    from wachhund_agent.journal import journal

    real = journal.stop_record
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stderr(io.StringIO()),
        pytest.raises(Violation, match=found),
    ):
        patch.setattr(journal, "stop_record", lambda stop: real(stop._replace(prev=token_hash("another"))))
        if not tells:
            patch.setattr(symptoms, "broken_links", lambda *_: [])
        list(life(tmp_path, seed=1, number=0, rounds=2, only="clean restart"))


def _newest_states_a_loss(robot: Robot) -> bool:
    assert robot.journal is not None
    last = robot.journal.next_seq - 1
    (stored,) = robot.journal.read(last, last, 1, 1)
    return any(True for _ in stated_by(read_evidence(stored.token, robot.keys, robot.ueid).obs))


def test_a_loss_that_is_said_too_late_accuses_nobody(world: World) -> None:
    """It was on its way when the robot's chain ended; whoever recorded it plays it when all is well."""
    seen = Seen()
    world.wire.cut()
    world.run(_LONG_S, dt=2.0)
    assert world.wait_for(lambda: _newest_states_a_loss(world.robot), 60.0)
    world.wire.connect()
    world.step()
    disk_faults.journal_deleted(world)
    _, answered = recovery(world, seen, BY_NAME["cut for long"].may | BY_NAME["journal deleted"].may)
    assert "journal-lost" in answered
    wire_faults.old_evidence_played_again(world)
    _, answered = recovery(world, seen, NOTHING)
    assert set(answered) == {"dropped"}


def _send_what_never_arrives(world: World) -> None:
    """The robot sends the first token of its chain; whoever sits on the wire hears it, and the host does not."""
    heard = len(world.wire.heard_evidence)
    world.step()
    assert len(world.wire.heard_evidence) == heard + 1
    assert world.robot.journal is not None and world.robot.journal.next_seq == 2


def test_a_journal_that_was_lost_is_told_also_where_the_new_chains_first_token_is_lost_with_its_page(
    world: World,
) -> None:
    """It is told then, and not when somebody plays that token. The robot could not know that it had made it."""
    seen = Seen()
    disk_faults.journal_deleted(world)
    _send_what_never_arrives(world)
    state = world.robot.memory.state
    newest = max(name for name in state if name.endswith(".journal"))
    changed = state[newest][:-1] + bytes([state[newest][-1] ^ 1])
    disk_faults.changed_while_off(world, {**state, newest: changed})
    _, answered = recovery(world, seen, BY_NAME["pages damaged while off"].may)
    assert set(answered) == {"journal-lost"}
    wire_faults.old_evidence_played_again(world)
    _, answered = recovery(world, seen, NOTHING)
    assert set(answered) == {"two-signers"}


def test_a_chain_that_ended_before_the_host_heard_of_it_accuses_nobody_when_it_comes(world: World) -> None:
    """Its journal was deleted twice. Of the first time nothing came, until somebody plays what he recorded."""
    seen = Seen()
    disk_faults.journal_deleted(world)
    _send_what_never_arrives(world)
    disk_faults.journal_deleted(world)
    _, answered = recovery(world, seen, BY_NAME["journal deleted"].may)
    assert set(answered) == {"journal-lost"}
    wire_faults.old_evidence_played_again(world)
    _, answered = recovery(world, seen, NOTHING)
    assert set(answered) == {"journal-lost"}


def test_a_run_finds_a_robot_that_begins_anew_without_a_reason(world: World) -> None:
    """What is excused of earlier chains must not hide one that nothing explains, also after one that something did."""
    seen = Seen()
    disk_faults.journal_deleted(world)
    recovery(world, seen, BY_NAME["journal deleted"].may)
    disk_faults.journal_deleted(world)
    with pytest.raises(Violation, match=r"is accused: \[\('journal-lost'"):
        recovery(world, seen, NOTHING)


def test_a_run_finds_a_robot_that_drops_what_it_had_to_keep(world: World) -> None:
    """What is excused of earlier losses must not hide one that nothing explains."""
    world.wire.cut()
    world.run(_LONG_S, dt=2.0)
    world.wire.connect()
    with pytest.raises(Violation, match=r"is accused: \[\('dropped'"):
        recovery(world, Seen(), NOTHING)


@pytest.mark.parametrize("tells", [True, False])
def test_what_an_earlier_chain_had_no_room_for_is_told_without_numbers_in_the_new_one(
    world: World, monkeypatch: pytest.MonkeyPatch, tells: bool
) -> None:
    """The numbers would mean other tokens there. A robot that does not tell must not pass."""
    from wachhund_agent import attester

    if not tells:
        said = attester.gap_note
        monkeypatch.setattr(attester, "gap_note", lambda gap, mono: said(gap._replace(lost=0), mono))
    seen, robot = Seen(), world.robot
    assert robot.journal is not None
    chain = robot.journal.chain
    disk_faults.journal_rolled_back(world)
    world.run(0.5)
    world.wire.cut()
    world.run(_LONG_S, dt=2.0)
    world.wire.connect()
    may = BY_NAME["journal rolled back"].may
    if not tells:
        with pytest.raises(Violation, match="are nowhere"):
            recovery(world, seen, may)
        return
    recovery(world, seen, may)
    assert robot.journal.chain != chain
    gone = robot.gone.keys() - seen.places.keys() - stated_places(world)
    assert [place for place in gone if any(one not in seen.ids for one in robot.made[place].ids)]


def test_a_run_that_was_broken_off_is_taken_up_again(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    begun = Figures.load(path, 7)
    begun.add("in one process", 0, [(("killed",), 1.5, ())], None)
    begun.add("in one process", 2, [], "seed 7, life 2: lost")
    again = Figures.load(path, None)
    assert (again.seed, again.done("in one process")) == (7, {0, 2})
    assert again.violations() == ["seed 7, life 2: lost"] and "killed" in again.table("in one process")
    with pytest.raises(ValueError, match="of seed 7"):
        Figures.load(path, 8)
    path.write_text("{")
    with pytest.raises(ValueError, match="not a run of faults"):
        Figures.load(path, None)
