"""Nothing that was synced is lost, told twice or renumbered, whatever is killed while observations flow."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.robots.ledger_place import beside
from tests.robots.living import Living
from tests.system.delivery.journal_copy import journalled
from tests.waiting import until
from wachhund_evidence import token_hash

STORM = Path(__file__).resolve().parents[1] / "storm.py"


@pytest.fixture
def living(tmp_path: Path) -> Iterator[Living]:
    with Living(tmp_path) as made:
        yield made


@pytest.fixture
def noise() -> Iterator[None]:
    """Observations flow for as long as the test runs."""
    storm = subprocess.Popen(
        [sys.executable, str(STORM), "--rate", "10", "--seconds", "300"], stdout=subprocess.DEVNULL
    )
    yield
    storm.kill()
    storm.wait()


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("noise")
def test_everything_synced_is_in_the_ledger_once_after_kills_of_agent_broker_and_host(living: Living) -> None:
    copies: dict[tuple[str, int], str] = {}
    journal = living.folder / "agent-data" / "journal"

    def copy() -> None:
        copies.update(journalled(journal))

    living.start_agent()
    until(lambda: len(journalled(journal)) > 3, 20, "the agent journals")
    for _ in range(2):  # kill -9 the agent twice
        copy()
        living.kill_agent()
        copy()
        living.start_agent()
        known = len(copies)
        until(lambda: len(journalled(journal)) > known + 2, 20, "the agent journals again")  # noqa: B023
    copy()
    old = living.kill_broker()
    until(lambda: living.broker_pid() not in (0, old), 20, "the host starts its broker again")
    copy()
    living.stop_host()
    stopped = time.monotonic()
    until(lambda: time.monotonic() - stopped > 6, 10, "the host is away for a while")
    copy()
    living.start_host()
    assert living.agent is not None
    copy()
    with contextlib.closing(living.ledger()) as ledger:
        robot = living.robot

        def all_receipted() -> bool:
            return all(ledger.token(robot, chain, seq) is not None for chain, seq in copies)

        # An agent that was turned away some times tries again after up to a minute.
        until(all_receipted, 120, "the ledger holds every synced token")
        living.agent.terminate()
        assert living.agent.wait(20) == 0
        copy()
        stated = [gap for gap in ledger.gaps(robot) if gap.stated]
        unobserved = ledger.unobserved(robot, 0.0)
    with beside(living.data / "ledger.sqlite") as connection:
        held = {
            (chain, seq): digest
            for chain, seq, digest in connection.execute(text("select chain, seq, hash from tokens"))
        }
        rows = connection.execute(text("select count(*) from tokens")).scalar()
        forks = connection.execute(text("select count(*) from forks")).scalar()
        notes = connection.execute(text("select count(*) from observations where kind = 'agent.gap'")).scalar()
    assert {place: token_hash(token) for place, token in copies.items() if place in held} == {
        place: held[place] for place in copies if place in held
    }, "a number means one token"
    assert rows == len(held) and forks == 0, "no seq twice"
    assert len({chain for chain, _ in held}) == 1, "an unclean stop is no reason for a new chain"
    assert [gap.to_seq - gap.from_seq + 1 for gap in stated] == [64, 64], "each skipped range is stated"
    assert notes is not None and notes >= 2
    assert any("without a word" in span.why or "gap" in span.why for span in unobserved), "time not observed is shown"


def test_an_agent_that_cannot_reach_its_broker_says_so_once_and_goes_on(tmp_path: Path) -> None:
    with Living(tmp_path) as living:
        living.stop_host()
        living.start_agent()
        journal = tmp_path / "agent-data" / "journal"
        until(lambda: len(journalled(journal)) > 2, 20, "the agent journals without a broker")
        assert living.said("agent").count("not reachable") == 1
        assert "Traceback" not in living.said("agent")
