"""What a fault run with real processes asks of the ledger, by faults of which the outcome is known."""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.inner import disk_faults
from tests.faults.inner.faults import BY_NAME, NOTHING
from tests.faults.inner.invariants import Seen
from tests.faults.inner.world import Violation, World
from tests.faults.kills.invariants import check, has_arrived
from tests.faults.kills.kept import Kept, Made, Stand
from tests.faults.kills.stage import RealRobot
from wachhund_agent import attester
from wachhund_agent.journal import Journal

_LONG_S = 600.0  # without a connection: more than the played robot's journal has room for


class _AsReal:
    """Of the played robot is asked what is asked of one whose journal lies in files."""

    def __init__(self, world: World, folder: Path) -> None:
        assert world.host.row is not None
        self._world, self._robot, self.kept = world, RealRobot(folder, "rex", False), Kept()
        self._robot.id = world.host.row.id

    def look(self) -> str:
        """Returns the present chain."""
        journal = self._robot.journal
        shutil.rmtree(journal, ignore_errors=True)
        journal.mkdir(parents=True)
        for name, data in self._world.robot.memory.state.items():
            if name.endswith(".journal"):
                (journal / Path(name).name).write_bytes(data)
        self.kept.read(self._robot)
        return self.kept.chain

    def check(self, restored: Stand | None = None, at_end: bool = False) -> None:
        """Once nothing is on its way any more."""
        self._world.until_green(BY_NAME["journal rolled back"].may | {"journal-lost", "lost-by-host"})
        self._world.until_whole(NOTHING)
        self.look()
        check(self._world.host.data.ledger, self._robot, self.kept, restored, at_end)

    def has_arrived(self) -> bool:
        """What the journal held at the last look."""
        return has_arrived(self._world.host.data.ledger, self._robot, self.kept.waits)

    def suffer(self, fault: Callable[[World], None]) -> None:
        """Something that harms the journal."""
        self.look()
        self.kept.note_harm()
        self.kept.forked = fault is disk_faults.journal_rolled_back
        fault(self._world)

    def restore_host(self) -> Stand:
        """From the last backup."""
        self.look()
        self._world.host.restore(self._world.host.backups[-1])
        self._world.host.start()
        self._world.note_restored(set())
        return self.kept.stand

    def forget(self, token: str) -> None:
        """The host loses it, and nobody did anything."""
        with contextlib.closing(sqlite3.connect(self._world.host.data.ledger)) as ledger:
            ledger.execute("drop trigger tokens_no_delete")
            ledger.execute("drop trigger observations_no_delete")
            ledger.execute("delete from observations where token = (select id from tokens where hash = ?)", (token,))
            assert ledger.execute("delete from tokens where hash = ?", (token,)).rowcount == 1
            ledger.commit()


def _use_numbers_again(world: World, real: _AsReal) -> None:
    """An earlier journal is put in: more is made under the same numbers than leaves before the robot hears of it."""
    world.robot.stop()
    real.look()
    copy = dict(world.robot.memory.state)
    world.start_agent()
    world.run(150.0, dt=2.0)
    real.look()
    real.kept.note_harm()
    real.kept.forked = world.excused.may_fork = True
    world.robot.kill()
    world.robot.put(copy)
    world.start_agent()
    world.wire.cut()
    world.run(400.0, dt=2.0)
    world.wire.connect()


@pytest.fixture
def real(world: World, tmp_path: Path) -> _AsReal:
    return _AsReal(world, tmp_path / "real")


@pytest.mark.parametrize("fault", [disk_faults.journal_deleted, disk_faults.journal_rolled_back])
def test_what_a_restored_host_lost_of_a_chain_that_had_ended_is_asked_of_nobody(
    world: World, real: _AsReal, fault: Callable[[World], None]
) -> None:
    """The robot has it no more, or was told that the host had it."""
    chain = real.look()
    world.host.back_up()
    world.run(20.0)
    real.suffer(fault)
    real.check(at_end=True)
    before = real.restore_host()
    assert before.ended == {chain}
    real.check(before, at_end=True)
    assert {real.kept.synced[one].place[0] for one in real.kept.forgotten} == {chain}
    real.check(at_end=True)


def test_a_run_with_kills_finds_what_a_host_lost_also_after_it_was_restored(world: World, real: _AsReal) -> None:
    """What a backup forgot explains nothing that is lost later."""
    world.host.back_up()
    world.run(20.0)
    real.check(real.restore_host())
    world.run(20.0)
    real.check()
    real.forget(max(real.kept.covered, key=lambda one: real.kept.synced[one].place[1]))
    with pytest.raises(Violation, match="a receipt covered 1 tokens that are not there"):
        real.check()


