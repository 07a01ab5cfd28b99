"""A few of the faults of `make faults`, each time: the run itself is 10,000 of them and 500 with real processes."""

import contextlib
import io
from pathlib import Path

import pytest

from tests.faults.figures import Figures
from tests.faults.inner.faults import BY_NAME
from tests.faults.inner.lives import life
from tests.faults.inner.world import Violation
from tests.faults.kills.ticks import ticks
from wachhund_evidence import token_hash


def test_a_short_life_of_faults_loses_nothing_and_accuses_nobody(tmp_path: Path) -> None:
    with contextlib.redirect_stderr(io.StringIO()):
        rounds = list(life(tmp_path, seed=1, number=0, rounds=8))
    assert len(rounds) == 8 and max(one.green_s for one in rounds) < 120


@pytest.mark.thorough
@pytest.mark.parametrize("fault", BY_NAME)
def test_each_fault_in_one_process_leaves_nothing_lost_unstated(tmp_path: Path, fault: str) -> None:
    with contextlib.redirect_stderr(io.StringIO()):
        assert len(list(life(tmp_path, seed=2, number=0, rounds=3, only=fault))) == 3


@pytest.mark.thorough
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
