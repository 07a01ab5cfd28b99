"""A PostgreSQL server that is away for some seconds while a host and an agent are at work."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.robots.ledger_place import name_server
from tests.robots.living import Living
from tests.robots.throw_away_postgres import PROGRAMS, ThrowAwayPostgres
from tests.waiting import until

pytestmark = pytest.mark.skipif(not PROGRAMS.exists(), reason="PostgreSQL 15 is not installed")

BEGUN_AND_OVER = {
    "broker": "reads again who is registered",
    "campaigns": "looked for again",
    "intake": "the ledger takes evidence again",
    "judge": "judges again",
    "notify": "people are told again",
    "silences": "looked after again",
    "witness": "looked after again",
    "web": "the pages are served again",
}


@pytest.fixture
def server() -> Iterator[ThrowAwayPostgres]:
    made = ThrowAwayPostgres()
    yield made
    made.end()


@pytest.mark.thorough
def test_each_part_says_once_that_the_ledger_is_away_and_goes_on_when_it_is_back(
    server: ThrowAwayPostgres, tmp_path: Path
) -> None:
    """Nothing of the robot's evidence is lost, nothing is started again, and the log stays short."""
    living = Living(tmp_path, serves=False)
    living.data.mkdir(mode=0o700)
    name_server(living.data / "ledger.sqlite", server.database())
    with living:
        living.start_host()
        before = len(living.said("host"))
        pid = living.host_pid
        living.start_agent()
        page = f"http://127.0.0.1:{living.web}"

        def newest() -> int:
            ledger = living.ledger()
            try:
                return max((line.contiguous_seq for line in ledger.chain_line(living.robot)), default=0)
            finally:
                ledger.close()

        until(lambda: newest() > 3, 30, "evidence comes in", 0.2)
        server.stop()

        def said() -> list[tuple[str, str]]:
            lines = [line.split(": ", 2) for line in living.said("host")[before:].splitlines()]
            return [(line[1], line[2]) for line in lines]

        def asked() -> bool:
            # What is served without the ledger must not say that it is back.
            assert httpx.get(f"{page}/healthz").status_code == 503
            httpx.get(f"{page}/", cookies={f"wachhund_{living.web}": "a login that the ledger would know"})
            return {who for who, _ in said()} >= BEGUN_AND_OVER.keys()

        until(asked, 60, f"all parts noticed: {said()}", 0.5)
        # Twice the longest pause between two tries (judge and silences: 5 s): who repeats himself is heard.
        noticed = time.monotonic()
        until(lambda: len(said()) > len(BEGUN_AND_OVER) or time.monotonic() - noticed > 11, 20, "they try again", 0.5)
        assert Counter(who for who, _ in said()) == dict.fromkeys(BEGUN_AND_OVER, 1), said()
        server.start()

        def over() -> bool:
            httpx.get(f"{page}/login")
            return set(BEGUN_AND_OVER.items()) <= set(said())

        until(over, 60, "all parts go on", 0.5)
        assert Counter(who for who, _ in said()) == dict.fromkeys(BEGUN_AND_OVER, 2), said()
        reached = newest()
        until(lambda: newest() > reached + 2, 30, "evidence comes in again", 0.2)
        ledger = living.ledger()
        try:
            until(lambda: ledger.gaps(living.robot) == [], 30, "what waited in the journal is in", 0.2)
            assert ledger.faults(living.robot) == []
            assert len(ledger.chain_line(living.robot)) == 1
            until(lambda: ledger.judge_cursor() > 0, 20, "it is judged")
        finally:
            ledger.close()
        until(lambda: httpx.get(f"{page}/healthz").status_code == 200, 20, "the host is well", 0.2)
        assert living.host_pid == pid