def test_a_journal_that_is_deleted_explains_nothing_that_was_receipted(world: World, real: _AsReal) -> None:
    """The robot was right to believe that the host has it."""
    world.run(20.0)
    real.suffer(disk_faults.journal_deleted)
    real.check(at_end=True)
    real.forget(next(one for one in real.kept.harmed & real.kept.covered if real.kept.synced[one].place[1] == 3))
    with pytest.raises(Violation, match="observations of 1 tokens of an ended chain are nowhere"):
        real.check(at_end=True)


@pytest.mark.parametrize("signs_again", [True, False])
def test_what_is_signed_again_in_a_new_chain_is_not_asked_for_by_its_old_numbers(
    world: World, real: _AsReal, monkeypatch: pytest.MonkeyPatch, signs_again: bool
) -> None:
    """They never come: but each observation must."""
    chain = real.look()
    if not signs_again:
        monkeypatch.setattr(Journal, "left", lambda *_: [])
    _use_numbers_again(world, real)
    if not signs_again:
        with pytest.raises(Violation, match="of an ended chain are nowhere"):
            real.check(at_end=True)
        return
    real.check(at_end=True)
    seen = Seen()
    seen.read(world)
    never = real.kept.newest.keys() - seen.places.keys()
    assert {place[0] for place in never} == {chain}


def test_what_was_signed_again_and_then_lost_by_a_restored_host_is_asked_of_nobody(world: World, real: _AsReal) -> None:
    """It was receipted under its second number, so the robot has done with it."""
    world.host.back_up()
    _use_numbers_again(world, real)
    real.check(at_end=True)
    real.suffer(disk_faults.journal_rolled_back)
    real.check(at_end=True)
    real.check(real.restore_host(), at_end=True)


def test_a_journal_that_is_deleted_before_a_restored_host_has_got_it_again_is_asked_of_nobody(
    world: World, real: _AsReal
) -> None:
    """Both at once, as when a run does something to everybody."""
    world.host.back_up()
    world.run(20.0)
    before = real.restore_host()
    real.suffer(disk_faults.journal_deleted)
    real.check(before, at_end=True)
    assert real.kept.forgotten & real.kept.covered and not real.kept.nowhere


def test_a_chain_that_ended_while_the_host_was_on_its_way_to_be_restored_had_ended() -> None:
    """Robot and host come to harm at once: the robot heard of its chain's end from the host of before."""
    kept = Kept()
    made = {"a1": (("a", 1), 1.0), "b1": (("b", 1), 20.0), "b2": (("b", 2), 2.0), "c1": (("c", 1), 40.0)}
    kept.synced = {name: Made(place, mono, frozenset()) for name, (place, mono) in made.items()}
    before = Stand("a", frozenset(), frozenset({"a1"}))
    assert kept.stand_at(10.0, before) == before
    assert kept.stand_at(30.0, before) == Stand("b", frozenset({"a"}), frozenset({"a1"}))
    assert kept.stand_at(50.0, before) == Stand("c", frozenset({"a", "b"}), frozenset({"a1"}))
    again = Stand("a", frozenset({"b", "c"}), frozenset())
    assert kept.stand_at(50.0, again) == again


def test_a_run_with_kills_waits_for_what_is_on_its_way(world: World, real: _AsReal) -> None:
    """A robot is green by its newest token; what it says of the fault may stand in an earlier one."""
    world.run(20.0)
    world.wire.cut()
    world.run(20.0)
    real.look()
    assert real.kept.waits and not real.has_arrived()
    world.wire.connect()
    world.until_whole(NOTHING)
    assert real.has_arrived()


@pytest.mark.parametrize("tells", [True, False])
def test_a_run_with_kills_asks_that_the_new_chain_tells_what_the_earlier_one_had_no_room_for(
    world: World, real: _AsReal, monkeypatch: pytest.MonkeyPatch, tells: bool
) -> None:
    """The numbers would mean other tokens there. A robot that does not tell must not pass."""
    if not tells:
        said = attester.gap_note
        monkeypatch.setattr(attester, "gap_note", lambda gap, mono: said(gap._replace(lost=0), mono))
    real.suffer(disk_faults.journal_rolled_back)
    real.look()
    world.wire.cut()
    for _ in range(30):
        world.run(_LONG_S / 30, dt=2.0)
        real.look()
    world.wire.connect()
    if tells:
        real.check(at_end=True)
    else:
        with pytest.raises(Violation, match="of an ended chain are nowhere"):
            real.check(at_end=True)
