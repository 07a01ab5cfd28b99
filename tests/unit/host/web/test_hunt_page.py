"""Hunting on a page: by the command's code, one at a time, bounded, cancellable."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.unit.host.web.conftest import HERE
from tests.unit.host.web.stage import Player, door_of
from wachhund.fleet.data_folder import DataFolder
from wachhund.ledger import Ledger
from wachhund.rulebook.hunts import CANCELLED, DONE, OUT_OF_TIME, Hunt, Hunts
from wachhund.web.app import create_app
from wachhund.web.live import LiveBoard
from wachhund_evidence import MisuseError

RULE = """title: Somebody runs nosuchtool
id: 7c4b1d2e-9f7a-4d0e-8a51-2f1c3b5a9e01
status: test
description: Only for a test.
logsource:
  product: linux
  category: process_creation
detection:
  selection:
    Image|endswith: /nosuchtool
  condition: selection
level: low
"""


def run_tool(player: Player, times: int = 1) -> None:
    for number in range(times):
        player.say(player.seen(
            "process.start", puid=f"{900 + number}-1", pid=900 + number, ppid=1, exe="/opt/nosuchtool",
            argv=["nosuchtool", "<script>"], cwd="/", user="pi", parent_exe=None, ancestry=[],
        ))  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "host").make()


@pytest.fixture
def operator(ledger: Ledger, data: DataFolder) -> Iterator[TestClient]:
    door = door_of(ledger)
    app = create_app(ledger, door, LiveBoard(), hunts=Hunts(ledger, data))
    with TestClient(app, base_url=HERE, follow_redirects=False) as client:
        keys = door.first_keys()
        assert keys is not None
        client.post("/login", data={"code": keys.code})
        yield client


def ended(hunt: Hunt) -> Hunt:
    deadline = time.monotonic() + 60
    while hunt.runs:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return hunt


def test_a_pasted_rule_finds_what_it_describes_and_links_to_the_evidence(
    operator: TestClient, player: Player, ledger: Ledger
) -> None:
    """What a robot told is text, and each match leads to the token that holds it."""
    run_tool(player, 3)
    went = operator.post("/hunt", data={"text": RULE, "since": "1h"})
    assert went.status_code == 303
    deadline = time.monotonic() + 60
    while "done: 3 matches on 1 robots" not in (page := operator.get(went.headers["location"]).text):
        assert time.monotonic() < deadline, page
        time.sleep(0.05)
    assert f"/evidence/go1-07/{player.chain}/" in page and "<script>" not in page.partition("<main")[2]
    assert "Somebody runs nosuchtool" in operator.get("/hunt").text
    other = operator.post("/hunt", data={"text": RULE, "since": "1h", "robot": "go1-07"})
    assert other.status_code == 303


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"text": "no: rule"}, "the rule"),
        ({"rule": "/etc/passwd"}, "choose one"),
        ({"text": RULE, "since": "yesterday"}, "--since"),
        ({"text": RULE, "robot": "nobody"}, "no robot of that name"),
        ({}, "choose one"),
    ],
)
def test_what_cannot_be_hunted_for_is_said(
    operator: TestClient, player: Player, form: dict[str, str], why: str
) -> None:
    """In one line; what somebody typed is never a path."""
    answer = operator.post("/hunt", data=form)
    assert answer.status_code == 422 and why in answer.text


def test_a_hunt_ends_when_it_is_told_to_or_its_time_is_over(ledger: Ledger, data: DataFolder, player: Player) -> None:
    """A rule that reads a year must not keep a core for ever; and each takes one, so there is one at a time."""
    run_tool(player)
    waiting: list[Callable[[], None]] = []
    hunts = Hunts(ledger, data, begin=waiting.append)
    first = hunts.start(RULE, "", 0.0, None, "anna")
    with pytest.raises(MisuseError, match="going on"):
        hunts.start(RULE, "", 0.0, None, "bert")
    first.cancel()
    waiting.pop()()
    assert first.state == CANCELLED and first.total == 0
    second = hunts.start(RULE, "", 0.0, player.robot.id, "anna")
    waiting.pop()()
    assert (second.state, second.total) == (DONE, 1)
    late = Hunts(ledger, data, max_s=0.0, begin=lambda work: work()).start(RULE, "", 0.0, None, "anna")
    assert late.state == OUT_OF_TIME
    assert [one.by for one in hunts.all()] == ["anna", "anna"]


def test_a_rule_in_use_is_chosen_by_its_id(ledger: Ledger, data: DataFolder, player: Player) -> None:
    """Those that are built in are offered."""
    hunts = Hunts(ledger, data)
    rule = next(one for one in hunts.rules() if one.blind is None)
    assert ended(hunts.start("", rule.id, 0.0, None, "anna")).state == DONE


def test_a_program_hunts_as_a_person_does(operator: TestClient, player: Player) -> None:
    """By the API: begun, followed, read with its places in the evidence, cancelled; what is wrong is a problem."""
    run_tool(player, 2)
    begun = operator.post("/api/v1/hunts", json={"text": RULE, "since": "1h", "robot": "go1-07"})
    assert begun.status_code == 201, begun.text
    at = f"/api/v1/hunts/{begun.json()['id']}"
    deadline = time.monotonic() + 60
    while (told := operator.get(at).json())["state"] == "runs":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (told["state"], told["found"], told["robot"], len(told["matches"])) == ("done", 2, "go1-07", 2)
    assert told["matches"][0]["evidence"]["chain"] == player.chain
    assert operator.post(f"{at}/cancel").json()["state"] == "done"
    assert [one["id"] for one in operator.get("/api/v1/hunts").json()["items"]] == [told["id"]]
    for body, status in (({"rule": "/etc/passwd"}, 422), ({"text": RULE, "since": "yesterday"}, 422),
                         ({"sql": "1"}, 422), ({"text": RULE, "robot": "nobody"}, 404)):  # fmt: skip
        assert operator.post("/api/v1/hunts", json=body).status_code == status, body
    assert operator.get("/api/v1/hunts/nothing").status_code == 404


def test_what_a_page_took_of_a_hunt_does_not_change_under_it(ledger: Ledger, data: DataFolder, player: Player) -> None:
    """A page that said `done` beside the rows of a moment before would leave the others out for good."""
    run_tool(player, 3)
    work: list[Callable[[], None]] = []
    hunts = Hunts(ledger, data, begin=work.append)
    begun = hunts.start(RULE, "", 0.0, None, "anna")
    before = hunts.get(begun.id)
    work[0]()
    after = hunts.get(begun.id)
    assert before is not None and before.runs and before.matches == []
    assert after is not None and after.state == DONE and len(after.matches) == 3 and after.robots
