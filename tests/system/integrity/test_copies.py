"""Copies of a robot: its key used beside it, its memory put back to yesterday's. Real host, agents and broker."""

import html
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.robots.agent_python import AGENT_PYTHON
from tests.robots.inner_agent import InnerAgent
from tests.robots.living import Living
from tests.robots.running_host import RunningHost, register
from tests.robots.scripted import ScriptedRobot
from tests.waiting import until
from wachhund.ledger import Fault
from wachhund_agent.config import Limits

NOTICED_S = 15.0


@pytest.fixture
def living(tmp_path: Path) -> Iterator[Living]:
    with Living(tmp_path) as made:
        yield made


def tokens(living: Living) -> int:
    with closing(living.ledger()) as ledger:
        newest = ledger.newest(living.robot)
        return 0 if newest is None else newest.tokens


def faults(living: Living) -> list[Fault]:
    with closing(living.ledger()) as ledger:
        return ledger.faults(living.robot)


def incidents(living: Living) -> list[dict[str, object]]:
    """Those of evidence. That the agent was killed, as the tests do, is one of its own."""
    with closing(living.ledger()) as ledger:
        found = ledger.incidents(living.robot)
    return [one for one in found if any(str(rule).startswith("evidence: ") for rule in one["rules"])]


@contextmanager
def running_copy(living: Living) -> Iterator[None]:
    """A second machine with all that the robot has, taken while it runs."""
    folder = living.folder / "thief"
    folder.mkdir()
    for name in ("agent.key", "agent.json"):
        shutil.copy2(living.folder / name, folder / name)
    shutil.copytree(living.folder / "agent-data", folder / "agent-data")
    with (folder / "out").open("wb") as out:
        thief = subprocess.Popen(
            [AGENT_PYTHON, "-m", "wachhund_agent", "run", "--config", "agent.json"], cwd=folder, stdout=out, stderr=out
        )
    try:
        yield
    finally:
        thief.kill()
        thief.wait()


@contextmanager
def operator(living: Living) -> Iterator[Callable[[], str]]:
    """The robot's page, again and again, as somebody sees it who came in by the printed link, which opens once."""
    (code,) = re.findall(r"/login#(\S+)", living.said("host"))
    with httpx.Client(base_url=f"http://127.0.0.1:{living.web}", timeout=20) as client:
        assert client.post("/login", data={"code": code}).status_code == 303
        yield lambda: client.get("/robots/rex").text


