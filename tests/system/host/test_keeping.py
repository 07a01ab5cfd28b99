"""Forgetting beside a real host that serves and a real agent that reports: nothing stops, and nothing is left of it."""

import base64
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.robots.living import Living
from tests.waiting import until

MARKER = "wachhund-marker-7f3a9c"


def command(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "wachhund", *map(str, arguments)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def living(tmp_path: Path) -> Iterator[Living]:
    with Living(tmp_path) as made:
        made.start_agent()
        until(lambda: tokens(made) >= 2, 30, "evidence comes")
        yield made


def tokens(living: Living) -> int:
    with closing(living.ledger()) as ledger:
        newest = ledger.newest(living.robot)
        return 0 if newest is None else newest.tokens


def found_in(folder: Path, word: str) -> dict[str, int]:
    """How often a word stands in each file of a folder, as it is or as a part of a token's base64."""
    needles = [word.encode()]
    for shift in range(3):
        whole = base64.urlsafe_b64encode(b"x" * shift + word.encode())
        needles.append(whole[4 : len(whole) // 4 * 4 - 4])  # without the characters that its neighbours share
    return {
        str(path.relative_to(folder)): count
        for path in folder.rglob("*")
        if path.is_file() and (count := sum(path.read_bytes().count(needle) for needle in needles))
    }


def test_what_a_person_did_is_erased_everywhere_while_the_host_serves(living: Living) -> None:
    """Somebody's name in a program's arguments: in the file, its log and the judge's mind; and the robot goes on."""

    def is_known() -> bool:
        with closing(sqlite3.connect(f"file:{living.data}/ledger.sqlite?mode=ro", uri=True)) as raw:
            query = "SELECT count(*) FROM observations WHERE fields LIKE ?"
            return bool(raw.execute(query, (f"%{MARKER}%",)).fetchone()[0])

    subprocess.run([sys.executable, "-c", "import time; time.sleep(1.5)", MARKER], check=True)
    until(is_known, 30, "the start of a program with the name is in the ledger")
    assert sum(found_in(living.data, MARKER).values()) >= 2, "in the observation and in the token"
    end = time.time() + 1
    until(lambda: time.time() > end, 5, "the span is over")
    before = tokens(living)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))
    done = command(
        "erase", "--robot", "rex", "--to", stamp, "--why", "she asked for it", "--yes", "--data", living.data
    )
    assert done.returncode == 0, done.stderr
    assert found_in(living.data, MARKER) == {}
    until(lambda: tokens(living) >= before + 2, 30, "the robot's evidence goes on coming in")
    living.stop_host()
    assert found_in(living.data, MARKER) == {}, "also not from what the judge had in mind"
    living.start_host()
    until(lambda: tokens(living) >= before + 4, 60, "and after a start of the host")
    assert found_in(living.data, MARKER) == {}, "nor from the robot's journal"
    checked = command("verify", "--json", living.data)
    found = json.loads(checked.stdout)["robots"][0]
    assert found["faults"] == [] and found["erased"] > 0 and found["words"]["order"]["state"] == "proven"
    assert [act["why"] for act in found["acts"]] == ["she asked for it"]


def test_a_bundle_is_made_beside_a_host_that_serves(living: Living, tmp_path: Path) -> None:
    out = tmp_path / "rex.zip"
    made = command("export", "--robot", "rex", "--out", out, "--data", living.data)
    assert made.returncode == 0, made.stderr
    checked = command("verify", out, "--key", tmp_path / "agent.key.pub")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "identity:     proven" in checked.stdout