def words(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_a_stolen_key_beside_its_robot_is_noticed_within_15_s_and_both_are_shown(living: Living) -> None:
    """The thief has everything that the robot has: nothing but the two speaking at once gives him away."""
    living.start_agent()
    until(lambda: tokens(living) >= 4, 30, "evidence comes")
    assert faults(living) == []
    began = time.monotonic()
    with running_copy(living):
        until(lambda: any(one.what in ("fork", "two-signers") for one in faults(living)), 60, "two speak")
        assert time.monotonic() - began < NOTICED_S, "from the moment that the copy was started"
        until(lambda: any(one["level"] == "critical" for one in incidents(living)), NOTICED_S, "it is an incident")
    (incident,) = incidents(living)
    assert incident["title"] == "Copied key: two sign with it at once on rex"
    assert "robots replace" in json.dumps(incident["advice"])
    two = next(one for one in faults(living) if one.what in ("fork", "two-signers"))
    with closing(living.ledger()) as ledger:
        texts = {ledger.integrity.text(living.robot, seen) for seen in two.tokens}
    assert len(texts) == 2 and None not in texts
    with operator(living) as page:
        shown = page()
    assert "Proof broken" in words(shown) and two.detail in words(shown) and two.kind.to_do in words(shown)
    assert all(seen.hash in shown for seen in two.tokens), "side by side"


@pytest.mark.thorough
def test_a_memory_card_of_yesterday_is_told_as_that_in_plain_words(living: Living) -> None:
    """A copy of the agent's folder is put back: the robot knows less than it has said."""
    agent = living.start_agent()
    until(lambda: tokens(living) >= 3, 30, "evidence comes")

    def end() -> None:
        agent.terminate()
        agent.wait(20)

    end()
    data, copy = living.folder / "agent-data", living.folder / "yesterday"
    shutil.copytree(data, copy)
    before = tokens(living)
    agent = living.start_agent()
    until(lambda: tokens(living) >= before + 4, 30, "a day passes")
    end()
    shutil.rmtree(data)
    shutil.copytree(copy, data)
    assert faults(living) == []
    living.start_agent()
    until(lambda: any(one.what == "rollback" for one in faults(living)), NOTICED_S, "the old copy is noticed")
    until(lambda: incidents(living), NOTICED_S, "it is an incident")
    until(lambda: str(incidents(living)[0]["title"]).startswith("Memory put back"), NOTICED_S, "and called by its name")
    assert len(incidents(living)) == 1 and incidents(living)[0]["level"] == "high"
    said = living.run("wachhund", "robots", "show", "rex", "--data", "host")
    assert re.search(r"The robot knew (chain \S+ only to number \d+|less of \S+ \S+), the ledger holds it to", said)
    assert "Memory put back to an earlier copy" in said and "Ask who put the copy back" in said

    whole = tokens(living)
    until(lambda: tokens(living) > whole + 2, 30, "the robot goes on in its new chain")
    open_ones = faults(living)
    with operator(living) as page:
        assert "Memory put back to an earlier copy" in words(page()) and "Proof broken" in words(page())
        why = ("--why", "card swapped by me", "--data", "host")
        answered = living.run("wachhund", "robots", "acknowledge", "rex", *why)
        assert [line.split(":")[0] for line in answered.splitlines()] == [one.id for one in open_ones]
        assert faults(living) == []
        shown = words(page())
    assert "Proof verified" in shown and "No fault of its evidence is open." in shown
    assert "card swapped by me" in shown and "at the command line" in shown
    again = subprocess.run(
        [AGENT_PYTHON, "-m", "wachhund", "robots", "acknowledge", "rex", "--why", "x", "--data", "host"],
        cwd=living.folder, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert again.returncode == 2 and "no fault of its evidence is open" in again.stderr


@pytest.mark.thorough
def test_a_copy_that_was_taken_while_the_robot_ran_is_told_as_rollback_too(tmp_path: Path) -> None:
    """Its agent takes it for a power cut and leaves out 64 numbers, which are not enough here."""
    limits = Limits(first_delay_s=0.01, lively_every_s=0.01, calm_every_s=0.01)
    with RunningHost(tmp_path / "host") as host:
        scripted = ScriptedRobot()
        path = tmp_path / "agent.json"
        path.write_text(json.dumps(register(host.data, "rex", scripted, host.port)))
        data, copy = tmp_path / "agent-data", tmp_path / "yesterday"

        def held() -> int:
            newest = host.ledger.newest(agent.robot)
            return 0 if newest is None else newest.seq

        with InnerAgent(path, scripted.key, limits) as agent:
            for number in range(90):
                agent.observe("process.start", puid=f"{number}-1", pid=number, ppid=1, exe="/bin/x", argv=["x"])
                until(lambda number=number: held() > number, 20, "each is a token of its own")  # type: ignore[misc]
                if number == 5:
                    shutil.copytree(data, copy)
        assert host.ledger.faults(agent.robot) == []
        shutil.rmtree(data)
        shutil.copytree(copy, data)
        with InnerAgent(path, scripted.key, limits) as agent:
            agent.observe("process.start", puid="9-9", pid=9, ppid=1, exe="/bin/y", argv=["y"])
            until(lambda: any(one.what == "rollback" for one in host.ledger.faults(agent.robot)), 20, "it is noticed")
            told = [one.what for one in host.ledger.faults(agent.robot)]
    assert told in (["fork", "rollback"], ["rollback"])


@pytest.mark.thorough
def test_a_journal_that_was_deleted_is_told_as_that(living: Living) -> None:
    agent = living.start_agent()
    until(lambda: tokens(living) >= 3, 30, "evidence comes")
    agent.terminate()
    agent.wait(20)
    shutil.rmtree(living.folder / "agent-data")
    living.start_agent()
    until(lambda: faults(living), NOTICED_S, "the loss is noticed")
    (fault,) = faults(living)
    assert fault.what == "journal-lost" and "with an empty journal" in fault.detail
    until(lambda: incidents(living), NOTICED_S, "it is an incident")
    assert incidents(living)[0]["title"] == "Journal gone on rex"
